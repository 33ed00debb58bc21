"""Ways through a configuration's tree."""

from __future__ import annotations

import re
from collections.abc import Iterator

from sidecar.validate.nodes import Mapping, Node, Scalar, Sequence

_DURATION = re.compile(r"(\d+)(ms|[smhdwy])", re.ASCII)
_UNIT_S = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800, "y": 31536000}


def list_items(node: Node | None) -> Iterator[Node]:
    """The items of a list; nothing for anything else."""
    if isinstance(node, Sequence):
        yield from node.items


def list_mappings(node: Node | None) -> Iterator[Mapping]:
    """The mappings among the items of a list."""
    return (item for item in list_items(node) if isinstance(item, Mapping))


def list_texts(node: Node | None) -> Iterator[Scalar]:
    """The texts among the items of a list, or the text itself."""
    for item in [node] if isinstance(node, Scalar) else list_items(node):
        if isinstance(item, Scalar) and item.text:
            yield item


def walk(node: Node, name: str = "") -> Iterator[tuple[str, Mapping]]:
    """Every mapping below `node`, itself included, with the name of the field it is the value of.

    Nodes that aliases share are visited once.
    """
    seen: set[int] = set()
    todo = [(name, node)]
    while todo:
        label, current = todo.pop()
        if id(current) in seen:
            continue
        seen.add(id(current))
        if isinstance(current, Mapping):
            yield label, current
            todo.extend(reversed(current.values.items()))
        elif isinstance(current, Sequence):
            todo.extend((label, item) for item in reversed(current.items))


def list_jobs(root: Mapping) -> Iterator[Mapping]:
    """The scrape jobs."""
    return list_mappings(root.find("scrape_configs"))


def parse_duration_s(text: str) -> float | None:
    """Seconds of ``1m30s``; None for what is no duration (promtool says so)."""
    parts = _DURATION.findall(text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        return None
    return sum(int(number) * float(_UNIT_S[unit]) for number, unit in parts)
