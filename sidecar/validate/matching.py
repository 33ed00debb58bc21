"""Matches the user's regular expressions with what a program printed, and comes back in any case.

Python's matcher may try for longer than anybody waits, and holds up every other thread meanwhile:
28 s for a pattern of file, line and text on 64 KiB of short lines without a colon (measured). So
what could backtrack is matched in a child process, which can be ended.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import asdict, replace

from sidecar.core.bridge import Command
from sidecar.core.ports import Cancel, Clock
from sidecar.core.report import Finding, Report
from sidecar.validate.child import Task, run_in_child
from sidecar.validate.job import CannotJudgeError, Files, Options
from sidecar.validate.mapping import Printed, compile_pattern, map_output
from sidecar.validate.process import Bounds

BOUNDS = Bounds(timeout_s=5.0, memory_bytes=256 << 20)
"""What fits takes milliseconds: output has 64 KiB at most."""

_OUTPUT = "output"
_REPEATS = frozenset("*+?{")


def map_by_pattern(
    check: Command, name: str, printed: Printed, *, clock: Clock, cancel: Cancel
) -> tuple[Finding, ...]:
    """The findings that the command's pattern finds.

    Raises:
        CannotJudgeError: it is no regular expression, or comes to no end.
    """
    compile_pattern(check.pattern)
    files = {_OUTPUT: printed.output.encode()}
    options = asdict(replace(printed, output="", keys=list(printed.keys)))
    task = Task(
        job="sidecar.validate.matching:map_job",
        what="the match",
        options={"name": name, "pattern": check.pattern, "printed": options},
        bounds=BOUNDS,
    )
    report = run_in_child(task, files, clock=clock, cancel=cancel)
    _refuse_endless(report, f"has the pattern {check.pattern!r}")
    return report.findings


def matches(pattern: str, output: str, *, clock: Clock, cancel: Cancel) -> bool:
    """Whether `pattern` is found in `output`.

    Raises:
        CannotJudgeError: it is no regular expression, or comes to no end.
    """
    try:
        expression = re.compile(pattern)
    except re.error as error:
        message = f"is to print {pattern!r}, which is no regular expression ({error}): correct it"
        raise CannotJudgeError(message) from error
    if not _REPEATS & set(pattern):
        return expression.search(output) is not None
    task = Task(
        job="sidecar.validate.matching:search_job",
        what="the match",
        options={"pattern": pattern},
        bounds=BOUNDS,
    )
    report = run_in_child(task, {_OUTPUT: output.encode()}, clock=clock, cancel=cancel)
    _refuse_endless(report, f"is to print {pattern!r}")
    return bool(report.findings)


def _refuse_endless(report: Report, said: str) -> None:
    if report.cannot_run:
        why = report.cannot_run[0].partition(":")[0]
        message = f"{said}, and {why} when it was held against its output: write a simpler one"
        raise CannotJudgeError(message)


def map_job(files: Files, options: Options) -> Iterator[Finding]:
    """`map_by_pattern` inside of the child."""
    printed = options["printed"]
    if not isinstance(printed, dict):
        raise TypeError(type(printed).__name__)
    told = Printed(**{**printed, "output": files[_OUTPUT].decode()})
    check = Command(argv=(), pattern=str(options["pattern"]))
    return map_output(check, str(options["name"]), told)


def search_job(files: Files, options: Options) -> Iterator[Finding]:
    """`matches` inside of the child: one finding says yes."""
    if re.search(str(options["pattern"]), files[_OUTPUT].decode()):
        yield Finding(check="match", message="found")
