"""The machine's table: which event leads from which phase to which.

The state diagram of docs/how-it-works.md is drawn from it, and the tests hold it to be exactly what
the machine does: nothing is missing, nothing is left over.
"""

from __future__ import annotations

from collections.abc import Sequence

from sidecar.core.effects import Effect
from sidecar.core.events import Event
from sidecar.core.state import State

STOPPED = "Stopped"

Transition = tuple[str, str, str]
"""Phase before, event, phase after."""

TRANSITIONS: frozenset[Transition] = frozenset()


def name_phase(state: State) -> str:
    """The phase that a bridge is in, as the table spells it."""
    return STOPPED if state.stopped else type(state.phase).__name__


def describe(
    before: State, event: Event, after: State, effects: Sequence[Effect]
) -> Transition | None:
    """The transition that one step was; None where it neither moved nor wanted anything."""
    transition = name_phase(before), type(event).__name__, name_phase(after)
    return transition if effects or transition[0] != transition[2] else None
