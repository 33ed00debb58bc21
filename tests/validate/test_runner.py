"""The cheap checks together, large files in a child, and commands only behind them."""

from __future__ import annotations

import json
from pathlib import Path
from threading import Event

import pytest

from sidecar.core.bridge import Command, Language, RefuseEmpty, Schema, Syntax
from tests.validate.judge import Judge

YAML = Syntax(language=Language.YAML, files=("*.yml", "*.yaml"))
JSON = Syntax(language=Language.JSON, files=("*.json",))
TOML = Syntax(language=Language.TOML, files=("*.toml",))
LARGE = b"a:\n" + b"".join(b"- job: number-%06d\n  labels: {x: y}\n" % n for n in range(4000))
FAILING = Command(argv=("sh", "-c", "echo judged; exit 1"))


def test_no_keys_at_all_are_refused(judge: Judge) -> None:
    [finding] = judge({}, RefuseEmpty()).findings
    assert (finding.check, finding.code, finding.file) == ("empty", "no-keys", "")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b" \n\t\n",
        b"\xef\xbb\xbf",
        b"# gone\n",
        b"---\n",
        b"---\n# x\n---\nnull\n...\n",
        b"~\n",
    ],
)
def test_empty_yaml_is_refused(judge: Judge, content: bytes) -> None:
    report = judge({"a.yml": content, "b.yaml": b"x: 1"}, RefuseEmpty())
    assert [(finding.check, finding.file) for finding in report.errors] == [("empty", "a.yml")]


@pytest.mark.parametrize(
    ("key", "content"),
    [
        ("a.yml", b"x: 1"),
        ("a.yml", b"{}"),
        ("a.yml", b"''\n"),
        ("a.yml", b"# x\n---\n- 1\n"),
        ("a.yml", b"\x07"),
        ("a.conf", b"# comments are content elsewhere\n"),
    ],
)
def test_content_is_not_empty(judge: Judge, key: str, content: bytes) -> None:
    assert judge({key: content}, RefuseEmpty()).passes


def test_emptiness_is_looked_for_among_its_files_only(judge: Judge) -> None:
    assert judge({"a.yml": b"x: 1", "flag": b""}, RefuseEmpty(files=("*.yml",))).passes


def test_all_bad_files_of_all_checks_are_told_in_order(judge: Judge) -> None:
    files = {
        "z.yml": b"a: [",
        "b.yml": b"",
        "a.yml": b"x: *y",
        "c.json": b"{",
        "d.toml": b"=",
        "fine.yml": b"x: 1",
    }
    report = judge(files, RefuseEmpty(), TOML, YAML, JSON, FAILING)
    assert [(finding.check, finding.file) for finding in report.findings] == [
        ("empty", "b.yml"),
        ("toml", "d.toml"),
        ("yaml", "a.yml"),
        ("yaml", "z.yml"),
        ("json", "c.json"),
    ]
    assert report.cannot_run == ()


def test_commands_run_behind_good_cheap_checks_and_all_of_them(judge: Judge) -> None:
    report = judge({"a.yml": b"x: 1"}, FAILING, YAML, Command(argv=("false",)))
    assert [finding.check for finding in report.errors] == ["sh", "false"]


def test_large_files_are_judged_as_small_ones_are(judge: Judge) -> None:
    assert len(LARGE) > 64 << 10
    assert judge({"a.yml": LARGE}, YAML, RefuseEmpty()).passes
    files = {"a.yml": LARGE + b"b: [", "b.yml": b"x: [", "0.yml": b"y: ["}
    report = judge(files, YAML)
    assert [finding.file for finding in report.errors] == ["0.yml", "a.yml", "b.yml"]
    assert report.errors[1].line == 8002
    large = json.dumps({"x": ["y" * 100] * 1000}).encode()
    assert judge({"a.json": large}, JSON).passes
    assert judge({"a.toml": b"x = '" + b"y" * 70_000 + b"'"}, TOML).passes


def _status_kib(name: str) -> int:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(name):
            return int(line.split()[1])
    raise AssertionError(name)


def test_memory_stays_flat_over_large_files(judge: Judge) -> None:
    large = LARGE * 2
    judge({"a.yml": large}, Syntax(language=Language.YAML, files=("*",)))
    before = _status_kib("VmRSS")
    for _ in range(5):
        judge({"a.yml": large}, Syntax(language=Language.YAML, files=("*",)))
    assert _status_kib("VmRSS") - before < 1024


def test_a_schema_is_held_against_in_a_child(judge: Judge, tmp_path: Path) -> None:
    path = tmp_path / "schema.yaml"
    path.write_text("{type: object, required: [jobs]}")
    check = Schema(schema=str(path), files=("*.yml",))
    report = judge({"a.yml": b"{jobs: []}", "b.yml": b"{}", "c.txt": b"x"}, check)
    assert [(finding.check, finding.file) for finding in report.errors] == [("schema", "b.yml")]
    assert judge({"c.txt": b"x"}, check).passes
    path.unlink()
    assert "cannot be read" in judge({"a.yml": b"{}"}, check).summary


def test_a_file_that_cannot_be_parsed_is_told_once(judge: Judge, tmp_path: Path) -> None:
    path = tmp_path / "schema.json"
    path.write_text("{}")
    check = Schema(schema=str(path), files=("*",))
    report = judge({"a.yml": b"[1\n", "b.yml": b"1"}, YAML, check)
    assert [finding.check for finding in report.errors] == ["yaml"]


def test_cancel_before_the_start_runs_nothing(judge: Judge) -> None:
    cancel = Event()
    cancel.set()
    report = judge({"a.yml": b"["}, YAML, FAILING, cancel=cancel)
    assert not report.passes
    assert not report.rejects
