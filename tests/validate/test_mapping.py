"""Third-party validators: their JSON or their lines become findings."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from sidecar.core.bridge import Command, Output
from sidecar.core.report import Severity
from sidecar.validate import matching
from sidecar.validate.process import Bounds
from tests.validate.judge import Judge

FILES = {"a.yml": b"a: b\n", "d/b.yml": b"c: d\n"}
PATTERN = (
    r"^(?P<file>[^:\n]+):(?P<line>\d+):(?P<column>\d+): "
    r"\[(?P<severity>\w+)\] (?P<message>.*?)(?: \((?P<code>[\w-]+)\))?$"
)


def printing(
    text: str, code: int = 0, *, output: Output = Output.TEXT, pattern: str = ""
) -> Command:
    """A program that prints `text`, in which ``{dir}`` is the candidate's folder."""
    return Command(
        argv=("sh", "-c", 'printf "%s\n" "$1"; exit "$2"', "sh", text, str(code)),
        output=output,
        pattern=pattern,
    )


def test_lines_by_a_pattern(judge: Judge) -> None:
    text = (
        "{dir}/a.yml:3:5: [error] too many spaces (indentation)\n"
        "./d/b.yml:1:1: [warning] missing start (document-start)\n"
        "other words"
    )
    report = judge(FILES, printing(text, 1, pattern=PATTERN))
    first, second = report.findings
    assert (first.place, first.severity, first.code) == ("a.yml:3:5", Severity.ERROR, "indentation")
    assert first.message == "sh: too many spaces"
    assert (second.place, second.severity) == ("d/b.yml:1:1", Severity.WARNING)


ENDLESS = r"(?P<message>(a+)+b)"


@pytest.mark.parametrize(
    ("check", "said"),
    [
        (printing("a" * 60, pattern=ENDLESS), f"has the pattern {ENDLESS!r}"),
        (replace(printing("a" * 60), must_match=ENDLESS), f"is to print {ENDLESS!r}"),
    ],
)
def test_a_pattern_without_end_is_told_in_time(
    judge: Judge, monkeypatch: pytest.MonkeyPatch, check: Command, said: str
) -> None:
    monkeypatch.setattr(matching, "BOUNDS", Bounds(timeout_s=0.5, memory_bytes=256 << 20))
    (reason,) = judge(FILES, check).cannot_run
    assert reason == (
        f"sh {said}, and the match did not finish within 0.5 s and was stopped when it was held "
        "against its output: write a simpler one"
    )


@pytest.mark.parametrize("text", ["a\\n" * 30_000, "error: " * 9_000, "x" * 60_000])
def test_usual_patterns_come_to_an_end_on_any_output(judge: Judge, text: str) -> None:
    for pattern in (PATTERN, r"(?P<severity>error): (?P<message>.+) in (?P<file>\S+)"):
        check = printing(text, pattern=pattern)
        check = replace(check, argv=("sh", "-c", f"printf '{text}'"), must_match=r"\w+.*")
        assert judge(FILES, check).passes


def test_a_pattern_sees_lines_one_by_one(judge: Judge) -> None:
    check = printing("bad one\nworse two", 1, pattern=r"^(?P<severity>\w+) (?P<message>.+)$")
    assert [each.message for each in judge(FILES, check).findings][:2] == ["sh: one", "sh: two"]


@pytest.mark.parametrize(
    "document",
    [
        [{"path": "{dir}/a.yml", "line": 3, "column": 5, "level": "error", "message": "bad"}],
        {
            "results": [
                {"filename": "a.yml", "lineNumber": 3, "col": "5", "type": "ERR", "msg": "bad"}
            ]
        },
        {
            "files": 1,
            "file": "a.yml",
            "errors": [{"location": {"line": 3, "column": 5}, "text": "bad"}],
        },
        {
            "a": 0,
            "findings": [{"file": "/x/a.yml", "start": {"row": 3, "col": 5}, "reason": "bad"}],
        },
    ],
)
def test_json_of_many_shapes(judge: Judge, document: object) -> None:
    report = judge(FILES, printing(json.dumps(document), 1, output=Output.JSON))
    (finding,) = report.findings
    assert (finding.place, finding.severity) == ("a.yml:3:5", Severity.ERROR)
    assert finding.message == "sh: bad"


def test_json_a_line_and_words_around_it(judge: Judge) -> None:
    text = 'hello\n{"message": "one", "severity": "info"}\n{"message": "two"}\n{broken'
    report = judge(FILES, printing(text, output=Output.JSON))
    assert [each.message for each in report.findings] == ["sh: one", "sh: two"]
    assert [each.severity for each in report.findings] == [Severity.INFO, Severity.WARNING]
    assert report.passes


def test_plain_texts_in_a_list(judge: Judge) -> None:
    text = json.dumps({"errors": ["one", "two"], "nothing": [3]})
    report = judge(FILES, printing(text, 2, output=Output.JSON))
    assert [each.message for each in report.errors] == ["sh: one", "sh: two"]


def test_a_program_that_rejects_and_maps_only_warnings_still_rejects(judge: Judge) -> None:
    text = "a.yml:1:1: [warning] hm\nfatal: no"
    report = judge(FILES, printing(text, 1, pattern=PATTERN))
    assert [each.severity for each in report.findings] == [Severity.WARNING, Severity.ERROR]
    assert report.errors[0].code == "exit-1"


def test_no_output_at_all_is_good_where_the_exit_code_is(judge: Judge) -> None:
    assert judge(FILES, Command(argv=("true",), output=Output.JSON)).findings == ()
    assert judge(FILES, Command(argv=("false",), output=Output.JSON)).errors


def test_words_instead_of_json_cannot_be_judged(judge: Judge) -> None:
    report = judge(FILES, printing("all fine", output=Output.JSON))
    assert report.findings == ()
    assert "printed something else" in report.cannot_run[0]
    assert judge(FILES, printing("broken", 1, output=Output.JSON)).errors


def test_a_broken_pattern_cannot_be_judged(judge: Judge) -> None:
    report = judge(FILES, printing("x", pattern="("))
    assert "no regular expression" in report.cannot_run[0]


def test_files_and_numbers_that_mean_nothing(judge: Judge) -> None:
    entries = [
        {"file": "/elsewhere/z.yml", "line": -1, "message": "one"},
        {"file": "b.yml", "line": "12345678901", "message": " \n "},
    ]
    command = printing(json.dumps(entries), 1, output=Output.JSON)
    first, second = judge(FILES, command).findings
    assert (first.file, first.line) == ("", None)
    assert (second.file, second.line, second.message) == ("d/b.yml", None, "sh: said nothing")


def test_what_was_told_is_what_is_meant(judge: Judge) -> None:
    argv = ("sh", "-c", "echo 'line 2: bad'; exit 1", "sh", "{file:a.yml}")
    pattern = r"line (?P<line>\d+): (?P<message>.*)"
    (finding,) = judge(FILES, Command(argv=argv, pattern=pattern)).findings
    assert (finding.place, finding.message) == ("a.yml:2", "sh: bad")
