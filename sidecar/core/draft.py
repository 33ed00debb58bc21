"""A step in the making: the state so far, and the effects wanted so far.

Lives within one call of `machine.step`; outside it, states are frozen.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from sidecar.core.attempt import Trigger
from sidecar.core.declared import ApiSide
from sidecar.core.effects import Cancel, Effect, Milestone, Note
from sidecar.core.newest import find_newest, whole
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
        if self.state.decided is None:
            return Trigger.STARTUP
        side = self.state.api
        return Trigger.API if side is not None and side.is_trusted else Trigger.MOUNT

    def emit(self, effect: Effect) -> None:
        """Want `effect` done, after those before it."""
        self.effects.append(effect)

    def ask(self, make: Callable[[int], Effect]) -> None:
        """Want an effect whose answer the current phase waits for."""
        number = self.begin(make)
        self.state = replace(self.state, awaiting=number)

    def begin(self, make: Callable[[int], Effect]) -> int:
        """Want an effect that is answered beside the phase; returns its number."""
        number = self.state.next_effect
        self.state = replace(self.state, next_effect=number + 1)
        self.emit(make(number))
        return number

    @property
    def api(self) -> ApiSide:
        """The API's side. Only bridges that have one may ask."""
        if self.state.api is None:
            msg = "a bridge without an API was asked for it"
            raise AssertionError(msg)
        return self.state.api

    def enter(self, phase: Phase) -> None:
        """Go on to `phase`; an answer that the old one still waits for is no longer wanted."""
        if self.state.awaiting is not None:
            self.emit(Cancel(self.state.awaiting))
        self.state = replace(self.state, phase=phase, awaiting=None)

    def rest(self) -> None:
        """Drop the attempt and wait for what comes."""
        self.enter(Idle())
        self.state = replace(self.state, attempt=None)

    def note(
        self, milestone: Milestone, message: str = "", *, after_s: float | None = None
    ) -> None:
        """Tell a milestone of the newest content, or of what is tried beside it."""
        newest, attempt = find_newest(self.state), self.state.attempt
        about = attempt.candidate if attempt is not None and attempt.beside else newest
        digest = whole(self.state, about.snapshot.digest) if about is not None else None
        note = Note(
            milestone=milestone,
            digest=digest,
            trigger=self.trigger,
            message=message,
            after_s=after_s,
        )
        self.emit(note)

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
