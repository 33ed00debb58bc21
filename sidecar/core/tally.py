"""How far content has come among the replicas, as `surehup.dev/proven` lists it.

Each pod adds itself: its short name once it has proven the content, with an exclamation mark where
that failed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

MOST_LISTED = 64
"""More pods would not fit beside the other annotations."""


@dataclass(frozen=True, slots=True)
class Tally:
    """Who has proven the content, and in whom it failed."""

    proven: frozenset[str] = frozenset()
    failed: frozenset[str] = frozenset()

    def with_pod(self, name: str, *, proven: bool) -> Tally:
        """The tally once the pod `name` has spoken."""
        others = Tally(self.proven - {name}, self.failed - {name})
        if proven:
            return Tally(others.proven | {name}, others.failed)
        return Tally(others.proven, others.failed | {name})

    def __str__(self) -> str:
        return " ".join([*sorted(self.proven), *(f"!{name}" for name in sorted(self.failed))])


def read_tally(marks: Mapping[str, str]) -> Tally:
    """The tally on the object."""
    words = marks.get("proven", "").split()
    failed = {word.removeprefix("!") for word in words if word.startswith("!")}
    return Tally(frozenset(word for word in words if not word.startswith("!")), frozenset(failed))
