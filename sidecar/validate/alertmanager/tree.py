"""A YAML document as plain dicts and lists that remember where they stood.

Lighter than the nodes of PyYAML: 10,000 lines take a few megabytes, and models read it directly.
"""

from __future__ import annotations

from dataclasses import dataclass

from sidecar.validate.alertmanager.golang.scalars import Kind

Place = tuple[int, int]
"""Line and column, from 1."""

Step = str | int
Path = tuple[Step, ...]
"""How to get from the root to a value: keys and list positions."""


SHOUTED_NULLS = frozenset(("Null", "NULL"))
"""Nulls that the YAML library takes for empty values rather than for absent ones."""


@dataclass(frozen=True, slots=True)
class Scalar:
    """One value: what it resolves to, its text, where it stands."""

    kind: Kind
    text: str
    place: Place

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

    __slots__ = ("place", "places")

    def __init__(self, place: Place) -> None:
        super().__init__()
        self.place = place
        self.places: dict[str, Place] = {}


class Listing(list["Node"]):
    """A sequence."""

    __slots__ = ("place",)

    def __init__(self, place: Place) -> None:
        super().__init__()
        self.place = place


Node = Scalar | Table | Listing
