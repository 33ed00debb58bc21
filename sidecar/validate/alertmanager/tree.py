"""A YAML document as plain dicts and lists that remember where they stood.

Lighter than the nodes of PyYAML: 10,000 lines take a few megabytes, and models read it directly.
"""

from __future__ import annotations

from sidecar.validate.alertmanager.golang.scalars import Kind

Place = tuple[int, int]
"""Line and column, from 1."""

Step = str | int
Path = tuple[Step, ...]
"""How to get from the root to a value: keys and list positions."""


SHOUTED_NULLS = frozenset(("Null", "NULL"))
"""Nulls that the YAML library takes for empty values rather than for absent ones."""

_COLUMN_BITS = 24
_COLUMN_MASK = (1 << _COLUMN_BITS) - 1


def _pack(place: Place) -> int:
    """A place in a third of the memory; ten megabytes have a million of them."""
    return place[0] << _COLUMN_BITS | min(place[1], _COLUMN_MASK)


def _unpack(packed: int) -> Place:
    return packed >> _COLUMN_BITS, packed & _COLUMN_MASK


class Scalar:
    """One value: what it resolves to, its text, where it stands."""

    __slots__ = ("_packed", "kind", "text")

    def __init__(self, kind: Kind, text: str, place: Place) -> None:
        self.kind = kind
        self.text = text
        self._packed = _pack(place)

    @property
    def place(self) -> Place:
        """Where it begins."""
        return _unpack(self._packed)

    @property
    def is_null(self) -> bool:
        """Whether it stands for nothing."""
        return self.kind is Kind.NULL and self.text not in SHOUTED_NULLS

    @property
    def is_empty(self) -> bool:
        """Whether it is null or, in capitals, the zero value of whatever is wanted."""
        return self.kind is Kind.NULL


class Table(dict[str, "Node"]):
    """A mapping, with the place of each key."""

    __slots__ = ("_packed", "place")

    def __init__(self, place: Place) -> None:
        super().__init__()
        self.place = place
        self._packed: dict[str, int] = {}

    def put(self, key: str, node: Node, place: Place) -> None:
        """Enter a value under a key that stands at `place`."""
        self[key] = node
        self._packed[key] = _pack(place)

    def place_of(self, key: str) -> Place:
        """Where a key stands."""
        return _unpack(self._packed[key])


class Listing(list["Node"]):
    """A sequence."""

    __slots__ = ("place",)

    def __init__(self, place: Place) -> None:
        super().__init__()
        self.place = place


Node = Scalar | Table | Listing
