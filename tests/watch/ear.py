"""Hears what a `MountWatcher` says, with bounded waits; and a child process to run code in."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from sidecar.core.errors import SourceError
from sidecar.core.snapshot import Mounted
from sidecar.watch.mount import MountedFolder
from sidecar.watch.watcher import MountWatcher, Pace

T = TypeVar("T")
ROOT = Path(__file__).parents[2]


class Ear:
    """Records all callbacks of one watcher."""

    def __init__(self) -> None:
        self.changes: list[Mounted] = []
        self.troubles: list[SourceError] = []
        self.crashes: list[Exception] = []
        self.told: list[str] = []
        self._heard = threading.Condition()

    def watcher(self, folder: Path | str, pace: Pace | None = None) -> MountWatcher:
        return MountWatcher(
            MountedFolder(str(folder)),
            on_change=self._hear(self.changes),
            on_trouble=self._hear(self.troubles),
            on_crash=self._hear(self.crashes),
            tell=self._hear(self.told),
            pace=pace or Pace(),
        )

    def until(self, holds: Callable[[], bool], within_s: float = 10.0) -> None:
        with self._heard:
            assert self._heard.wait_for(holds, within_s), (
                f"{len(self.changes)} changes, {self.troubles}, {self.crashes}, {self.told}"
            )

    def until_files(self, files: dict[str, bytes], within_s: float = 10.0) -> None:
        self.until(lambda: self.files() == files, within_s)

    def files(self) -> dict[str, bytes] | None:
        return dict(self.changes[-1].snapshot.files) if self.changes else None

    def _hear(self, into: list[T]) -> Callable[[T], None]:
        def hear(said: T) -> None:
            with self._heard:
                into.append(said)
                self._heard.notify_all()

        return hear


def run_child(code: str, *args: str, prefix: tuple[str, ...] = ()) -> list[object]:
    """Run `code` in a fresh interpreter; the JSON lines that it prints."""
    done = subprocess.run(
        [*prefix, sys.executable, "-c", code, *args],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=25,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]
