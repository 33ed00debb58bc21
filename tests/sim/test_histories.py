"""Two hundred histories, and all that once broke a promise; `make sim` plays thousands."""

from __future__ import annotations

import pytest

from sidecar.core.table import TRANSITIONS
from tests.sim.__main__ import run_batch
from tests.sim.coverage import Counted, count_pairs, tabulate
from tests.sim.promises import Promises
from tests.sim.regressions import SEEDS
from tests.sim.story import Story
from tests.sim.worlds import SCENES, Budget, Worlds

FIRST = 1_000_001
EACH = 20
BATCHES = 10
TRACED = 3
"""Batches that coverage watches: with the scenarios of `tests/core` they go through all of it."""

pytestmark = [pytest.mark.timeout(120), pytest.mark.usefixtures("swift_copies")]


@pytest.mark.parametrize("seed", SEEDS)
def test_what_broke_a_promise_once_does_not_any_more(seed: int) -> None:
    assert Story(seed).run().broken == ()


def find_failures(batch: int) -> list[tuple[int, str]]:
    first = FIRST + batch * EACH
    return run_batch(range(first, first + EACH)).failures


@pytest.mark.parametrize("batch", range(TRACED))
def test_no_history_breaks_a_promise(batch: int) -> None:
    assert find_failures(batch) == []


@pytest.mark.usefixtures("untraced")
@pytest.mark.parametrize("batch", range(TRACED, BATCHES))
def test_no_more_histories_break_a_promise(batch: int) -> None:
    assert find_failures(batch) == []


@pytest.mark.usefixtures("untraced")
def test_a_seed_is_one_history() -> None:
    once, again = Story(7), Story(7)
    once.run()
    again.run()
    assert once.fleet.timeline == again.fleet.timeline
    assert len(once.fleet.timeline) > 20


@pytest.mark.usefixtures("untraced")
def test_histories_differ_and_are_not_small() -> None:
    endings = [Story(seed).run() for seed in range(1, 16)]
    assert len({ending.events for ending in endings}) > 10
    assert sorted(ending.events for ending in endings)[7] >= 300
    assert sorted(ending.edits for ending in endings)[7] >= 3
    assert sorted(ending.pods for ending in endings)[7] >= 3
    assert sorted(ending.faults for ending in endings)[7] >= 2


def test_a_broken_promise_ends_a_history_with_its_timeline(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(
        Promises, "judge_rest", lambda promises: promises.accuse("this had to fail")
    )
    ending = Story(7).run()
    assert ending.broken == ("this had to fail",)
    assert "BROKEN: this had to fail" in "\n".join(ending.timeline)
    assert "seed 7:" in ending.timeline[0]


def test_transitions_are_counted() -> None:
    counted = Counted()
    transition = min(TRANSITIONS)
    counted.add(transition)
    counted.add(transition)
    counted.add(("Idle", "Tick", "Nowhere"))
    assert count_pairs(counted.counts)[transition[:2]] == 2
    lines = tabulate(counted.counts)
    assert len(lines) == len(TRANSITIONS) + 1
    assert lines[-1].endswith("(not in the table)")


@pytest.mark.usefixtures("untraced")
@pytest.mark.parametrize("scene", SCENES)
def test_no_order_of_events_breaks_a_promise(scene: str) -> None:
    replicas, budget = SCENES[scene]
    worlds = Worlds(replicas=replicas, takeovers=1, budget=budget)
    worlds.explore(1_500)
    assert worlds.broken == []
    assert worlds.rests > 0


@pytest.mark.usefixtures("untraced")
def test_a_small_world_is_explored_to_its_end() -> None:
    worlds = Worlds(replicas=2, takeovers=1, budget=Budget(edits=("bad subtle",)))
    worlds.explore(50_000)
    assert worlds.broken == []
    assert 100 < worlds.explored < 50_000
