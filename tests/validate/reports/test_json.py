"""The JSON report against its published schema."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from sidecar.validate.reports.as_json import write
from sidecar.validate.reports.model import CheckReport
from tests.validate.reports.samples import EVERY, FULL, GOOD

SCHEMA = json.loads(
    (Path(__file__).parents[3] / "docs" / "check-report.schema.json").read_text("utf-8")
)


def test_the_schema_is_one() -> None:
    Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize("report", EVERY)
def test_every_report_is_valid(report: CheckReport) -> None:
    Draft202012Validator(SCHEMA).validate(json.loads(write(report)))


def test_what_it_says() -> None:
    document = json.loads(write(FULL))
    assert document["good"] is False
    assert document["summary"] == {"files": 4, "errors": 2, "warnings": 1, "infos": 1}
    assert [each["rule"] for each in document["findings"]] == [
        "checker/exit-1",
        "PW101",
        "GC003",
        "yaml/duplicate-key",
    ]
    assert document["findings"][1]["keyLine"] == 4
    assert "line" not in document["findings"][0]
    assert document["unjudged"] == ["mytool is not installed"]
    assert json.loads(write(GOOD))["good"] is True
