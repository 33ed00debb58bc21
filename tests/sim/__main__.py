"""Runs histories: ``python -m tests.sim --seeds 1000`` or ``--seed 17`` for one with its timeline."""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import time
from concurrent.futures import ProcessPoolExecutor

from tests.sim.story import Ending, Story

SHOWN_FAILURES = 5


def run_seed(seed: int) -> Ending:
    """One history; a crash of the machine is a broken promise too."""
    story = Story(seed)
    try:
        return story.run()
    except AssertionError as error:
        story.promises.accuse(f"{type(error).__name__}: {error}"[:300])
        fleet = story.fleet
        return Ending(
            seed=seed,
            pods=story.size,
            edits=story.edits,
            faults=story.faults,
            events=fleet.events,
            broken=tuple(story.promises.broken),
            timeline=tuple(fleet.timeline),
        )


def main() -> int:
    """Run, print what broke, and one line of summary last."""
    parser = argparse.ArgumentParser(prog="python -m tests.sim")
    parser.add_argument("--seeds", type=int, default=1_000)
    parser.add_argument("--first", type=int, default=1)
    parser.add_argument("--seed", type=int)
    options = parser.parse_args()
    if options.seed is not None:
        ending = run_seed(options.seed)
        print("\n".join(ending.timeline))
        return int(bool(ending.broken))
    started_s = time.monotonic()
    seeds = range(options.first, options.first + options.seeds)
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        endings = list(pool.map(run_seed, seeds, chunksize=20))
    failures = [ending for ending in endings if ending.broken]
    for ending in failures[:SHOWN_FAILURES]:
        print(f"seed {ending.seed}: {ending.broken[0]}")
    took_s = time.monotonic() - started_s
    typical = ", ".join(
        f"{statistics.median(getattr(ending, name) for ending in endings):g} {name}"
        for name in ("pods", "edits", "faults", "events")
    )
    rate = len(endings) / took_s
    print(
        f"{len(endings)} seeds in {took_s:.0f} s ({rate:.0f}/s), median {typical};"
        f" {len(failures)} broken"
    )
    return int(bool(failures))


if __name__ == "__main__":
    sys.exit(main())
