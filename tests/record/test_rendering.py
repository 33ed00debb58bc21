"""Texts, times and names within the API's limits."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.record.rendering import cut, join_name, render_micros, render_seconds

SUBDOMAIN = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")


@pytest.mark.parametrize(
    ("text", "limit", "expected"),
    [
        ("abc", 3, "abc"),
        ("abcd", 3, "…"),
        ("abcdef", 5, "ab…"),
        ("üüüü", 8, "üüüü"),
        ("üüüü", 7, "üü…"),
        ("üüüü", 6, "ü…"),
        ("abc", 2, ""),
        ("", 0, ""),
        ("a\udcffb", 9, "a?b"),
    ],
)
def test_text_is_cut_between_characters(text: str, limit: int, expected: str) -> None:
    assert cut(text, limit) == expected


@given(text=st.text(), limit=st.integers(0, 40))
def test_no_text_is_longer_than_its_limit_and_what_fits_is_whole(text: str, limit: int) -> None:
    shown = cut(text, limit)
    assert len(shown.encode()) <= limit
    if len(text.encode("utf-8", "replace")) <= limit:
        assert shown == text.encode("utf-8", "replace").decode()


@given(st.from_regex(SUBDOMAIN, fullmatch=True).filter(lambda name: len(name) <= 253))
def test_a_name_made_of_a_valid_one_is_valid(head: str) -> None:
    for separator in "-.":
        name = join_name(head, separator, "0123456789")
        assert len(name) <= 253
        assert SUBDOMAIN.fullmatch(name)
        assert name.endswith(f"{separator}0123456789")


def test_a_long_name_is_cut_before_its_dot() -> None:
    head = "a" * 241 + "." + "b" * 11
    assert join_name(head, "-", "0123456789") == "a" * 241 + "-0123456789"


def test_times_are_utc_with_no_or_six_digits_of_a_second() -> None:
    assert render_seconds(1_764_000_000.25) == "2025-11-24T16:00:00Z"
    assert render_micros(1_764_000_000.25) == "2025-11-24T16:00:00.250000Z"
    assert render_micros(1_764_000_000.0) == "2025-11-24T16:00:00.000000Z"
