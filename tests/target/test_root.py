"""The target's root: what is opened is the target's, or nothing; who may not look is told why."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from sidecar.core.bridge import Selector
from sidecar.core.errors import SettingsError, TargetError, TargetTrouble
from sidecar.core.ports import HeldRoot, TargetRoot
from sidecar.target.root import ProcessRoot, open_in_root
from tests.target.puppets import Stage, eventually, new_name
from tests.target.users import run_as
from tests.validate.images import UID, Container, Image, require_root


@pytest.fixture
def image(tmp_path: Path) -> Image:
    require_root()
    image = Image(tmp_path / "image")
    image.add(shutil.which("sleep") or "", "/opt/daemon/app-server")
    image.write("/etc/app/app.conf", "of the image")
    return image


@pytest.fixture
def daemon(image: Image) -> Iterator[Container]:
    with image.run("/opt/daemon/app-server", "60") as container:
        yield container


@pytest.fixture
def root(daemon: Container) -> TargetRoot:
    return ProcessRoot(Selector(pid=daemon.pid, process="(app|my)-server"))


@pytest.fixture
def held(root: TargetRoot) -> Iterator[HeldRoot]:
    with root.hold() as held:
        yield held


def _read(descriptor: int) -> str:
    with os.fdopen(descriptor) as file:
        return file.read()


def test_paths_mean_what_they_mean_to_the_target(held: HeldRoot, image: Image) -> None:
    image.at("/etc/absolute").symlink_to("/etc/app/app.conf")
    image.at("/etc/above").symlink_to("../../../../../../etc/app/app.conf")
    for path in ("/etc/app/app.conf", "etc/app/app.conf", "/etc/absolute", "/etc/above"):
        descriptor = held.open(path)
        assert held.locate(descriptor) == "/etc/app/app.conf"
        assert _read(descriptor) == "of the image"


def test_no_link_leads_out(held: HeldRoot, image: Image, tmp_path: Path) -> None:
    (tmp_path / "outside").write_text("of the sidecar")
    image.at("/out").symlink_to(tmp_path / "outside")
    assert (image.root / "out").read_text() == "of the sidecar"
    assert not held.has("/out")
    with pytest.raises(FileNotFoundError):
        held.open("/out")


def test_only_regular_files_are_opened(held: HeldRoot, image: Image) -> None:
    os.mkfifo(image.at("/pipe"))
    for path in ("/pipe", "/etc"):
        with pytest.raises(OSError, match="no regular file"):
            held.open(path)


def test_folders_are_passed_through(held: HeldRoot) -> None:
    descriptor = held.open_folder("/etc/app")
    try:
        assert Path(f"/proc/self/fd/{descriptor}/app.conf").read_text() == "of the image"
        assert held.locate(descriptor) == "/etc/app"
    finally:
        os.close(descriptor)
    with pytest.raises(NotADirectoryError):
        held.open_folder("/etc/app/app.conf")


def test_the_program_is_the_one_that_runs(held: HeldRoot, image: Image) -> None:
    program = image.root / "opt/daemon/app-server"
    content = program.read_bytes()
    program.unlink()
    program.write_text("of a later version")
    assert held.program == "/opt/daemon/app-server"
    with os.fdopen(held.open_program(), "rb") as file:
        assert file.read() == content


def test_a_program_that_was_removed_keeps_its_path(root: TargetRoot, image: Image) -> None:
    (image.root / "opt/daemon/app-server").unlink()
    with root.hold() as held:
        assert held.program == "/opt/daemon/app-server"


def test_names_that_the_pattern_fits_mean_the_same_daemon(held: HeldRoot) -> None:
    assert held.is_program("app-server")
    assert held.is_program("my-server")
    assert not held.is_program("app-server-check")


def test_without_a_pattern_only_its_own_name_fits(daemon: Container) -> None:
    with ProcessRoot(Selector(pid=daemon.pid)).hold() as held:
        assert held.is_program("app-server")
        assert not held.is_program("my-server")


def test_the_end_of_the_target_shows_and_closes_nothing(held: HeldRoot, daemon: Container) -> None:
    assert held.is_alive()
    daemon.end()
    assert not held.is_alive()
    assert held.has("/etc/app/app.conf")
    assert _read(held.open("/etc/app/app.conf")) == "of the image"
    with pytest.raises(FileNotFoundError):
        held.open_program()


def test_another_tree_is_not_our_own(held: HeldRoot) -> None:
    assert not held.is_own


def test_a_neighbour_on_the_same_machine_has_our_own_files(stage: Stage) -> None:
    puppet = stage.start(new_name())
    with ProcessRoot(Selector(pid=puppet.pid)).hold() as held:
        assert held.is_own
        assert held.has("/proc")


def test_another_user_is_told_what_to_set(daemon: Container, root: TargetRoot) -> None:
    def look() -> None:
        with root.hold():
            pytest.fail("another user came in")

    with pytest.raises(TargetError) as caught:
        run_as(UID + 1, look)
    assert caught.value.trouble is TargetTrouble.PERMISSION
    message = caught.value.message
    assert f"the files of process {daemon.pid} (app-server) are closed to surehup" in message
    assert f"because it has UID {UID} and GID {UID}" in message
    assert f"set runAsUser: {UID} and runAsGroup: {UID}" in message


def test_an_absent_target_is_the_finders_to_tell(daemon: Container, root: TargetRoot) -> None:
    daemon.end()
    with pytest.raises(TargetError, match="not visible") as caught, root.hold():
        pass
    assert caught.value.trouble is TargetTrouble.ABSENT
    with pytest.raises(SettingsError), ProcessRoot(Selector(process="(")).hold():
        pass


def test_a_zombie_has_no_files(stage: Stage) -> None:
    puppet = stage.start(new_name())
    puppet.kill()
    with pytest.raises(TargetError) as caught, ProcessRoot(Selector(pid=puppet.pid)).hold():
        pass
    assert caught.value.trouble is TargetTrouble.ZOMBIE


def test_what_ends_while_it_is_opened_is_gone(stage: Stage) -> None:
    """However the end falls: found, ended, or its files already away; never another's files."""
    seen = set()
    for _ in range(20):
        puppet = stage.start(new_name())
        root = ProcessRoot(Selector(pid=puppet.pid))
        os.kill(puppet.pid, 9)
        try:
            with root.hold() as held:
                eventually(lambda held=held: not held.is_alive())  # type: ignore[misc]  # bound now
        except TargetError as error:
            seen.add(error.trouble)
    assert seen <= {TargetTrouble.GONE, TargetTrouble.ZOMBIE, TargetTrouble.ABSENT}


def test_errors_are_the_kernels(tmp_path: Path) -> None:
    descriptor = os.open(tmp_path, os.O_PATH)
    try:
        with pytest.raises(FileNotFoundError) as caught:
            open_in_root(descriptor, "/absent", os.O_RDONLY)
        assert caught.value.filename == "/absent"
    finally:
        os.close(descriptor)
