"""YAML as a tree of texts with their places, for what must point at the line that it speaks of.

Built from libyaml's events. Nothing is resolved: a number is its text, a merge key is a key, and an
alias is the very node that it means, so that no document grows.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import yaml

MOST_DEPTH = 100
_COLLECTION_ENDS = (yaml.MappingEndEvent, yaml.SequenceEndEvent)


class TooDeepError(Exception):
    """The file nests deeper than any configuration does."""


@dataclass(frozen=True, slots=True)
class Scalar:
    """A text: `style` is ``|`` for a literal block, `tag` that of YAML for other kinds of values.

    Lines and columns count from 1.
    """

    text: str
    line: int
    column: int
    style: str = ""
    is_text: bool = True


@dataclass(frozen=True, slots=True)
class Mapping:
    """Keys to values; `keys` has the place of each key, of a key that stands twice the last."""

    line: int
    column: int
    values: dict[str, Node] = field(default_factory=dict)
    keys: dict[str, Scalar] = field(default_factory=dict)

    def find(self, *path: str) -> Node | None:
        """The value at `path`, None where there is none."""
        node: Node | None = self
        for name in path:
            node = node.values.get(name) if isinstance(node, Mapping) else None
        return node

    def text(self, *path: str) -> str:
        """The text at `path`, empty where there is none."""
        node = self.find(*path)
        return node.text if isinstance(node, Scalar) else ""


@dataclass(frozen=True, slots=True)
class Sequence:
    """A list."""

    line: int
    column: int
    items: list[Node] = field(default_factory=list)


Node = Scalar | Mapping | Sequence

_resolver = yaml.resolver.Resolver()


def read_documents(text: str) -> Iterator[Node]:
    """The root of each document, in order.

    Raises:
        yaml.YAMLError: the grammar is broken; what stood before it has been given.
        TooDeepError: it is nested too deeply.
    """
    events = yaml.parse(text, Loader=yaml.CSafeLoader)
    for event in events:
        if isinstance(event, yaml.DocumentStartEvent):
            yield _Reader(events).read(next(events), 0)


class _Reader:
    """Builds the nodes of one document."""

    def __init__(self, events: Iterator[yaml.Event]) -> None:
        self._events = events
        self._anchors: dict[str, Node] = {}

    def read(self, event: yaml.Event, depth: int) -> Node:
        if depth > MOST_DEPTH:
            raise TooDeepError
        line, column = _place(event)
        node: Node
        match event:
            case yaml.ScalarEvent():
                node = Scalar(event.value, line, column, event.style or "", _is_text(event))
            case yaml.MappingStartEvent():
                node = self._read_mapping(Mapping(line, column), depth)
            case yaml.SequenceStartEvent():
                items = [self.read(item, depth + 1) for item in self._members()]
                node = Sequence(line, column, items)
            case _:
                anchor = event.anchor if isinstance(event, yaml.AliasEvent) else ""
                return self._anchors.get(anchor or "", Scalar("", line, column))
        if event.anchor:
            self._anchors[event.anchor] = node
        return node

    def _read_mapping(self, mapping: Mapping, depth: int) -> Mapping:
        for event in self._members():
            key = self.read(event, depth + 1)
            value = self.read(next(self._events), depth + 1)
            if isinstance(key, Scalar):
                mapping.values[key.text] = value
                mapping.keys[key.text] = key
        return mapping

    def _members(self) -> Iterator[yaml.Event]:
        for event in self._events:
            if isinstance(event, _COLLECTION_ENDS):
                return
            yield event


def _place(event: yaml.Event) -> tuple[int, int]:
    mark = event.start_mark
    return (mark.line + 1, mark.column + 1) if mark else (1, 1)


def _is_text(event: yaml.ScalarEvent) -> bool:
    """Whether Kubernetes takes it for a string."""
    if event.style:
        return True
    if event.tag is not None and event.tag != "!":
        return str(event.tag).endswith(":str")
    # PyYAML's stubs give this method no types.
    tag = _resolver.resolve(yaml.ScalarNode, event.value, event.implicit)  # type: ignore[no-untyped-call]
    # The API server reads YAML as YAML 1.1 less dates: a plain date is a string there.
    return str(tag).rpartition(":")[2] in {"str", "timestamp", "value", "merge"}
