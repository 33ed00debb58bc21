"""A clock that only moves when told, so that waits of minutes take no time in tests and demos."""

from __future__ import annotations


class FakeClock:
    """Implements `core.ports.Clock`; both times move together, by `advance` alone."""

    def __init__(self, *, monotonic_s: float = 1_000.0, wall_s: float = 1_764_000_000.0) -> None:
        self._monotonic_s = monotonic_s
        self._wall_s = wall_s

    def monotonic(self) -> float:
        """Seconds that never go back."""
        return self._monotonic_s

    def wall(self) -> float:
        """Seconds since the epoch."""
        return self._wall_s

    def advance(self, seconds: float) -> None:
        """Let `seconds` pass. Raises `ValueError` if negative: monotonic time never goes back."""
        if seconds < 0:
            message = f"time cannot go back by {-seconds} s"
            raise ValueError(message)
        self._monotonic_s += seconds
        self._wall_s += seconds
