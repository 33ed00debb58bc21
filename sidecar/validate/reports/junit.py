"""The report as JUnit XML, for the test view of CI servers.

Written to fit both schemas in use: Jenkins' own, and Ant's, which is the stricter one (all counts,
host and time required, one failure a test case, elements in a fixed order). A file with findings is
one test case, and so is each subject as a whole.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from sidecar.core.report import Severity
from sidecar.validate.reports.human import count
from sidecar.validate.reports.model import CheckReport, Diagnostic, Subject

SUITE = "surehup check"
_NOT_IN_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def write(report: CheckReport, *, timestamp: str, hostname: str) -> str:
    """The whole document. `timestamp` is ISO 8601 in UTC without zone, as Ant's schema has it."""
    cases = [_make_case(subject, report) for subject in _add_orphans(report)]
    cases += [_make_unjudged(reason) for reason in report.unjudged]
    if not cases:
        cases.append(Element("testcase", {"name": "nothing to check", "classname": SUITE}))
    for case in cases:
        case.set("time", "0")
    failures = sum(case.find("failure") is not None for case in cases)
    errors = sum(case.find("error") is not None for case in cases)
    counts = {
        "tests": str(len(cases)),
        "failures": str(failures),
        "errors": str(errors),
        "time": "0",
    }
    root = Element("testsuites", {"name": SUITE, **counts})
    marks = {"id": "0", "package": "surehup", "timestamp": timestamp, "hostname": _clean(hostname)}
    suite = SubElement(root, "testsuite", {"name": SUITE, **marks, **counts})
    SubElement(SubElement(suite, "properties"), "property", {"name": "mode", "value": report.mode})
    suite.extend(cases)
    SubElement(suite, "system-out").text = _clean("\n".join(report.notes))
    SubElement(suite, "system-err").text = _clean("\n".join(report.unjudged))
    indent(root)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{tostring(root, "unicode")}\n'


def _make_case(subject: Subject, report: CheckReport) -> Element:
    path = _clean(subject.path)
    case = Element("testcase", {"name": _clean(subject.title), "classname": path})
    mark = subject.sort_key
    inside = [each for each in report.diagnostics if (each.path, each.resource) == mark]
    failing = [each for each in inside if each.severity is Severity.ERROR]
    others = [each for each in inside if each.severity is not Severity.ERROR]
    if failing:
        more = f" (and {count(len(failing) - 1, 'more error')})" if failing[1:] else ""
        failure = SubElement(
            case,
            "failure",
            {"message": _clean(f"{failing[0].sentence}{more}"), "type": failing[0].rule},
        )
        failure.text = _list(failing)
    if others and not failing:
        SubElement(case, "system-out").text = _list(others)
    elif others:
        case[0].text = f"{case[0].text}\n{_list(others)}"
    return case


def _add_orphans(report: CheckReport) -> list[Subject]:
    """The subjects, and one for each file that was not asked for and has findings all the same."""
    known = {subject.sort_key for subject in report.subjects}
    missing = {(each.path, each.resource) for each in report.diagnostics} - known
    orphans = [Subject(path=path, resource=resource) for path, resource in missing]
    return sorted([*report.subjects, *orphans], key=lambda subject: subject.sort_key)


def _make_unjudged(reason: str) -> Element:
    case = Element("testcase", {"name": _clean(reason), "classname": SUITE})
    SubElement(case, "error", {"message": _clean(reason), "type": "cannot-run"}).text = ""
    return case


def _list(findings: Sequence[Diagnostic]) -> str:
    return _clean(
        "\n".join(
            f"{each.place}: {each.severity}[{each.rule}]: {each.sentence}"
            + (f" ({each.suggestion})" if each.suggestion else "")
            for each in findings
        )
    )


def _clean(text: str) -> str:
    """Without the characters that XML 1.0 cannot spell at all."""
    return _NOT_IN_XML.sub("?", text)
