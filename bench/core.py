"""What the core costs: one step for each kind of event, the debounce check, the next wake-up.

Steps are taken from a simulated life of one bridge (edits good and bad, a second failure, restarts,
a crash of the sidecar), so that they are those of a real one, and repeated as they were.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from statistics import median

from bench.stand import show_table
from sidecar.core.bridge import Bridge, Proof, Selector, SignalReload, Source
from sidecar.core.events import Event
from sidecar.core.evidence import Evidence, Role, Series
from sidecar.core.machine import step, wake_at
from sidecar.core.state import State
from sidecar.testing.world import World

REPEATS = 2_000
STEP_US = 20.0
DEBOUNCE_US = 1.0

PROOF = Proof(
    groups=(
        (
            Evidence(name="gauge", role=Role.OK_GAUGE, source=Series(metric="ok")),
            Evidence(name="timestamp", role=Role.SUCCESS_TIMESTAMP, source=Series(metric="ts")),
        ),
    )
)
BRIDGE = Bridge(
    name="bench",
    source=Source(mount="/config"),
    checks=(),
    target=Selector(process="daemon"),
    reload=SignalReload(number=1),
    proof=PROOF,
)


@dataclass(kw_only=True)
class Recorder(World):
    """A world that keeps every step it takes."""

    steps: list[tuple[State, Event, float]] = field(default_factory=list)

    def _post(self, event: Event, life: int) -> None:
        if self.state is not None:
            self.steps.append((self.state, event, self.now_s))
        super()._post(event, life)


def live() -> Recorder:
    """One life, with everything in it."""
    world = Recorder(bridge=BRIDGE)
    world.edit("one")
    world.run_for(1)
    world.start_daemon()
    world.start_sidecar()
    world.run_for(3)
    for content in ("two", "bad", "one", "bad subtle", "bad subtle two", "two"):
        world.edit(content)
        world.run_for(11)
        world.ask(request=1)
        world.run_for(11)
    world.lose_mount()
    world.run_for(1)
    world.regain_mount()
    for _ in range(3):
        world.kill_daemon()
        world.run_for(1)
        world.start_daemon()
        world.run_for(3)
    world.crash_sidecar()
    world.start_sidecar()
    world.run_for(3)
    world.stop_sidecar()
    return world


def measure_us(do: Callable[[], object], repeats: int = REPEATS) -> float:
    """How long one call takes: the median of ten series."""
    series = []
    for _ in range(10):
        start_ns = time.perf_counter_ns()
        for _ in range(repeats // 10):
            do()
        series.append((time.perf_counter_ns() - start_ns) / (repeats // 10) / 1_000)
    return median(series)


def measure_steps() -> dict[str, list[float]]:
    """Microseconds of every step of one life, by the kind of its event."""
    times: dict[str, list[float]] = defaultdict(list)
    for state, event, now_s in live().steps:
        took_us = measure_us(partial(step, state, event, now_s), 200)
        times[type(event).__name__].append(took_us)
    return times


def main() -> None:
    """Print the table."""
    steps = measure_steps()
    everything = [took_us for kind in steps.values() for took_us in kind]
    rows = [
        (
            f"step on {kind}",
            f"median {median(times):5.1f} µs, worst {max(times):5.1f} µs  ({len(times)} steps)",
        )
        for kind, times in sorted(steps.items())
    ]
    rows.append(("any step", f"median {median(everything):5.1f} µs  (to reach: {STEP_US:g} µs)"))
    state = live().steps[-1][0]
    debounce = state.debounce.open(100.0)
    check_us = measure_us(lambda: debounce.opens_at() <= state.debounce.window_s, 100_000)
    rows.append(("debounce check", f"median {check_us:5.2f} µs  (to reach: {DEBOUNCE_US:g} µs)"))
    wake_us = measure_us(lambda: wake_at(state), 100_000)
    rows.append(("next wake-up", f"median {wake_us:5.2f} µs"))
    show_table("the pure core", rows)


if __name__ == "__main__":
    main()
