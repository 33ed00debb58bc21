"""Reloads under load: does any request fail because of us, is any edit lost, does memory grow?

The same number of reloads by plain `kill -HUP` in the same run says what the daemon itself costs.
"""

from __future__ import annotations

import os
import signal
import threading
from dataclasses import dataclass, field

from bench.stand import edit, find_sidecar, prometheus, read_rss_mb, show_table, show_times
from sidecar.demo.daemons import fetch
from sidecar.demo.stage import Stage

EDITS = 1000
CLIENTS = 2
PAGES = ("/metrics", "/api/v1/query?query=up")
THINK_S = 0.02
KILL_PACE_S = 0.11


@dataclass(slots=True)
class Load:
    """Requests that go on until stopped, and how many failed."""

    stage: Stage
    asked: int = 0
    failed: int = 0
    stopping: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        """Ask page after page."""
        while not self.stopping.is_set():
            for page in PAGES:
                self.asked += 1
                try:
                    fetch(f"http://127.0.0.1:{self.stage.port}{page}")
                except OSError:
                    self.failed += 1
                self.stopping.wait(THINK_S)


def under_load(stage: Stage, loads: list[Load]) -> list[threading.Thread]:
    """Start the clients."""
    loads += [Load(stage) for _ in range(CLIENTS)]
    threads = [threading.Thread(target=load.run, daemon=True) for load in loads]
    for thread in threads:
        thread.start()
    return threads


def end(loads: list[Load], threads: list[threading.Thread]) -> str:
    """Stop the clients and say how they fared."""
    for load in loads:
        load.stopping.set()
    for thread in threads:
        thread.join()
    return f"{sum(load.failed for load in loads)} failed of {sum(load.asked for load in loads)}"


def main() -> None:
    """Print the table."""
    pause = threading.Event()
    with prometheus(commands=False) as stage:
        pid, times, loads = find_sidecar(stage), [], list[Load]()
        threads = under_load(stage, loads)
        early_mb = 0.0
        for number in range(EDITS):
            times.append(edit(stage, number + 2))
            if number == EDITS // 10:
                early_mb = read_rss_mb(pid)
        ours, late_mb = end(loads, threads), read_rss_mb(pid)
        last = stage.says()
    with prometheus(commands=False) as stage:
        loads = []
        threads = under_load(stage, loads)
        for _ in range(EDITS):
            os.kill(stage.process.pid, signal.SIGHUP)
            pause.wait(KILL_PACE_S)
        plain = end(loads, threads)
    rows = [
        show_times("swap to proven, under load", times),
        ("edits proven", f"{len(times)} of {EDITS}; the daemon then says {last}"),
        ("requests during our reloads", ours),
        ("requests during plain kill -HUP", plain),
        ("memory", f"{early_mb:.1f} MB after {EDITS // 10} edits, {late_mb:.1f} MB after {EDITS}"),
    ]
    show_table(f"{EDITS} reloads under load", rows)


if __name__ == "__main__":
    main()
