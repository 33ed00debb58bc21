"""From the swap of `..data` to the proof, on a real Prometheus."""

from __future__ import annotations

import threading

from bench.stand import edit, prometheus, show_table, show_times

EDITS, EDITS_WITH_PROMTOOL = 200, 50
PACE_S = 0.15
"""Longer than the debounce window, which is another matter."""


def measure(edits: int, *, commands: bool) -> list[float]:
    """Seconds of `edits` good edits, one after the other."""
    pause = threading.Event()
    times = []
    with prometheus(commands=commands) as stage:
        for number in range(edits):
            pause.wait(PACE_S)
            times.append(edit(stage, number + 2))
    return times


def main() -> None:
    """Print the table."""
    rows = [
        show_times("YAML syntax only", measure(EDITS, commands=False)),
        show_times("YAML syntax, promtool", measure(EDITS_WITH_PROMTOOL, commands=True)),
    ]
    show_table("swap of ..data to proven", rows)


if __name__ == "__main__":
    main()
