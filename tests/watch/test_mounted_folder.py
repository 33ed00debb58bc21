from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from sidecar.core.errors import SourceError, SourceTrouble
from sidecar.testing.kubelet import AtomicWriter
from sidecar.watch.folder import MAX_BYTES, MAX_DEPTH, MAX_KEYS, _Walk
from sidecar.watch.mount import MountedFolder
from sidecar.watch.subpath import find_subpaths, read_mountinfo
from tests.watch.conftest import Mounts
from tests.watch.ear import ROOT, run_child

SWAPPER = """
import itertools, sys
from sidecar.testing.kubelet import AtomicWriter
writer = AtomicWriter(sys.argv[1])
for number in itertools.count():
    writer.write({f"rules/{key}.yml": str(number) for key in range(8)})
"""

UNREADABLE = """
import json, os, sys
from sidecar.core.errors import SourceError
from sidecar.watch.mount import MountedFolder
mount = MountedFolder(sys.argv[1])
os.setgroups([]), os.setgid(65534), os.setuid(65534)
for ask in (mount.is_swapped, mount.fence, mount.read):
    try:
        ask()
        print(json.dumps(None))
    except SourceError as error:
        print(json.dumps([error.trouble, error.message]))
"""


def _read(folder: Path) -> Mapping[str, bytes]:
    return MountedFolder(str(folder)).read().snapshot.files


def _trouble(folder: Path) -> tuple[SourceTrouble, str]:
    with pytest.raises(SourceError) as raised:
        MountedFolder(str(folder)).read()
    return raised.value.trouble, raised.value.message


def test_nested_keys_of_a_kubelet_volume_are_relative_paths(tmp_path: Path) -> None:
    files = {"a.yml": b"1", "rules/a.yml": b"2", "rules/deep/b.yml": b"3"}
    AtomicWriter(tmp_path).write(files)
    assert _read(tmp_path) == files


def test_a_kubelet_volume_is_swapped_and_a_plain_folder_is_not(tmp_path: Path) -> None:
    assert not MountedFolder(str(tmp_path)).is_swapped()
    AtomicWriter(tmp_path).write({})
    assert MountedFolder(str(tmp_path)).is_swapped()
    assert _read(tmp_path) == {}


def test_a_folder_named_like_the_link_is_no_generation(tmp_path: Path) -> None:
    (tmp_path / "..data").mkdir()
    (tmp_path / "..data/inner").touch()
    (tmp_path / "a").touch()
    assert not MountedFolder(str(tmp_path)).is_swapped()
    assert _read(tmp_path) == {"a": b""}


def test_a_relative_path_is_read_from_where_it_was_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mount").mkdir()
    (tmp_path / "mount/a").write_text("1")
    monkeypatch.chdir(tmp_path)
    mount = MountedFolder("mount")
    monkeypatch.chdir("/")
    assert mount.read().snapshot.files == {"a": b"1"}


def test_a_plain_folder_gives_every_regular_file_whatever_its_name(tmp_path: Path) -> None:
    strange = os.fsdecode(b"caf\xe9\n")
    (tmp_path / "sub/deep").mkdir(parents=True)
    (tmp_path / "sub/deep/b").write_bytes(b"\0\xff")
    for name in (strange, ".hidden", "a~", ".a.swp"):
        (tmp_path / name).write_bytes(b"1")
    assert _read(tmp_path) == {
        strange: b"1",
        ".hidden": b"1",
        "a~": b"1",
        ".a.swp": b"1",
        "sub/deep/b": b"\0\xff",
    }


def test_what_is_no_file_is_no_key(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "real").write_bytes(b"1")
    folder = tmp_path / "mount"
    folder.mkdir()
    os.mkfifo(folder / "fifo")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(folder / "socket"))
    (folder / "..hidden").touch()
    (folder / "dangling").symlink_to("nowhere")
    (folder / "circle").symlink_to("circle")
    (folder / "folder").symlink_to(outside)
    (folder / "file").symlink_to(outside / "real")
    assert _read(folder) == {"file": b"1"}


def test_a_file_that_grows_beyond_its_size_is_read_whole(tmp_path: Path) -> None:
    # Files of /proc have size 0 and content all the same, as one that grew since its stat.
    (tmp_path / "a").symlink_to("/proc/version")
    assert _read(tmp_path) == {"a": Path("/proc/version").read_bytes()}


@pytest.mark.parametrize(
    "change",
    ["rewrite", "replace", "touch", "add", "remove", "nested"],
)
def test_the_fence_of_a_plain_folder_moves_with_every_write(tmp_path: Path, change: str) -> None:
    (tmp_path / "sub").mkdir()
    for name in ("a", "b", "sub/c"):
        (tmp_path / name).write_text("1")
    mount = MountedFolder(str(tmp_path))
    before = mount.fence()
    match change:
        case "rewrite":
            # In place, same size: only the times move, by the kernel's tick.
            time.sleep(0.02)
            (tmp_path / "a").write_text("2")
        case "replace":
            (tmp_path / "new").write_text("1")
            os.utime(tmp_path / "new", ns=(0, (tmp_path / "a").stat().st_mtime_ns))
            (tmp_path / "new").rename(tmp_path / "a")
        case "touch":
            os.utime(tmp_path / "a")
        case "add":
            (tmp_path / "new").touch()
        case "remove":
            (tmp_path / "b").unlink()
        case _:
            (tmp_path / "sub/c").write_text("22")
    assert mount.fence() != before


def test_removing_a_file_dates_a_plain_folder_anew(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).touch()
    time.sleep(0.05)
    before = MountedFolder(str(tmp_path)).read().since_s
    (tmp_path / "b").unlink()
    assert MountedFolder(str(tmp_path)).read().since_s > before + 0.02


def test_file_times_are_told_in_seconds_since_boot(tmp_path: Path) -> None:
    AtomicWriter(tmp_path).write({"a": "1"})
    changed_s = (tmp_path / "..data").lstat().st_ctime
    mount = MountedFolder(str(tmp_path), boot_offset_s=lambda: changed_s - 42.0)
    assert mount.read().since_s == pytest.approx(42.0, abs=1e-5)


def test_a_chown_of_the_link_is_no_new_generation(tmp_path: Path) -> None:
    AtomicWriter(tmp_path).write({"a": "1"})
    mount = MountedFolder(str(tmp_path))
    before = mount.fence()
    time.sleep(0.02)
    os.chown(tmp_path / "..data", os.geteuid(), os.getegid(), follow_symlinks=False)
    assert mount.fence() == before


@pytest.fixture
def swapping(tmp_path: Path) -> Iterator[Path]:
    """A kubelet volume that another process swaps as fast as it can."""
    AtomicWriter(tmp_path).write({f"rules/{key}.yml": "first" for key in range(8)})
    with subprocess.Popen([sys.executable, "-c", SWAPPER, str(tmp_path)], cwd=ROOT) as swapper:
        try:
            yield tmp_path
        finally:
            swapper.kill()


def test_generations_never_mix_however_fast_they_are_swapped(swapping: Path) -> None:
    mount = MountedFolder(str(swapping))
    read: set[frozenset[bytes]] = set()
    deadline_s = time.monotonic() + 20
    while len(read) < 150:
        assert time.monotonic() < deadline_s, f"only {len(read)} generations were read"
        try:
            files = mount.read().snapshot.files
        except SourceError as error:
            assert error.trouble is SourceTrouble.UNSTEADY  # noqa: PT017 - both ways are right
        else:
            assert len(files) == 8
            read.add(frozenset(files.values()))
    assert all(len(values) == 1 for values in read)


class Restless(MountedFolder):
    """A folder in which somebody writes each time that somebody looks."""

    def fence(self) -> str:
        with Path(self.path, "log").open("a") as log:
            log.write("line\n")
        return super().fence()


def test_a_folder_that_never_rests_is_unsteady(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"changed each of the 10 times.*let it write to") as got:
        Restless(str(tmp_path)).read()
    assert got.value.trouble is SourceTrouble.UNSTEADY


def test_a_missing_folder_says_to_mount_it(tmp_path: Path) -> None:
    trouble, message = _trouble(tmp_path / "gone")
    assert trouble is SourceTrouble.MISSING
    assert message.startswith(f"The folder {tmp_path}/gone does not exist: mount the ConfigMap")


def test_a_link_into_nothing_says_which_generation_is_gone(tmp_path: Path) -> None:
    (tmp_path / "..data").symlink_to("..2026_11_24_20_02_03.1")
    trouble, message = _trouble(tmp_path)
    assert trouble is SourceTrouble.MISSING
    assert "points at ..2026_11_24_20_02_03.1, of which something is gone" in message


def test_a_file_in_place_of_the_folder_says_so(tmp_path: Path) -> None:
    (tmp_path / "a").touch()
    trouble, message = _trouble(tmp_path / "a")
    assert trouble is SourceTrouble.UNREADABLE
    assert f"{tmp_path}/a is not a folder" in message


def test_other_errors_of_the_system_are_told_with_their_reason(tmp_path: Path) -> None:
    folder = tmp_path / "circle"
    folder.symlink_to("circle")
    trouble, message = _trouble(folder)
    assert trouble is SourceTrouble.UNREADABLE
    assert "Too many levels of symbolic links" in message
    with pytest.raises(SourceError, match="Too many levels"):
        MountedFolder(str(folder)).is_swapped()


def test_a_file_that_fails_while_it_is_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to("/proc/self/mem")  # nothing is mapped at its start
    trouble, message = _trouble(tmp_path)
    assert trouble is SourceTrouble.UNREADABLE
    assert message.startswith(f"{tmp_path}/a cannot be read (Input/output error)")


@pytest.mark.parametrize("replaced", [False, True], ids=["removed", "replaced by a link"])
def test_a_folder_that_vanishes_while_it_is_walked_is_left_out(
    tmp_path: Path, *, replaced: bool
) -> None:
    for number in range(5):
        (tmp_path / f"d{number}").mkdir()
        (tmp_path / f"d{number}/a").touch()
    found = []
    for file in _Walk(str(tmp_path)).files():
        found.append(file.key)
        for other in tmp_path.iterdir():
            if other.name != file.key.removesuffix("/a") and not other.is_symlink():
                shutil.rmtree(other)
                if replaced:
                    other.symlink_to("/etc")
    assert len(found) == 1


def test_a_folder_with_too_many_files_is_refused(tmp_path: Path) -> None:
    (tmp_path / "0").touch()
    for number in range(1, MAX_KEYS + 1):
        os.link(tmp_path / "0", tmp_path / str(number))
    trouble, message = _trouble(tmp_path)
    assert trouble is SourceTrouble.TOO_LARGE
    assert "holds more than 10,000 files" in message


def test_a_folder_with_too_many_bytes_is_refused_and_one_at_the_bound_is_not(
    tmp_path: Path,
) -> None:
    with (tmp_path / "sparse").open("wb") as file:
        file.truncate(MAX_BYTES)
    assert len(_read(tmp_path)["sparse"]) == MAX_BYTES
    (tmp_path / "z").write_text("1")
    trouble, message = _trouble(tmp_path)
    assert trouble is SourceTrouble.TOO_LARGE
    assert "holds more than 16 MiB" in message


def test_a_folder_that_nests_too_deep_is_refused(tmp_path: Path) -> None:
    deep = tmp_path.joinpath(*["d"] * MAX_DEPTH)
    deep.mkdir(parents=True)
    (deep / "a").touch()
    assert len(_read(tmp_path)) == 1
    (deep / "d").mkdir()
    trouble, message = _trouble(tmp_path)
    assert trouble is SourceTrouble.TOO_LARGE
    assert "nests deeper than 16 folders" in message


def test_a_thousand_keys_and_a_large_one_are_read_fast(tmp_path: Path) -> None:
    files = {f"k{number}.yml": b"x" * 100 for number in range(1000)} | {"big": b"x" * (1 << 20)}
    AtomicWriter(tmp_path).write(files)
    took_s = []
    for _ in range(5):
        before_s = time.monotonic()
        assert len(_read(tmp_path)) == 1001
        took_s.append(time.monotonic() - before_s)
    assert _read(tmp_path) == files
    # 8 ms on a quiet machine.
    assert min(took_s) < 0.2


class TestWithoutPermission:
    def test_a_closed_folder_names_the_user_and_the_fix(self, open_folder: Path) -> None:
        open_folder.chmod(0o700)
        answers = run_child(UNREADABLE, str(open_folder))
        for answer in answers:
            assert isinstance(answer, list)
            assert answer[0] == "unreadable"
            assert f"UID 65534 and GID 65534 may not read {open_folder}" in answer[1]
            assert "defaultMode" in answer[1]

    def test_a_closed_file_is_named(self, open_folder: Path) -> None:
        AtomicWriter(open_folder).write({"rules/a.yml": "1"}, mode=0o600)
        *fine, answer = run_child(UNREADABLE, str(open_folder))
        assert fine == [None, None]
        assert isinstance(answer, list)
        assert f"may not read {open_folder}/rules/a.yml:" in answer[1]

    def test_a_closed_folder_below_is_named(self, open_folder: Path) -> None:
        (open_folder / "lost+found").mkdir(mode=0o700)
        _, *answers = run_child(UNREADABLE, str(open_folder))
        for answer in answers:
            assert isinstance(answer, list)
            assert f"may not read {open_folder}/lost+found:" in answer[1]

    def test_a_folder_that_may_be_entered_but_not_listed_is_read_if_the_kubelet_wrote_it(
        self, open_folder: Path
    ) -> None:
        AtomicWriter(open_folder).write({"a.yml": "1"})
        open_folder.chmod(0o711)
        assert run_child(UNREADABLE, str(open_folder)) == [None, None, None]


class TestSubpath:
    def test_a_bound_key_is_refused_by_the_real_mount_table(
        self, tmp_path: Path, mounts: Mounts
    ) -> None:
        volume, app = tmp_path / "volume", tmp_path / "app folder"
        volume.mkdir()
        app.mkdir()
        AtomicWriter(volume).write({"a.yml": "1"})
        (app / "a.yml").touch()
        mounts.bind((volume / "..data/a.yml").resolve(), app / "a.yml")
        for path in (app, app / "a.yml"):
            trouble, message = _trouble(path)
            assert trouble is SourceTrouble.SUBPATH
            assert f"{app}/a.yml is a subPath mount, which the kubelet never updates" in message

    def test_a_bound_folder_of_a_generation_is_refused(
        self, tmp_path: Path, mounts: Mounts
    ) -> None:
        volume, app = tmp_path / "volume", tmp_path / "app"
        volume.mkdir()
        app.mkdir()
        AtomicWriter(volume).write({"rules/a.yml": "1"})
        mounts.bind((volume / "..data/rules").resolve(), app)
        assert _trouble(app)[0] is SourceTrouble.SUBPATH

    def test_a_whole_volume_is_not(self, tmp_path: Path, mounts: Mounts) -> None:
        volume, app = tmp_path / "volume", tmp_path / "app"
        volume.mkdir()
        app.mkdir()
        AtomicWriter(volume).write({"a.yml": "1"})
        mounts.bind(volume, app)
        assert _read(app) == {"a.yml": b"1"}

    @pytest.mark.parametrize(
        ("root", "point", "found"),
        [
            ("/pods/1/volumes/v/..2026_11_24_20_02_03.1234/a", "/etc/app/a", True),
            ("/..2026_11_24_20_02_03.1234/a", "/etc/app/a", True),
            ("/v/..2026_11_24_20_02_03.1234/a//deleted", "/etc/app/a", True),
            ("/v/..2026_11_24_20_02_03.1234", "/etc/app", True),
            ("/pods/1/volume-subpaths/v/c/0", "/etc/app/a", True),
            ("/pods/1/volume-subpaths/v/c/0", "/etc/app/folder", False),
            ("/pods/1/volumes/v", "/etc/app", False),
            ("/v/..2026_11_24_20_02_03.1234/a", "/etc/application/a", False),
            ("/v/..2026_11_24_20_02_03.1234/a", "/etc", False),
            ("/v/..data_of_mine.1/a", "/etc/app/a", False),
        ],
    )
    def test_the_mount_table_tells_frozen_mounts(
        self, root: str, point: str, *, found: bool
    ) -> None:
        mountinfo = (
            "27 1 254:0 / / rw,relatime - ext4 /dev/vda rw\n"
            f"51 27 254:0 {root} {point} ro,relatime - ext4 /dev/vda rw\n"
        )
        points = find_subpaths(mountinfo, "/etc/app", is_folder=lambda path: "folder" in path)
        assert points == [point] * found

    def test_escaped_names_are_compared_unescaped(self) -> None:
        line = r"51 27 254:0 /..2026_11_24_20_02_03.1/a /etc/my\040app/a ro - ext4 /dev/vda rw"
        assert find_subpaths(line, "/etc/my app") == ["/etc/my app/a"]

    def test_every_mount_is_below_the_root(self) -> None:
        line = "51 27 254:0 /..2026_11_24_20_02_03.1/a /a ro - ext4 /dev/vda rw"
        assert find_subpaths(line, "/") == ["/a"]

    def test_where_proc_does_not_show_mounts_nothing_is_refused(self, tmp_path: Path) -> None:
        assert read_mountinfo(str(tmp_path / "none")) == ""
        assert " - " in read_mountinfo()
