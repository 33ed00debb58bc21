"""How often each line of the machine's table is taken by a run of histories."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from sidecar.core.table import TRANSITIONS, Transition


class Counted(set[Transition]):
    """A set of transitions that counts how often each was added."""

    def __init__(self) -> None:
        super().__init__()
        self.counts: Counter[Transition] = Counter()

    def add(self, element: Transition) -> None:
        self.counts[element] += 1


def tabulate(counts: Mapping[Transition, int]) -> list[str]:
    """The table with its counts, the rarest first, and what is not in it."""
    lines = [
        f"{counts.get(transition, 0):>9}  {before:<11} {event:<13} {after}"
        for transition in sorted(TRANSITIONS, key=lambda t: (counts.get(t, 0), t))
        for before, event, after in [transition]
    ]
    strange = sorted(counts.keys() - TRANSITIONS)
    return lines + [f"{counts[t]:>9}  {' '.join(t)}  (not in the table)" for t in strange]


def count_pairs(counts: Mapping[Transition, int]) -> dict[tuple[str, str], int]:
    """How often each event met each phase, of those that the table knows."""
    pairs = dict.fromkeys(((before, event) for before, event, _ in TRANSITIONS), 0)
    for (before, event, _), count in counts.items():
        if (before, event) in pairs:
            pairs[before, event] += count
    return pairs
