"""Checks JSON as RFC 8259 has it: what Python adds (NaN, duplicate keys) is refused."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from itertools import islice

import yaml

from sidecar.core.report import Finding
from sidecar.validate.decode import NotTextError, decode
from sidecar.validate.text import clean, find_place, keep_inside, quote_line, shorten
from sidecar.validate.yaml_syntax import MOST_FINDINGS, walk

CHECK = "json"
BYTE_ORDER_MARK = "\ufeff"
_NO_NUMBER = re.compile(r'"(?:[^"\\]|\\.)*"|(NaN|-?Infinity)')


def check_json(key: str, content: bytes) -> list[Finding]:
    """All that is wrong with the JSON of `key`: one grammar error, or the first duplicate keys."""
    try:
        text = decode(CHECK, key, content)
    except NotTextError as error:
        return [error.finding]
    if text.startswith(BYTE_ORDER_MARK):
        message = "begins with a byte order mark, which most JSON parsers refuse: save without it"
        return [Finding(check=CHECK, code="encoding", file=key, line=1, column=1, message=message)]
    if not text.strip():
        return [Finding(check=CHECK, code="syntax", file=key, message="is empty, so no JSON")]
    return list(_parse(key, text))


def _parse(key: str, text: str) -> Iterator[Finding]:
    duplicates: list[str] = []

    def note_duplicates(pairs: list[tuple[str, object]]) -> None:
        counts = Counter(name for name, _ in pairs)
        duplicates.extend(name for name, count in counts.items() if count > 1)

    try:
        json.loads(
            text,
            object_pairs_hook=note_duplicates,
            parse_constant=_refuse_constant,
            parse_int=len,
            parse_float=len,
        )
    except json.JSONDecodeError as error:
        message = f"not valid JSON: {error.msg[:1].lower()}{error.msg[1:]}"
        yield _find(key, text, "syntax", message, (error.lineno, error.colno))
    except _NoNumberError as error:
        message = f"not valid JSON: {error} is no number in JSON"
        yield _find(key, text, "number", message, _place_constant(text))
    except RecursionError:
        yield _find(key, text, "depth", "is nested too deeply for most parsers", None)
    if duplicates:
        yield from islice(_place_duplicates(key, text, duplicates), MOST_FINDINGS)


class _NoNumberError(Exception):
    """Python's json would take this for a number."""


def _refuse_constant(name: str) -> None:
    raise _NoNumberError(name)


def _place_constant(text: str) -> tuple[int, int] | None:
    for match in _NO_NUMBER.finditer(text):
        if match[1]:
            content = text[: match.start()].encode()
            return find_place(content, len(content))
    return None


def _place_duplicates(key: str, text: str, names: list[str]) -> Iterator[Finding]:
    """Every duplicate with its place: JSON is nearly YAML, whose parser knows places."""
    try:
        all_faults = (fault for fault in walk(text.encode()) if fault.code == "duplicate-key")
        faults = list(islice(all_faults, MOST_FINDINGS))
    except yaml.YAMLError:
        faults = []
    for fault in faults:
        place = (fault.line + 1, fault.column + 1)
        yield _find(key, text, "duplicate-key", fault.message, place)
    if not faults:
        for name in names:
            message = f"the key {shorten(clean(name), 80)!r} stands twice in one object"
            yield _find(key, text, "duplicate-key", message, None)


def _find(key: str, text: str, code: str, message: str, place: tuple[int, int] | None) -> Finding:
    if place is None:
        return Finding(check=CHECK, code=code, file=key, message=message)
    line, column = keep_inside(text, *place)
    return Finding(
        check=CHECK,
        code=code,
        file=key,
        line=line,
        column=column,
        message=message,
        excerpt=quote_line(text, line),
    )
