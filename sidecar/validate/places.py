"""Values of YAML as JSON has them, each with its place. Runs in a child only: it builds everything.

Built from libyaml's nodes instead of by a loader: keys become strings and dates stay text, as a
JSON Schema expects them, and unknown tags fall away. The document was checked before
(`yaml_syntax`), so that it is neither too deep nor without end.
"""

from __future__ import annotations

from collections.abc import Sequence

import yaml

Place = tuple[int, int]

_BUILT = {"null", "bool", "int", "float"}
_CORE_TAG = "tag:yaml.org,2002:"
_scalars = yaml.constructor.SafeConstructor()


def compose(content: bytes) -> list[yaml.Node]:
    """The root node of each document, less empty ones beside others. Raises `yaml.YAMLError`."""
    roots = list(yaml.compose_all(content, Loader=yaml.CSafeLoader))
    return [root for root in roots if root.value != ""] or roots


def build(node: yaml.Node) -> object:
    """The value of a node; what an alias repeats is built once."""
    return _build(node, {})


def _build(node: yaml.Node, built: dict[int, object]) -> object:
    if id(node) not in built:
        match node:
            case yaml.MappingNode():
                built[id(node)] = _build_mapping(node, built)
            case yaml.SequenceNode():
                built[id(node)] = [_build(item, built) for item in node.value]
            case _:
                built[id(node)] = _build_scalar(node)
    return built[id(node)]


def _build_mapping(node: yaml.MappingNode, built: dict[int, object]) -> dict[str, object]:
    merged: dict[str, object] = {}
    own: dict[str, object] = {}
    for key, value in node.value:
        if _is_merge(key):
            for source in reversed(_sources(value)):
                inherited = _build(source, built)
                merged |= inherited if isinstance(inherited, dict) else {}
        else:
            own[_name(key)] = _build(value, built)
    return merged | own


def _build_scalar(node: yaml.Node) -> object:
    kind = str(node.tag).removeprefix(_CORE_TAG)
    if kind not in _BUILT:
        return node.value
    try:
        return getattr(_scalars, f"construct_yaml_{kind}")(node)
    except ValueError:  # an explicit tag on what it does not fit: !!int x
        return node.value


def _is_merge(key: yaml.Node) -> bool:
    return key.tag == f"{_CORE_TAG}merge"


def _sources(value: yaml.Node) -> list[yaml.Node]:
    return value.value if isinstance(value, yaml.SequenceNode) else [value]


def _name(key: yaml.Node) -> str:
    return key.value if isinstance(key, yaml.ScalarNode) else "?"


def find_place(root: yaml.Node, path: Sequence[str | int]) -> Place:
    """Line and column, from 1, of what `path` leads to, or of the nearest thing around it.

    For a member of a mapping it is its key's place.
    """
    place, node = root.start_mark, root
    for part in path:
        if isinstance(node, yaml.SequenceNode) and isinstance(part, int):
            node = node.value[part]
            place = node.start_mark
        elif isinstance(node, yaml.MappingNode):
            pairs = {_name(key): (key, value) for key, value in node.value}
            if part not in pairs:
                break
            key, node = pairs[str(part)]
            place = key.start_mark
    return (place.line + 1, place.column + 1) if place else (1, 1)
