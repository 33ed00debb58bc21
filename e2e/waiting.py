"""Waiting for what a cluster is to do, up to a deadline."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

POLL_S = 0.1
Found = TypeVar("Found")


def wait_until(
    what: str, look: Callable[[], Found | None], *, within_s: float, shown: Callable[[], object]
) -> Found:
    """The first answer of `look` that is not None or False; fails by saying what `shown` is."""
    ends_s = time.monotonic() + within_s
    while True:
        found = look()
        if found is not None and found is not False:
            return found
        assert time.monotonic() < ends_s, f"no {what} within {within_s:g} s, but: {shown()}"
        time.sleep(POLL_S)
