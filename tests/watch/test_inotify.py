"""The accelerator alone: what wakes it, what ends it, and that it always comes back."""

from __future__ import annotations

import errno
import logging
import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from sidecar.testing.kubelet import AtomicWriter
from sidecar.watch.inotify import Inotify, _open_reader, explain
from tests.watch.conftest import Mounts


class Alarm:
    """A wake that can be waited for, again and again."""

    def __init__(self) -> None:
        self.rung = threading.Event()

    def __call__(self) -> None:
        self.rung.set()

    def take(self) -> None:
        assert self.rung.wait(5), "nothing woke"
        self.rung.clear()


@pytest.fixture
def alarm() -> Alarm:
    return Alarm()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "mount"
    folder.mkdir()
    return folder


@pytest.fixture
def inotify(folder: Path, alarm: Alarm) -> Iterator[Inotify]:
    inotify = Inotify(str(folder), alarm)
    yield inotify
    inotify.close()


def _fence(folder: Path, alarm: Alarm) -> None:
    """Wait out all events so far."""
    (folder / "fence").touch()
    alarm.take()


def test_a_swap_wakes_and_the_work_before_it_does_not(
    folder: Path, alarm: Alarm, inotify: Inotify
) -> None:
    AtomicWriter(folder).write({"a": "1"})
    inotify.arm()
    (folder / "..2026_11_24_20_02_03.1").mkdir()
    (folder / "..data_tmp").symlink_to("..2026_11_24_20_02_03.1")
    assert not alarm.rung.wait(0.1)
    (folder / "..data_tmp").rename(folder / "..data")
    alarm.take()


@pytest.mark.parametrize("act", ["create", "write", "chmod", "move", "delete"])
def test_any_change_in_a_plain_folder_wakes(
    folder: Path, alarm: Alarm, inotify: Inotify, act: str
) -> None:
    file = folder / "a"
    if act != "create":
        file.touch()
    inotify.arm()
    match act:
        case "create":
            file.touch()
        case "write":
            file.write_text("1")
        case "chmod":
            file.chmod(0o600)
        case "move":
            file.rename(folder.parent / "a")
        case _:
            file.unlink()
    alarm.take()


def test_arming_again_keeps_the_watch(folder: Path, alarm: Alarm, inotify: Inotify) -> None:
    inotify.arm()
    inotify.arm()
    (folder / "a").touch()
    alarm.take()


def test_a_missing_folder_is_watched_once_it_is_there(
    folder: Path, alarm: Alarm, inotify: Inotify
) -> None:
    folder.rmdir()
    with pytest.raises(FileNotFoundError):
        inotify.arm()
    folder.mkdir()
    inotify.arm()
    (folder / "a").touch()
    alarm.take()


def test_a_removed_folder_wakes_and_its_successor_is_watched_even_with_the_same_inode(
    folder: Path, alarm: Alarm, inotify: Inotify
) -> None:
    for _ in range(5):
        inotify.arm()
        folder.rmdir()
        alarm.take()
        folder.mkdir()
    inotify.arm()
    alarm.rung.clear()
    _fence(folder, alarm)


def test_a_folder_moved_away_is_left_for_its_successor(
    folder: Path, alarm: Alarm, inotify: Inotify
) -> None:
    inotify.arm()
    folder.rename(folder.with_name("old"))
    alarm.take()
    folder.mkdir()
    inotify.arm()
    (folder / "a").touch()
    alarm.take()


def test_an_unmount_wakes_and_the_next_mount_is_watched(
    folder: Path, alarm: Alarm, inotify: Inotify, mounts: Mounts
) -> None:
    mounts.tmpfs(folder)
    inotify.arm()
    mounts.unmount(folder)
    alarm.take()
    mounts.tmpfs(folder)
    inotify.arm()
    alarm.rung.clear()
    _fence(folder, alarm)


def test_an_overflow_wakes_and_the_watch_lives_on(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    go_on = threading.Event()
    alarm = Alarm()

    def wake() -> None:
        assert go_on.wait(20)
        alarm()

    queue = int(Path("/proc/sys/fs/inotify/max_queued_events").read_text())
    inotify = Inotify(str(folder), wake)
    inotify.arm()
    try:
        # Equal events in a row are merged by the kernel, so alternate.
        for name in ("a", "b"):
            (folder / name).touch()
        for _ in range(queue // 2 + 2000):
            os.utime(folder / "a")
            os.utime(folder / "b")
        go_on.set()
        alarm.take()
        _wait_for_warning(caplog)
        alarm.rung.clear()
        _fence(folder, alarm)
    finally:
        go_on.set()
        inotify.close()


def _wait_for_warning(caplog: pytest.LogCaptureFixture) -> None:
    for _ in range(200):
        if any("overflowed" in record.getMessage() for record in caplog.records):
            return
        threading.Event().wait(0.05)
    pytest.fail("no overflow was seen")


def test_watchdog_stays_quiet_whatever_the_log_level(
    folder: Path, alarm: Alarm, inotify: Inotify, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    inotify.arm()
    (folder / "a").touch()
    alarm.take()
    assert caplog.records == []


def test_nothing_stays_behind_however_early_it_is_closed(folder: Path, alarm: Alarm) -> None:
    threads = threading.active_count()
    descriptors = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(100):
        inotify = Inotify(str(folder), alarm)
        inotify.arm()
        inotify.close()
        _open_reader().release()
    assert threading.active_count() <= threads
    assert len(list(Path("/proc/self/fd").iterdir())) <= descriptors


def test_a_closed_one_is_silent_and_may_be_closed_again(
    folder: Path, alarm: Alarm, inotify: Inotify
) -> None:
    inotify.arm()
    inotify.close()
    inotify.close()
    inotify.disarm()
    alarm.rung.clear()
    (folder / "a").touch()
    assert not alarm.rung.wait(0.05)


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (errno.EMFILE, "max_user_instances"),
        (errno.ENOSPC, "max_user_watches"),
        (errno.EACCES, "may not list it: give the folder read permission"),
        (errno.EIO, "inotify says: Input/output error"),
    ],
)
def test_each_refusal_is_told_with_what_holds_meanwhile(code: int, words: str) -> None:
    message = explain(OSError(code, os.strerror(code)), "/etc/app", 1.0)
    assert message.startswith("Changes of /etc/app are looked for each 1 s instead of seen at once")
    assert words in message
    assert message.endswith(".")
