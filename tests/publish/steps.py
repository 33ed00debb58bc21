"""Stops a publish at a chosen step, by kill or by failure, and looks at what readers see then."""

from __future__ import annotations

import itertools
import os
import re
import signal
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from sidecar.clock import SystemClock
from sidecar.core.snapshot import Snapshot
from sidecar.publish.folder import PublishedFolder
from sidecar.watch.mount import MountedFolder

Files = Mapping[str, bytes]

GENERATION = re.compile(r"\.\.\d{4}(_\d\d){5}\.\d+")
OLDER: Files = {"a.yml": b"older"}
OLD: Files = {"a.yml": b"old" * 1000, "rules/b.yml": b"old", "rules/deep/c.yml": b"", "gone": b"1"}
NEW: Files = {"a.yml": b"new" * 1000, "rules/b.yml": b"new", "more/d/e.yml": b"new", "add": b"1"}
NEXT: Files = {"a.yml": b"next", "next": b"1"}


def publish(folder: Path, files: Files) -> None:
    """As a sidecar that has just started: it remembers no earlier publish."""
    PublishedFolder(str(folder), clock=SystemClock()).publish(Snapshot.of(files))


@contextmanager
def at_step(number: int, act: Callable[[str], object]) -> Iterator[None]:
    """Call `act` with the name of the system call just before the one numbered `number`."""
    steps = itertools.count(1)

    def look(_: FrameType, event: str, called: object) -> None:
        name = getattr(called, "__name__", "")
        is_call = event == "c_call" and getattr(called, "__module__", None) == "posix"
        if is_call and name != "fspath" and next(steps) == number:
            act(name)

    sys.setprofile(look)
    try:
        yield
    finally:
        sys.setprofile(None)


def _leave_wreck(folder: Path) -> None:
    """What two kills leave: half a generation, the link of its new key, and ``..data_tmp``."""
    _update(folder)
    half = folder / "..2001_01_01_01_01_01.1"
    (half / "more").mkdir(parents=True)
    half.chmod(0o700)
    (half / "more/half").write_text("ha")
    (folder / "more").symlink_to("..data/more")
    (folder / "..data_tmp").symlink_to(half.name)


def _update(folder: Path) -> None:
    publish(folder, OLDER)
    publish(folder, OLD)


def _publish_already(folder: Path) -> None:
    publish(folder, OLDER)
    publish(folder, NEW)


PREPARE: Mapping[str, Callable[[Path], object]] = {
    "empty": lambda _: None,
    "old": _update,
    "wreck": _leave_wreck,
    "new": _publish_already,
}


def kill_at_each_step(base: Path, prepared: str) -> None:
    """Fill `base` with one folder for each step at which a writer of `NEW` was killed."""
    for number in itertools.count(1):
        folder = base / f"{number:03d}"
        folder.mkdir()
        PREPARE[prepared](folder)
        writer = os.fork()
        if writer == 0:
            with at_step(number, lambda _: os.kill(os.getpid(), signal.SIGKILL)):
                publish(folder, NEW)
            os._exit(0)
        if os.waitpid(writer, 0)[1] == 0:
            return


def visible(folder: Path) -> Files:
    """What a reader of the visible names gets, dangling links aside."""
    files: dict[str, bytes] = {}
    for entry in folder.iterdir():
        if entry.name.startswith(".."):
            continue
        paths = entry.rglob("*") if entry.is_dir() else [entry]
        files |= {str(p.relative_to(folder)): p.read_bytes() for p in paths if p.is_file()}
    return files


def mounted(folder: Path) -> Files:
    return MountedFolder(str(folder)).read().snapshot.files


def generations(folder: Path) -> set[str]:
    return {entry.name for entry in folder.iterdir() if GENERATION.fullmatch(entry.name)}


def assert_tidy(folder: Path, files: Files, *, most_generations: int) -> None:
    """Nothing but `files`, and at most the generation before it, whole."""
    assert mounted(folder) == visible(folder) == files
    current = (folder / "..data").readlink().name
    found = generations(folder)
    assert current in found
    assert len(found) <= most_generations
    assert all((folder / name).stat().st_mode & 0o777 == 0o755 for name in found)
    names = {key.split("/")[0] for key in files}
    assert {entry.name for entry in folder.iterdir()} == {"..data", *found, *names}
    assert all((folder / name).readlink() == Path("..data", name) for name in names)
