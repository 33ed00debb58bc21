"""Reads single series out of a Prometheus or OpenMetrics text page.

Only lines that begin with the wanted name are taken apart: a full parse of 3,000 samples takes
some 25 ms, and a look is made every few milliseconds while a reload is confirmed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from sidecar.confirm.trouble import GarbledError

# Quoted text may hold any of `}`, `,` and `#`; possessive, so that no page can make it backtrack.
_SAMPLE = re.compile(
    r"""(?P<name>[a-zA-Z_:][a-zA-Z0-9_:]*)[ \t]*
        (?:\{(?P<labels>(?:[^"}]|"(?:[^"\\]|\\.)*+")*+)\}[ \t]*)?
        (?P<value>[^ \t]+)
        (?:[ \t]+(?P<timestamp>[-+.0-9eE]+))?
        (?:[ \t]+\#(?P<exemplar>.*))?""",
    re.VERBOSE | re.ASCII,
)
_LABEL = re.compile(r'[ \t]*([a-zA-Z_][a-zA-Z0-9_]*)[ \t]*=[ \t]*"((?:[^"\\]|\\.)*+)"[ \t]*(?:,|$)')
_NUMBER = re.compile(
    r"[+-]?(?:inf(?:inity)?|nan|(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?)", re.ASCII | re.IGNORECASE
)
_ESCAPE = re.compile(r"\\(.)")
_BLANKS = b" \t"


@dataclass(frozen=True, slots=True)
class SeriesLine:
    """One sample: its labels, and its value as the page spells it."""

    labels: Mapping[str, str]
    value: str


def find_series(page: bytes, metric: str) -> Iterator[SeriesLine]:
    """Yield the samples of `metric` in the page's order.

    Raises `GarbledError` for a line that begins with the name but is no sample: such a page is
    torn or is not what it seems, and half of it must not decide anything.
    """
    for line in _find_lines(page, metric.encode()):
        parsed = _SAMPLE.fullmatch(line)
        if parsed is None or not _NUMBER.fullmatch(parsed["value"]):
            msg = f"the line of {metric} is no sample, is the page cut off?"
            raise GarbledError(msg)
        yield SeriesLine(_parse_labels(parsed["labels"] or "", metric), parsed["value"])


def _find_lines(page: bytes, name: bytes) -> Iterator[str]:
    """Lines that begin with `name` as a whole word, so not `# HELP name` nor `name_total`."""
    at = page.find(name)
    while at >= 0:
        begin = page.rfind(b"\n", 0, at) + 1
        end = page.find(b"\n", at)
        end = len(page) if end < 0 else end
        after = page[at + len(name) : at + len(name) + 1]
        if after in (b" ", b"\t", b"{") and not page[begin:at].strip(_BLANKS):
            yield page[at:end].strip(b" \t\r").decode("utf-8", "replace")
        at = page.find(name, end)


def _parse_labels(text: str, metric: str) -> dict[str, str]:
    labels: dict[str, str] = {}
    at = 0
    text = text.strip()
    while at < len(text):
        label = _LABEL.match(text, at)
        if label is None:
            msg = f"the labels of {metric} cannot be read, is the page cut off?"
            raise GarbledError(msg)
        labels[label[1]] = _ESCAPE.sub(_unescape, label[2])
        at = label.end()
    return labels


def _unescape(escape: re.Match[str]) -> str:
    return "\n" if escape[1] == "n" else escape[1]
