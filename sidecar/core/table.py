"""The machine's table: which event leads from which phase to which.

The state diagram of docs/how-it-works.md is drawn from it, and the tests hold it to be exactly what
their scenarios take: nothing is missing, nothing is left over. Where much happens at once, one
event ends an attempt and begins the next in the same step: such a move is two or more of these, and
``make sim ARGS=--table`` lists them.
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
        "MountChanged": "Idle Validating Publishing Seeking Confirming",
        "Offered": "Idle Validating",
        "DeclaredSeen": "Idle Validating Publishing Seeking Confirming",
        "ApiConnected": "Idle",
        "Answered": "Idle Validating Publishing Seeking Stopped",
        "Kept": "Idle",
        "Recalled": "Validating",
        "ProcessExited": "Seeking",
        "Asked": "Idle Validating Seeking",
        "Tick": "Idle Validating Waiting Seeking Confirming Stopped",
        "StopAsked": "Stopped",
    },
    "Validating": {
        "MountChanged": "Idle Validating Seeking",
        "MountLost": "Idle",
        "DeclaredSeen": "Idle Validating",
        "ApiConnected": "Validating",
        "Kept": "Validating",
        "Validated": "Idle Validating Waiting Publishing Seeking Confirming",
        "Asked": "Validating",
        "Tick": "Validating",
        "StopAsked": "Stopped",
    },
    "Waiting": {
        "MountChanged": "Waiting Seeking",
        "DeclaredSeen": "Idle Validating Waiting Publishing Seeking",
        "ApiConnected": "Waiting",
        "Answered": "Idle Waiting",
        "Tick": "Idle Waiting Publishing",
    },
    "Publishing": {
        "DeclaredSeen": "Validating",
        "ApiConnected": "Publishing",
        "Published": "Validating Publishing Seeking",
        "Asked": "Publishing",
        "Tick": "Publishing",
    },
    "Seeking": {
        "MountChanged": "Idle Validating Seeking",
        "MountLost": "Idle",
        "DeclaredSeen": "Idle Validating Publishing Seeking",
        "ApiConnected": "Seeking",
        "Answered": "Seeking Stopped",
        "Kept": "Seeking",
        "Recalled": "Idle",
        "Looked": "Idle Waiting Seeking Claiming Signalling Lingering",
        "EndsCounted": "Seeking",
        "ProcessExited": "Seeking",
        "Asked": "Seeking",
        "Tick": "Seeking",
        "StopAsked": "Stopped",
    },
    "Claiming": {
        "MountChanged": "Idle",
        "MountLost": "Waiting",
        "DeclaredSeen": "Idle Validating Waiting Seeking Claiming Signalling",
        "ApiConnected": "Claiming",
        "Answered": "Idle Seeking Claiming Signalling",
        "Kept": "Claiming",
        "ProcessExited": "Seeking",
        "Tick": "Seeking Claiming Signalling",
    },
    "Signalling": {
        "MountChanged": "Signalling",
        "DeclaredSeen": "Signalling",
        "Signalled": "Idle Validating Seeking Confirming Stopped",
        "Asked": "Signalling",
        "Tick": "Stopped",
    },
    "Confirming": {
        "MountChanged": "Idle Validating Seeking Stopped",
        "MountLost": "Idle",
        "DeclaredSeen": "Confirming",
        "ApiConnected": "Confirming",
        "Answered": "Confirming",
        "Looked": "Idle Validating Publishing Seeking Lingering Stopped",
        "ProcessExited": "Confirming",
        "Asked": "Confirming",
        "Tick": "Confirming Stopped",
    },
    "Lingering": {
        "MountChanged": "Idle Validating",
        "DeclaredSeen": "Validating Seeking",
        "Answered": "Publishing Lingering",
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
