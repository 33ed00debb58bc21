"""What keeps files from being published: said in one sentence, with nothing harmed or left."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from sidecar.clock import SystemClock
from sidecar.core.errors import ExitCode, PublishError
from sidecar.core.snapshot import Snapshot
from sidecar.publish.folder import PublishedFolder
from tests.publish.conftest import MakeVolume
from tests.publish.steps import (
    NEW,
    OLD,
    OLDER,
    Files,
    assert_tidy,
    generations,
    mounted,
    publish,
    visible,
)

pytestmark = pytest.mark.usefixtures("untraced_children")

ROOT = Path(__file__).parents[2]
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="mounts, and becomes another user")


def _refusal(folder: Path, files: Files = NEW) -> str:
    with pytest.raises(PublishError) as refused:
        publish(folder, files)
    assert refused.value.exit_code is ExitCode.FAILED
    assert "\n" not in refused.value.message
    return refused.value.message


def _tree(folder: Path) -> list[tuple[str, int, int]]:
    statuses = [(path, path.lstat()) for path in sorted(folder.rglob("*"))]
    return [(str(path), status.st_ino, status.st_mtime_ns) for path, status in statuses]


def test_a_missing_folder_is_not_made(tmp_path: Path) -> None:
    message = _refusal(tmp_path / "none")
    assert message == (
        f"Nothing can be published in {tmp_path}/none, which does not exist: mount one emptyDir "
        "there in the sidecar and in the main container, or correct --publish."
    )
    assert not (tmp_path / "none").exists()


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert "file, which is not a folder: give --publish the folder" in _refusal(tmp_path / "file")
    (tmp_path / "loop").symlink_to("loop")
    assert "loop, which is not a folder" in _refusal(tmp_path / "loop")


def _write(path: Path) -> None:
    path.unlink(missing_ok=True)
    path.write_text("mine")


def _mkdir(path: Path) -> None:
    path.unlink(missing_ok=True)
    path.mkdir()


FOREIGN: dict[str, Callable[[Path], None]] = {
    "notes.txt": _write,
    ".hidden": _write,
    "a.yml": _write,
    "folder": _mkdir,
    "elsewhere": lambda path: path.symlink_to("/etc"),
    "renamed": lambda path: path.symlink_to("..data/a.yml"),
    "..data": _mkdir,
    "..data_tmp": _mkdir,
    "..2026_01_01_00_00_00.1": _write,
    "..2026_01_01_00_00_00.2": lambda path: path.symlink_to("..data"),
    "..2026_01_01_00_00_00.x": _mkdir,
    "..other": _mkdir,
    "lost+found": _mkdir,
    "odd\n\udcff": _write,
}


@pytest.mark.parametrize("name", FOREIGN, ids=ascii)
def test_a_folder_that_holds_anything_else_is_left_alone(tmp_path: Path, name: str) -> None:
    publish(tmp_path, OLDER)
    publish(tmp_path, OLD)
    FOREIGN[name](tmp_path / name)
    before = _tree(tmp_path)
    for files in (OLD, NEW):
        message = _refusal(tmp_path, files)
        assert f"{tmp_path} holds {name!r}, which surehup did not put there" in message
    assert _tree(tmp_path) == before


@pytest.mark.parametrize("target", ["/etc", "../elsewhere", "rules", "..data_old", "."])
def test_a_data_link_that_leads_elsewhere_is_left_alone(tmp_path: Path, target: str) -> None:
    (tmp_path / "..data").symlink_to(target)
    assert "'..data', which surehup did not put there" in _refusal(tmp_path)
    assert (tmp_path / "..data").readlink() == Path(target)


UNFIT = ["", "/a", "..a", "..", ".", "../a", "a/../b", "a//b", "a/", "a/.", "a\0b", "\ud800"]


@pytest.mark.parametrize("key", [*UNFIT, "é" * 128, "a/" + "b" * 256], ids=ascii)
def test_keys_that_are_no_path_below_the_folder_are_refused(tmp_path: Path, key: str) -> None:
    publish(tmp_path, OLD)
    before = _tree(tmp_path)
    with pytest.raises(PublishError, match="cannot become a file below"):
        PublishedFolder(str(tmp_path), clock=SystemClock()).publish(
            Snapshot({"good": b"", key: b""}, digest="of no matter")
        )
    assert _tree(tmp_path) == before


def test_a_key_cannot_be_file_and_folder(tmp_path: Path) -> None:
    assert "The key 'a/b/c' cannot become" in _refusal(tmp_path, {"a/b/c": b"", "a": b""})
    assert list(tmp_path.iterdir()) == []


def test_what_the_system_says_else_is_passed_on_with_its_place(tmp_path: Path) -> None:
    key = "/".join(["x" * 250] * 17)
    message = _refusal(tmp_path, {key: b""})
    assert message.endswith(
        "cannot be published (File name too long): check the volume and its node."
    )
    assert list(tmp_path.iterdir()) == []


@needs_root
def test_a_full_volume_keeps_the_old_content_and_takes_the_next_that_fits(
    volume: MakeVolume,
) -> None:
    folder = volume("size=256k")
    publish(folder, OLDER)
    publish(folder, OLD)
    message = _refusal(folder, {"a.yml": b"new", "big": bytes(400_000), "more/big": b"1"})
    assert message == (
        f"The new files do not fit into {folder} (No space left on device): raise the sizeLimit of "
        "its emptyDir (with medium Memory also the pod's memory limit) to three times the size of "
        "the configuration."
    )
    assert_tidy(folder, OLD, most_generations=1)
    publish(folder, NEW)
    assert_tidy(folder, NEW, most_generations=2)


@needs_root
def test_contents_of_a_third_of_the_volume_fit_one_after_the_other(volume: MakeVolume) -> None:
    folder = volume("size=300k")
    for number in range(6):
        files = {"a": bytes([number]) * 98_304}
        publish(folder, files)
        assert_tidy(folder, files, most_generations=2)


@needs_root
def test_a_volume_without_inodes_ends_the_publish_at_any_step_with_nothing_left(
    volume: MakeVolume,
) -> None:
    folder = volume("size=1m")
    publish(folder, OLD)
    # What OLD takes with the root, and then one more inode each time.
    used = os.statvfs(folder).f_files - os.statvfs(folder).f_ffree
    failures = 0
    for spare in range(50):
        options = f"remount,nr_inodes={used + spare}"
        subprocess.run(["mount", "-o", options, str(folder)], check=True, timeout=10)
        try:
            publish(folder, NEW)
        except PublishError as error:
            failures += 1
            assert "do not fit" in error.message  # noqa: PT017 - until there are enough
            assert_tidy(folder, OLD, most_generations=1)
        else:
            break
    assert failures >= len(NEW)
    assert_tidy(folder, NEW, most_generations=2)


@needs_root
def test_a_read_only_volume_is_named(volume: MakeVolume) -> None:
    folder = volume("size=1m")
    publish(folder, OLD)
    subprocess.run(["mount", "-o", "remount,ro", str(folder)], check=True, timeout=10)
    assert _refusal(folder) == (
        f"Nothing can be published in {folder}, which is read-only for the sidecar: mount an "
        "emptyDir there, with readOnly in the main container alone."
    )
    publish(folder, OLD)
    assert mounted(folder) == visible(folder) == OLD


AS_USER = """
import json, os, sys
from pathlib import Path
from tests.publish.steps import NEW, NEXT, OLD, mounted, publish, visible
from sidecar.core.errors import PublishError
folder, uid, gid, *groups = sys.argv[1], *map(int, sys.argv[2:])
os.setgroups(groups)
os.setresgid(gid, gid, gid)
os.setresuid(uid, uid, uid)
said = ""
for files in (OLD, NEW, NEXT, OLD):
    try:
        publish(Path(folder), files)
        assert mounted(Path(folder)) == visible(Path(folder)) == files
    except PublishError as error:
        said = error.message
try:
    Path("/written").touch()
except OSError as error:
    print(json.dumps([said, error.errno]))
"""


def _as_user(folder: Path, *ids: int, prefix: tuple[str, ...] = ()) -> str:
    command = [*prefix, sys.executable, "-c", AS_USER, str(folder), *map(str, ids)]
    done = subprocess.run(
        command, cwd=ROOT, timeout=25, check=False, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    said: str = json.loads(done.stdout)[0]
    return said


@pytest.fixture
def shared(volume: MakeVolume, tmp_path: Path) -> Path:
    """An emptyDir as the kubelet makes it with fsGroup 2000, which other users reach."""
    folder = volume("size=1m,mode=2777,gid=2000")
    for parent in (tmp_path, *tmp_path.parents):
        ours = parent.name.startswith(("pytest-", "popen-", "test_"))
        if ours and parent.stat().st_uid == os.geteuid():
            parent.chmod(0o755)
    return folder


@needs_root
def test_any_user_publishes_into_an_empty_dir_with_a_read_only_root(shared: Path) -> None:
    read_only = 'mount -o remount,bind,ro / && exec "$@"'
    prefix = ("unshare", "--mount", "sh", "-c", read_only, "sh")
    assert _as_user(shared, 1000, 3000, 2000, prefix=prefix) == ""
    assert {path.stat().st_uid for path in shared.rglob("*")} == {1000}
    assert {path.stat().st_gid for path in shared.rglob("*") if path.is_file()} == {2000}
    assert_tidy(shared, OLD, most_generations=2)


@needs_root
def test_a_folder_that_may_not_be_written_is_named(shared: Path) -> None:
    publish(shared, OLD)
    shared.chmod(0o755)
    assert _as_user(shared, 1000, 3000) == (
        f"UID 1000 and GID 3000 may not write or clean up in {shared}: mount an emptyDir there, "
        "set fsGroup in the pod's securityContext, and let one UID alone publish."
    )
    assert_tidy(shared, OLD, most_generations=1)


@needs_root
def test_a_folder_that_may_not_be_read_is_named(shared: Path) -> None:
    shared.chmod(0o700)
    assert f"UID 1000 and GID 3000 may not write or clean up in {shared}:" in _as_user(
        shared, 1000, 3000
    )
    assert generations(shared) == set()


@needs_root
def test_generations_of_another_user_stay_until_that_one_clears_up(shared: Path) -> None:
    publish(shared, OLDER)
    publish(shared, NEW)
    message = _as_user(shared, 1000, 3000, 2000)
    assert "may not write or clean up in" in message
    assert "let one UID alone publish" in message
    assert mounted(shared) == visible(shared) == NEW
    publish(shared, OLD)
    assert_tidy(shared, OLD, most_generations=2)
