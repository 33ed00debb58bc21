"""What is remembered is what would be found anew, and is found from nothing that goes unnoticed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import count
from random import Random

import pytest

from sidecar.core import claim, machine
from sidecar.core.state import State, Validating, begin
from tests.sim.memo import MOST, Found, remember
from tests.sim.nature import draw_nature
from tests.sim.story import Story

BRIDGE = draw_nature(Random(1), Random(2)).bridge  # noqa: S311
OTHER = replace(BRIDGE, pod="another")


def find_something_else_each_time() -> Callable[[State], Found]:
    numbers = count()
    return remember(lambda _state: float(next(numbers)))


def test_remembers_as_long_as_nothing_changes_that_may_be_read() -> None:
    find, state = find_something_else_each_time(), begin(BRIDGE)

    assert find(state) == find(state) == find(replace(state, awaiting=3)) == 0
    assert find(replace(state, blocked="why")) == 1
    assert find(replace(state, phase=Validating())) == 2
    assert find(replace(state, phase=Validating(tries=1))) == 2


def test_each_pod_has_an_answer_of_its_own() -> None:
    find, state, other = find_something_else_each_time(), begin(BRIDGE), begin(OTHER)

    assert (find(state), find(other)) == (0, 1)
    assert (find(replace(state, awaiting=3)), find(replace(other, awaiting=3))) == (0, 1)


def test_forgets_pods_that_are_long_gone() -> None:
    find, state = find_something_else_each_time(), begin(BRIDGE)
    find(state)

    for number in range(MOST):
        find(begin(replace(BRIDGE, pod=f"pod-{number}")))

    assert find(state) == MOST + 1


def test_what_is_not_compared_cannot_be_read() -> None:
    find = remember(lambda state: float(state.next_effect))

    with pytest.raises(AttributeError, match="next_effect"):
        find(begin(BRIDGE))


def test_of_a_phase_only_its_kind_can_be_read() -> None:
    state = replace(begin(BRIDGE), phase=Validating(retry_s=7.0))
    tell_kind = remember(lambda state: float(isinstance(state.phase, Validating)))
    read = remember(lambda state: float(getattr(state.phase, "retry_s")))  # noqa: B009  of all kinds

    assert tell_kind(state) == 1
    with pytest.raises(AttributeError, match="retry_s"):
        read(state)


def test_a_history_stays_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    known, remembered = Story(7), Story(7)
    known.run()
    remembers = remember(claim.write_from_s)
    for module in (claim, machine):
        monkeypatch.setattr(module, "write_from_s", remembers)

    remembered.run()

    assert remembered.fleet.timeline == known.fleet.timeline
