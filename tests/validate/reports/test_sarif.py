"""SARIF by the rules of its specification (2.1.0), as far as we use it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from sidecar.validate.reports.model import CheckReport
from sidecar.validate.reports.sarif import write
from tests.validate.reports.samples import EVERY, FULL, IN_MANIFEST

SCHEMA = json.loads((Path(__file__).parent / "sarif.schema.json").read_text("utf-8"))


def read_run(report: CheckReport) -> dict[str, Any]:
    document = json.loads(write(report, version="1.2.3", root="/a b"))
    Draft202012Validator(SCHEMA).validate(document)
    run: dict[str, Any] = document["runs"][0]
    return run


@pytest.mark.parametrize("report", EVERY)
def test_every_report_is_valid_and_names_its_rules(report: CheckReport) -> None:
    run = read_run(report)
    rules = [rule["id"] for rule in run["tool"]["driver"]["rules"]]
    assert rules == sorted(set(rules))
    assert len(run["results"]) == len(report.diagnostics)
    for result in run["results"]:
        assert rules[result["ruleIndex"]] == result["ruleId"]


def test_places_levels_and_links() -> None:
    run = read_run(FULL)
    results = {result["ruleId"]: result for result in run["results"]}
    assert run["originalUriBaseIds"] == {"SRCROOT": {"uri": "file:///a%20b/"}}
    assert [result["level"] for result in run["results"]] == ["error", "note", "warning", "error"]
    physical = results["yaml/duplicate-key"]["locations"][0]["physicalLocation"]
    assert physical == {
        "artifactLocation": {"uri": "deploy/cm.yaml", "uriBaseId": "SRCROOT"},
        "region": {"startLine": 12, "startColumn": 7, "snippet": {"text": "      a: 2"}},
    }
    logical = results["yaml/duplicate-key"]["locations"][0]["logicalLocations"]
    assert logical[0]["fullyQualifiedName"] == "ConfigMap mon/app/app.yaml"
    uris = [
        result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
        for result in run["results"]
    ]
    assert uris == ["file:///etc/x.conf", "stdin", "a%20b/%C3%A9.yml", "deploy/cm.yaml"]
    links = {rule["id"]: rule.get("helpUri") for rule in run["tool"]["driver"]["rules"]}
    assert links["yaml/duplicate-key"] == "https://yaml.org/spec/1.2.2/"
    assert run["invocations"][0]["executionSuccessful"] is False


def test_a_line_of_a_value_is_not_shown_as_that_of_the_file() -> None:
    (quoted,) = (result for result in read_run(FULL)["results"] if result["ruleId"] == "PW101")
    region = quoted["locations"][0]["physicalLocation"]["region"]
    assert region == {"startLine": 1, "startColumn": 9}


def test_fingerprints_survive_lines_that_come_and_go() -> None:
    def fingerprint(**changes: object) -> str:
        moved = replace(IN_MANIFEST, **changes)  # type: ignore[arg-type] # any field
        report = CheckReport(mode="lenient", diagnostics=[moved])
        return str(read_run(report)["results"][0]["partialFingerprints"])

    assert fingerprint(line=99) == fingerprint()
    assert fingerprint(key="other") != fingerprint()
