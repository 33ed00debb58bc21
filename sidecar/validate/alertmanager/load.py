"""Reads the bytes of a configuration into a tree, by libyaml's events and without building nodes.

Refused here, before anything grows: more than 10 MiB, more than 100 levels, aliases (and with them
YAML bombs), merge keys, duplicate keys. Like Alertmanager, it reads the first document only.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass, field

import yaml

from sidecar.validate.alertmanager.golang.scalars import BadTagError, Kind, resolve
from sidecar.validate.alertmanager.tree import Listing, Node, Place, Scalar, Table

MOST_BYTES = 10 << 20
MOST_DEPTH = 100
MERGE_KEY = "<<"
_ABRIDGED = 80


class Refusal(Exception):  # noqa: N818 - it is no error of ours but a verdict
    """The file cannot be read as a configuration; nothing after `place` was looked at."""

    def __init__(self, place: Place, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.place = place


@dataclass(slots=True)
class Loaded:
    """A document, the duplicate keys found on the way, and where a second document begins."""

    root: Node
    duplicates: list[tuple[str, Place, Place]] = field(default_factory=list)
    second: Place | None = None


@dataclass(slots=True)
class _Open:
    """A collection whose end has not come."""

    node: Table | Listing
    key: Scalar | None = None


def load(content: bytes) -> Loaded:
    """Read the first document of `content`.

    Raises:
        Refusal: too large, too deep, not YAML, or it uses what is refused.
    """
    if len(content) > MOST_BYTES:
        message = f"the file has {len(content) >> 20} MiB, more than the {MOST_BYTES >> 20} allowed"
        raise Refusal((1, 1), "E002", message)
    try:
        events = yaml.parse(content, Loader=yaml.CSafeLoader)
        loaded = _Builder().build(events)
        loaded.second = _find_second(events)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = (mark.line + 1, mark.column + 1) if mark is not None else (1, 1)
        message = f"this is not YAML: {error.problem or error.context}"
        raise Refusal(place, "E001", message) from error
    except yaml.reader.ReaderError as error:
        place = _find_place(content, error.position)
        raise Refusal(place, "E001", f"this is not YAML: {error.reason}") from error
    except (yaml.YAMLError, ValueError) as error:
        raise Refusal((1, 1), "E001", "this is not YAML: it cannot be decoded") from error
    return loaded


def _find_place(content: bytes, offset: int) -> Place:
    line_start = content.rfind(b"\n", 0, offset) + 1
    column = len(content[line_start:offset].decode("utf-8", "replace")) + 1
    return content.count(b"\n", 0, offset) + 1, column


def _find_second(events: Iterator[yaml.Event]) -> Place | None:
    """Where more follows, if it does. Alertmanager never looks there, so no error is."""
    try:
        for event in events:
            if isinstance(event, yaml.DocumentStartEvent):
                return _place(event)
    except (yaml.YAMLError, ValueError):
        return None
    return None


def _place(event: yaml.Event) -> Place:
    mark = event.start_mark
    return (mark.line + 1, mark.column + 1) if mark is not None else (1, 1)


class _Builder:
    def __init__(self) -> None:
        self._open: list[_Open] = []
        self._loaded = Loaded(root=Scalar(Kind.NULL, "", (1, 1)))

    def build(self, events: Iterator[yaml.Event]) -> Loaded:
        for event in events:
            match event:
                case yaml.ScalarEvent():
                    self._take_scalar(event)
                case yaml.MappingStartEvent():
                    self._enter(event, Table(_place(event)))
                case yaml.SequenceStartEvent():
                    self._enter(event, Listing(_place(event)))
                case yaml.MappingEndEvent() | yaml.SequenceEndEvent():
                    self._open.pop()
                case yaml.AliasEvent():
                    message = f"the alias *{event.anchor} stands here; aliases are not taken"
                    raise Refusal(_place(event), "E004", message)
                case yaml.DocumentEndEvent():
                    break
        return self._loaded

    def _take_scalar(self, event: yaml.ScalarEvent) -> None:
        place = _place(event)
        try:
            kind, text = resolve(event.value, tag=event.tag, plain=event.implicit[0])
        except BadTagError as error:
            raise Refusal(place, "E006", str(error)) from error
        inner = self._open[-1] if self._open else None
        if inner is not None and isinstance(inner.node, Table) and inner.key is None:
            if event.value == MERGE_KEY and event.implicit[0]:
                message = "the merge key << stands here; merging is not taken"
                raise Refusal(place, "E004", message)
            inner.key = Scalar(kind, "" if kind is Kind.NULL else text, place)
        else:
            self._attach(Scalar(kind, text, place))

    def _enter(self, event: yaml.CollectionStartEvent, node: Table | Listing) -> None:
        if len(self._open) >= MOST_DEPTH:
            message = f"this is nested more than {MOST_DEPTH} levels deep"
            raise Refusal(node.place, "E003", message)
        if event.tag == "tag:yaml.org,2002:null":
            raise Refusal(node.place, "E006", "the tag !!null stands before a collection")
        inner = self._open[-1] if self._open else None
        if inner is not None and isinstance(inner.node, Table) and inner.key is None:
            raise Refusal(node.place, "E006", "a key is a text, not a list or mapping")
        self._attach(node)
        self._open.append(_Open(node))

    def _attach(self, node: Node) -> None:
        if not self._open:
            self._loaded.root = node
            return
        inner = self._open[-1]
        if isinstance(inner.node, Listing):
            inner.node.append(node)
        elif inner.key is not None:
            key, inner.key = inner.key, None
            if key.text in inner.node:
                first = inner.node.place_of(key.text)
                self._loaded.duplicates.append((key.text[:_ABRIDGED], key.place, first))
                return
            inner.node.put(sys.intern(key.text), node, key.place)
