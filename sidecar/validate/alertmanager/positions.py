"""From the path of a finding to the line and column that a person should look at."""

from __future__ import annotations

from sidecar.validate.alertmanager.tree import Listing, Node, Path, Place, Scalar, Step, Table


def locate(root: Node, path: Path) -> Place:
    """Where `path` stands: its key, its list entry, or the nearest thing around it that exists."""
    node, place = root, root.place
    for step in path:
        inner = _enter(node, step)
        if inner is None:
            break
        if isinstance(node, Table) and isinstance(step, str):
            place = node.place_of(step)
        else:
            place = inner.place
        node = inner
    return place


def locate_value(root: Node, path: Path) -> Place:
    """Where the value of `path` begins, rather than its key."""
    found = find(root, path)
    return found.place if isinstance(found, Scalar) else locate(root, path)


def find(root: Node, path: Path) -> Node | None:
    """The node at `path`, if there is one."""
    node: Node | None = root
    for step in path:
        if node is None:
            break
        node = _enter(node, step)
    return node


def _enter(node: Node, step: Step) -> Node | None:
    if isinstance(node, Table) and isinstance(step, str):
        return node.get(step)
    if isinstance(node, Listing) and isinstance(step, int) and step < len(node):
        return node[step]
    return None
