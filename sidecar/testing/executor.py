"""The loop's surroundings in virtual time: it runs as shipped, without threads and without waiting.

`InlineLanes` does each effect at once; `VirtualInbox` lets the clock jump to the next thing that is
planned or due, where the real one would wait.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable

from sidecar.core.events import Event
from sidecar.loop.lanes import Job
from sidecar.loop.loop import Inbox
from sidecar.testing.clock import FakeClock


class _NeverSet:
    """Nothing can be cancelled once it is done."""

    def is_set(self) -> bool:
        return False


class InlineLanes:
    """Implements `loop.lanes.Executor`: a job is done before `submit` returns."""

    def __init__(self) -> None:
        self.cancelled: list[int] = []

    def submit(self, lane: str, number: int, job: Job) -> None:  # noqa: ARG002  the port's
        """Run `job` here and now. Raises what it raises."""
        job(_NeverSet())

    def cancel(self, lane: str, number: int) -> None:  # noqa: ARG002  the port's
        """Too late: the answer is already in the inbox, and the machine drops it."""
        self.cancelled.append(number)

    def stop(self, timeout_s: float) -> None:
        """Nothing runs."""


class VirtualInbox(Inbox):
    """An inbox that lets time pass instead of waiting."""

    def __init__(self, clock: FakeClock) -> None:
        super().__init__()
        self._clock = clock
        self._plans: list[tuple[float, int, Callable[[], object]]] = []
        self._count = 0

    def plan(self, after_s: float, do: Callable[[], object]) -> None:
        """Do something once so many virtual seconds have passed."""
        self._count += 1
        heapq.heappush(self._plans, (self._clock.monotonic() + after_s, self._count, do))

    def take(self, timeout_s: float) -> tuple[str, Event] | None:
        """What is there, or what a plan brings within `timeout_s` virtual seconds."""
        entry = super().take(0)
        end_s = self._clock.monotonic() + timeout_s
        while entry is None and self._plans and self._plans[0][0] <= end_s:
            due_s, _, do = heapq.heappop(self._plans)
            self._pass_until(due_s)
            do()
            entry = super().take(0)
        if entry is None:
            self._pass_until(end_s)
        return entry

    def _pass_until(self, due_s: float) -> None:
        self._clock.advance(max(due_s - self._clock.monotonic(), 0))
