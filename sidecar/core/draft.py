"""A step in the making: the state so far, and the effects wanted so far.

Lives within one call of `machine.step`; outside it, states are frozen.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from sidecar.core.attempt import Trigger
from sidecar.core.effects import Cancel, Effect, Milestone, Note
from sidecar.core.state import Attempt, Idle, Phase, State


class Draft:
    """Collects what one event changes."""

    __slots__ = ("effects", "now_s", "state")

    def __init__(self, state: State, now_s: float) -> None:
        self.state = state
        self.now_s = now_s
        self.effects: list[Effect] = []

    @property
    def attempt(self) -> Attempt:
        """The running attempt. Only phases that have one may ask."""
        if self.state.attempt is None:
            msg = f"{type(self.state.phase).__name__} without an attempt"
            raise AssertionError(msg)
        return self.state.attempt

    @property
    def trigger(self) -> Trigger:
        """What set the running attempt off, or would set off the next."""
        if self.state.attempt is not None:
            return self.state.attempt.trigger
        if self.state.asked is not None:
            return self.state.asked[0]
        return Trigger.STARTUP if self.state.decided is None else Trigger.MOUNT

    def emit(self, effect: Effect) -> None:
        """Want `effect` done, after those before it."""
        self.effects.append(effect)

    def ask(self, make: Callable[[int], Effect]) -> None:
        """Want an effect whose answer the current phase waits for."""
        number = self.state.next_effect
        self.state = replace(self.state, next_effect=number + 1, awaiting=number)
        self.emit(make(number))

    def enter(self, phase: Phase) -> None:
        """Go on to `phase`; an answer that the old one still waits for is no longer wanted."""
        if self.state.awaiting is not None:
            self.emit(Cancel(self.state.awaiting))
        self.state = replace(self.state, phase=phase, awaiting=None)

    def rest(self) -> None:
        """Drop the attempt and wait for what comes."""
        self.enter(Idle())
        self.state = replace(self.state, attempt=None)

    def note(self, milestone: Milestone, message: str = "") -> None:
        """Tell a milestone of the current content."""
        mounted = self.state.mounted
        digest = mounted.snapshot.digest if mounted is not None else None
        self.emit(Note(milestone=milestone, digest=digest, trigger=self.trigger, message=message))

    def block(self, reason: str) -> None:
        """Say once what keeps the candidate from being decided."""
        if reason != self.state.blocked:
            self.state = replace(self.state, blocked=reason)
            self.note(Milestone.BLOCKED, reason)

    def unblock(self) -> None:
        """The candidate moves on."""
        if self.state.blocked:
            self.state = replace(self.state, blocked="")
            self.note(Milestone.UNBLOCKED)
