from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import pytest

from sidecar.contents import DRY_RUN_S, Contents, Place
from sidecar.core.bridge import Bridge, Check, Proof, RefuseEmpty, Selector, SignalReload, Source
from sidecar.core.errors import SourceError, SourceTrouble
from sidecar.core.ports import Cancel
from sidecar.core.report import Finding, Report
from sidecar.core.snapshot import Snapshot
from sidecar.serve.content import ActiveContent, DryRun
from sidecar.testing.clock import FakeClock
from sidecar.testing.mount import FakeMount
from sidecar.testing.validator import FakeValidator

OLD = Snapshot.of({"a.yaml": b"a: 1\n"})
NEW = Snapshot.of({"a.yaml": b"a: 2\n"})
BAD = Report(findings=(Finding(check="yaml", message="broken"),))


@dataclass
class SlowValidator:
    """Stops when it is told to, and never before."""

    clock: FakeClock

    def validate(self, candidate: Snapshot, checks: Sequence[Check], cancel: Cancel) -> Report:
        assert candidate.files
        assert checks
        while not cancel.is_set():
            self.clock.advance(1.0)
        return Report(cannot_run=("stopped",))


class Stage:
    """One bridge, with fakes around it."""

    def __init__(self, source: Source) -> None:
        self.clock = FakeClock(monotonic_s=100.0)
        self.mount = FakeMount(OLD.files, clock=self.clock)
        self.validator = FakeValidator()
        self.found: tuple[Snapshot, float] | None = (OLD, 40.0)
        bridge = Bridge(
            name="web",
            source=source,
            checks=(RefuseEmpty(),),
            target=Selector(process="web"),
            reload=SignalReload(number=1),
            proof=Proof(groups=()),
        )
        self.place = Place(
            bridge=bridge, folder=self.mount, validator=self.validator, secrets=("a.b",)
        )

    @property
    def contents(self) -> Contents:
        return Contents({"web": self.place}, lambda _: self.found, clock=self.clock)

    def active(self) -> ActiveContent | None:
        return self.contents.active("web")

    def dry_run(self) -> DryRun:
        return self.contents.dry_run("web")


@pytest.fixture
def stage() -> Stage:
    return Stage(Source(mount="/etc/web"))


def test_nothing_is_active_before_the_first_proof(stage: Stage) -> None:
    stage.found = None
    assert stage.active() is None
    assert stage.dry_run().active is None


def test_what_is_proven_is_active_since_its_proof(stage: Stage) -> None:
    active = stage.active()
    assert active is not None
    assert active.loaded_s == 40.0
    assert active.content.files == OLD.files
    assert active.content.digest == OLD.digest
    assert active.content.secrets == ("a.b",)


@pytest.mark.parametrize(
    ("source", "name", "is_secret"),
    [
        (Source(mount="/etc/web"), "folder /etc/web", False),
        (Source(mount="/etc/web", config_map="ns/web"), "ConfigMap ns/web", False),
        (Source(mount="/etc/web", secret="ns/web"), "Secret ns/web", True),  # noqa: S106  an object
    ],
)
def test_content_tells_where_it_comes_from(source: Source, name: str, *, is_secret: bool) -> None:
    active = Stage(source).active()
    assert active is not None
    assert (active.content.source, active.content.is_secret) == (name, is_secret)


def test_what_is_active_already_is_not_judged_again(stage: Stage) -> None:
    run = stage.dry_run()
    assert run.report is None
    assert run.mounted is not None
    assert run.mounted.digest == OLD.digest
    assert stage.validator.asked == []


@pytest.mark.parametrize("report", [Report(), BAD])
def test_what_is_mounted_is_judged(stage: Stage, report: Report) -> None:
    stage.mount.write(NEW.files)
    stage.validator.script(NEW, report)
    run = stage.dry_run()
    assert run.report == report
    assert run.active is not None
    assert run.mounted is not None
    assert (run.active.digest, run.mounted.digest) == (OLD.digest, NEW.digest)
    assert stage.validator.asked == [NEW.digest]


def test_a_folder_that_cannot_be_read_says_why(stage: Stage) -> None:
    stage.mount.fail_with(SourceError(SourceTrouble.MISSING, "the folder does not exist"))
    run = stage.dry_run()
    assert run.trouble == "the folder does not exist"
    assert run.mounted is None
    assert run.report is None
    assert stage.validator.asked == []


def test_checks_end_when_nobody_waits_any_more(stage: Stage) -> None:
    stage.mount.write(NEW.files)
    stage.place = replace(stage.place, validator=SlowValidator(stage.clock))
    began_s = stage.clock.monotonic()
    run = stage.dry_run()
    assert run.report == Report(
        cannot_run=("the checks took more than 30 s and were stopped: try again",)
    )
    assert stage.clock.monotonic() - began_s == pytest.approx(DRY_RUN_S)
