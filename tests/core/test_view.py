"""Each state, as people see it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sidecar.core.attempt import Outcome, Status, Trigger
from sidecar.core.bridge import Mode, Policy, Rollback, Source
from sidecar.core.declared import ApiSide, Declared
from sidecar.core.evidence import Baseline, Process
from sidecar.core.snapshot import Mounted, Snapshot
from sidecar.core.state import Attempt, Confirming, Decision, Seeking, State, begin
from sidecar.core.view import view
from tests.core.bridges import make_bridge

ONE = Mounted(Snapshot.of({"config": b"one"}), "g1", 5.0)
TWO = Mounted(Snapshot.of({"config": b"two"}), "g2", 6.0)
DAEMON = Process(pid=7, start_ticks=70)


def decide(
    outcome: Outcome, mounted: Mounted = ONE, *, rollback: Rollback = Rollback.ANNOTATION
) -> State:
    digest = ONE.snapshot.digest
    decided = Decision(digest=digest, outcome=outcome, message="so it is")
    bridge = make_bridge(policy=Policy(rollback=rollback))
    return replace(begin(bridge), mounted=mounted, decided=decided)


@pytest.mark.parametrize(
    ("outcome", "last_good", "rollback", "status"),
    [
        (Outcome.APPLIED, "good", Rollback.ANNOTATION, Status.APPLIED),
        (Outcome.REJECTED, "good", Rollback.ANNOTATION, Status.REJECTED),
        (Outcome.UNCONFIRMED, "good", Rollback.ANNOTATION, Status.UNCONFIRMED),
        (Outcome.FAILED, "good", Rollback.ANNOTATION, Status.ROLLED_BACK),
        (Outcome.FAILED, "good", Rollback.DATA, Status.ROLLED_BACK),
        (Outcome.FAILED, "good", Rollback.NONE, Status.FAILED),
        (Outcome.FAILED, None, Rollback.ANNOTATION, Status.FAILED),
    ],
)
def test_an_outcome_has_its_word(
    outcome: Outcome, last_good: str | None, rollback: Rollback, status: Status
) -> None:
    state = replace(decide(outcome, rollback=rollback), last_good=last_good)
    shown = view(state)
    assert (shown.status, shown.message) == (status, "so it is")
    assert shown.observed == ONE.snapshot.digest


def test_a_verdict_on_older_content_is_not_shown_for_newer() -> None:
    shown = view(decide(Outcome.APPLIED, TWO))
    assert (shown.status, shown.observed, shown.message) == (
        Status.PENDING,
        TWO.snapshot.digest,
        "",
    )


def test_before_anything_was_read_it_is_pending_and_not_synced() -> None:
    shown = view(replace(begin(make_bridge()), mount_trouble="no folder /config"))
    assert (shown.status, shown.synced, shown.blocked) == (
        Status.PENDING,
        False,
        "no folder /config",
    )


def test_applied_content_that_the_process_does_not_run_any_more_is_pending() -> None:
    state = replace(decide(Outcome.APPLIED), out_of_sync_since_s=9.0, blocked="no process")
    assert (view(state).status, view(state).message) == (Status.PENDING, "blocked: no process")


def test_what_is_to_be_said_beside_a_verdict_is_said() -> None:
    state = decide(Outcome.REJECTED)
    assert state.decided is not None
    state = replace(state, decided=replace(state.decided, aside="although it runs"))
    assert view(state).message == "so it is; although it runs"


def attempt(mounted: Mounted, *, asked: bool = False) -> Attempt:
    return Attempt(candidate=mounted, trigger=Trigger.MOUNT, started_s=6.0, asked=asked)


def test_a_signalled_attempt_is_reloading_and_its_content_is_the_active_one() -> None:
    baseline = Baseline(taken_s=6.0, process=DAEMON, readings={})
    confirming = Confirming(baseline=baseline, signalled_s=6.0, deadline_s=11.0)
    state = decide(Outcome.APPLIED, TWO)
    state = replace(state, last_good="good", attempt=attempt(TWO), phase=confirming)
    shown = view(state)
    assert (shown.status, shown.message) == (Status.RELOADING, "")
    assert (shown.active, shown.last_good) == (TWO.snapshot.digest, "good")


@pytest.mark.parametrize(
    ("asked", "blocked", "status"),
    [
        (False, "", Status.REJECTED),
        (True, "", Status.PENDING),
        (True, "no process", Status.REJECTED),
    ],
)
def test_a_wish_reopens_a_decision_and_a_restart_does_not(
    *, asked: bool, blocked: str, status: Status
) -> None:
    state = replace(decide(Outcome.REJECTED), attempt=attempt(ONE, asked=asked), blocked=blocked)
    assert view(replace(state, phase=Seeking(since_s=6.0))).status is status


@pytest.mark.parametrize(
    ("outcome", "valid", "last_good", "safe"),
    [
        (Outcome.APPLIED, None, "mounted", True),
        (Outcome.UNCONFIRMED, "mounted", None, True),
        (Outcome.UNCONFIRMED, None, None, False),
        (Outcome.REJECTED, "mounted", "mounted", False),
        (Outcome.FAILED, "mounted", None, False),
    ],
)
def test_a_restart_is_safe_with_content_that_was_validated_or_proven(
    outcome: Outcome, valid: str | None, last_good: str | None, *, safe: bool
) -> None:
    names = {"mounted": ONE.snapshot.digest, None: None}
    state = replace(decide(outcome), valid=names[valid], last_good=names[last_good])
    assert view(state).restart_safe is safe


@pytest.mark.parametrize(
    ("valid", "paused", "mode", "held_off"),
    [
        (False, False, Mode.MOUNTED, True),
        (True, False, Mode.MOUNTED, False),
        (True, True, Mode.MOUNTED, True),
        (False, False, Mode.PUBLISHED, False),
    ],
)
def test_the_kubelet_is_not_hurried_for_content_that_nobody_wants(
    *, valid: bool, paused: bool, mode: Mode, held_off: bool
) -> None:
    source = Source(mount="/config", config_map="ns/web", mode=mode, publish="/shared")
    bridge = replace(make_bridge(), source=source)
    digest = TWO.snapshot.digest
    marks = {"paused": "true"} if paused else {}
    declared = Declared(uid="u", version="1", digest=digest, content=TWO.snapshot, marks=marks)
    state = replace(
        begin(bridge),
        mounted=ONE,
        valid=digest if valid else None,
        api=ApiSide(connected=True, answered=True, declared=declared),
    )
    assert view(state).held_off is held_off
    assert not view(replace(state, mounted=TWO)).held_off


def test_newer_content_that_was_validated_is_safe_whatever_became_of_the_older() -> None:
    state = replace(decide(Outcome.FAILED, TWO), valid=TWO.snapshot.digest)
    assert view(state).restart_safe
