"""Files held against a JSON Schema, in this process: what is said, and where it points."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sidecar.core.report import Finding
from sidecar.validate.job import CannotJudgeError
from sidecar.validate.places import find_places, read_documents
from sidecar.validate.schema import hold_against_schema


def _hold(files: dict[str, bytes], schema: str) -> list[Finding]:
    return list(hold_against_schema(files, {"schema": schema}))


@pytest.fixture
def schema(tmp_path: Path) -> str:
    path = tmp_path / "schema.json"
    path.write_text(
        json.dumps(
            {
                "$schema": "http://json-schema.org/draft-07/schema#",
                "type": "object",
                "required": ["jobs"],
                "additionalProperties": False,
                "properties": {
                    "jobs": {"type": "array", "items": {"$ref": "#/definitions/job"}},
                    "since": {"type": "string"},
                },
                "definitions": {
                    "job": {
                        "type": "object",
                        "required": ["name"],
                        "properties": {
                            "name": {"type": "string", "pattern": "^[a-z]+$"},
                            "port": {"anyOf": [{"type": "integer"}, {"enum": ["auto"]}]},
                            "mode": {"const": "on-demand"},
                        },
                    },
                },
            }
        )
    )
    return str(path)


def test_a_schema_places_its_findings(schema: str) -> None:
    content = b"""since: 2024-01-01
jobs:
- name: good
  port: auto
- port: 80
- name: S3CRET
  mode: other
extra: 1
"""
    findings = _hold({"a.yml": content}, schema)
    assert {(finding.line, finding.code) for finding in findings} == {
        (5, "required"),
        (6, "pattern"),
        (7, "const"),
        (8, "additionalProperties"),
    }
    assert all(finding.check == "schema" for finding in findings)
    texts = " ".join(finding.message for finding in findings)
    assert "jobs[1] lacks 'name'" in texts
    assert "unknown field 'extra'" in texts
    assert "S3CRET" not in texts


def test_a_schema_judges_json_toml_aliases_and_merges(schema: str) -> None:
    files = {
        "a.json": b'{\n "jobs": [\n  {"name": 5}]}',
        "b.toml": b"jobs = 1\nsince = 2024-01-01\n",
        "c.yml": b"jobs:\n- &j {name: x, port: 1}\n- {<<: *j, port: auto}\n- {<<: [*j], name: y}\n",
        "d.yml": b"jobs: []\n---\njobs: {}\n---\n",
        "e.yml": b"[1\n",
        "f.yml": b"- 1\n",
    }
    findings = _hold(files, schema)
    assert [(finding.file, finding.line, finding.code) for finding in findings] == [
        ("a.json", 3, "type"),
        ("b.toml", None, "type"),
        ("d.yml", 3, "type"),
        ("e.yml", 1, "syntax"),
        ("f.yml", 1, "type"),
    ]
    assert findings[0].message == "jobs[0].name must be of type string, but is a number"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "cannot be read (No such file or directory)"),
        ("{", "cannot be parsed"),
        ('{"type": "nonsense"}', "is no JSON Schema"),
        ('{"$schema": "https://example.test/own"}', "unknown dialect"),
        ('{"$ref": "http://127.0.0.1:9/x.json"}', "nothing is fetched"),
    ],
)
def test_a_schema_that_is_none_blames_nobody(
    tmp_path: Path, content: str | None, words: str
) -> None:
    path = tmp_path / "schema.json"
    if content is not None:
        path.write_text(content)
    with pytest.raises(CannotJudgeError) as caught:
        _hold({"a.yml": b"x: 1"}, str(path))
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("rule", "content", "message"),
    [
        ({"type": ["string", "null"]}, b"[]", "must be of type string or null, but is a list"),
        ({"type": "string"}, b"a: 1", "must be of type string, but is an object"),
        ({"enum": ["a", 1]}, b"b", 'must be one of ["a", 1]'),
        ({"minimum": 5}, b"4", "breaks the schema's rule minimum: 5"),
        ({"maxItems": 1}, b"[1, 2]", "breaks the schema's rule maxItems: 1"),
        (
            {"additionalProperties": {"type": "null"}},
            b"{a: 0.5}",
            "a must be of type null, but is a number",
        ),
        ({"patternProperties": {"^x": {}}, "additionalProperties": False}, b"{y: 1, x: 1}", "'y'"),
        (
            {
                "properties": {
                    "p": {"anyOf": [{"type": "null"}, {"properties": {"q": {"const": 1}}}]}
                }
            },
            b"p: {q: 2}",
            "p.q must be 1",
        ),
        (False, b"1", "breaks the schema's rule"),
    ],
)
def test_rules_in_words(tmp_path: Path, rule: object, content: bytes, message: str) -> None:
    path = tmp_path / "schema.json"
    path.write_text(json.dumps(rule))
    [finding] = _hold({"a.yml": content}, str(path))
    assert message in finding.message
    assert finding.line == 1


@pytest.mark.parametrize(
    ("content", "value"),
    [
        (b"!!int x", "x"),
        (b"!own {a: 2024-01-01, 1: yes, null: ~}", {"a": "2024-01-01", "1": True, "null": None}),
        (b"{? [a, {b: c}] : 1, !!bool x: !!bool y}", {"?": 1, "x": "y"}),
        (b"a: &x {k: 1}\nb: {<<: *x}\nc: {<<: [*x, 1], k: 2}", None),
    ],
)
def test_yaml_values_are_those_of_json(content: bytes, value: object) -> None:
    expected = value or {"a": {"k": 1}, "b": {"k": 1}, "c": {"k": 2}}
    assert read_documents(content) == [(0, expected)]


def test_empty_documents_count_only_alone() -> None:
    assert read_documents(b"---\n---\na\n---\n") == [(1, "a")]
    assert read_documents(b"---\n") == [(0, None)]
    assert read_documents(b"") == []


def test_places_of_what_is_not_there_are_those_around_it() -> None:
    content = b"x\n---\na:\n  b: [1,\n   2]\n  ? {k: [v]}\n  : *z\n"
    places = {
        (1, "a", "b", 1): (5, 4),
        (1, "a", "c"): (3, 1),
        (1, "a", "b", 1, "x"): (5, 4),
        (1, "a", "?"): (6, 5),
        (0, "y"): (1, 1),
        (7, "y"): (1, 1),
    }
    assert find_places(content, places) == places


def test_json_that_is_no_yaml_is_judged_without_places(tmp_path: Path) -> None:
    path = tmp_path / "schema.json"
    path.write_text('{"type": "null"}')
    [finding] = _hold({"a.json": b'{"\\ud83d\\ude00": 1}'}, str(path))
    assert finding.place == "a.json"


def test_deep_json_is_a_finding(tmp_path: Path) -> None:
    path = tmp_path / "schema.json"
    path.write_text('{"$ref": "#/$defs/d", "$defs": {"d": {"items": {"$ref": "#/$defs/d"}}}}')
    deep = b"[" * 400 + b"]" * 400
    [finding] = _hold({"a.json": deep}, str(path))
    assert finding.code == "depth"
