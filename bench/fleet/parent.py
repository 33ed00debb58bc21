"""The fleet as the parent sees it: processes that run members, gathered over pipes."""

from __future__ import annotations

import contextlib
import multiprocessing
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from multiprocessing.connection import Connection

from bench.fleet.members import Door, Plan, Taken, run_members

POLL_S = 0.5
"""Times are noted where things happen, so that asking seldom loses nothing."""

Since = dict[str, tuple[str, float]]


@dataclass(kw_only=True)
class Fleet:
    """All processes and what their members did; `loaded` and `proven` as in `Taken`."""

    names: list[str]
    pids: list[int] = field(default_factory=list)
    pipes: list[Connection] = field(default_factory=list)
    requests: Counter[str] = field(default_factory=Counter)
    ends: list[tuple[str, str, bool]] = field(default_factory=list)
    loaded: Since = field(default_factory=dict)
    proven: Since = field(default_factory=dict)
    last_write_s: float = 0.0

    def ask(self) -> None:
        """Gather what happened."""
        for pipe in self.pipes:
            pipe.send("report")
        for pipe in self.pipes:
            taken: Taken = pipe.recv()
            self.requests.update(taken.requests)
            self.ends.extend(taken.ends)
            self.loaded.update(taken.loaded)
            self.proven.update(taken.proven)
            self.last_write_s = max(self.last_write_s, taken.last_write_s)

    def forget(self) -> None:
        """Begin to count anew."""
        self.ask()
        self.requests.clear()
        self.ends.clear()

    def wait_proven(self, digest: str, within_s: float) -> set[str]:
        """Wait until all have `digest` proven; who has not after `within_s`."""
        end_s = time.monotonic() + within_s
        while True:
            self.ask()
            missing = set(self.names) - has(self.proven, digest).keys()
            if not missing or time.monotonic() >= end_s:
                return missing
            time.sleep(POLL_S)

    def wait_quiet(self, quiet_s: float, within_s: float) -> None:
        """Wait until nobody has written for `quiet_s` from now on, for `within_s` at most."""
        begun_s = time.monotonic()
        end_s = begun_s + within_s
        while time.monotonic() < min(max(self.last_write_s, begun_s) + quiet_s, end_s):
            time.sleep(POLL_S)
            self.ask()


def has(since: Mapping[str, tuple[str, float]], digest: str) -> dict[str, float]:
    """The members that have `digest`, and since when."""
    return {name: at_s for name, (of, at_s) in since.items() if of == digest}


@contextlib.contextmanager
def running_fleet(
    names: list[str],
    config_map: str,
    door: Door,
    *,
    processes: int,
    per_second: float,
    spread_s: float,
) -> Iterator[Fleet]:
    """The members over `processes` processes, so many begun `per_second`."""
    context = multiprocessing.get_context("spawn")
    fleet, children = Fleet(names=names), []
    for index in range(processes):
        ours, theirs = context.Pipe()
        plan = Plan(
            names=names[index::processes],
            config_map=config_map,
            door=door,
            replicas=len(names),
            spread_s=spread_s,
            after_s=index / per_second,
            pause_s=processes / per_second,
        )
        child = context.Process(target=run_members, args=(plan, theirs), daemon=True)
        child.start()
        fleet.pipes.append(ours)
        fleet.pids.append(child.pid or 0)
        children.append(child)
    try:
        yield fleet
    finally:
        for pipe in fleet.pipes:
            with contextlib.suppress(OSError):
                pipe.send("stop")
        for child in children:
            child.join(5)
            child.kill()
