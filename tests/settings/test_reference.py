from __future__ import annotations

import re
import runpy
import sys
from pathlib import Path

import pytest

from sidecar.settings.flags import CONFIG, FLAGS
from sidecar.settings.model import FileShape
from sidecar.settings.reference import render_reference

PAGE = Path(__file__).parents[2] / "docs" / "settings.md"


def test_the_page_is_what_the_program_does() -> None:
    assert PAGE.read_text("utf-8") == render_reference(), (
        "write it anew: python -m sidecar.settings.reference > docs/settings.md"
    )


def test_the_module_writes_the_page(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(sys.modules, "sidecar.settings.reference")
    runpy.run_module("sidecar.settings.reference", run_name="__main__")
    assert capsys.readouterr().out == render_reference()


def test_every_flag_and_every_field_is_on_the_page() -> None:
    page = render_reference()
    for flag in (*FLAGS, CONFIG):
        assert f"`{flag.variable}`" in page
    schema = FileShape.model_json_schema()
    for model in (schema, *schema["$defs"].values()):
        for field in model.get("properties", {}):
            assert f"| `{field}` |" in page, field


def test_every_table_is_well_formed() -> None:
    for line in render_reference().splitlines():
        if line.startswith("|"):
            cells = re.split(r"(?<!\\)\|", line)
            assert len(cells) in {5, 6}, line
            assert "None" not in line
