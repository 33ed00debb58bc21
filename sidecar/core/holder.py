"""Whose turn it is, as the annotation spells it: POD/NONCE/TRY/SECONDS.

Every observer counts SECONDS from when it first saw this value, so no clocks are compared between
nodes. After the turn SECONDS is 0, and the pod stays named: the next edit is its to begin.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

_PARTS = 4


@dataclass(frozen=True, slots=True)
class Holder:
    """One claim. `nonce` is fresh for each; `tries` counts pods that took the same content over."""

    pod: str = ""
    nonce: str = ""
    tries: int = 0
    seconds: int = 0

    def __str__(self) -> str:
        return f"{self.pod}/{self.nonce}/{self.tries}/{self.seconds}"


def read_holder(marks: Mapping[str, str]) -> Holder:
    """Who is named; nobody where there is no value, or one that no surehup wrote."""
    return _parse(marks.get("holder", ""))


@lru_cache(maxsize=64)
def _parse(text: str) -> Holder:
    """Read at every step, and rarely another value."""
    parts = text.split("/")
    if len(parts) != _PARTS or not (parts[2].isdecimal() and parts[3].isdecimal()):
        return Holder()
    return Holder(parts[0], parts[1], int(parts[2]), int(parts[3]))
