"""The real clock: the one module that asks the system for the time.

`app` and `cli` hand it to the rooms as the `Clock` port; tests hand in `testing.clock.FakeClock`.
"""

from __future__ import annotations

import time


class SystemClock:
    """Time as the kernel tells it (implements `core.ports.Clock`)."""

    def monotonic(self) -> float:
        """Seconds that never go back (CLOCK_MONOTONIC)."""
        return time.monotonic()

    def wall(self) -> float:
        """Seconds since the epoch (CLOCK_REALTIME): may jump, so for people only."""
        return time.time()
