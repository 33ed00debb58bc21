"""Whoever reads while it is published: no mix, nothing missing, no swap unseen."""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from sidecar.clock import SystemClock
from sidecar.core.snapshot import Snapshot
from sidecar.publish.folder import PublishedFolder
from sidecar.watch.mount import MountedFolder
from tests.publish.steps import Files, assert_tidy
from tests.watch.ear import Ear

pytestmark = pytest.mark.usefixtures("untraced_children")

ROOT = Path(__file__).parents[2]
SWAPS = 500
KEYS = ("a.yml", "b.yml", "rules/c.yml")


def _content(number: int) -> Files:
    return dict.fromkeys(KEYS, b"%06d\n" % number * 700)


def _number(contents: list[bytes]) -> int:
    """Which content that is; a mix is none."""
    number = int(contents[0][:6])
    assert contents == list(_content(number).values())
    return number


def _read_generation(folder: Path) -> int:
    """As a daemon that opens the folder once."""
    data_fd = os.open(folder / "..data", os.O_RDONLY | os.O_DIRECTORY)
    try:
        contents = []
        for key in KEYS:
            with os.fdopen(os.open(key, os.O_RDONLY, dir_fd=data_fd), "rb") as file:
                contents.append(file.read())
        return _number(contents)
    finally:
        os.close(data_fd)


def _read_names(folder: Path) -> int:
    """As most daemons do: one path after the other, each whole, though a swap may come between."""
    contents = [(folder / key).read_bytes() for key in KEYS]
    return max(_number([content] * len(KEYS)) for content in contents)


def _read_mount(folder: Path) -> int:
    files = MountedFolder(str(folder)).read().snapshot.files
    return _number([files[key] for key in KEYS])


def read_on(folder: Path) -> None:
    """Read in a tight loop; answer each line of stdin after a whole round that began after it."""
    asked, seen = "", set()
    while True:
        seen |= {_read_generation(folder), _read_names(folder), _read_mount(folder)}
        if asked:
            sys.stdout.write(asked)
            sys.stdout.flush()
            asked = ""
        if select.select([sys.stdin], [], [], 0)[0]:
            asked = sys.stdin.readline()
            if not asked:
                json.dump(sorted(seen), sys.stdout)
                return


@contextmanager
def _reading(folder: Path) -> Iterator[list[subprocess.Popen[str]]]:
    code = "from tests.publish.test_readers import *; read_on(Path(sys.argv[1]))"
    with ExitStack() as stack:
        readers = []
        for _ in range(2):
            command = [sys.executable, "-c", code, str(folder)]
            child = subprocess.Popen(
                command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
            )
            stack.enter_context(child)
            stack.callback(child.kill)
            readers.append(child)
        yield readers


def _let_read(readers: list[subprocess.Popen[str]], number: int) -> None:
    """So every round meets one swap or none, as it does where swaps are seconds apart."""
    for reader in readers:
        assert reader.stdin is not None
        reader.stdin.write(f"{number}\n")
        reader.stdin.flush()
    for reader in readers:
        assert reader.stdout is not None
        assert reader.stdout.readline() == f"{number}\n"


@pytest.mark.timeout(120)  # its readers leave nothing of two cores to anybody else
def test_readers_meet_500_swaps_and_see_each_content_whole(tmp_path: Path) -> None:
    publisher = PublishedFolder(str(tmp_path), clock=SystemClock())
    publisher.publish(Snapshot.of(_content(0)))
    with _reading(tmp_path) as readers:
        _let_read(readers, 0)
        for number in range(1, SWAPS + 1):
            publisher.publish(Snapshot.of(_content(number)))
            _let_read(readers, number)
        for reader in readers:
            assert json.loads(reader.communicate(timeout=10)[0]) == list(range(SWAPS + 1))
    assert_tidy(tmp_path, _content(SWAPS), most_generations=2)


def test_the_watcher_hears_each_of_500_swaps(tmp_path: Path) -> None:
    publisher = PublishedFolder(str(tmp_path), clock=SystemClock())
    publisher.publish(Snapshot.of(_content(0)))
    ear = Ear()
    watcher = ear.watcher(tmp_path)
    watcher.start()
    try:
        for number in range(SWAPS):
            publisher.publish(Snapshot.of(_content(number)))
            ear.until_files(dict(_content(number)))
    finally:
        assert watcher.stop()
    assert not ear.troubles
    assert not ear.crashes
    assert [mounted.snapshot for mounted in ear.changes] == [
        Snapshot.of(_content(number)) for number in range(SWAPS)
    ]


def test_a_slow_reader_of_the_generation_before_is_not_cut(tmp_path: Path) -> None:
    publisher = PublishedFolder(str(tmp_path), clock=SystemClock())
    publisher.publish(Snapshot.of(_content(0)))
    data_fd = os.open(tmp_path / "..data", os.O_RDONLY | os.O_DIRECTORY)
    try:
        publisher.publish(Snapshot.of(_content(1)))
        publisher.publish(Snapshot.of(_content(1)))
        with os.fdopen(os.open(KEYS[2], os.O_RDONLY, dir_fd=data_fd), "rb") as file:
            assert file.read() == _content(0)[KEYS[2]]
    finally:
        os.close(data_fd)
    publisher.publish(Snapshot.of(_content(2)))
    assert_tidy(tmp_path, _content(2), most_generations=2)
