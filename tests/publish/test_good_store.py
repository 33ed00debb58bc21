"""The last good content on disk: private, whole or not at all, and never an obstacle."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from sidecar.core.snapshot import Snapshot, digest_of
from sidecar.publish import good
from sidecar.publish.good import GoodStore
from tests.publish.conftest import MakeVolume

ROOT = Path(__file__).parents[2]
FILES = {"a.yml": b"one\ntwo", "rules/b": bytes(range(256)), "\udcff\n": b"", "c": b"last"}
FOLLOWS = (
    ": after a restart surehup has no last good content to go back to until the next is proven;"
    " mount a writable emptyDir and name it with --state-dir"
)


@pytest.fixture
def told() -> list[str]:
    return []


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "run" / "surehup"


@pytest.fixture
def store(folder: Path, told: list[str]) -> GoodStore:
    return GoodStore(folder, told.append)


@pytest.fixture
def path(folder: Path, store: GoodStore) -> Path:
    """A file that was written."""
    store.save("nginx", Snapshot.of(FILES))
    return folder / "good-nginx.content"


@pytest.mark.usefixtures("path")
def test_outlives_its_process(folder: Path, told: list[str]) -> None:
    assert GoodStore(folder, told.append).load("nginx") == FILES
    assert told == []


def test_file_is_private_whatever_lay_there(folder: Path, path: Path, store: GoodStore) -> None:
    leftover = path.with_suffix(".tmp")
    leftover.write_text("torn" * 1000)
    leftover.chmod(0o666)
    store.save("nginx", Snapshot.of({"a": b"1"}))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert list(folder.iterdir()) == [path]
    assert store.load("nginx") == {"a": b"1"}


def test_file_is_replaced_never_rewritten(path: Path, store: GoodStore) -> None:
    with path.open("rb") as before:
        store.save("nginx", Snapshot.of({"a": b"1"}))
        assert before.read().endswith(b"last")


def test_a_link_where_the_new_file_goes_is_not_followed(
    tmp_path: Path, path: Path, store: GoodStore
) -> None:
    (tmp_path / "victim").write_text("mine")
    path.with_suffix(".tmp").symlink_to(tmp_path / "victim")
    store.save("nginx", Snapshot.of(FILES))
    assert (tmp_path / "victim").read_text() == "mine"
    assert store.load("nginx") == FILES


def test_a_mebibyte_of_many_files_comes_back(store: GoodStore) -> None:
    files = {f"{number:04d}/{'é' * 100}": os.urandom(1024) for number in range(1024)}
    store.save("nginx", Snapshot.of(files))
    assert store.load("nginx") == files


@pytest.mark.usefixtures("path")
def test_any_byte_that_is_lost_or_changed_is_harm(
    folder: Path, path: Path, told: list[str]
) -> None:
    whole = path.read_bytes()
    harmed = [whole[:size] for size in range(len(whole))]
    harmed += [whole + b"x"]
    harmed += [whole[:place] + b"~" + whole[place + 1 :] for place in range(len(whole))]
    for content in harmed:
        if content == whole:
            continue
        path.write_bytes(content)
        told.clear()
        store = GoodStore(folder, told.append)
        loaded = store.load("nginx")
        assert loaded is None, content
        assert store.load("nginx") is None
        assert len(told) == 1
        assert told[0].startswith(f"{path} is damaged (")
        assert told[0].endswith(FOLLOWS)


def _head(**other: object) -> bytes:
    head = {"good": 1, "bridge": "nginx", "digest": digest_of({}), "files": []} | other
    return json.dumps(head).encode() + b"\n"


@pytest.mark.parametrize(
    "content",
    [
        _head(good=2),
        _head(bridge="other"),
        _head(digest=None),
        _head(files={}),
        _head(files=[["a"]]),
        _head(files=[["a", "1"]]),
        _head(files=[["a", -1]]),
        _head(files=[[1, 1]]),
        _head(files=[["a", 1 << 80]]),
        _head(files=[["a", good.MOST_BYTES + 1]]),
        _head(files=[["\ud800", 0]]),
        b"[" * 100_000,
        b"\xff\n",
        b"null\n",
        b'"\n',
    ],
    ids=range(15),
)
def test_a_head_of_another_shape_is_harm(
    path: Path, store: GoodStore, told: list[str], content: bytes
) -> None:
    path.write_bytes(content)
    assert store.load("nginx") is None
    assert len(told) == 1
    path.write_bytes(_head())
    assert store.load("nginx") == {}


def test_a_negative_size_does_not_lift_the_bound(path: Path, store: GoodStore) -> None:
    path.write_bytes(_head(files=[["a", -1]], digest=digest_of({"a": b"rest"})) + b"rest")
    assert store.load("nginx") is None


def test_what_is_no_file_is_harm_and_blocks_nobody(
    path: Path, store: GoodStore, told: list[str]
) -> None:
    path.unlink()
    os.mkfifo(path)
    before = len(list(Path("/proc/self/fd").iterdir()))
    assert store.load("nginx") is None
    assert told == [f"{path} is damaged (not a regular file){FOLLOWS}"]
    path.unlink()
    path.mkdir()
    assert store.load("nginx") is None
    path.rmdir()
    path.symlink_to("/etc/hostname")
    assert store.load("nginx") is None
    assert told[1:] == [f"{path} cannot be read (Too many levels of symbolic links){FOLLOWS}"]
    assert len(list(Path("/proc/self/fd").iterdir())) <= before


def test_what_cannot_be_written_is_told_once_and_kept_in_memory(
    folder: Path, store: GoodStore, told: list[str]
) -> None:
    folder.parent.write_text("in the way")
    store.save("nginx", Snapshot.of({"a": b"1"}))
    store.save("nginx", Snapshot.of(FILES))
    store.save("other", Snapshot.of({"a": b"2"}))
    assert told == [f"{folder}/good-nginx.content cannot be written (Not a directory){FOLLOWS}"]
    assert store.load("nginx") == FILES
    assert store.load("other") == {"a": b"2"}
    folder.parent.unlink()
    store.save("nginx", Snapshot.of({"a": b"3"}))
    assert store.load("nginx") == GoodStore(folder, told.append).load("nginx") == {"a": b"3"}
    assert len(told) == 1


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting needs root")
def test_a_full_disk_keeps_the_content_before(volume: MakeVolume, told: list[str]) -> None:
    folder = volume("size=64k")
    store = GoodStore(folder, told.append)
    store.save("nginx", Snapshot.of(FILES))
    store.save("nginx", Snapshot.of({"big": bytes(100_000)}))
    assert [path.name for path in folder.iterdir()] == ["good-nginx.content"]
    assert GoodStore(folder, told.append).load("nginx") == FILES
    assert store.load("nginx") == {"big": bytes(100_000)}
    assert told == [
        f"{folder}/good-nginx.content cannot be written (No space left on device){FOLLOWS}"
    ]


def test_a_kill_in_the_middle_keeps_the_content_before(
    folder: Path, path: Path, store: GoodStore, told: list[str]
) -> None:
    code = """
import resource, signal, sys
from pathlib import Path
from sidecar.core.snapshot import Snapshot
from sidecar.publish.good import GoodStore
signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
resource.setrlimit(resource.RLIMIT_FSIZE, (5000, 5000))
GoodStore(Path(sys.argv[1]), print).save("nginx", Snapshot.of({"a": bytes(9000)}))
"""
    done = subprocess.run(
        [sys.executable, "-c", code, str(folder)], cwd=ROOT, timeout=25, check=False
    )
    assert done.returncode == -signal.SIGXFSZ
    assert path.with_suffix(".tmp").stat().st_size == 5000
    assert store.load("nginx") == FILES
    store.save("nginx", Snapshot.of({"a": b"1"}))
    assert list(folder.iterdir()) == [path]
    assert told == []
