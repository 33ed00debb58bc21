"""Values of YAML as JSON has them, and the places of some. Runs in a child: it builds everything.

Built from libyaml's events instead of by a loader: keys become strings and dates stay text, as a
JSON Schema expects them, and unknown tags fall away. Places are looked for in a second pass, and
only for what is wrong: kept for every value they would treble the memory.

The document was checked before (`yaml_syntax`): it is neither too deep nor without end.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator

import yaml

Path = tuple[int | str, ...]
"""The number of the document, then keys and indices."""

Place = tuple[int, int]

_BUILT = frozenset({"null", "bool", "int", "float"})
_CORE_TAG = "tag:yaml.org,2002:"
_MERGE_TAG = f"{_CORE_TAG}merge"
_COLLECTION_ENDS = (yaml.MappingEndEvent, yaml.SequenceEndEvent)

_resolver = yaml.resolver.Resolver()
_scalars = yaml.constructor.SafeConstructor()


def read_documents(content: bytes) -> list[tuple[int, object]]:
    """Number and value of each document, less empty ones beside others.

    Raises:
        yaml.YAMLError: the grammar is broken.
    """
    documents = list(enumerate(_Reader(content).documents()))
    return [document for document in documents if document[1] is not None] or documents


class _Reader:
    """Builds values out of events."""

    def __init__(self, content: bytes) -> None:
        self._events = yaml.parse(content, Loader=yaml.CSafeLoader)
        self._anchors: dict[str, object] = {}

    def documents(self) -> Iterator[object]:
        """The value of each document."""
        for event in self._events:
            if isinstance(event, yaml.DocumentStartEvent):
                self._anchors = {}
                yield self._read(next(self._events))

    def _read(self, event: yaml.Event) -> object:
        match event:
            case yaml.AliasEvent():
                return self._anchors.get(event.anchor or "")
            case yaml.ScalarEvent():
                value = _build_scalar(event)
            case yaml.SequenceStartEvent():
                value = [self._read(item) for item in _items(self._events)]
            case _:
                value = self._read_mapping()
        if isinstance(event, yaml.NodeEvent) and event.anchor:
            self._anchors[event.anchor] = value
        return value

    def _read_mapping(self) -> dict[str, object]:
        inherited: dict[str, object] = {}
        own: dict[str, object] = {}
        for key in _items(self._events):
            if isinstance(key, yaml.ScalarEvent) and _tag_of(key) == _MERGE_TAG:
                inherited |= _merge(self._read(next(self._events)))
            else:
                name = _name(key, self._events)
                own[name] = self._read(next(self._events))
        return inherited | own if inherited else own


def _items(events: Iterator[yaml.Event]) -> Iterator[yaml.Event]:
    """The first event of each member of the collection that has just begun."""
    for event in events:
        if isinstance(event, _COLLECTION_ENDS):
            return
        yield event


def _name(key: yaml.Event, events: Iterator[yaml.Event]) -> str:
    """A key as a string. One that is no scalar is passed over and called a question mark."""
    if isinstance(key, yaml.ScalarEvent):
        return sys.intern(key.value)
    if isinstance(key, yaml.CollectionStartEvent):
        for inner in _items(events):
            if isinstance(inner, yaml.CollectionStartEvent):
                _name(inner, events)
    return "?"


def _merge(source: object) -> dict[str, object]:
    """What ``<<`` brings in: of several sources the first one wins."""
    merged: dict[str, object] = {}
    for one in reversed(source if isinstance(source, list) else [source]):
        merged |= one if isinstance(one, dict) else {}
    return merged


def _tag_of(event: yaml.ScalarEvent) -> str:
    if event.tag is not None and event.tag != "!":
        return str(event.tag)
    # PyYAML's stubs give this method no types.
    tag = _resolver.resolve(yaml.ScalarNode, event.value, event.implicit)  # type: ignore[no-untyped-call]
    return str(tag)


def _build_scalar(event: yaml.ScalarEvent) -> object:
    kind = _tag_of(event).removeprefix(_CORE_TAG)
    if kind not in _BUILT:
        return event.value
    try:
        node = yaml.ScalarNode(f"{_CORE_TAG}{kind}", event.value)
        return getattr(_scalars, f"construct_yaml_{kind}")(node)
    except (ValueError, KeyError):  # an explicit tag on what it does not fit: !!int x
        return event.value


def find_places(content: bytes, wanted: Iterable[Path]) -> dict[Path, Place]:
    """Line and column, from 1, of each of `wanted`, or of the nearest thing around it.

    For a member of a mapping it is its key's place.

    Raises:
        yaml.YAMLError: the grammar is broken.
    """
    paths = list(wanted)
    seeker = _Seeker(content, {path[:end] for path in paths for end in range(1, len(path) + 1)})
    seeker.seek()
    return {path: seeker.nearest(path) for path in paths}


class _Seeker:
    """Notes where wanted paths stand while events pass by."""

    def __init__(self, content: bytes, wanted: set[Path]) -> None:
        self._events = yaml.parse(content, Loader=yaml.CSafeLoader)
        self._wanted = wanted
        self._found: dict[Path, Place] = {}

    def seek(self) -> None:
        """Go through all documents."""
        number = 0
        for event in self._events:
            if isinstance(event, yaml.DocumentStartEvent):
                root = next(self._events)
                self._visit(root, (number,), root)
                number += 1

    def nearest(self, path: Path) -> Place:
        """The place of `path`, or of the longest beginning of it that has one."""
        starts = (path[:end] for end in range(len(path), 0, -1))
        return next((self._found[start] for start in starts if start in self._found), (1, 1))

    def _visit(self, event: yaml.Event, path: Path, placed_by: yaml.Event) -> None:
        mark = placed_by.start_mark
        if path in self._wanted and mark is not None:
            self._found[path] = (mark.line + 1, mark.column + 1)
        match event:
            case yaml.SequenceStartEvent():
                for index, item in enumerate(_items(self._events)):
                    self._visit(item, (*path, index), item)
            case yaml.MappingStartEvent():
                for key in _items(self._events):
                    name = _name(key, self._events)
                    self._visit(next(self._events), (*path, name), key)
