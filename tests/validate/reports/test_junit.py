"""JUnit XML by the stricter of the two schemas in use, Ant's, which Jenkins' accepts as well."""

from __future__ import annotations

import re
from xml.etree import ElementTree as ET

import pytest

from sidecar.validate.reports.junit import write
from sidecar.validate.reports.model import CheckReport
from tests.validate.reports.samples import BOTH, EVERY, FULL, NOTHING

SUITE_ATTRIBUTES = {
    "id", "package", "name", "timestamp", "hostname", "tests", "failures", "errors", "time",
}  # fmt: skip
RESULTS = {"skipped", "failure", "error"}


def read(report: CheckReport) -> ET.Element:
    text = write(report, timestamp="2026-01-02T03:04:05", hostname="here")
    return ET.fromstring(text)  # noqa: S314 - our own


@pytest.mark.parametrize("report", EVERY)
def test_the_structure(report: CheckReport) -> None:
    root = read(report)
    assert root.tag == "testsuites"
    (suite,) = root
    assert set(suite.attrib) == SUITE_ATTRIBUTES
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", suite.attrib["timestamp"])
    tags = [child.tag for child in suite]
    cases = suite.findall("testcase")
    assert tags == ["properties", *["testcase"] * len(cases), "system-out", "system-err"]
    for case in cases:
        assert set(case.attrib) == {"name", "classname", "time"}
        assert [child.tag for child in case if child.tag in RESULTS] == [
            child.tag for child in case
        ][:1] or [child.tag for child in case] == ["system-out"]
        for result in case.iterfind("failure"):
            assert set(result.attrib) == {"message", "type"}
    assert int(suite.attrib["tests"]) == len(cases) >= 1
    assert int(suite.attrib["failures"]) == len(suite.findall("testcase/failure"))
    assert int(suite.attrib["errors"]) == len(suite.findall("testcase/error"))


def test_a_case_each_for_files_objects_orphans_and_the_unjudged() -> None:
    suite = read(FULL)[0]
    outcomes = {
        case.attrib["name"]: [child.tag for child in case] for case in suite.findall("testcase")
    }
    assert outcomes == {
        "/etc/x.conf": ["failure"],
        "<stdin> (ConfigMap x)": ["system-out"],
        "a b/é.yml": ["system-out"],
        "deploy/cm.yaml": [],
        "deploy/cm.yaml (ConfigMap mon/app)": ["failure"],
        "good.json": [],
        "mytool is not installed": ["error"],
    }
    assert "a was skipped" in str(suite.findtext("system-out"))


def test_one_failure_tells_all() -> None:
    suite = read(BOTH)[0]
    (failure,) = suite.findall("testcase/failure")
    assert failure.attrib["message"].endswith("(and 2 more errors)")
    assert failure.text is not None
    assert failure.text.count("error[yaml/duplicate-key]") == 3
    assert failure.text.count("warning[yaml/duplicate-key]") == 1


def test_characters_that_xml_cannot_spell_are_replaced() -> None:
    assert '<odd> & ? "strange"' in str(read(FULL).findtext(".//testcase[3]/system-out"))


def test_nothing_to_check_is_a_case_too() -> None:
    assert read(NOTHING)[0].attrib["tests"] == "1"
