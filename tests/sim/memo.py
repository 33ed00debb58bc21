"""Remembers what a function of a state found, as long as all that it may read stays the same.

On what they would write on the object pods spend half of their time: it is asked for at the end of
each step, and for the time of the next, while most steps change nothing that it rests on.

What must stay the same is named here, and the function is given nothing else: of another field of
the state, or of a field of its phase, it would learn by an `AttributeError`.
"""

from __future__ import annotations

from collections.abc import Callable
from operator import attrgetter, is_
from typing import Any

from sidecar.core.state import State

Found = float | None
Key = tuple[object, ...]

READ = (
    "bridge",
    "mounted",
    "offered",
    "api",
    "wholes",
    "decided",
    "last_good",
    "valid",
    "loaded",
    "process",
    "attempt",
    "asked",
    "blocked",
    "out_of_sync_since_s",
)
"""The fields that decide on what is to be written, beside which phase it is."""

MOST = 64
"""More than a history has pods."""

_read: Callable[[State], Key] = attrgetter(*READ)
_fill: tuple[Callable[[State, object], None], ...] = tuple(
    vars(State)[name].__set__ for name in ("phase", *READ)
)


def remember(find: Callable[[State], Found]) -> Callable[[State], Found]:
    """The same function; for each pod it remembers the last answer."""
    known: dict[int, tuple[Key, Found]] = {}
    latest: tuple[State | None, Found] = None, None

    def look_up(state: State) -> Found:
        nonlocal latest
        if state is not latest[0]:
            latest = state, compare(state)
        return latest[1]

    def compare(state: State) -> Found:
        key, pod = (type(state.phase), *_read(state)), id(state.bridge)  # which the key keeps alive
        last = known.get(pod)
        if last is not None and all(map(is_, last[0], key)):
            return last[1]
        if last is None and len(known) >= MOST:
            known.clear()
        found = find(_strip(key))
        known[pod] = key, found
        return found

    return look_up


def _strip(key: Key) -> State:
    """A state of which no more can be read than what is in the key."""
    kind: Any = key[0]
    bare = object.__new__(State)
    for fill, value in zip(_fill, (object.__new__(kind), *key[1:]), strict=True):
        fill(bare, value)
    return bare
