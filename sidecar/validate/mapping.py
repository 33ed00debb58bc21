"""Maps what a third-party validator printed to findings: JSON of many shapes, lines by a pattern.

Where neither is asked for, `output` picks the one sentence that matters.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import PurePath

from sidecar.core.bridge import Command, Output
from sidecar.core.report import Finding, Severity
from sidecar.validate.job import CannotJudgeError
from sidecar.validate.text import clean, shorten

MOST_FINDINGS = 200
MESSAGE_CHARS = 300
MOST_LINE_CHARS = 2000
MOST_DIGITS = 9

_NAMES = {
    "file": ("file", "path", "filename", "filepath", "uri"),
    "line": ("line", "linenumber", "lineno", "startline", "row"),
    "column": ("column", "col", "columnnumber", "startcolumn", "character"),
    "severity": ("severity", "level", "type"),
    "code": ("code", "rule", "ruleid", "checkid", "id", "name"),
    "message": ("message", "msg", "text", "description", "title", "reason", "error"),
}
_NESTED = ("location", "position", "start", "range", "place", "source")
_LISTS = ("findings", "results", "errors", "issues", "diagnostics", "messages", "warnings", "items")
_GRAVE = frozenset({"error", "err", "fatal", "critical", "high", "emerg", "alert", "blocker"})
_MILD = frozenset({"warning", "warn", "medium", "moderate"})
_SLIGHT = frozenset({"info", "information", "note", "notice", "hint", "low", "style", "debug"})

Fields = Mapping[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Printed:
    """A program's output and what is needed to place it.

    `folder` is where the candidate was laid out, `told` the keys that the program was told to look
    at, `rejects` whether its exit code says that something is wrong.
    """

    output: str
    folder: str
    keys: Collection[str]
    told: Sequence[str]
    rejects: bool


def map_output(check: Command, name: str, printed: Printed) -> Iterator[Finding]:
    """The findings that the output spells; none where the command asks for no mapping.

    Raises:
        CannotJudgeError: it was to be JSON and is none, or the pattern is no regular expression.
    """
    entries: Iterator[Fields] = iter(())
    if check.output is Output.JSON:
        entries = _read_json(printed)
    elif check.pattern:
        entries = _read_lines(check.pattern, printed.output)
    for entry in islice(entries, MOST_FINDINGS):
        yield _find(name, entry, printed)


def compile_pattern(pattern: str) -> re.Pattern[str]:
    """The expression that finds findings. Raises `CannotJudgeError` where it is none."""
    try:
        return re.compile(pattern)
    except re.error as error:
        message = f"has the pattern {pattern!r}, which is no regular expression ({error})"
        raise CannotJudgeError(message) from error


def _read_lines(pattern: str, output: str) -> Iterator[Fields]:
    """Line by line, as far as people read one: what runs over all of the output takes too long."""
    expression = compile_pattern(pattern)
    for line in output.splitlines():
        for match in expression.finditer(line[:MOST_LINE_CHARS]):
            groups = {name: text for name, text in match.groupdict().items() if text is not None}
            yield {"message": match[0], **groups}


def _read_json(printed: Printed) -> Iterator[Fields]:
    """The findings of one document, or of one document a line; text around it is passed over."""
    text = printed.output.strip()
    if not text:
        return
    documents = _parse(text) or [one for line in text.splitlines() for one in _parse(line)]
    if not documents and not printed.rejects:
        message = "was to print JSON and printed something else: correct its output setting"
        raise CannotJudgeError(message)
    for document in documents:
        yield from _list_entries(document)


def _parse(text: str) -> list[object]:
    """The document that `text` is, if it is an object or a list."""
    if not text.lstrip().startswith(("{", "[")):
        return []
    try:
        return [json.loads(text)]
    except (ValueError, RecursionError):
        return []


def _list_entries(value: object, outer: Fields | None = None) -> Iterator[Fields]:
    """The objects that look like findings: entries of lists, with what stands around them."""
    if isinstance(value, list):
        for item in value:
            yield from _list_entries(item, outer)
    elif isinstance(value, dict):
        own = {**(outer or {}), **_pick(value)}
        lists = [item for name, item in value.items() if name.lower() in _LISTS]
        inner = [item for item in lists if isinstance(item, list)]
        if inner:
            around = {name: field for name, field in own.items() if name == "file"}
            for item in inner:
                yield from _list_entries(item, around)
        elif "message" in own:
            yield own
    elif isinstance(value, str) and outer is not None:
        yield {**outer, "message": value}


def _pick(value: Mapping[str, object]) -> dict[str, object]:
    """The fields of a finding by our names, from the object or from places nested in it."""
    flat = {_squash(name): item for name, item in value.items()}
    picked: dict[str, object] = {}
    for field, names in _NAMES.items():
        fitting = (flat[name] for name in names if isinstance(flat.get(name), str | int))
        found = next(fitting, None)
        if found is not None:
            picked[field] = found
    for name in _NESTED:
        nested = flat.get(name)
        if isinstance(nested, dict):
            inside = _pick(nested)
            picked = {**{k: v for k, v in inside.items() if k != "message"}, **picked}
    return picked


def _squash(name: str) -> str:
    return re.sub(r"[^a-z]", "", name.lower())


def _find(name: str, entry: Fields, printed: Printed) -> Finding:
    message = str(entry["message"]).replace(f"{printed.folder}/", "").replace(printed.folder, ".")
    lines = [line for line in clean(message).splitlines() if line.strip()] or ["said nothing"]
    return Finding(
        check=name,
        code=shorten(clean(str(entry.get("code", ""))), 60),
        severity=_weigh(str(entry.get("severity", "")), rejects=printed.rejects),
        file=_find_key(str(entry.get("file", "")), printed),
        line=_read_number(entry.get("line")),
        column=_read_number(entry.get("column")),
        message=f"{name}: {shorten(lines[0].strip(), MESSAGE_CHARS)}",
    )


def _weigh(word: str, *, rejects: bool) -> Severity:
    """What a program calls it; where it calls it nothing, its exit code speaks."""
    word = word.lower()
    for words, severity in (
        (_GRAVE, Severity.ERROR),
        (_MILD, Severity.WARNING),
        (_SLIGHT, Severity.INFO),
    ):
        if word in words:
            return severity
    return Severity.ERROR if rejects else Severity.WARNING


def _find_key(path: str, printed: Printed) -> str:
    """The key that a path means: below the folder, by its name, or the one that was told."""
    path = path.removeprefix("file://").removeprefix(f"{printed.folder}/").removeprefix("./")
    if path in printed.keys:
        return path
    named = [key for key in printed.keys if PurePath(key).name == PurePath(path).name]
    if path and len(named) == 1:
        return named[0]
    told = list(dict.fromkeys(printed.told))
    return told[0] if len(told) == 1 else ""


def _read_number(value: object) -> int | None:
    text = str(value)
    fits = text.isascii() and text.isdigit() and len(text) <= MOST_DIGITS
    return int(text) or None if fits else None
