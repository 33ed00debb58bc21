"""What every validator promises, the real one and the fake one alike."""

from __future__ import annotations

from pathlib import Path
from threading import Event

import pytest

from sidecar.clock import SystemClock
from sidecar.core.bridge import Command, Language, Syntax
from sidecar.core.ports import Validator
from sidecar.core.report import Finding, Report
from sidecar.core.snapshot import Snapshot
from sidecar.testing.validator import FakeValidator
from sidecar.validate.runner import Validators

GOOD = Snapshot.of({"app.yml": b"a: 1\n"})
BAD = Snapshot.of({"app.yml": b"a: [1\n"})
UNJUDGED = Snapshot.of({"app.yml": b"a: 2\n"})
SYNTAX = Syntax(language=Language.YAML, files=("*.yml",))
ABSENT = Command(argv=("surehup-test-absent", "{dir}"))


def _real(folder: Path) -> Validator:
    return Validators(clock=SystemClock(), tell=pytest.fail, scratch_dir=str(folder))


def _fake(_: Path) -> Validator:
    fake = FakeValidator()
    fake.script(BAD, Report(findings=(Finding(check="yaml", file="app.yml", message="broken"),)))
    fake.script(UNJUDGED, Report(cannot_run=("surehup-test-absent is not installed",)))
    return fake


@pytest.fixture(params=[_real, _fake], ids=["real", "fake"])
def validator(request: pytest.FixtureRequest, tmp_path: Path) -> Validator:
    made: Validator = request.param(tmp_path)
    return made


def test_good_content_passes(validator: Validator) -> None:
    report = validator.validate(GOOD, [SYNTAX], Event())
    assert report.passes
    assert not report.rejects


def test_bad_content_is_rejected_with_check_and_file(validator: Validator) -> None:
    report = validator.validate(BAD, [SYNTAX], Event())
    assert report.rejects
    assert not report.passes
    assert [(error.check, error.file) for error in report.errors] == [("yaml", "app.yml")]
    assert report.summary.startswith("app.yml")


def test_a_validator_that_cannot_judge_neither_passes_nor_rejects(validator: Validator) -> None:
    report = validator.validate(UNJUDGED, [SYNTAX, ABSENT], Event())
    assert not report.passes
    assert not report.rejects
    assert "surehup-test-absent" in report.summary


def test_a_cancelled_validation_neither_passes_nor_rejects(validator: Validator) -> None:
    cancel = Event()
    cancel.set()
    for candidate in (GOOD, BAD):
        report = validator.validate(candidate, [SYNTAX], cancel)
        assert not report.passes
        assert not report.rejects


def test_without_checks_everything_passes(validator: Validator) -> None:
    assert validator.validate(BAD, [], Event()).passes


def test_the_same_question_gets_the_same_answer(validator: Validator) -> None:
    first = validator.validate(BAD, [SYNTAX], Event())
    assert validator.validate(BAD, [SYNTAX], Event()) == first


def test_the_fake_plays_its_script_in_order_and_keeps_the_last() -> None:
    fake = FakeValidator(otherwise=Report(cannot_run=("not scripted",)))
    fake.script(GOOD, Report(cannot_run=("first",)), Report())
    reports = [fake.validate(GOOD, [SYNTAX], Event()) for _ in range(3)]
    assert [report.passes for report in reports] == [False, True, True]
    assert fake.validate(BAD, [SYNTAX], Event()).summary == "not scripted"
    assert fake.asked == [GOOD.digest] * 3 + [BAD.digest]
