from __future__ import annotations

from pathlib import Path

import pytest

from charts import generate
from charts.values import find_undocumented, read_values, write_schema, write_table

TEXT = """\
# How many.
# @schema {minimum: 1}
many: 1

group:
  # A word
  # or two.
  word: ""
  bare: []
"""


@pytest.fixture
def values_yaml(tmp_path: Path) -> Path:
    path = tmp_path / "values.yaml"
    path.write_text(TEXT)
    return path


def test_nothing_is_stale(capsys: pytest.CaptureFixture[str]) -> None:
    assert generate.main(["--check"]) == 0, capsys.readouterr().out


def test_stale_file_is_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = generate.ROOT / "README.md"
    monkeypatch.setattr(generate, "make_files", lambda: iter([(path, "other")]))

    assert generate.main(["--check"]) == 1
    assert "README.md is not up to date" in capsys.readouterr().out


def test_values_are_read_with_their_comments(values_yaml: Path) -> None:
    many, group = read_values(values_yaml)

    assert (many.key, many.default, many.text) == ("many", 1, "How many.")
    assert many.laid_over == {"minimum": 1}
    assert [value.text for value in group.inner] == ["A word or two.", ""]
    assert list(find_undocumented([many, group])) == ["group.bare"]


def test_schema_is_strict_but_for_what_parents_hand_down(values_yaml: Path) -> None:
    schema = write_schema(read_values(values_yaml), "x")

    assert '"minimum": 1' in schema
    assert schema.count('"additionalProperties": false') == 2
    assert '"global"' in schema


def test_table_has_a_row_a_value(values_yaml: Path) -> None:
    rows = write_table(read_values(values_yaml)).splitlines()[2:]

    assert rows == [
        "| `many` | `1` | How many. |",
        "| `group.word` |  | A word or two. |",
        "| `group.bare` | `[]` |  |",
    ]
