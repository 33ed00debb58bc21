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

from sidecar.core.table import Transition
from tests.sim.coverage import count_pairs, tabulate
from tests.sim.story import Ending, Story
from tests.sim.swift import install

SHOWN_FAILURES = 10
BATCH = 20
WORDS = ("pods", "edits", "faults", "events")


@dataclass(kw_only=True)
class Run:
    """What many histories came to."""

    sizes: dict[str, list[int]] = field(default_factory=lambda: {word: [] for word in WORDS})
    failures: list[tuple[int, str]] = field(default_factory=list)
    counts: Counter[Transition] = field(default_factory=Counter)

    def add(self, ending: Ending) -> None:
        for word in WORDS:
            self.sizes[word].append(getattr(ending, word))
        if ending.broken:
            self.failures.append((ending.seed, ending.broken[0]))
        self.counts.update(ending.counts)


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
    whole = Run()
    with ProcessPoolExecutor(jobs, initializer=install) as pool:
        for part in pool.map(run_batch, batches):
            for word in WORDS:
                whole.sizes[word] += part.sizes[word]
            whole.counts.update(part.counts)
            whole.failures += part.failures
            for seed, sentence in part.failures[: max(0, SHOWN_FAILURES - len(whole.failures) + 1)]:
                say([f"seed {seed}: {sentence}"])
            if stop and whole.failures:
                pool.shutdown(cancel_futures=True)
                break
    return whole


def say(lines: Iterable[str]) -> None:
    """At once, also into a pipe."""
    sys.stdout.writelines(f"{line}\n" for line in lines)
    sys.stdout.flush()


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
    played = len(run.sizes["pods"])
    summary = (
        f"{played} seeds in {took_s:.0f} s ({played / took_s:.0f}/s),"
        f" median {typical}; rarest pair {' '.join(rarest)} {pairs[rarest]} times;"
        f" {len(run.failures)} broken"
    )
    say([summary])
    return int(bool(run.failures))


if __name__ == "__main__":
    sys.exit(main())
