from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.core.backoff import CONFIRM_LOOKS, LINGER_LOOKS, SEEK_LOOKS, VALIDATE_TRIES, Backoff

ALL = [CONFIRM_LOOKS, LINGER_LOOKS, SEEK_LOOKS, VALIDATE_TRIES]


def test_delays_grow_by_the_factor_up_to_the_most() -> None:
    backoff = Backoff(first_s=1.0, most_s=5.0)
    assert [backoff.delay_s(tries) for tries in range(5)] == [1.0, 2.0, 4.0, 5.0, 5.0]


@pytest.mark.parametrize("backoff", ALL)
@given(tries=st.integers(0, 10**9))
def test_a_delay_is_never_shorter_than_the_one_before_and_never_endless(
    backoff: Backoff, tries: int
) -> None:
    delay_s = backoff.delay_s(tries)
    assert backoff.first_s <= delay_s <= backoff.delay_s(tries + 1) <= backoff.most_s


def test_the_looks_after_a_signal_are_close_at_first_and_few_in_the_end() -> None:
    passed_s = 0.0
    looks: list[float] = []
    while passed_s < 5.0:
        passed_s += CONFIRM_LOOKS.delay_s(len(looks))
        looks.append(passed_s)
    assert sum(look_s < 0.05 for look_s in looks) >= 4
    assert len(looks) < 35
