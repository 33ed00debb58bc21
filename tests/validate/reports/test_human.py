"""What people read, to the letter."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sidecar.validate.reports.human import LINE_CHARS, Paint, write
from sidecar.validate.reports.model import CheckReport
from tests.validate.reports.samples import BOTH, FULL, GOOD, IN_MANIFEST, NOTHING, WIDE

GOLDEN = """\
/etc/x.conf: error[checker/exit-1]: checker: refused
      | one
      | two
      | three
      | four

<stdin>:1:9: info[PW101]: ConfigMap x, key prometheus.yml, line 4 of it: 'r' matches no file
    4 | - r
      |   ^

a b/é.yml:2:5: warning[GC003]: <odd> & \x07 "strange"
    2 | \t日a\u0301b
      | \t   ^

deploy/cm.yaml:12:7: error[yaml/duplicate-key]: ConfigMap mon/app, key app.yaml: the key 'a' \
stands twice in one mapping, first on line 10
   12 |       a: 2
      |       ^
  = help: remove one of them
  = see: https://yaml.org/spec/1.2.2/

cannot judge: mytool is not installed
note: a was skipped: it is binary
note: b was skipped: it is binary
2 errors, 1 warning, 1 hint, 1 check could not run (4 files checked)
"""


def test_the_whole_report() -> None:
    assert write(FULL) == GOLDEN


def test_quiet_leaves_errors_and_what_could_not_be_judged() -> None:
    text = write(FULL, quiet=True)
    assert "warning" not in text
    assert "note:" not in text
    assert text.count("error[") == 2
    assert text.endswith("cannot judge: mytool is not installed\n")
    assert write(GOOD, quiet=True) == ""


@pytest.mark.parametrize(
    ("report", "summary"),
    [
        (GOOD, "all good (1 file checked)\n"),
        (NOTHING, "all good (nothing to check)\n"),
        (BOTH, "3 errors, 1 warning (4 files checked)\n"),
    ],
)
def test_the_summary(report: CheckReport, summary: str) -> None:
    assert write(report).endswith(summary)


def test_colours_add_nothing_but_colours() -> None:
    painted = write(FULL, colour=True)
    assert Paint.RED in painted
    for paint in Paint:
        painted = painted.replace(paint, "")
    assert painted == write(FULL)
    warned = CheckReport(mode="lenient", diagnostics=[WIDE])
    assert Paint.YELLOW + "1 warning" in write(warned, colour=True)
    assert Paint.GREEN in write(GOOD, colour=True)


def test_of_a_long_line_the_part_around_the_caret_is_shown() -> None:
    line = "x" * 400 + "HERE" + "y" * 400
    report = CheckReport(
        mode="lenient", diagnostics=[replace(IN_MANIFEST, source=line, column=401)]
    )
    source, caret = write(report).splitlines()[1:3]
    assert source[caret.index("^") :].startswith("HERE")
    assert len(source) < LINE_CHARS + 10
    assert source.startswith("   12 | …")


def test_no_caret_where_the_place_is_masked() -> None:
    masked = replace(IN_MANIFEST, source="password: ***", column=40)
    assert "^" not in write(CheckReport(mode="lenient", diagnostics=[masked]))
    lined = replace(IN_MANIFEST, column=None)
    assert "^" not in write(CheckReport(mode="lenient", diagnostics=[lined]))


def test_what_a_program_says_in_two_lines_is_said_once() -> None:
    short = replace(IN_MANIFEST, source="", output="Checking x\n  FAILED: bad")
    assert "FAILED" not in write(CheckReport(mode="lenient", diagnostics=[short]))
