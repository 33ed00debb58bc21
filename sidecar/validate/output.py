"""Reads what a validator printed: the sentence that matters, and the place it speaks of.

Shapes seen: promtool ``KEY: 5:11: text`` and ``line 6: text`` below a line that names the file,
nginx ``text in KEY:3``, haproxy ``[KEY:2] : text``, nats-server ``KEY:1:0: text``, amtool
``'KEY'  FAILED: text``, blackbox_exporter ``err="... line 4: text"``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from sidecar.validate.text import clean, shorten

EXCERPT_LINES = 20
LINE_CHARS = 300

_NOISE = re.compile(
    r"""^(?:ts=)?\d{4}[-/]\d\d[-/]\d\d[T ][\d:.,]+(?:Z|[+-]\d\d:?\d\d)?\s+  # when
        |\d+\#\d+:\s*|\(\d+\)\s*                                            # who, as a number
        |^\s*\[(?:emerg|alert|crit|error|ALERT)\]\s*                        # how bad
    """,
    re.VERBOSE,
)
_LINE = re.compile(r"\bline (\d+)(?:,? col(?:umn)? (\d+))?")
_TROUBLE = re.compile(r"error|fail|fatal|invalid|unknown|panic|cannot|not found", re.IGNORECASE)
_WARNING = re.compile(r"\bwarn(?:ing)?\b", re.IGNORECASE)
_CLOSING = re.compile(r"failed to validate \d+ file|test failed|\(s\) found in|FAILED:\s*$")
_EDGE = " \t[]:,."


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What a program had to say, in one sentence, and where it points (from 1)."""

    message: str
    file: str = ""
    line: int | None = None
    column: int | None = None


def split_output(output: str, *, folder: str) -> list[str]:
    """Lines that say something, cleaned. The candidate's folder falls away, leaving keys."""
    lines = output.replace(f"{folder}/", "").replace(folder, ".").splitlines()
    cleaned = (clean(line).rstrip() for line in lines)
    return [shorten(line, LINE_CHARS) for line in cleaned if line.strip()]


def find_essence(lines: Sequence[str], *, keys: Iterable[str], told: Sequence[str]) -> Said:
    """The first trouble that has a place, else the first trouble, else the last line.

    `told` are the keys that the program was told to check: if it is one, a line number without
    a file means that one.
    """
    mentions = _Mentions(keys)
    default = told[0] if len(told) == 1 else ""
    placed = list(_find_places(lines, mentions, default))
    grave = [said for warns, said in placed if not warns]
    if grave or placed:
        return grave[0] if grave else placed[0][1]
    line = _choose_line(lines)
    return Said(message=_tidy(line.rpartition("FAILED:")[2]), file=mentions.find(line) or default)


class _Mentions:
    """Finds keys in foreign text."""

    def __init__(self, keys: Iterable[str]) -> None:
        longest_first = sorted(keys, key=len, reverse=True)
        names = "|".join(re.escape(key) for key in longest_first) or "(?!)"
        name = rf"(?<![\w./-])({names})(?!\w|[/-]|\.\w)"
        self._name = re.compile(name)
        self._place = re.compile(name + r":\s?(\d+)(?::(\d+))?")

    def find(self, line: str) -> str:
        """The first key that `line` names, or nothing."""
        match = self._name.search(line)
        return match[1] if match else ""

    def find_place(self, line: str) -> re.Match[str] | None:
        """A key followed by numbers: groups are key, line and column."""
        return self._place.search(line)


def _find_places(
    lines: Sequence[str], mentions: _Mentions, default: str
) -> Iterator[tuple[bool, Said]]:
    """What is said of places, and whether it is but a warning."""
    current = default
    for line in lines:
        current = mentions.find(line) or current
        match, numbers = mentions.find_place(line), 2
        if match is None:
            match, numbers = _LINE.search(line), 1
        if match is None:
            continue
        after, before = line[match.end() :].strip(_EDGE), line[: match.start()]
        said = Said(
            message=_tidy(_unquote(after) or before.strip(_EDGE).removesuffix(" in")),
            file=current if numbers == 1 else match[1],
            line=int(match[numbers]) or None,
            column=int(match[numbers + 1] or 0) or None,
        )
        yield bool(_WARNING.search(before)), said


def _choose_line(lines: Sequence[str]) -> str:
    telling = [line for line in lines if not _CLOSING.search(line)]
    for line in telling:
        if _TROUBLE.search(line) and not _WARNING.search(line):
            return line
    return (telling or lines or ["it printed nothing"])[-1]


def _unquote(text: str) -> str:
    """Without quotes around it, nor one left over from a quotation that began before."""
    for quote in "\"'":
        if text.endswith(quote) and (text.startswith(quote) or text.count(quote) % 2):
            return text.removeprefix(quote).removesuffix(quote)
    return text


def _tidy(text: str) -> str:
    """Without times and process numbers, so that the same error reads the same."""
    return _NOISE.sub("", _NOISE.sub("", text)).strip()
