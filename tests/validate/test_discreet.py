"""What may be said of a Secret, and of a secret in a ConfigMap."""

from __future__ import annotations

import threading
from collections.abc import Sequence

from sidecar.core.bridge import Language, Syntax
from sidecar.core.errors import SurehupError
from sidecar.core.report import Finding, Report, Severity
from sidecar.core.snapshot import Snapshot
from sidecar.testing.validator import FakeValidator
from sidecar.validate.discreet import DiscreetValidator

PASSWORD = "hunter2"  # noqa: S105  the one that nobody may read
CHECK = Syntax(language=Language.YAML, files=("*",))
CANDIDATE = Snapshot.of({"web.yml": b"pass: hunter2"})
FINDING = Finding(
    check="promtool",
    message=f"unknown field {PASSWORD}",
    file="web.yml",
    line=3,
    code="exit-1",
    suggestion=f"not {PASSWORD}",
    excerpt=f"pass: {PASSWORD}",
)
REMARK = Finding(check="lint", message=PASSWORD, severity=Severity.WARNING)
BOTH = Report(findings=(FINDING, REMARK), cannot_run=(f"jq ended with {PASSWORD}",))


def clean(words: Sequence[str], content: Snapshot) -> Sequence[str]:
    assert content == CANDIDATE
    return [word.replace(PASSWORD, "<secret>") for word in words]


def fail(_words: Sequence[str], _content: Snapshot) -> Sequence[str]:
    reason = "the child took more than 20 s"
    raise SurehupError(reason)


def judge(report: Report, *, is_secret: bool = False, broken: bool = False) -> Report:
    validator = DiscreetValidator(
        FakeValidator(report), fail if broken else clean, is_secret=is_secret
    )
    judged = validator.validate(CANDIDATE, (CHECK,), threading.Event())
    assert PASSWORD not in repr(judged)
    assert [(one.check, one.severity, one.place, one.code) for one in judged.findings] == [
        (one.check, one.severity, one.place, one.code) for one in report.findings
    ]
    return judged


def test_of_a_secret_who_refuses_it_and_where_is_told_and_nothing_that_was_said() -> None:
    error, remark = (judged := judge(BOTH, is_secret=True)).findings
    assert judged.rejects
    assert judged.summary.startswith("web.yml:3: promtool refuses it; its words are kept back")
    assert (error.suggestion, error.excerpt) == ("", "")
    assert remark.message.startswith("lint has a remark; ")
    assert judged.cannot_run == ("jq ended with <secret>",)


def test_of_a_config_map_all_is_told_but_its_secrets() -> None:
    error, remark = (judged := judge(BOTH)).findings
    assert (error.message, error.suggestion) == ("unknown field <secret>", "not <secret>")
    assert error.excerpt == ""
    assert remark.message == "<secret>"
    assert judged.cannot_run == ("jq ended with <secret>",)


def test_what_cannot_be_cleaned_is_kept_back() -> None:
    error, remark = (judged := judge(BOTH, broken=True)).findings
    assert error.message.startswith("promtool refuses it; its words are kept back")
    assert remark.message.startswith("lint has a remark; its words are kept back")
    assert judged.cannot_run == ("a check could not judge: the child took more than 20 s",)


def test_where_nothing_is_said_nothing_is_cleaned() -> None:
    assert judge(Report(), broken=True) == Report()


def test_what_is_said_of_a_secret_needs_no_cleaning() -> None:
    """Its own words might stand in the Secret, too."""

    def mask_all(words: Sequence[str], _content: Snapshot) -> Sequence[str]:
        return ["<secret>" for _ in words]

    report = Report(findings=(FINDING,), cannot_run=("jq is not installed",))
    validator = DiscreetValidator(FakeValidator(report), mask_all, is_secret=True)
    judged = validator.validate(CANDIDATE, (CHECK,), threading.Event())
    assert judged.summary.startswith("web.yml:3: promtool refuses it; its words are kept back")
    assert judged.cannot_run == ("<secret>",)
