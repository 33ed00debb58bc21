from __future__ import annotations

from sidecar.core.report import Finding, Report, Severity

ERROR = Finding(check="promtool", message="no such field", file="a.yml", line=3, column=7)
WARNING = Finding(check="schema", message="is deprecated", severity=Severity.WARNING)


def test_a_finding_is_placed_as_exactly_as_is_known() -> None:
    assert str(ERROR) == "a.yml:3:7: no such field"
    assert Finding(check="x", message="m", file="a.yml").place == "a.yml"
    assert str(WARNING) == "is deprecated"


def test_only_errors_reject() -> None:
    report = Report(findings=(WARNING, ERROR))
    assert (report.rejects, report.passes, report.errors) == (True, False, (ERROR,))
    assert (Report(findings=(WARNING,)).rejects, Report(findings=(WARNING,)).passes) == (
        False,
        True,
    )


def test_what_could_not_run_neither_rejects_nor_passes() -> None:
    report = Report(cannot_run=("promtool is not installed",))
    assert (report.rejects, report.passes) == (False, False)
    assert report.summary == "promtool is not installed"


def test_the_summary_is_the_first_error_and_how_many_more() -> None:
    assert Report(findings=(ERROR,)).summary == "a.yml:3:7: no such field"
    assert Report(findings=(ERROR, ERROR)).summary == "a.yml:3:7: no such field (and 1 more)"
    assert Report().summary == "valid"
