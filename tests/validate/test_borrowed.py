"""The main container's validators, run from the sidecar: real images, real users, real refusals."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from sidecar.clock import SystemClock
from sidecar.core.bridge import Command, Origin, Selector
from sidecar.core.report import Report
from sidecar.core.snapshot import Snapshot
from sidecar.target.root import ProcessRoot
from sidecar.validate.borrowed import CannotBorrowError, borrow
from sidecar.validate.runner import Validators
from tests.validate.confined import judge_confined
from tests.validate.images import FLAVOURS, UID, Container, Image, make_judge_image, require_root

pytestmark = pytest.mark.usefixtures("untraced_children")

JUDGE = Command(argv=("judge", "-t", "{file:a.conf}"), origin=Origin.TARGET)
PROMTOOL = Command(argv=("promtool", "check", "config", "{file:p.yml}"), origin=Origin.TARGET)


@pytest.fixture(autouse=True)
def _as_root() -> None:
    require_root()


@pytest.fixture
def place() -> Iterator[Path]:
    """A scratch folder of the other user's."""
    folder = Path(tempfile.mkdtemp())
    os.chown(folder, UID, UID)
    folder.chmod(0o777)
    yield folder
    assert [path.name for path in folder.glob("surehup-check-*")] == []
    shutil.rmtree(folder)


@dataclass
class Sidecar:
    """Checks in this process, as root, whom no file is closed to."""

    pid: int
    place: Path
    pattern: str = ""
    told: list[str] = field(default_factory=list)

    @property
    def root(self) -> ProcessRoot:
        return ProcessRoot(Selector(pid=self.pid, process=self.pattern))

    def judge(self, command: Command, files: Mapping[str, str]) -> Report:
        validators = Validators(
            clock=SystemClock(),
            tell=self.told.append,
            scratch_dir=str(self.place),
            target=self.root,
        )
        candidate = Snapshot.of({key: text.encode() for key, text in files.items()})
        return validators.validate(candidate, [command], threading.Event())


@pytest.fixture
def image(tmp_path: Path) -> Image:
    return make_judge_image("glibc", tmp_path)


@pytest.fixture
def daemon(image: Image) -> Iterator[Container]:
    with image.run("/usr/bin/judge") as container:
        yield container


@pytest.fixture
def sidecar(daemon: Container, place: Path) -> Sidecar:
    return Sidecar(daemon.pid, place)


@pytest.mark.timeout(120)  # a first build in Go compiles Go's own library
@pytest.mark.parametrize("flavour", FLAVOURS)
def test_every_kind_of_program_runs_under_the_hardest_settings(
    flavour: str, tmp_path: Path, place: Path
) -> None:
    with make_judge_image(flavour, tmp_path).run("/usr/bin/judge") as target:
        good = judge_confined(target.pid, JUDGE.argv, {"a.conf": "good"}, uid=UID, scratch=place)
        assert (good.messages, good.cannot_run, good.told) == ([], [], [])
        bad = judge_confined(target.pid, JUDGE.argv, {"a.conf": "bad"}, uid=UID, scratch=place)
        assert (bad.messages, bad.cannot_run) == (["a.conf:1: judge: bad word"], [])


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not installed")
def test_promtool_sees_the_candidate_and_its_relative_includes(tmp_path: Path, place: Path) -> None:
    image = Image(tmp_path / "image")
    image.add("/usr/bin/promtool", "/bin/promtool")
    image.add("/usr/bin/sleep", "/bin/prometheus")
    files = {"p.yml": "rule_files: ['*.rules']\n", "a.rules": "groups: []\n"}
    broken = files | {"a.rules": "groups: [{name: g, rules: [{alert: A, expr: 'sum('}]}]\n"}
    with image.run("/bin/prometheus", "60") as target:
        hidden = ["/usr/bin/promtool"]
        said = judge_confined(
            target.pid, PROMTOOL.argv, files, uid=UID, scratch=place, hidden=hidden
        )
        assert (said.messages, said.cannot_run, said.told) == ([], [], [])
        said = judge_confined(
            target.pid, PROMTOOL.argv, broken, uid=UID, scratch=place, hidden=hidden
        )
        assert said.cannot_run == []
        assert "parse" in said.messages[0]
        assert said.messages[0].startswith("a.rules")


@pytest.mark.skipif(shutil.which("haproxy") is None, reason="haproxy is not installed")
def test_libraries_that_the_sidecar_lacks_come_from_the_image(tmp_path: Path, place: Path) -> None:
    image = Image(tmp_path / "image")
    image.add("/usr/sbin/haproxy")
    config = "defaults\n timeout client 1s\n timeout server 1s\n timeout connect 1s\n"
    config += "listen l\n mode tcp\n bind unix@/l.sock\n"
    image.write("/h.cfg", config)
    image.root.chmod(0o777)
    lua = [str(path.resolve()) for path in Path("/usr/lib").glob("*-linux-gnu/liblua5.*.so*")]
    argv = ("haproxy", "-c", "-f", "{file:h.cfg}")
    with image.run("/usr/sbin/haproxy", "-db", "-f", "/h.cfg") as target:
        said = judge_confined(
            target.pid, argv, {"h.cfg": config}, uid=UID, scratch=place, hidden=lua
        )
        assert (said.messages, said.cannot_run, said.told) == ([], [], [])
        said = judge_confined(
            target.pid, argv, {"h.cfg": config + "nonsense\n"}, uid=UID, scratch=place, hidden=lua
        )
        assert said.messages[0].startswith("h.cfg:8")


def test_an_absolute_link_to_the_loader_stays_in_the_image(image: Image, sidecar: Sidecar) -> None:
    """As Debian's /lib64 has it; followed by path it would be the sidecar's own loader."""
    link = next((image.root / "lib64").iterdir())
    assert str(link.readlink()).startswith("/lib/")
    inside = image.root / str(link.readlink()).lstrip("/")
    with borrow(sidecar.root, "judge") as loan:
        assert os.path.samestat(Path(loan.argv[0]).stat(), inside.stat())
        folders = loan.argv[loan.argv.index("--library-path") + 1].split(":")
        assert os.path.samestat(Path(folders[0]).stat(), inside.parent.stat())


def test_another_group_is_told_with_the_fix(daemon: Container, place: Path) -> None:
    said = judge_confined(
        daemon.pid, JUDGE.argv, {"a.conf": "bad"}, uid=UID, gid=UID + 1, scratch=place
    )
    assert said.messages == []
    assert f"GID {UID}, surehup UID {UID} and GID {UID + 1}" in said.cannot_run[0]
    assert f"runAsGroup: {UID}" in said.cannot_run[0]


def test_more_capabilities_are_told_with_the_fix(image: Image, place: Path) -> None:
    with image.run("/usr/bin/judge", uid=0) as target:
        said = judge_confined(target.pid, JUDGE.argv, {"a.conf": ""}, uid=0, scratch=place)
    assert "holds capabilities that surehup has not" in said.cannot_run[0]
    assert "drop ALL capabilities" in said.cannot_run[0]


def test_who_may_not_be_borrowed_from_is_replaced_by_the_sidecars_own(
    image: Image, sidecar: Sidecar
) -> None:
    image.write("/usr/bin/true", "#!/bin/sh\n", 0o755)
    command = Command(argv=("true",), origin=Origin.TARGET)
    assert sidecar.judge(command, {}).passes
    told = [text for text in sidecar.told if "judges, not the daemon's own" in text]
    assert len(told) == 1
    assert told[0].startswith("true of the sidecar judges, not the daemon's own")
    assert "is a script" in told[0]


@pytest.mark.parametrize(
    ("content", "mode", "why"),
    [
        ("", 0o755, "is no program that Linux executes"),
        ("#!/bin/sh\n", 0o755, "is a script"),
        ("\x7fELF\x01\x01", 0o755, "is built for another machine"),
        ("\x7fELF", 0o644, "may not be executed"),
    ],
)
def test_what_cannot_be_run_is_said_or_skipped(
    image: Image, sidecar: Sidecar, content: str, mode: int, why: str
) -> None:
    image.write("/usr/bin/checker", content.ljust(200, "\0"), mode)
    command = Command(argv=("checker",), origin=Origin.ANY)
    (reason,) = sidecar.judge(command, {}).cannot_run
    assert reason.startswith("checker is not installed in the sidecar (checker was not found)")
    assert why in reason
    assert sidecar.judge(replace(command, optional=True), {}).passes
    assert why in sidecar.told[0]


def test_what_is_in_neither_is_said(sidecar: Sidecar) -> None:
    (reason,) = sidecar.judge(Command(argv=("surehup-absent",)), {}).cannot_run
    assert "neither in /usr/bin nor where programs usually are" in reason


def test_the_sidecars_own_is_not_borrowed_where_that_is_asked(
    image: Image, sidecar: Sidecar
) -> None:
    image.write("/usr/bin/true", "")
    own = Command(argv=("true",), origin=Origin.SIDECAR)
    either = Command(argv=("true",))
    assert sidecar.judge(own, {}).passes
    assert sidecar.judge(either, {}).passes
    assert sidecar.told == []
    absent = Command(argv=JUDGE.argv, origin=Origin.SIDECAR)
    assert "add it to the image" in sidecar.judge(absent, {"a.conf": ""}).cannot_run[0]


def test_a_path_means_the_image(image: Image, sidecar: Sidecar) -> None:
    image.at("/opt/tool").symlink_to("/usr/bin/judge")
    command = Command(argv=("/opt/tool", "-t", "{file:a.conf}"), origin=Origin.TARGET)
    report = sidecar.judge(command, {"a.conf": "bad"})
    assert [str(finding) for finding in report.findings] == ["a.conf:1: tool: bad word"]


def test_a_file_of_the_image_alone_is_no_fault_of_the_candidate(
    image: Image, sidecar: Sidecar
) -> None:
    image.write("/etc/surehup-test/mime.types", "")
    files = {"a.conf": "include /etc/surehup-test/mime.types"}
    (reason,) = sidecar.judge(JUDGE, files).cannot_run
    assert "it wants /etc/surehup-test/mime.types, which lies in the daemon's container" in reason
    absent = {"a.conf": "include /etc/surehup-test/absent"}
    report = sidecar.judge(JUDGE, absent)
    assert report.rejects
    assert "cannot open /etc/surehup-test/absent" in report.summary


def test_who_cannot_start_is_not_believed(sidecar: Sidecar) -> None:
    (reason,) = sidecar.judge(JUDGE, {"a.conf": "exit now"}).cannot_run
    assert "it does not start from here (out of order)" in reason


def test_a_missing_library_is_named(tmp_path: Path, place: Path) -> None:
    image = make_judge_image("rpath", tmp_path)
    with image.run("/usr/bin/judge") as target:
        target.wait_loaded("libjudge.so")
        (image.root / "usr/own/libjudge.so").unlink()
        (reason,) = Sidecar(target.pid, place).judge(JUDGE, {"a.conf": ""}).cannot_run
    assert "it does not start from here" in reason
    assert "libjudge.so" in reason


def test_a_restart_meanwhile_asks_for_another_try(
    daemon: Container, sidecar: Sidecar, place: Path
) -> None:
    flag = place / "flag"
    reports: list[Report] = []

    def judge() -> None:
        reports.append(sidecar.judge(JUDGE, {"a.conf": f"until {flag} bad x"}))

    thread = threading.Thread(target=judge)
    thread.start()
    until_s = time.monotonic() + 10
    while not (place / "flag.begun").exists():
        assert time.monotonic() < until_s
        time.sleep(0.002)
    daemon.end()
    flag.touch()
    thread.join(10)
    (report,) = reports
    assert not report.rejects
    assert "the daemon ended while its validator ran: it is tried again" in report.cannot_run[0]


def test_what_ran_to_a_good_end_counts_though_the_daemon_ended(
    daemon: Container, sidecar: Sidecar
) -> None:
    with borrow(sidecar.root, "judge") as loan:
        daemon.end()
        assert loan.is_lost
        assert Path(loan.argv[-1]).read_bytes().startswith(b"\x7fELF")


def test_an_absent_daemon_is_said(daemon: Container, sidecar: Sidecar) -> None:
    daemon.end()
    (reason,) = sidecar.judge(JUDGE, {"a.conf": "bad"}).cannot_run
    assert "nor can the daemon's own be run" in reason
    assert str(daemon.pid) in reason


def test_a_selector_that_cannot_be_used_is_said(sidecar: Sidecar) -> None:
    sidecar.pattern = "("
    refused = pytest.raises(CannotBorrowError, match="no regular expression")
    with refused, borrow(sidecar.root, "judge"):
        pass


def test_time_and_memory_are_bounded(daemon: Container, sidecar: Sidecar, place: Path) -> None:
    short = replace(JUDGE, timeout_s=0.3)
    (reason,) = sidecar.judge(short, {"a.conf": f"until {place}/never x"}).cannot_run
    assert "did not finish within 0.3 s" in reason
    assert daemon.popen.poll() is None


def test_no_detour_where_the_files_are_our_own(place: Path) -> None:
    """On one machine: a program of the path first, else the daemon's neighbour, as it is."""
    own = Sidecar(os.getpid(), place)
    own.pid = os.getppid()
    true = Command(argv=("true",), origin=Origin.TARGET)
    assert own.judge(true, {}).passes
    assert own.told == []
    with pytest.raises(CannotBorrowError, match=r"^$"), borrow(own.root, "true"):
        pass


def test_a_neighbour_of_the_daemon_is_found_on_one_machine(tmp_path: Path, place: Path) -> None:
    for name in ("daemon", "daemon-check"):
        shutil.copy(shutil.which("sleep") or "", tmp_path / name)
    popen = subprocess.Popen([str(tmp_path / "daemon"), "60"])
    try:
        with borrow(Sidecar(popen.pid, place).root, "daemon-check") as loan:
            assert loan.argv == (str(tmp_path / "daemon-check"),)
            assert loan.translate("as it is") == "as it is"
    finally:
        popen.kill()
        popen.wait()
