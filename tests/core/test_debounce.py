from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from sidecar.core.debounce import Debounce

TIMES = st.floats(0, 1e9)


@given(TIMES, st.floats(0, 3600))
def test_the_first_attempt_never_waits(now_s: float, window_s: float) -> None:
    assert Debounce(window_s).opens_at() <= now_s


@given(TIMES, st.floats(0, 3600))
def test_the_next_attempt_waits_for_the_end_of_the_window(now_s: float, window_s: float) -> None:
    debounce = Debounce(window_s).open(now_s)
    assert debounce.opens_at() == now_s + window_s
    assert debounce.window_s == window_s


def test_without_a_window_nothing_waits() -> None:
    assert Debounce(0).open(5).opens_at() == 5
