from __future__ import annotations

import time

import pytest

from sidecar.clock import SystemClock
from sidecar.core.ports import Clock
from sidecar.testing.clock import FakeClock


def test_the_system_clock_tells_both_times_of_the_system() -> None:
    clock: Clock = SystemClock()
    before_s, wall_before_s = time.monotonic(), time.time()
    assert before_s <= clock.monotonic() <= time.monotonic()
    assert wall_before_s <= clock.wall() <= time.time()


def test_the_fake_clock_moves_both_times_when_told_and_only_then() -> None:
    fake = FakeClock(monotonic_s=5.0, wall_s=100.0)
    clock: Clock = fake
    assert (clock.monotonic(), clock.wall()) == (5.0, 100.0)
    fake.advance(2.5)
    assert (clock.monotonic(), clock.wall()) == (7.5, 102.5)


def test_the_fake_clock_refuses_to_go_back() -> None:
    with pytest.raises(ValueError, match="go back"):
        FakeClock().advance(-1.0)
