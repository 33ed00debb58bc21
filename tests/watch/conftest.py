"""Watchers that are stopped after each test, and proof that they leave nothing behind."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from sidecar.watch.watcher import MountWatcher, Pace
from tests.watch.ear import Ear


def _descriptors() -> set[str]:
    return {path.name for path in Path("/proc/self/fd").iterdir()}


class Watch:
    """Starts watchers for one test."""

    def __init__(self) -> None:
        self.started: list[MountWatcher] = []

    def __call__(self, folder: Path | str, pace: Pace | None = None) -> Ear:
        ear = Ear()
        watcher = ear.watcher(folder, pace)
        watcher.start()
        self.started.append(watcher)
        return ear


@pytest.fixture
def watch() -> Iterator[Watch]:
    threads, descriptors = set(threading.enumerate()), _descriptors()
    watch = Watch()
    yield watch
    assert all(watcher.stop() for watcher in watch.started)
    assert set(threading.enumerate()) <= threads
    # The descriptor that lists them is gone again, but its number may differ.
    assert len(_descriptors()) <= len(descriptors)


def _program(name: str) -> str:
    path = shutil.which(name)
    assert path is not None
    return path


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that other users reach, unlike those of pytest; skips unless root."""
    if os.geteuid() != 0:
        pytest.skip("needs root to become another user")
    with tempfile.TemporaryDirectory() as path:
        Path(path).chmod(0o755)
        folder = Path(path, "mount")
        folder.mkdir()
        folder.chmod(0o755)
        yield folder


class Mounts:
    """Real mounts, undone after the test."""

    def __init__(self) -> None:
        self._points: list[Path] = []

    def tmpfs(self, point: Path) -> None:
        self._mount("-t", "tmpfs", "tmpfs", str(point))
        self._points.append(point)

    def bind(self, source: Path, point: Path) -> None:
        self._mount("--bind", str(source), str(point))
        self._points.append(point)

    def unmount(self, point: Path) -> None:
        self._points.remove(point)
        subprocess.run([_program("umount"), "--lazy", str(point)], check=True, timeout=10)

    def unmount_all(self) -> None:
        for point in reversed(self._points.copy()):
            self.unmount(point)

    def _mount(self, *args: str) -> None:
        done = subprocess.run(
            [_program("mount"), *args], check=False, timeout=10, capture_output=True, text=True
        )
        if done.returncode != 0:
            pytest.skip(f"may not mount here: {done.stderr.strip()}")


@pytest.fixture
def mounts() -> Iterator[Mounts]:
    mounts = Mounts()
    yield mounts
    mounts.unmount_all()
