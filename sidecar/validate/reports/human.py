"""Findings as a compiler prints them: place, severity, code, sentence, the line and a caret."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from enum import StrEnum

from sidecar.core.report import Severity
from sidecar.validate.reports.model import CheckReport, Diagnostic
from sidecar.validate.text import shorten

LINE_CHARS = 160
OUTPUT_LINES = 6
SHORT_OUTPUT_LINES = 2
"""What a program says in this many lines, the message says already."""


class Paint(StrEnum):
    """Escape sequences, as ECMA-48 has them."""

    BOLD = "\x1b[1m"
    RED = "\x1b[1;31m"
    YELLOW = "\x1b[1;33m"
    BLUE = "\x1b[1;34m"
    GREEN = "\x1b[1;32m"
    OFF = "\x1b[0m"


_PAINTS = {Severity.ERROR: Paint.RED, Severity.WARNING: Paint.YELLOW, Severity.INFO: Paint.BLUE}


def write(report: CheckReport, *, colour: bool = False, quiet: bool = False) -> str:
    """The whole text; `quiet` leaves only errors and what could not be judged."""
    blocks = [
        _write_diagnostic(each, colour=colour)
        for each in report.diagnostics
        if not quiet or each.severity is Severity.ERROR
    ]
    lines = [f"cannot judge: {reason}" for reason in report.unjudged]
    if not quiet:
        lines += [f"note: {note}" for note in report.notes]
        lines.append(_paint(summarise(report), _tone(report), colour=colour))
    blocks.append("".join(f"{line}\n" for line in lines))
    return "\n".join(block for block in blocks if block)


def _tone(report: CheckReport) -> Paint:
    if not report.is_good:
        return Paint.RED
    return Paint.YELLOW if report.counts[Severity.WARNING] else Paint.GREEN


def _paint(text: str, paint: Paint, *, colour: bool) -> str:
    return f"{paint}{text}{Paint.OFF}" if colour else text


def summarise(report: CheckReport) -> str:
    """One line: what was found in how much."""
    files = count(report.files, "file")
    words = ((Severity.ERROR, "error"), (Severity.WARNING, "warning"), (Severity.INFO, "hint"))
    found = [count(report.counts[kind], word) for kind, word in words if report.counts[kind]]
    checked = f"{files} checked" if report.subjects else "nothing to check"
    if report.unjudged:
        found.append(f"{count(len(report.unjudged), 'check')} could not run")
    return f"{', '.join(found) or 'all good'} ({checked})"


def count(number: int, word: str) -> str:
    """``1 file``, ``2 files``."""
    return f"{number} {word}{'' if number == 1 else 's'}"


def _write_diagnostic(each: Diagnostic, *, colour: bool) -> str:
    place = _paint(f"{each.place}:", Paint.BOLD, colour=colour)
    weight = _paint(f"{each.severity}[{each.rule}]:", _PAINTS[each.severity], colour=colour)
    lines = [f"{place} {weight} {each.sentence}", *_draw(each, colour=colour)]
    if each.suggestion:
        lines.append(f"  = help: {each.suggestion}")
    if each.link:
        lines.append(f"  = see: {each.link}")
    return "".join(f"{line}\n" for line in lines)


def _draw(each: Diagnostic, *, colour: bool) -> Iterator[str]:
    """The line with a caret below; of a program without a place, the end of what it printed."""
    line, column = (each.key_line, each.key_column) if each.key_line else (each.line, each.column)
    if each.source and line:
        number = f"{line:>5}"
        source, column = _window(each.source.rstrip(), column)
        yield f"{_paint(f'{number} |', Paint.BLUE, colour=colour)} {source}".rstrip()
        if column is not None:
            bar = _paint(f"{' ' * len(number)} |", Paint.BLUE, colour=colour)
            caret = _paint("^", _PAINTS[each.severity], colour=colour)
            yield f"{bar} {_pad(source[: column - 1])}{caret}"
    elif each.output.count("\n") >= SHORT_OUTPUT_LINES:
        for said in each.output.splitlines()[-OUTPUT_LINES:]:
            yield f"      | {said}"


def _window(source: str, column: int | None) -> tuple[str, int | None]:
    """A part of a long line around the caret, and the caret's column in it."""
    if column is not None and column > len(source) + 1:
        column = None  # what stood there is masked
    start = 0
    if column is not None and column > LINE_CHARS - 20:
        start = column - LINE_CHARS // 2
    shown = shorten(source[start:], LINE_CHARS)
    return (f"…{shown[1:]}" if start else shown), (column - start if column is not None else None)


def _pad(text: str) -> str:
    """Blanks as wide as `text`: tabs stay, wide characters take two, combining ones none."""
    return "".join(
        character
        if character == "\t"
        else " " * (2 if unicodedata.east_asian_width(character) in "WF" else 1)
        for character in text
        if not unicodedata.combining(character)
    )
