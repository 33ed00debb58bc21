"""The real clock: the one module that asks the system for the time.

`app` and `cli` hand it to the rooms as the `Clock` port; tests hand in `testing.clock.FakeClock`.
"""

from __future__ import annotations

import time


class SystemClock:
    """Time as the kernel tells it (implements `core.ports.Clock`)."""

    def monotonic(self) -> float:
        """Seconds since boot, which never go back.

        CLOCK_BOOTTIME, as the kernel counts the starts of processes, so that the two compare.
        """
        return time.clock_gettime(time.CLOCK_BOOTTIME)

    def wall(self) -> float:
        """Seconds since the epoch (CLOCK_REALTIME): may jump, so for people only."""
        return time.time()
