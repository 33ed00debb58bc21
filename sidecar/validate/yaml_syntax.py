"""Checks YAML by its events: nothing is built, so that memory stays flat and nothing is executed.

Besides the grammar (libyaml's) it finds what parsers accept and daemons refuse or get wrong:
duplicate keys, aliases of nothing, aliases of themselves, and aliases that expand to more than
any daemon can hold. Several documents and unknown tags are fine.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import yaml

from sidecar.core.report import Finding
from sidecar.validate.decode import NotTextError, decode
from sidecar.validate.text import clean, cut_line, find_place, keep_inside, quote_line, shorten

CHECK = "yaml"
MOST_DEPTH = 100
MOST_NODES = 1_000_000
MOST_GROWTH = 10
"""A document may expand to ten times its own nodes, or to a million, whichever is more."""
MOST_FINDINGS = 20
MERGE_KEY = "<<"


@dataclass(frozen=True, slots=True)
class Fault:
    """Something wrong at a place; columns and lines count from 0, as libyaml does."""

    code: str
    message: str
    line: int
    column: int
    suggestion: str = ""
    fatal: bool = False


def check_yaml(key: str, content: bytes) -> list[Finding]:
    """All that is wrong with the YAML of `key`: at most one grammar error, any duplicate keys."""
    try:
        text = decode(CHECK, key, content)
    except NotTextError as error:
        return [error.finding]
    findings: list[Finding] = []
    try:
        for fault in walk(content):
            findings.append(_find(key, text, fault))
            if len(findings) == MOST_FINDINGS:
                break
    except yaml.YAMLError as error:
        findings.append(_find(key, text, _read_error(error, content, text)))
    return findings


def _find(key: str, text: str, fault: Fault) -> Finding:
    line, column = keep_inside(text, fault.line + 1, fault.column + 1)
    return Finding(
        check=CHECK,
        code=fault.code,
        file=key,
        line=line,
        column=column,
        message=fault.message,
        suggestion=fault.suggestion,
        excerpt=quote_line(text, line),
    )


def _read_error(error: yaml.YAMLError, content: bytes, text: str) -> Fault:
    """The error of libyaml as a sentence. A tab is named, since editors do not show it."""
    if isinstance(error, yaml.reader.ReaderError):
        line, column = find_place(content, error.position)
        message = f"not valid YAML: {error.reason} (byte 0x{error.character:02x})"
        return Fault("characters", message, line - 1, column - 1)
    if not isinstance(error, yaml.MarkedYAMLError) or error.problem_mark is None:
        return Fault("syntax", f"not valid YAML: {clean(str(error))}", 0, 0)
    mark = error.problem_mark
    if _is_tab_indented(text, mark.line + 1):
        message = "not valid YAML: a tab indents this line, where only spaces may"
        return Fault("tab", message, mark.line, mark.column, "replace the tab by spaces")
    begun = ""
    if error.context and error.context_mark and error.context_mark.line != mark.line:
        begun = f" {error.context} that begins on line {error.context_mark.line + 1}"
    return Fault("syntax", f"not valid YAML: {error.problem}{begun}", mark.line, mark.column)


def _is_tab_indented(text: str, line: int) -> bool:
    whole = cut_line(text, line)
    return "\t" in whole[: len(whole) - len(whole.lstrip())]


def walk(content: bytes) -> Iterator[Fault]:
    """What is wrong beyond grammar. Ends at the first fault that makes going on pointless.

    Raises:
        yaml.YAMLError: the grammar is broken.
    """
    document = _Document()
    for event in yaml.parse(content, Loader=yaml.CSafeLoader):
        if isinstance(event, yaml.DocumentStartEvent):
            document = _Document()
        fault = document.take(event)
        if fault is not None:
            yield fault
            if fault.fatal:
                return


@dataclass(slots=True)
class _Open:
    """A collection whose end has not come. `keys` (name to line) is None in a sequence."""

    keys: dict[str, int] | None
    anchor: str | None
    size_before: int
    key_next: bool = True


class _Document:
    """What must be remembered while the events of one document pass by."""

    def __init__(self) -> None:
        self._open: list[_Open] = []
        self._sizes: dict[str, int] = {}  # of each anchor, in nodes
        self._nodes = 0
        self._expanded = 0

    def take(self, event: yaml.Event) -> Fault | None:
        """Go on by one event."""
        match event:
            case yaml.ScalarEvent():
                return self._take_scalar(event)
            case yaml.MappingStartEvent() | yaml.SequenceStartEvent():
                return self._enter(event)
            case yaml.MappingEndEvent() | yaml.SequenceEndEvent():
                self._leave()
            case yaml.AliasEvent():
                return self._take_alias(event)
        return None

    def _turn(self) -> None:
        """After a key comes its value, after a value the next key."""
        if self._open:
            self._open[-1].key_next = not self._open[-1].key_next

    def _take_scalar(self, event: yaml.ScalarEvent) -> Fault | None:
        self._nodes += 1
        self._expanded += 1
        if event.anchor:
            self._sizes[event.anchor] = 1
        if not self._open:
            return None
        inner = self._open[-1]
        is_key = inner.key_next
        inner.key_next = not is_key
        return _take_key(event, inner.keys) if is_key and inner.keys is not None else None

    def _take_alias(self, event: yaml.AliasEvent) -> Fault | None:
        name = event.anchor
        self._turn()
        if any(outer.anchor == name for outer in self._open):
            text = f"the alias *{name} stands within what it means, so it never ends"
            return _place(event, "alias", text, fatal=True)
        if name not in self._sizes:
            text = f"the alias *{name} means nothing: no &{name} stands before it"
            return _place(event, "alias", text)
        self._expanded += self._sizes[name]
        if self._expanded > max(MOST_NODES, MOST_GROWTH * self._nodes):
            text = f"its aliases expand to more than {MOST_NODES} values"
            return _place(event, "alias-bomb", text, fatal=True)
        return None

    def _enter(self, event: yaml.MappingStartEvent | yaml.SequenceStartEvent) -> Fault | None:
        keys: dict[str, int] | None = {} if isinstance(event, yaml.MappingStartEvent) else None
        self._open.append(_Open(keys, event.anchor, self._expanded))
        self._nodes += 1
        self._expanded += 1
        if len(self._open) > MOST_DEPTH:
            return _place(
                event, "depth", f"is nested more than {MOST_DEPTH} levels deep", fatal=True
            )
        return None

    def _leave(self) -> None:
        left = self._open.pop()
        if left.anchor:
            self._sizes[left.anchor] = self._expanded - left.size_before
        self._turn()


def _take_key(event: yaml.ScalarEvent, keys: dict[str, int]) -> Fault | None:
    line = event.start_mark.line if event.start_mark else 0
    if event.value not in keys or (event.value == MERGE_KEY and not event.style):
        keys[event.value] = line
        return None
    name, first = shorten(clean(event.value), 80), keys[event.value] + 1
    where = "on the same line" if first == line + 1 else f"first on line {first}"
    text = f"the key {name!r} stands twice in one mapping, {where}"
    return replace(_place(event, "duplicate-key", text), suggestion="remove one of them")


def _place(event: yaml.Event, code: str, message: str, *, fatal: bool = False) -> Fault:
    mark = event.start_mark
    line, column = (mark.line, mark.column) if mark else (0, 0)
    return Fault(code, message, line, column, fatal=fatal)
