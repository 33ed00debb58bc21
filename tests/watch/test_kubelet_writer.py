"""The shipped writer makes the file system events that the kubelet makes."""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from watchdog.observers.inotify_c import CallbackId, InotifyConstants, InotifyEvent, Mask
from watchdog.observers.inotify_c import WatchDescriptor as Descriptor

from sidecar.testing.clock import FakeClock
from sidecar.testing.kubelet import AtomicWriter
from sidecar.watch.inotify import _open_reader

TIMESTAMPED = re.compile(r"\.\.\d{4}(_\d\d){5}\.\d{9}")
WATCHED = Mask(
    InotifyConstants.IN_CREATE
    | InotifyConstants.IN_ATTRIB
    | InotifyConstants.IN_MOVE
    | InotifyConstants.IN_DELETE
)
UPDATE = ["create ..TS", "attrib ..TS", "create ..data_tmp", "from ..data_tmp", "to ..data"]


class Recorder:
    def __init__(self) -> None:
        self.events: list[str] = []
        self._end = threading.Event()

    def on_event(self, event: InotifyEvent) -> None:
        kinds = {
            "create": event.is_create,
            "attrib": event.is_attrib,
            "from": event.is_moved_from,
            "to": event.is_moved_to,
            "delete": event.is_delete,
        }
        kind = next(kind for kind, holds in kinds.items() if holds)
        if event.name == b"end":
            self._end.set()
        else:
            self.events.append(f"{kind} {TIMESTAMPED.sub('..TS', event.name.decode())}")

    def on_watch_deleted(self, wd: Descriptor) -> None: ...

    def on_queue_overflow(self) -> None: ...

    def take(self, folder: Path) -> list[str]:
        (folder / "end").touch()
        assert self._end.wait(5)
        (folder / "end").unlink()
        return self.events


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    AtomicWriter(tmp_path).write({"a.yml": "1", "b.yml": "1"})
    return tmp_path


@pytest.fixture
def recorder(folder: Path) -> Iterator[Recorder]:
    recorder = Recorder()
    reader = _open_reader()
    reader.add_callback(os.fsencode(folder), WATCHED, recorder, CallbackId(7))
    yield recorder
    reader.release()


def test_an_update_swaps_the_link_and_then_removes_the_old_folder(
    folder: Path, recorder: Recorder
) -> None:
    assert AtomicWriter(folder).write({"a.yml": "2", "b.yml": "1"})
    assert recorder.take(folder) == [*UPDATE, "delete ..TS"]


def test_an_added_key_gets_its_visible_link_after_the_swap(
    folder: Path, recorder: Recorder
) -> None:
    AtomicWriter(folder).write({"a.yml": "1", "b.yml": "1", "c.yml": "1"})
    assert recorder.take(folder) == [*UPDATE, "create c.yml", "delete ..TS"]
    assert (folder / "c.yml").read_text() == "1"


def test_a_removed_key_loses_its_visible_link_after_the_swap(
    folder: Path, recorder: Recorder
) -> None:
    AtomicWriter(folder).write({"a.yml": "1"})
    assert recorder.take(folder) == [*UPDATE, "delete b.yml", "delete ..TS"]
    assert not (folder / "b.yml").is_symlink()


def test_a_sync_without_change_touches_nothing(folder: Path, recorder: Recorder) -> None:
    assert not AtomicWriter(folder).write({"b.yml": b"1", "a.yml": "1"})
    assert recorder.take(folder) == []


def test_nested_keys_show_by_their_first_folder_until_the_last_of_them_goes(folder: Path) -> None:
    writer = AtomicWriter(folder)
    writer.write({"rules/a.yml": "1", "rules/deep/b.yml": b"\xff"})
    assert (folder / "rules").readlink() == Path("..data/rules")
    assert (folder / "rules/deep/b.yml").read_bytes() == b"\xff"
    writer.write({"rules/a.yml": "1"})
    assert (folder / "rules").is_symlink()
    writer.write({"c.yml": "1"})
    assert not (folder / "rules").is_symlink()


def test_folder_and_files_have_the_modes_of_the_kubelet_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0o077)
    try:
        AtomicWriter(tmp_path).write({"a.yml": "1"}, mode=0o440)
    finally:
        os.umask(before)
    generation = (tmp_path / "..data").resolve()
    assert generation.stat().st_mode & 0o777 == 0o755
    assert (generation / "a.yml").stat().st_mode & 0o777 == 0o440


def test_the_generation_is_named_by_the_wall_clock(tmp_path: Path) -> None:
    AtomicWriter(tmp_path, clock=FakeClock(wall_s=1_795_550_523.5)).write({"a.yml": "1"})
    assert (tmp_path / "..data").readlink().name.startswith("..2026_11_24_20_02_03.")


def test_a_link_left_by_a_killed_writer_stops_it_and_leaves_no_folder(folder: Path) -> None:
    (folder / "..data_tmp").symlink_to("nowhere")
    before = sorted(folder.iterdir())
    with pytest.raises(FileExistsError):
        AtomicWriter(folder).write({"a.yml": "2"})
    assert sorted(folder.iterdir()) == before


def test_a_file_that_cannot_be_written_leaves_no_folder(folder: Path) -> None:
    before = sorted(folder.iterdir())
    with pytest.raises(OSError, match="too long"):
        AtomicWriter(folder).write({"a.yml": "2", "x" * 300: "1"})
    assert sorted(folder.iterdir()) == before


@pytest.mark.parametrize("key", ["", "/a", "..a", "../a", "a/../b", "a//b", "a/"])
def test_keys_that_leave_the_folder_are_refused(tmp_path: Path, key: str) -> None:
    with pytest.raises(ValueError, match="refuses the key"):
        AtomicWriter(tmp_path).write({key: "1"})
