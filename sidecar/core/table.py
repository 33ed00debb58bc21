"""The machine's table: which event leads from which phase to which.

The state diagram of docs/how-it-works.md is drawn from it, and the tests hold it to be exactly what
the machine does: nothing is missing, nothing is left over.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sidecar.core.effects import Effect
from sidecar.core.events import Event
from sidecar.core.state import State

STOPPED = "Stopped"

Transition = tuple[str, str, str]
"""Phase before, event, phase after."""

_TABLE: Mapping[str, Mapping[str, str]] = {
    "Idle": {
        "MountChanged": "Idle Validating Seeking Confirming",
        "ProcessExited": "Seeking",
        "Asked": "Idle Validating Seeking",
        "Tick": "Idle Validating Seeking",
        "StopAsked": "Stopped",
    },
    "Validating": {
        "MountChanged": "Idle Validating Seeking",
        "MountLost": "Idle",
        "Validated": "Idle Validating Seeking",
        "Asked": "Validating",
        "Tick": "Validating",
        "StopAsked": "Stopped",
    },
    "Seeking": {
        "MountChanged": "Idle Validating Seeking",
        "MountLost": "Idle",
        "Looked": "Idle Seeking Signalling Lingering",
        "ProcessExited": "Seeking",
        "Asked": "Seeking",
        "Tick": "Seeking",
        "StopAsked": "Stopped",
    },
    "Signalling": {
        "MountChanged": "Signalling",
        "Signalled": "Idle Validating Seeking Confirming Stopped",
        "Asked": "Signalling",
        "Tick": "Stopped",
    },
    "Confirming": {
        "MountChanged": "Idle Validating Seeking Stopped",
        "MountLost": "Idle",
        "Looked": "Idle Seeking Lingering Stopped",
        "ProcessExited": "Confirming",
        "Asked": "Confirming",
        "Tick": "Confirming Stopped",
    },
    "Lingering": {
        "MountChanged": "Idle Validating",
        "Looked": "Idle Seeking",
        "ProcessExited": "Idle Seeking",
        "Asked": "Seeking Lingering",
        "Tick": "Idle Lingering",
        "StopAsked": "Stopped",
    },
}

TRANSITIONS: frozenset[Transition] = frozenset(
    (before, event, after)
    for before, events in _TABLE.items()
    for event, afters in events.items()
    for after in afters.split()
)
"""Every transition. One that stays in its phase has wanted something, if only a note."""


def name_phase(state: State) -> str:
    """The phase that a bridge is in, as the table spells it."""
    return STOPPED if state.stopped else type(state.phase).__name__


def describe(
    before: State, event: Event, after: State, effects: Sequence[Effect]
) -> Transition | None:
    """The transition that one step was; None where it neither moved nor wanted anything."""
    transition = name_phase(before), type(event).__name__, name_phase(after)
    return transition if effects or transition[0] != transition[2] else None
