"""Runs histories: ``python -m tests.sim --seeds 1000``, or ``--seed 17`` for the story of one."""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from typing import TextIO

from sidecar.core.table import Transition
from tests.sim.coverage import count_pairs, tabulate
from tests.sim.story import Ending, Story
from tests.sim.swift import install

SHOWN_FAILURES = 10
BATCH = 20
TOLD_EVERY_S = 60.0
"""How often a long run says how far it is: one that is cut off is gone on with by ``--first``."""

WORDS = ("pods", "edits", "faults", "events")


@dataclass(kw_only=True)
class Run:
    """What many histories came to."""

    sizes: dict[str, list[int]] = field(default_factory=lambda: {word: [] for word in WORDS})
    failures: list[tuple[int, str]] = field(default_factory=list)
    counts: Counter[Transition] = field(default_factory=Counter)

    @property
    def played(self) -> int:
        """How many histories."""
        return len(self.sizes["pods"])

    def add(self, ending: Ending) -> None:
        for word in WORDS:
            self.sizes[word].append(getattr(ending, word))
        if ending.broken:
            self.failures.append((ending.seed, ending.broken[0]))
        self.counts.update(ending.counts)


@dataclass(kw_only=True)
class Progress:
    """Says how far a long run is: up to which seed all are played."""

    first: int
    told_s: float = field(default_factory=time.monotonic)

    def tell(self, run: Run) -> None:
        now_s = time.monotonic()
        if now_s >= self.told_s + TOLD_EVERY_S:
            self.told_s, last = now_s, self.first + run.played - 1
            broken = len(run.failures)
            say([f"seeds {self.first} to {last} are played, {broken} broken"], sys.stderr)


def run_seed(seed: int) -> Ending:
    """One history."""
    return Story(seed).run()


def run_batch(seeds: Sequence[int]) -> Run:
    """Some histories, one after another."""
    run = Run()
    for seed in seeds:
        run.add(run_seed(seed))
    return run


def run_all(seeds: Sequence[int], jobs: int, *, stop: bool = False) -> Run:
    """All of them, on `jobs` processors; or until one breaks a promise, to `stop` there."""
    batches = [seeds[at : at + BATCH] for at in range(0, len(seeds), BATCH)]
    whole, progress = Run(), Progress(first=seeds[0] if seeds else 0)
    with ProcessPoolExecutor(jobs, initializer=install) as pool:
        for part in pool.map(run_batch, batches):
            for word in WORDS:
                whole.sizes[word] += part.sizes[word]
            whole.counts.update(part.counts)
            whole.failures += part.failures
            for seed, sentence in part.failures[: max(0, SHOWN_FAILURES - len(whole.failures) + 1)]:
                say([f"seed {seed}: {sentence}"])
            progress.tell(whole)
            if stop and whole.failures:
                pool.shutdown(cancel_futures=True)
                break
    return whole


def say(lines: Iterable[str], to: TextIO | None = None) -> None:
    """At once, also into a pipe."""
    to = to or sys.stdout
    to.writelines(f"{line}\n" for line in lines)
    to.flush()


def main() -> int:
    """Run, say what broke, and one line of summary last."""
    parser = argparse.ArgumentParser(prog="python -m tests.sim", description=__doc__)
    parser.add_argument("--seeds", type=int, default=1_000, help="how many histories")
    parser.add_argument("--first", type=int, default=1, help="the first seed")
    parser.add_argument("--seed", type=int, help="only this one, with its timeline")
    parser.add_argument("--table", action="store_true", help="how often each transition was taken")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--stop", action="store_true", help="end at the first broken promise")
    options = parser.parse_args()
    if options.seed is not None:
        story = Story(options.seed)
        ending = story.run()
        say(story.fleet.timeline)
        say([f"seed {options.seed}: {len(ending.broken)} broken promises"])
        return int(bool(ending.broken))
    started_s = time.monotonic()
    seeds = range(options.first, options.first + options.seeds)
    run = run_all(seeds, options.jobs, stop=options.stop)
    took_s = time.monotonic() - started_s
    if options.table:
        say(tabulate(run.counts))
    pairs = count_pairs(run.counts)
    rarest = min(pairs, key=lambda pair: pairs[pair])
    typical = ", ".join(f"{statistics.median(run.sizes[word]):g} {word}" for word in WORDS)
    summary = (
        f"{run.played} seeds in {took_s:.0f} s ({run.played / took_s:.0f}/s),"
        f" median {typical}; rarest pair {' '.join(rarest)} {pairs[rarest]} times;"
        f" {len(run.failures)} broken"
    )
    say([summary])
    return int(bool(run.failures))


if __name__ == "__main__":
    sys.exit(main())
