"""What a journal brings back: all of it, or nothing."""

from __future__ import annotations

import json
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.core.attempt import Outcome, Trigger
from sidecar.core.bridge import Source
from sidecar.core.declared import ApiSide
from sidecar.core.events import Started
from sidecar.core.evidence import Baseline, Process
from sidecar.core.machine import step
from sidecar.core.memory import Memory, read_entry, write_entry
from sidecar.core.snapshot import Mounted, Snapshot
from sidecar.core.state import (
    Attempt,
    Claimed,
    Confirming,
    Decision,
    Idle,
    Interrupted,
    Loaded,
    Signalling,
    State,
    begin,
)
from tests.core.bridges import make_bridge

TEXTS = st.text(max_size=8)
TIMES = st.floats(0, 1e9)
MAYBE = st.none() | TEXTS
READINGS = st.dictionaries(
    TEXTS, st.floats(allow_nan=False) | TEXTS | st.frozensets(st.integers(1, 1 << 22)), max_size=3
)
PROCESSES = st.builds(
    Process,
    pid=st.integers(1, 1 << 22),
    start_ticks=st.integers(0, 1 << 60),
    started_s=TIMES,
    name=TEXTS,
    container=TEXTS,
)
BASELINES = st.builds(
    Baseline,
    taken_s=TIMES,
    process=PROCESSES,
    fence=st.none() | st.text(min_size=1, max_size=8),
    readings=READINGS,
)
DECISIONS = st.builds(
    Decision,
    digest=TEXTS,
    outcome=st.sampled_from(Outcome),
    message=TEXTS,
    aside=TEXTS,
    lost=st.booleans(),
    tried=st.booleans(),
    adopted=st.booleans(),
)
LOADED = st.builds(
    Loaded,
    process=PROCESSES,
    digest=TEXTS,
    proven=st.booleans(),
    signalled_s=st.none() | TIMES,
    before=st.none() | BASELINES,
    kept=MAYBE,
)
ATTEMPTS = st.builds(
    Attempt,
    candidate=st.builds(
        Mounted,
        snapshot=st.builds(Snapshot, files=st.just({}), digest=TEXTS),
        fence=TEXTS,
        since_s=TIMES,
    ),
    trigger=st.sampled_from(Trigger),
    started_s=TIMES,
    signalled=st.booleans(),
    given=st.booleans(),
    ends=st.integers(0, 2),
    nonce=st.just("") | TEXTS,
    tries=st.integers(1, 3),
)
CLAIMED = st.builds(Claimed, digest=TEXTS, nonce=TEXTS, tries=st.integers(1, 3))
PHASES = st.one_of(
    st.just(Idle()),
    st.builds(Signalling, baseline=BASELINES),
    st.builds(Confirming, baseline=BASELINES, signalled_s=TIMES, deadline_s=TIMES, answer=MAYBE),
)
INTERRUPTED = st.builds(
    Interrupted,
    digest=TEXTS,
    fence=TEXTS,
    trigger=st.sampled_from(Trigger),
    signalled=st.booleans(),
    baseline=BASELINES,
    answer=MAYBE,
)
STATES = st.builds(
    replace,
    st.just(begin(make_bridge())),
    phase=PHASES,
    decided=st.none() | DECISIONS,
    last_good=MAYBE,
    valid=MAYBE,
    loaded=st.none() | LOADED,
    attempt=st.none() | ATTEMPTS,
    interrupted=st.none() | INTERRUPTED,
    given=MAYBE,
    claimed=st.none() | CLAIMED,
    wholes=st.dictionaries(TEXTS, TEXTS, max_size=2),
    api=st.none() | st.builds(ApiSide, restored=MAYBE, recalled=MAYBE),
)


def find_given(state: State) -> str | None:
    attempt = state.attempt
    seen = attempt is not None and (attempt.signalled or attempt.given or attempt.ends > 0)
    return attempt.digest if attempt is not None and seen else state.given


def find_claimed(state: State) -> Claimed | None:
    attempt = state.attempt
    if attempt is None or not attempt.nonce:
        return state.claimed
    return Claimed(digest=attempt.digest, nonce=attempt.nonce, tries=attempt.tries)


@given(STATES)
def test_what_was_written_comes_back(state: State) -> None:
    memory = read_entry(json.loads(json.dumps(write_entry(state))))
    interrupted = state.interrupted
    if state.attempt is not None and isinstance(state.phase, Signalling | Confirming):
        interrupted = Interrupted(
            digest=state.attempt.digest,
            fence=state.attempt.candidate.fence,
            trigger=state.attempt.trigger,
            signalled=state.attempt.signalled,
            baseline=state.phase.baseline,
            answer=state.phase.answer if isinstance(state.phase, Confirming) else None,
        )
    assert memory == Memory(
        decided=state.decided,
        last_good=state.last_good,
        valid=state.valid,
        loaded=state.loaded,
        interrupted=interrupted,
        wholes=state.wholes,
        restored=state.api.restored if state.api is not None else None,
        given=find_given(state),
        claimed=find_claimed(state),
    )


DAEMON = Process(pid=7, start_ticks=70, started_s=0.7, name="daemon", container="app")
BASELINE = Baseline(
    taken_s=5.0, process=DAEMON, readings={"gauge": 1.0, "workers": frozenset({8}), "digest": "x"}
)
FULL = write_entry(
    replace(
        begin(make_bridge()),
        phase=Confirming(baseline=BASELINE, signalled_s=5.0, deadline_s=9.0, answer="ok"),
        decided=Decision(digest="a", outcome=Outcome.APPLIED, message="timestamp moved"),
        last_good="a",
        valid="b",
        wholes={"a": "whole a"},
        api=ApiSide(restored="c"),
        loaded=Loaded(process=DAEMON, digest="b", proven=False, signalled_s=5.0, before=BASELINE),
        attempt=Attempt(
            candidate=Mounted(Snapshot.of({"config": b"b"}), "g2", 4.0),
            trigger=Trigger.MOUNT,
            started_s=4.0,
            signalled=True,
            nonce="d",
        ),
    )
)


def places(entry: object, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every place of a nested entry."""
    if path:
        yield path
    children = entry.items() if isinstance(entry, dict) else ()
    for key, value in children:
        yield from places(value, (*path, key))


PLACES = list(places(FULL))
FREE = {
    "before",
    "answer",
    "lastGood",
    "valid",
    "decided",
    "loaded",
    "interrupted",
    "signalledS",
    "restored",
    "given",
    "claimed",
    "kept",
}


def damage(path: tuple[Any, ...], value: object, *, drop: bool = False) -> dict[str, object]:
    entry: Any = deepcopy(dict(FULL))
    inner = entry
    for key in path[:-1]:
        inner = inner[key]
    if drop:
        del inner[path[-1]]
    else:
        inner[path[-1]] = value
    return dict(entry)


def test_an_undamaged_entry_is_read() -> None:
    assert read_entry(FULL) is not None


@pytest.mark.parametrize(
    "path", [p for p in PLACES if not {"readings", "wholes"} & set(p[:-1])], ids=str
)
def test_an_entry_that_lacks_something_is_none(path: tuple[Any, ...]) -> None:
    assert read_entry(damage(path, None, drop=True)) is None


@pytest.mark.parametrize("path", [p for p in PLACES if p[-1] not in FREE], ids=str)
def test_an_entry_with_nothing_where_something_belongs_is_none(path: tuple[Any, ...]) -> None:
    if path[-1] in {"proven", "signalled", "tried", "lost", "adopted"}:
        return  # as good as false
    assert read_entry(damage(path, None)) is None


@pytest.mark.parametrize("path", PLACES, ids=str)
@pytest.mark.parametrize(
    "value", [[], {}, [[]], {"a": None}, 10**400, 1e999, "text", 7, True], ids=repr
)
def test_nothing_that_an_entry_may_hold_upsets_the_start(
    path: tuple[Any, ...], value: object
) -> None:
    entry = damage(path, value)
    state, _ = step(begin(make_bridge()), Started(entry), 100.0)
    texts = (state.last_good, state.valid, state.decided and state.decided.digest)
    assert all(text is None or isinstance(text, str) for text in texts)


def test_a_start_takes_over_what_was_remembered() -> None:
    bridge = replace(make_bridge(), source=Source(mount="/config", config_map="shop/web"))
    state, _ = step(begin(bridge), Started(FULL, Snapshot.of({"config": b"a"})), 100.0)
    assert state.api is not None
    assert (state.last_good, state.wholes, state.api.restored) == ("a", {"a": "whole a"}, "c")
    assert (state.given, state.good) == (FULL["given"], Snapshot.of({"config": b"a"}))
    assert state.api.awaited_until_s == 102.0


@pytest.mark.parametrize(
    "entry", [{}, {"version": 4}, {**FULL, "version": 3}, {**FULL, "version": "4"}]
)
def test_an_entry_of_another_version_is_none(entry: dict[str, object]) -> None:
    assert read_entry(entry) is None


def test_a_missing_entry_is_first_sight() -> None:
    state, effects = step(begin(make_bridge()), Started(None), 100.0)
    assert not state.remembers
    assert effects == ()
