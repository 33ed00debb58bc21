"""The page of the rules is the table."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

from sidecar.validate.prometheus.page import write_page
from sidecar.validate.prometheus.table import RULES, Family

PAGE = Path(__file__).parents[3] / "docs" / "prometheus-lint.md"


def test_the_page_is_written_from_the_table() -> None:
    assert PAGE.read_text("utf-8") == write_page(), (
        "write it anew: python -m sidecar.validate.prometheus.page > docs/prometheus-lint.md"
    )


@pytest.mark.filterwarnings("ignore:.*found in sys.modules.*:RuntimeWarning")
def test_the_module_prints_it(capsys: pytest.CaptureFixture[str]) -> None:
    runpy.run_module("sidecar.validate.prometheus.page", run_name="__main__")
    assert capsys.readouterr().out == write_page()


def test_codes_are_unique_and_sorted_by_family() -> None:
    codes = [rule.code for rule in RULES]
    assert codes == sorted(set(codes))
    assert {rule.family for rule in RULES} == set(Family)
