"""Leading-edge debounce with a deferred tail: the first edit acts at once, none is ever dropped."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Debounce:
    """A window that opens with each attempt. Edits within it wait for its end; the newest wins.

    Only times are kept here: what to do at the end of the window is whatever is newest by then, so
    a deferred edit cannot be lost.
    """

    window_s: float
    opened_s: float = float("-inf")

    def opens_at(self) -> float:
        """From when on the next attempt may begin (monotonic seconds)."""
        return self.opened_s + self.window_s

    def open(self, now_s: float) -> Debounce:
        """An attempt begins now."""
        return Debounce(self.window_s, now_s)
