from __future__ import annotations

import json
import os
import stat
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from sidecar.tell.journal import MOST_BYTES, FileJournal

ENTRY = {"version": 1, "digest": "b12"}


@pytest.fixture
def told() -> list[str]:
    return []


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "run" / "surehup"


def saved(folder: Path, told: list[str]) -> Path:
    """The path of a file that was written."""
    FileJournal(folder, told.append).save("prometheus", ENTRY)
    assert told == []
    return folder / "bridge-prometheus.json"


def test_outlives_its_process(folder: Path, told: list[str]) -> None:
    saved(folder, told)
    assert FileJournal(folder, told.append).load("prometheus") == ENTRY
    assert told == []


def test_file_is_private_and_alone(folder: Path, told: list[str]) -> None:
    path = saved(folder, told)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert list(folder.iterdir()) == [path]


def test_file_is_replaced_never_rewritten(folder: Path, told: list[str]) -> None:
    path = saved(folder, told)
    with path.open() as before:
        FileJournal(folder, told.append).save("prometheus", {"version": 2})
        assert json.load(before)["entry"] == ENTRY


def test_leftover_of_a_crash_does_not_matter(folder: Path, told: list[str]) -> None:
    path = saved(folder, told)
    path.with_suffix(".tmp").write_text("torn" * 1000)
    FileJournal(folder, told.append).save("prometheus", {"version": 2})
    assert FileJournal(folder, told.append).load("prometheus") == {"version": 2}
    assert told == []


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff\xfe",
        b"{",
        b"null",
        b"[]",
        b'{"journal": 2, "bridge": "prometheus", "entry": {}}',
        b'{"journal": 1, "bridge": "nginx", "entry": {}}',
        b'{"journal": 1, "bridge": "prometheus", "entry": []}',
        b'{"journal": 1, "bridge": "prometheus"}',
        b"[" * 100_000,
        b" " * (MOST_BYTES + 1),
    ],
    ids=range(11),
)
def test_damaged_file_is_no_entry_and_told_once(
    folder: Path, told: list[str], content: bytes
) -> None:
    path = saved(folder, told)
    path.write_bytes(content)
    journal = FileJournal(folder, told.append)
    assert journal.load("prometheus") is None
    assert journal.load("prometheus") is None
    (message,) = told
    assert f"{path} is no journal of this version" in message
    assert "decides anew" in message
    journal.save("prometheus", ENTRY)
    assert journal.load("prometheus") == ENTRY


def test_symlink_is_not_followed(folder: Path, told: list[str], tmp_path: Path) -> None:
    path = saved(folder, told)
    elsewhere = tmp_path / "elsewhere"
    path.rename(elsewhere)
    path.symlink_to(elsewhere)
    assert FileJournal(folder, told.append).load("prometheus") is None
    assert "cannot be read" in told[0]
    path.with_suffix(".tmp").symlink_to(elsewhere)
    before = elsewhere.read_bytes()
    FileJournal(folder, told.append).save("prometheus", {"version": 2})
    assert elsewhere.read_bytes() == before


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir])
def test_what_is_no_file_is_not_waited_for(folder: Path, told: list[str], make: object) -> None:
    path = saved(folder, told)
    path.unlink()
    assert callable(make)
    make(path)
    descriptors = set(Path("/proc/self/fd").iterdir())
    assert FileJournal(folder, told.append).load("prometheus") is None
    assert "not a regular file" in told[0]
    assert set(Path("/proc/self/fd").iterdir()) <= descriptors


def test_entry_that_is_no_json_leaves_the_old_one(folder: Path, told: list[str]) -> None:
    journal = FileJournal(folder, told.append)
    journal.save("prometheus", ENTRY)
    for _ in range(2):
        journal.save("prometheus", {"odd": object()})
    assert journal.load("prometheus") == ENTRY
    (message,) = told
    assert message.startswith("The entry of prometheus is no JSON")


@contextmanager
def read_only(folder: Path) -> Iterator[None]:
    """A read-only mount, which root cannot write to either."""
    folder.mkdir(parents=True, exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "ro", "none", str(folder)], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", str(folder)], check=True)


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting needs root")
def test_read_only_folder_is_told_once_and_memory_used(folder: Path, told: list[str]) -> None:
    journal = FileJournal(folder, told.append)
    with read_only(folder):
        journal.save("prometheus", {"version": 0})
        journal.save("prometheus", ENTRY)
        journal.save("nginx", ENTRY)
        assert journal.load("prometheus") == ENTRY
        assert FileJournal(folder, told.append).load("prometheus") is None
    (message,) = told
    assert "cannot be written (Read-only file system)" in message
    assert "--state-dir" in message
    journal.save("prometheus", {"version": 2})
    assert FileJournal(folder, told.append).load("prometheus") == {"version": 2}


def test_folder_that_cannot_be_made_is_told(folder: Path, told: list[str]) -> None:
    folder.parent.mkdir()
    folder.write_text("a file is in the way")
    journal = FileJournal(folder, told.append)
    journal.save("prometheus", ENTRY)
    assert journal.load("prometheus") == ENTRY
    assert "cannot be written" in told[0]
    assert FileJournal(folder, told.append).load("prometheus") is None
    assert "cannot be read (Not a directory)" in told[1]
