"""What may be said of a Secret."""

from __future__ import annotations

import threading

from sidecar.core.bridge import Language, Syntax
from sidecar.core.report import Finding, Report, Severity
from sidecar.core.snapshot import Snapshot
from sidecar.testing.validator import FakeValidator
from sidecar.validate.discreet import DiscreetValidator

PASSWORD = "hunter2"  # noqa: S105  the one that nobody may read
CHECK = Syntax(language=Language.YAML, files=("*",))
CANDIDATE = Snapshot.of({"web.yml": b"pass: hunter2"})


def judge(report: Report) -> Report:
    fake = FakeValidator(report)
    return DiscreetValidator(fake).validate(CANDIDATE, (CHECK,), threading.Event())


def test_who_refuses_it_and_where_is_told_and_nothing_that_was_said() -> None:
    finding = Finding(
        check="promtool",
        message=f"unknown field {PASSWORD}",
        file="web.yml",
        line=3,
        code="exit-1",
        suggestion=f"not {PASSWORD}",
        excerpt=f"pass: {PASSWORD}",
    )
    report = judge(Report(findings=(finding,)))
    assert report.rejects
    assert PASSWORD not in repr(report)
    assert report.summary.startswith("web.yml:3: promtool refuses it; ")
    assert report.errors[0].code == "exit-1"


def test_a_remark_stays_a_remark() -> None:
    remark = Finding(check="lint", message=PASSWORD, severity=Severity.WARNING)
    report = judge(Report(findings=(remark,), cannot_run=("jq is not installed",)))
    assert not report.rejects
    assert report.findings[0].message.startswith("lint has a remark; ")
    assert report.cannot_run == ("jq is not installed",)
