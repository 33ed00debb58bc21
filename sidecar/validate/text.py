"""Words for people out of foreign bytes: places, excerpts, output.

Nothing here reads or writes; every check of this room speaks through it, so that all findings look
alike, carry no control characters and show no secret that can be told by its name.
"""

from __future__ import annotations

import re

EXCERPT_CHARS = 160
READ_CHARS = 2000
"""Of a line are looked at: machines write documents of megabytes as one."""

_ESCAPE_SEQUENCE = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|.)")
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
_SECRET = re.compile(
    r"""((?:^|[{,]|\s-)\s*["']?[\w.-]*
        (?:passw|secret|token|api_?key|credential|private_?key|bearer|authorization)
        [\w.-]*["']?\s*[:=]\s*)\S.*""",
    re.IGNORECASE | re.VERBOSE,
)
_USER_IN_URL = re.compile(r"(?<=://)[^/@\s:]+:[^/@\s]+(?=@)")


def clean(text: str) -> str:
    """One line without control characters, escape sequences and secrets known by their name."""
    text = _ESCAPE_SEQUENCE.sub("", text)
    text = _CONTROL.sub("?", text)
    text = _SECRET.sub(r"\1***", text)
    return _USER_IN_URL.sub("***", text)


def cut_line(text: str, line: int) -> str:
    """Line number `line` (from 1) of `text`, as it stands; empty beyond its end."""
    parts = text.split("\n", line)
    return parts[line - 1] if line <= len(parts) else ""


def keep_inside(text: str, line: int, column: int) -> tuple[int, int]:
    """A place (from 1), or the end of `text` for one beyond: where parsers place a missing end."""
    last = text.rstrip().count("\n") + 1
    return (line, column) if line <= last else (last, len(cut_line(text, last)) + 1)


def quote_line(text: str, line: int) -> str:
    """Line number `line` of `text` as an excerpt for people."""
    return shorten(clean(cut_line(text, line)[:READ_CHARS].rstrip()), EXCERPT_CHARS)


def shorten(text: str, chars: int) -> str:
    """Cut `text` to `chars`, saying so."""
    return text if len(text) <= chars else f"{text[: chars - 1]}…"


def find_place(content: bytes, offset: int) -> tuple[int, int]:
    """Line and column, from 1, of a byte; columns count characters as far as they can be told."""
    line = content.count(b"\n", 0, offset) + 1
    start = content.rfind(b"\n", 0, offset) + 1
    return line, len(content[start:offset].decode("utf-8", "replace")) + 1


def last_line(output: str) -> str:
    """The last line that says something."""
    lines = [clean(line).strip() for line in output.splitlines()]
    return shorten(next((line for line in reversed(lines) if line), "no output"), 300)
