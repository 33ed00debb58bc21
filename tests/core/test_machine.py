"""Scenarios of one bridge in virtual time: what happens in each phase, and what is left true."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest

from sidecar.core.attempt import AttemptRecord, Outcome, Status, Trigger
from sidecar.core.bridge import Noop, OnInvalid, Policy, Proof
from sidecar.core.draft import Draft
from sidecar.core.effects import Milestone, Reply
from sidecar.core.errors import TargetTrouble
from sidecar.core.events import Looked, MountChanged, ProcessExited, Tick, Validated
from sidecar.core.evidence import (
    Absent,
    DigestAlgorithm,
    Evidence,
    JsonField,
    Process,
    ReloadAnswer,
    Role,
    Sample,
    Series,
)
from sidecar.core.machine import step, wake_at
from sidecar.core.proof import MOVED
from sidecar.core.report import Report
from sidecar.core.snapshot import Mounted, Snapshot
from sidecar.core.state import (
    Confirming,
    Idle,
    Lingering,
    Phase,
    Seeking,
    Signalling,
    State,
    Validating,
    begin,
)
from sidecar.core.view import view
from sidecar.testing.pod_daemon import Habits
from sidecar.testing.world import Latency, World
from tests.core.bridges import GAUGE, PROMETHEUS, TIMESTAMP, make_bridge, make_world

DIES = replace(PROMETHEUS, on_invalid=OnInvalid.DIES)
OUTAGE = replace(PROMETHEUS, on_invalid=OnInvalid.OUTAGE)
NOOP_FAILS = replace(PROMETHEUS, noop=Noop.FAILS)
HARMFUL = [DIES, OUTAGE, NOOP_FAILS]
HARMS = ["dies", "outage", "noop fails"]
COARSE = Proof(groups=((GAUGE, replace(TIMESTAMP, resolution_s=1.0)),))
COUNTERS = Proof(
    groups=(
        (
            Evidence(name="successes", role=Role.SUCCESS_COUNTER, source=Series(metric="ok")),
            Evidence(name="failures", role=Role.FAILURE_COUNTER, source=Series(metric="bad")),
        ),
    )
)
ANSWERED = Proof(
    groups=((Evidence(name="answer", role=Role.ANSWER, source=ReloadAnswer()), TIMESTAMP),)
)


def run_on(world: World, content: str = "one") -> World:
    """A daemon that started with `content`, and a sidecar that has seen it."""
    world.edit(content)
    world.run_for(1)
    world.start_daemon()
    world.start_sidecar()
    world.run_for(3)
    assert outcomes(world) == ["applied"]
    assert world.signalled == []
    world.notes.clear()
    return world


def outcomes(world: World) -> list[str]:
    return [record.outcome.value for record in world.records]


def last(world: World) -> AttemptRecord:
    return world.records[-1]


def replies(world: World) -> list[str]:
    return [answer.reply.value for answer in world.answers]


def milestones(world: World) -> list[Milestone]:
    return [note.milestone for note in world.notes]


def state_of(world: World) -> State:
    assert world.state is not None
    return world.state


def status(world: World) -> Status:
    return view(state_of(world)).status


def reach(world: World, phase: type[Phase], *, within_s: float = 60) -> None:
    """Go on until the machine is in `phase` and waits for an answer or a time."""
    assert world.run_until(lambda: isinstance(state_of(world).phase, phase), within_s=within_s)


def loaded(world: World) -> str | None:
    assert world.daemon is not None
    return world.daemon.loaded


def is_kept(world: World) -> bool:
    return world.broken == []


# --- first sight


def test_content_that_the_daemon_started_with_is_adopted() -> None:
    world = run_on(make_world())
    assert last(world).adopted
    assert last(world).message == "daemon started with this content and is up"
    assert last(world).trigger is Trigger.STARTUP
    assert status(world) is Status.APPLIED
    assert state_of(world).out_of_sync_since_s is None


def test_content_that_the_daemon_shows_by_its_digest_is_adopted() -> None:
    digest = Evidence(
        name="digest",
        role=Role.DIGEST,
        source=JsonField(field="digest"),
        algorithm=DigestAlgorithm.SHA256_HEX,
        absent=Absent.OPTIONAL,
    )
    bridge = make_bridge(Proof(groups=((TIMESTAMP, digest),)))
    state = begin(bridge)
    snapshot = Snapshot.of({"config": b"one"})
    state, _ = step(state, MountChanged(Mounted(snapshot, "g1", 500.0)), 500.0)
    state, _ = step(state, Validated(state.next_effect - 1, Report()), 500.0)
    predicted = "7692c3ad3540bb803c020b3aee66cd8887123234ea0c6e7143c0add73ff431ed"
    sample = Sample(
        taken_s=500.0,
        process=Process(pid=7, start_ticks=1, started_s=10.0),
        fence="g1",
        readings={"timestamp": 1.0, "digest": predicted},
    )
    state, _ = step(state, Looked(state.next_effect - 1, sample), 500.0)
    assert state.records[0].message == "7 shows the digest of this content"
    assert state.records[0].adopted


def test_content_that_came_after_the_daemon_is_signalled() -> None:
    world = make_world()
    world.edit("zero")
    world.start_daemon()
    world.run_for(1)
    world.edit("one")
    world.run_for(1)
    world.start_sidecar()
    world.run_for(3)
    assert outcomes(world) == ["applied"]
    assert last(world).signalled
    assert len(world.signalled) == 1
    assert is_kept(world)


def test_a_start_too_close_to_its_content_proves_nothing() -> None:
    world = make_world()
    world.edit("one")
    world.run_for(0.05)
    world.start_daemon()
    world.start_sidecar()
    world.run_for(3)
    assert last(world).signalled


@pytest.mark.parametrize("proof", HARMFUL, ids=HARMS)
def test_a_daemon_that_a_second_signal_harms_gets_none_at_first_sight(proof: Proof) -> None:
    world = make_world(proof)
    world.edit("one")
    world.start_daemon()
    world.run_for(1)
    world.edit("two")
    world.start_sidecar()
    world.run_for(3)
    assert outcomes(world) == ["unconfirmed"]
    assert "a second signal would harm it" in last(world).message
    assert world.signalled == []
    world.ask(request=1)
    world.run_for(3)
    assert replies(world) == ["applied"]
    world.edit("three")
    world.run_for(3)
    assert len(world.signalled) == 2


def test_bad_content_at_first_sight_is_rejected_and_the_daemon_left_alone() -> None:
    world = make_world()
    world.edit("bad")
    world.start_sidecar()
    world.run_for(3)
    assert outcomes(world) == ["rejected"]
    assert status(world) is Status.REJECTED
    assert not view(state_of(world)).restart_safe
    assert state_of(world).out_of_sync_since_s == pytest.approx(100.0)


def test_without_a_process_content_stays_pending_and_says_why() -> None:
    world = make_world()
    world.edit("one")
    world.start_sidecar()
    world.run_for(600)
    assert outcomes(world) == []
    assert status(world) is Status.PENDING
    assert view(state_of(world)).message == "blocked: no process"
    world.start_daemon()
    world.run_for(5)
    assert outcomes(world) == ["applied"]
    assert milestones(world).count(Milestone.BLOCKED) <= 2


# --- an edit


def test_an_edit_is_validated_signalled_once_and_confirmed() -> None:
    world = run_on(make_world())
    world.edit("two")
    world.run_for(3)
    assert outcomes(world) == ["applied", "applied"]
    assert last(world).message == "timestamp moved"
    assert last(world).trigger is Trigger.MOUNT
    assert last(world).signalled
    assert len(world.signalled) == 1
    assert view(state_of(world)).last_good == world.mounted.snapshot.digest
    assert is_kept(world)


def test_a_bad_edit_is_rejected_and_nobody_is_signalled() -> None:
    world = run_on(make_world())
    good = world.mounted.snapshot.digest
    world.edit("bad")
    world.run_for(3)
    assert outcomes(world) == ["applied", "rejected"]
    assert world.signalled == []
    shown = view(state_of(world))
    assert (shown.status, shown.last_good, shown.message) == (Status.REJECTED, good, "bad content")


def test_an_edit_that_the_daemon_refuses_has_failed() -> None:
    world = run_on(make_world())
    world.edit("bad subtle")
    world.run_for(3)
    assert last(world).outcome is Outcome.FAILED
    assert last(world).message == "the process refused this content: gauge fell to 0"
    assert status(world) is Status.ROLLED_BACK


def test_what_fails_without_a_last_good_is_failed() -> None:
    world = make_world()
    world.edit("zero")
    world.start_daemon()
    world.run_for(1)
    world.edit("bad subtle")
    world.start_sidecar()
    world.run_for(3)
    assert status(world) is Status.FAILED


def test_a_second_failure_in_a_row_cannot_be_told_from_silence() -> None:
    world = run_on(make_world())
    for content in ("bad subtle", "bad subtle two"):
        world.edit(content)
        world.run_for(11)
    assert outcomes(world)[1:] == ["failed", "unconfirmed"]
    assert "gauge stayed 0" in last(world).message
    assert status(world) is Status.UNCONFIRMED


def test_a_failure_counter_tells_the_second_failure_too() -> None:
    world = run_on(make_world(COUNTERS))
    for content in ("bad subtle", "bad subtle two"):
        world.edit(content)
        world.run_for(11)
    assert outcomes(world)[1:] == ["failed", "failed"]


def test_a_daemon_that_lies_is_not_believed() -> None:
    world = run_on(make_world(habits=Habits(lies=True)))
    world.edit("bad subtle")
    world.run_for(11)
    assert outcomes(world)[1:] == ["unconfirmed"]
    assert is_kept(world)


@pytest.mark.parametrize("gauge_first", [True, False])
def test_a_torn_page_is_waited_out(*, gauge_first: bool) -> None:
    world = run_on(make_world(habits=Habits(torn_s=0.5, gauge_first=gauge_first)))
    world.edit("bad subtle")
    world.run_for(11)
    world.edit("two")
    world.run_for(11)
    assert outcomes(world)[1:] == ["failed", "applied"]
    assert last(world).duration_s >= 0.5
    assert is_kept(world)


def test_agreeing_looks_are_asked_for() -> None:
    once = run_on(make_world())
    thrice = run_on(make_world(replace(PROMETHEUS, agree=3)))
    for world in (once, thrice):
        before = world.looks
        world.edit("two")
        world.run_for(3)
        assert last(world).outcome is Outcome.APPLIED
        world.looks -= before
    assert thrice.looks == once.looks + 2


def test_the_same_content_written_again_is_unchanged() -> None:
    world = run_on(make_world())
    world.edit("one")
    world.run_for(10)
    assert outcomes(world) == ["applied"]
    assert world.signalled == []
    assert status(world) is Status.APPLIED


# --- there and back again


def test_back_after_a_rejected_edit_is_unchanged() -> None:
    world = run_on(make_world())
    for content in ("bad", "one"):
        world.edit(content)
        world.run_for(3)
    assert outcomes(world) == ["applied", "rejected"]
    assert world.signalled == []
    assert status(world) is Status.APPLIED
    assert milestones(world)[-1] is Milestone.UNCHANGED


@pytest.mark.parametrize("between", ["two", "bad subtle"], ids=["applied", "failed"])
def test_back_after_a_signalled_edit_is_signalled(between: str) -> None:
    world = run_on(make_world())
    for content in (between, "one"):
        world.edit(content)
        world.run_for(11)
    assert last(world).outcome is Outcome.APPLIED
    assert len(world.signalled) == 2
    assert is_kept(world)


def test_back_after_an_unconfirmed_edit_is_signalled() -> None:
    world = run_on(make_world())
    for content in ("bad subtle", "bad subtle two", "one"):
        world.edit(content)
        world.run_for(11)
    assert last(world).outcome is Outcome.APPLIED
    assert len(world.signalled) == 3


@pytest.mark.parametrize(
    "phase", [Validating, Seeking, Signalling, Confirming], ids=lambda phase: phase.__name__
)
def test_back_in_the_middle_of_an_edit_ends_applied(phase: type[Phase]) -> None:
    world = run_on(make_world(habits=Habits(read_s=0.01, work_s=0.3)))
    world.edit("two")
    reach(world, phase)
    world.edit("one")
    world.run_for(20)
    assert outcomes(world)[1] == "superseded"
    assert status(world) is Status.APPLIED
    assert loaded(world) == world.mounted.snapshot.digest
    assert len(world.signalled) == (2 if phase is Confirming else 0)
    assert is_kept(world)


@pytest.mark.parametrize(
    "phase", [Validating, Seeking, Signalling, Confirming], ids=lambda phase: phase.__name__
)
@pytest.mark.parametrize("watch_s", [0.002, 1.0])
def test_a_newer_edit_takes_the_place_of_the_running_one(
    phase: type[Phase], watch_s: float
) -> None:
    world = run_on(make_world(latency=Latency(watch_s=watch_s)))
    world.edit("two")
    reach(world, phase)
    world.edit("three")
    world.run_for(20)
    assert set(outcomes(world)[1:-1]) <= {"superseded"}
    assert status(world) is Status.APPLIED
    assert loaded(world) == world.mounted.snapshot.digest
    assert is_kept(world)


@pytest.mark.parametrize("phase", [Validating, Seeking], ids=lambda phase: phase.__name__)
def test_the_same_content_in_a_new_generation_goes_on_before_the_signal(
    phase: type[Phase],
) -> None:
    world = run_on(make_world())
    world.edit("two")
    reach(world, phase)
    world.edit("two")
    world.run_for(3)
    assert outcomes(world)[1:] == ["applied"]
    assert len(world.signalled) == 1


def test_the_same_content_in_a_new_generation_after_the_signal_is_signalled_again() -> None:
    world = run_on(make_world(habits=Habits(work_s=0.3)))
    world.edit("two")
    reach(world, Confirming)
    world.edit("two")
    world.run_for(20)
    assert outcomes(world)[1:] == ["superseded", "applied"]
    assert world.records[1].message == MOVED
    assert len(world.signalled) == 2


@pytest.mark.parametrize("refusal", [None, TargetTrouble.UNHANDLED], ids=["fence", "refused"])
def test_a_swap_that_the_watcher_saw_before_the_signal_was_sent_supersedes(
    refusal: TargetTrouble | None,
) -> None:
    world = run_on(make_world(latency=Latency(signal_s=0.1)))
    world.refusal = refusal
    world.edit("two")
    reach(world, Signalling)
    world.edit("three")
    world.run_for(0.1)
    assert outcomes(world)[1:] == ["superseded"]
    world.refusal = None
    world.run_for(5)
    assert outcomes(world)[1:] == ["superseded", "applied"]
    assert is_kept(world)


def test_a_mount_that_is_lost_before_the_signal_was_sent_is_waited_for_quietly() -> None:
    world = run_on(make_world(latency=Latency(signal_s=0.1)))
    world.edit("two")
    reach(world, Signalling)
    world.lose_mount()
    world.run_for(1)
    looks = world.looks
    world.run_for(60)
    assert world.looks == looks
    world.regain_mount()
    world.run_for(3)
    assert outcomes(world)[1:] == ["superseded", "applied"]


def test_a_swap_between_signal_and_read_is_not_claimed() -> None:
    world = run_on(make_world(habits=Habits(read_s=0.3), latency=Latency(watch_s=1.0)))
    world.edit("two")
    reach(world, Confirming)
    world.edit("three")
    world.run_for(20)
    assert set(outcomes(world)[1:-1]) == {"superseded"}
    assert status(world) is Status.APPLIED
    assert is_kept(world)


def test_a_slow_reload_of_other_content_is_not_taken_for_proof() -> None:
    policy = Policy(debounce_s=0)
    world = run_on(make_world(policy=policy, habits=Habits(read_s=0.001, work_s=2.0)))
    world.edit("two")
    reach(world, Confirming)
    world.run_for(0.01)
    world.edit("three")
    world.run_for(20)
    assert outcomes(world)[1:] == ["superseded", "applied"]
    assert world.signalled[1][0] >= world.signalled[0][0] + 2.0
    assert is_kept(world)


def test_a_reload_whose_end_nothing_shows_is_waited_for_until_its_deadline() -> None:
    world = run_on(make_world(policy=Policy(debounce_s=0)))
    world.edit("bad subtle")
    world.run_for(3)
    world.edit("bad subtle two")
    reach(world, Confirming)
    world.run_for(0.1)
    world.edit("two")
    world.run_for(20)
    assert outcomes(world)[1:] == ["failed", "superseded", "applied"]
    assert world.signalled[2][0] >= world.signalled[1][0] + PROMETHEUS.deadline_s


def test_without_a_window_what_took_its_place_begins_at_once() -> None:
    world = run_on(make_world(policy=Policy(debounce_s=0), habits=Habits(work_s=0.3)))
    world.edit("two")
    reach(world, Confirming)
    world.edit("two")
    world.run_for(0.002)
    assert isinstance(state_of(world).phase, Seeking)
    world.run_for(5)
    assert outcomes(world)[1:] == ["superseded", "applied"]


def test_a_swap_that_the_watcher_saw_before_the_signal_was_answered_supersedes() -> None:
    policy, latency = Policy(debounce_s=0), Latency(signal_s=0.1)
    world = run_on(make_world(policy=policy, latency=latency))
    world.edit("two")
    assert world.run_until(lambda: len(world.signalled) == 1)
    world.edit("three")
    assert world.run_until(lambda: outcomes(world)[1:] == ["superseded"])
    assert isinstance(state_of(world).phase, Validating)
    world.run_for(5)
    assert last(world).digest == world.mounted.snapshot.digest
    assert is_kept(world)


# --- debounce


def test_the_first_edit_goes_at_once_and_the_last_of_a_storm_after_the_window() -> None:
    world = run_on(make_world())
    first_s = world.now_s
    for number in range(10):
        world.edit(f"edit {number}")
        world.run_for(0.05)
    world.run_for(5)
    assert [record.started_s for record in world.records[1:]] == [
        pytest.approx(first_s + 0.002),
        pytest.approx(first_s + 1.002),
    ]
    assert last(world).digest == world.mounted.snapshot.digest
    assert milestones(world).count(Milestone.DEBOUNCED) == 1
    assert loaded(world) == world.mounted.snapshot.digest


def test_a_storm_that_returns_to_what_runs_signals_nobody_again() -> None:
    world = run_on(make_world())
    world.edit("two")
    world.run_for(0.5)
    assert outcomes(world)[1:] == ["applied"]
    for content in ("three", "two"):
        world.edit(content)
        world.run_for(0.1)
    world.run_for(3)
    assert len(world.signalled) == 1
    assert state_of(world).deferred is False


def test_who_asks_does_not_wait_for_the_window() -> None:
    world = run_on(make_world())
    world.edit("two")
    world.run_for(0.1)
    world.edit("three")
    world.run_for(0.1)
    assert outcomes(world)[1:] == ["applied"]
    world.ask(request=1)
    world.run_for(0.1)
    assert replies(world) == ["applied"]
    assert last(world).digest == world.mounted.snapshot.digest


def test_back_within_the_window_is_unchanged_at_its_end() -> None:
    world = run_on(make_world())
    world.edit("bad")
    world.run_for(0.1)
    world.edit("one")
    world.run_for(0.1)
    assert status(world) is Status.PENDING
    world.run_for(1)
    assert status(world) is Status.APPLIED
    assert outcomes(world)[1:] == ["rejected"]


# --- people who ask


def test_asked_while_nothing_changed_nothing_is_signalled() -> None:
    world = run_on(make_world())
    world.ask(request=1)
    assert replies(world) == ["unchanged"]
    assert world.signalled == []
    assert outcomes(world) == ["applied"]


def test_asked_from_a_shell_the_reload_itself_is_wanted() -> None:
    world = make_world()
    world.edit("one")
    world.run_for(1)
    world.start_daemon()
    world.run_for(1)
    world.start_sidecar()
    world.ask(request=1, trigger=Trigger.CLI)
    world.run_for(3)
    assert replies(world) == ["applied"]
    assert len(world.signalled) == 1


@pytest.mark.parametrize(
    "phase", [Validating, Seeking, Signalling, Confirming], ids=lambda phase: phase.__name__
)
def test_asked_in_the_middle_of_an_attempt_it_is_busy(phase: type[Phase]) -> None:
    world = run_on(make_world())
    world.edit("two")
    reach(world, phase)
    world.ask(request=1)
    assert replies(world) == ["busy"]
    world.ask()
    world.run_for(3)
    assert outcomes(world)[1:] == ["applied"]


def test_asked_after_a_failure_it_is_tried_again() -> None:
    world = run_on(make_world())
    world.edit("bad subtle")
    world.run_for(900)
    assert outcomes(world)[1:] == ["failed"]
    assert len(world.signalled) == 1
    world.ask(request=1)
    world.run_for(10)
    assert len(world.signalled) == 2
    assert replies(world) == ["unconfirmed"]


def test_asked_after_a_rejection_it_is_judged_again() -> None:
    world = run_on(make_world())
    world.edit("bad")
    world.run_for(3)
    world.ask(request=1)
    assert status(world) is Status.PENDING
    world.run_for(3)
    assert replies(world) == ["rejected"]
    assert world.answers[0].message == "bad content"
    assert [finding.message for finding in world.answers[0].findings] == ["bad content"]


def test_asked_while_lingering_a_new_attempt_begins() -> None:
    world = run_on(make_world())
    for content in ("bad subtle", "bad subtle two"):
        world.edit(content)
        world.run_for(11)
    reach(world, Lingering)
    world.ask(request=1)
    assert isinstance(state_of(world).phase, Seeking)
    world.run_for(11)
    assert replies(world) == ["unconfirmed"]


def test_whoever_asked_hears_the_end_of_what_took_its_place() -> None:
    world = run_on(make_world())
    world.edit("bad subtle")
    world.run_for(3)
    world.ask(request=1)
    reach(world, Seeking)
    world.edit("two")
    world.run_for(3)
    assert replies(world) == ["applied"]
    assert outcomes(world)[2:] == ["superseded", "applied"]


def test_asked_before_anything_was_read_it_is_blocked() -> None:
    world = make_world()
    world.start_sidecar()
    world.ask(request=1)
    assert world.answers[0].reply is Reply.BLOCKED
    assert world.answers[0].message == "the mounted folder was not read yet"


# --- the process


def test_a_restart_with_the_same_content_is_adopted() -> None:
    world = run_on(make_world())
    world.kill_daemon()
    world.run_for(5)
    assert state_of(world).blocked == "no process"
    assert status(world) is Status.PENDING
    world.start_daemon()
    world.run_for(3)
    assert outcomes(world) == ["applied", "applied"]
    assert last(world).adopted
    assert status(world) is Status.APPLIED


def test_a_restart_that_nobody_saw_end_is_noticed_by_the_next_look() -> None:
    world = run_on(make_world())
    assert world.daemon is not None
    old = world.daemon.process
    world.edit("bad subtle")
    world.run_for(3)
    world.kill_daemon()
    world.run_for(5)
    world.post(ProcessExited(old))
    world.edit("two")
    world.run_for(0.011)
    world.start_daemon()
    world.run_for(5)
    assert status(world) is Status.APPLIED
    assert is_kept(world)


@pytest.mark.parametrize(
    "phase", [Validating, Seeking, Signalling, Confirming], ids=lambda phase: phase.__name__
)
@pytest.mark.parametrize("away_s", [0.011, 5.0])
def test_a_process_that_is_replaced_in_the_middle_ends_applied(
    phase: type[Phase], away_s: float
) -> None:
    world = run_on(make_world(habits=Habits(work_s=0.1)))
    world.edit("two")
    reach(world, phase)
    world.kill_daemon()
    world.run_for(away_s)
    world.start_daemon()
    world.run_for(30)
    assert status(world) is Status.APPLIED
    assert loaded(world) == world.mounted.snapshot.digest
    assert is_kept(world)


def test_a_process_that_is_replaced_between_two_looks_is_judged_anew() -> None:
    world = run_on(make_world(latency=Latency(look_s=0.3)))
    world.edit("bad subtle")
    reach(world, Confirming)
    world.kill_daemon()
    world.edit("two")
    world.start_daemon()
    world.run_for(30)
    assert status(world) is Status.APPLIED
    assert is_kept(world)


def test_back_while_the_process_is_away_it_is_waited_for() -> None:
    world = run_on(make_world())
    world.kill_daemon()
    world.run_for(3)
    world.edit("two")
    reach(world, Validating)
    world.edit("one")
    world.run_for(0.002)
    assert isinstance(state_of(world).phase, Seeking)
    world.start_daemon()
    world.run_for(3)
    assert status(world) is Status.APPLIED


def test_a_new_generation_of_what_killed_the_daemon_is_a_new_attempt() -> None:
    world = run_on(make_world(DIES))
    world.edit("bad subtle")
    world.run_for(5)
    assert isinstance(state_of(world).phase, Seeking)
    world.edit("bad subtle")
    world.run_for(1)
    assert outcomes(world)[1:] == ["superseded"]
    assert isinstance(state_of(world).phase, Seeking)
    assert len(world.signalled) == 1


def test_content_that_kills_the_daemon_fails_and_the_fix_comes_alive() -> None:
    world = run_on(make_world(DIES))
    world.habits = replace(world.habits, start_s=6)
    world.edit("bad subtle")
    world.run_for(1)
    assert state_of(world).blocked == "no process"
    for _ in range(3):
        world.start_daemon()
        world.run_for(11)
    assert last(world).outcome is Outcome.FAILED
    assert "ended 3 times with this content" in last(world).message
    assert len(world.signalled) == 1
    world.edit("two")
    world.run_for(3)
    world.start_daemon()
    world.run_for(11)
    assert status(world) is Status.APPLIED
    assert last(world).adopted
    assert len(world.signalled) == 1


def test_a_process_that_does_not_come_back_fails_after_its_patience() -> None:
    world = run_on(make_world(DIES))
    world.edit("bad subtle")
    world.run_for(100)
    assert last(world).outcome is Outcome.FAILED
    assert last(world).message == ("the process ended and did not come back within 60s: no process")
    assert last(world).duration_s == pytest.approx(60, abs=3)
    world.run_for(300)
    assert outcomes(world)[1:] == ["failed"]


def test_a_process_that_does_not_become_ready_fails_and_late_proof_still_counts() -> None:
    world = make_world(habits=Habits(start_s=100))
    world.edit("one")
    world.run_for(1)
    world.start_sidecar()
    world.run_for(1)
    world.start_daemon()
    world.run_for(70)
    assert outcomes(world) == ["failed"]
    assert last(world).message == "the process did not become ready within 60s: connection refused"
    reach(world, Lingering)
    world.run_for(120)
    assert outcomes(world) == ["failed", "applied"]
    assert last(world).adopted
    assert is_kept(world)


def vanish(world: World) -> None:
    """The daemon ends, and its pidfd tells nobody."""
    assert world.daemon is not None
    world.daemon.exit()
    world.daemon = None


def test_looks_alone_notice_processes_that_come_and_go_before_they_are_ready() -> None:
    world = make_world(habits=Habits(start_s=100))
    world.edit("one")
    world.run_for(1)
    world.start_sidecar()
    for _ in range(2):
        world.start_daemon()
        world.run_for(5)
        vanish(world)
    world.start_daemon()
    world.run_for(5)
    vanish(world)
    world.run_for(5)
    assert outcomes(world) == ["failed"]
    assert last(world).message == "the process ended 3 times with this content; last: no process"


def test_content_that_was_rejected_and_runs_after_a_restart_is_told_beside_the_verdict() -> None:
    world = run_on(make_world())
    world.validator_rejects = lambda snapshot: b"odd" in snapshot.files["config"]
    world.edit("odd")
    world.run_for(3)
    world.kill_daemon()
    world.run_for(1)
    world.start_daemon()
    world.run_for(5)
    assert outcomes(world) == ["applied", "rejected"]
    shown = view(state_of(world))
    assert shown.status is Status.REJECTED
    assert shown.message.endswith("; although daemon started with this content and is up")


def test_a_restart_does_not_try_failed_content_again() -> None:
    world = run_on(make_world())
    world.edit("bad subtle")
    world.run_for(3)
    world.kill_daemon()
    world.run_for(3)
    world.start_daemon()
    world.run_for(200)
    assert outcomes(world)[1:] == ["failed"]
    assert len(world.signalled) == 1
    assert status(world) is Status.ROLLED_BACK


def test_failed_content_with_which_the_daemon_is_sick_is_left_alone() -> None:
    world = run_on(make_world())
    world.edit("bad subtle")
    world.run_for(3)
    world.crash_sidecar()
    world.start_sidecar()
    world.run_for(30)
    assert outcomes(world)[1:] == ["failed"]
    assert isinstance(state_of(world).phase, Idle)


@pytest.mark.parametrize("trouble", [TargetTrouble.PERMISSION, TargetTrouble.UNHANDLED])
def test_a_signal_that_cannot_be_sent_blocks_and_is_tried_again(trouble: TargetTrouble) -> None:
    world = run_on(make_world())
    world.refusal = trouble
    world.edit("two")
    world.run_for(5)
    assert outcomes(world) == ["applied"]
    assert trouble.value in state_of(world).blocked
    told = milestones(world).count(Milestone.BLOCKED)
    world.run_for(1.9)
    assert milestones(world).count(Milestone.BLOCKED) == told == 1
    world.refusal = None
    world.run_for(5)
    assert outcomes(world)[1:] == ["applied"]
    assert Milestone.UNBLOCKED in milestones(world)
    assert state_of(world).blocked == ""


def test_a_process_that_is_gone_when_it_is_signalled_is_looked_for_again() -> None:
    world = run_on(make_world())
    world.refusal = TargetTrouble.GONE
    world.edit("two")
    reach(world, Signalling)
    world.run_for(1)
    world.refusal = None
    assert state_of(world).process is None
    world.run_for(5)
    assert outcomes(world)[1:] == ["applied"]


# --- pages that are old, clocks that are coarse


def test_a_page_that_may_be_cached_is_looked_at_twice_before_the_signal() -> None:
    world = run_on(make_world(replace(PROMETHEUS, cache_s=1.0)))
    before_s = world.now_s
    world.edit("two")
    world.run_for(20)
    assert last(world).outcome is Outcome.APPLIED
    assert world.signalled[0][0] >= before_s + 1.0
    world.edit("bad subtle")
    world.run_for(20)
    assert last(world).outcome is Outcome.FAILED
    assert is_kept(world)


def test_signals_keep_the_distance_of_a_coarse_clock() -> None:
    world = run_on(make_world(COARSE, policy=Policy(debounce_s=0), habits=Habits(whole_s=True)))
    for content in ("two", "three", "four"):
        world.edit(content)
        assert world.run_until(lambda: last(world).digest == world.mounted.snapshot.digest)
    times = [sent_s for sent_s, _, _ in world.signalled]
    assert len(times) == 3
    assert all(later - earlier >= 1.0 for earlier, later in pairwise(times))
    assert status(world) is Status.APPLIED
    assert is_kept(world)


# --- the trigger is a request


@pytest.mark.parametrize(
    ("content", "outcome"), [("two", Outcome.APPLIED), ("bad subtle", Outcome.FAILED)]
)
def test_the_answer_of_a_reload_by_http_decides(content: str, outcome: Outcome) -> None:
    world = run_on(make_world(ANSWERED))
    world.answers_http = True
    world.edit(content)
    world.run_for(3)
    assert last(world).outcome is outcome
    if outcome is Outcome.FAILED:
        assert "cannot load this" in last(world).message
    world.edit("three")
    world.run_for(3)
    assert last(world).outcome is Outcome.APPLIED


# --- late proof


def test_late_proof_makes_it_applied() -> None:
    world = run_on(make_world(habits=Habits(work_s=20)))
    world.edit("two")
    world.run_for(8)
    assert outcomes(world)[1:] == ["unconfirmed"]
    assert status(world) is Status.UNCONFIRMED
    assert last(world).message == "no proof within 5s of the signal: timestamp did not move"
    world.run_for(60)
    assert outcomes(world)[1:] == ["unconfirmed", "applied"]
    assert last(world).message == "late proof: timestamp moved"
    assert is_kept(world)


def test_late_refusal_makes_it_failed() -> None:
    world = run_on(make_world(habits=Habits(work_s=20)))
    world.edit("bad subtle")
    world.run_for(60)
    assert outcomes(world)[1:] == ["unconfirmed", "failed"]
    assert last(world).message == "the process refused this content late: gauge fell to 0"


def linger(world: World) -> World:
    run_on(world)
    for content in ("bad subtle", "bad subtle two"):
        world.edit(content)
        world.run_for(11)
    assert isinstance(state_of(world).phase, Lingering)
    return world


def test_a_process_that_ends_while_lingering_without_a_mount_is_looked_for_later() -> None:
    world = linger(make_world())
    world.lose_mount()
    world.run_for(2)
    world.kill_daemon()
    world.run_for(1)
    assert isinstance(state_of(world).phase, Idle)
    assert state_of(world).restart_pending


def test_lingering_ends() -> None:
    world = linger(make_world())
    looks = world.looks
    world.run_for(590)
    assert 5 < world.looks - looks < 30
    world.run_for(20)
    looks = world.looks
    assert isinstance(state_of(world).phase, Idle)
    world.run_for(900)
    assert world.looks == looks


def test_lingering_ends_in_the_middle_of_a_look() -> None:
    world = linger(make_world())
    lingering = state_of(world).phase
    assert isinstance(lingering, Lingering)
    world.latency = Latency(look_s=30)
    world.run_until(lambda: world.now_s > lingering.until_s - 20, within_s=700)
    world.run_for(60)
    assert isinstance(state_of(world).phase, Idle)


def test_lingering_ends_with_an_edit() -> None:
    world = linger(make_world())
    world.edit("one")
    world.run_for(3)
    assert status(world) is Status.APPLIED


def test_lingering_outlasts_a_mount_that_is_lost() -> None:
    world = linger(make_world())
    world.lose_mount()
    world.run_for(1)
    world.ask(request=1)
    assert replies(world) == ["blocked"]
    assert isinstance(state_of(world).phase, Lingering)


def test_lingering_ends_with_a_new_generation_of_the_same_content() -> None:
    world = linger(make_world())
    world.edit("bad subtle two")
    world.run_for(0.1)
    assert isinstance(state_of(world).phase, Idle)
    world.crash_sidecar()
    world.start_sidecar()
    world.run_for(5)
    assert isinstance(state_of(world).phase, Idle)
    assert status(world) is Status.UNCONFIRMED


def test_lingering_ends_with_a_new_generation_that_the_look_sees_first() -> None:
    world = linger(make_world(latency=Latency(watch_s=1.0)))
    state = state_of(world)
    wake_s = wake_at(state)
    assert wake_s is not None
    world.run_for(wake_s - world.now_s - 0.1)
    world.edit("bad subtle two")
    world.run_for(0.5)
    assert state.decided == state_of(world).decided
    assert isinstance(state_of(world).phase, Idle)


def test_lingering_ends_with_the_process() -> None:
    world = linger(make_world())
    world.kill_daemon()
    world.run_for(1)
    assert isinstance(state_of(world).phase, Seeking)
    world.run_for(10)
    assert outcomes(world)[1:] == ["failed", "unconfirmed"]


def test_lingering_ends_with_another_process_that_the_look_sees_first() -> None:
    world = linger(make_world())
    vanish(world)
    world.run_for(120)
    assert isinstance(state_of(world).phase, Seeking)


# --- validators and mounts that do not work


def test_a_validator_that_cannot_run_blocks_and_is_tried_again() -> None:
    world = run_on(make_world())
    world.validator_trouble = "promtool is not installed"
    world.edit("two")
    world.run_for(30)
    assert outcomes(world) == ["applied"]
    assert view(state_of(world)).message == "blocked: promtool is not installed"
    world.ask(request=1)
    assert world.answers[0].message == "promtool is not installed"
    assert milestones(world).count(Milestone.BLOCKED) == 1
    world.validator_trouble = ""
    world.run_for(30)
    assert outcomes(world)[1:] == ["applied"]
    assert Milestone.UNBLOCKED in milestones(world)


def test_a_blocked_validator_makes_way_for_newer_content() -> None:
    world = run_on(make_world())
    world.validator_trouble = "promtool is not installed"
    world.edit("two")
    world.run_for(3)
    world.validator_trouble = ""
    world.edit("three")
    world.run_for(3)
    assert outcomes(world)[1:] == ["superseded", "applied"]


def test_a_mount_that_is_lost_blocks_and_what_comes_back_is_decided() -> None:
    world = run_on(make_world())
    world.lose_mount()
    world.run_for(1)
    shown = view(state_of(world))
    assert (shown.synced, shown.blocked) == (False, "the folder cannot be read")
    world.ask(request=1)
    assert world.answers[0].message == "the folder cannot be read"
    world.edit("two")
    world.run_for(60)
    assert outcomes(world) == ["applied"]
    world.regain_mount()
    world.run_for(3)
    assert outcomes(world)[1:] == ["applied"]
    assert view(state_of(world)).synced


@pytest.mark.parametrize("proof", [PROMETHEUS, DIES], ids=["bears repeating", "does not"])
@pytest.mark.parametrize(
    "phase",
    [Validating, Seeking, Signalling, Confirming, Lingering],
    ids=lambda phase: phase.__name__,
)
def test_a_mount_that_is_lost_in_the_middle_is_no_reason_to_guess(
    phase: type[Phase], proof: Proof
) -> None:
    world = run_on(make_world(proof, habits=Habits(work_s=7.0)))
    world.edit("two")
    reach(world, phase)
    world.lose_mount()
    world.run_for(3)
    world.regain_mount()
    world.run_for(200)
    assert status(world) is Status.APPLIED
    assert loaded(world) == world.mounted.snapshot.digest
    assert is_kept(world)


def test_a_mount_that_is_lost_while_the_signal_is_on_its_way_is_no_reason_to_guess() -> None:
    world = run_on(make_world(latency=Latency(signal_s=0.1)))
    world.edit("two")
    assert world.run_until(lambda: len(world.signalled) == 1)
    world.lose_mount()
    world.run_for(1)
    assert outcomes(world)[1:] == ["superseded"]
    world.regain_mount()
    world.run_for(3)
    assert outcomes(world)[1:] == ["superseded", "applied"]
    assert len(world.signalled) == 2


def test_a_claim_needs_a_fence_that_can_be_read() -> None:
    world = run_on(make_world(habits=Habits(work_s=0.1)))
    world.edit("two")
    reach(world, Confirming)
    world.latency = Latency(watch_s=20)
    world.lose_mount()
    world.run_for(6)
    assert last(world).outcome is Outcome.UNCONFIRMED
    assert "the mounted folder cannot be read" in last(world).message


# --- the end, and the beginning after it


@pytest.mark.parametrize(
    "phase",
    [Idle, Validating, Seeking, Signalling, Confirming, Lingering],
    ids=lambda phase: phase.__name__,
)
def test_asked_to_stop_it_ends_within_its_grace_and_leaves_all_true(phase: type[Phase]) -> None:
    world = run_on(make_world(habits=Habits(work_s=7.0)))
    if phase is not Idle:
        world.edit("two")
    reach(world, phase)
    world.stop_sidecar()
    world.ask(request=1)
    world.run_for(1.2)
    assert state_of(world).stopped
    assert wake_at(state_of(world)) is None
    assert replies(world) in ([], ["blocked"])
    after, effects = step(state_of(world), Tick(), world.now_s + 100)
    assert (after, effects) == (state_of(world), ())
    world.start_sidecar()
    world.run_for(30)
    assert status(world) is Status.APPLIED
    assert loaded(world) == world.mounted.snapshot.digest
    assert is_kept(world)


def test_asked_to_stop_a_signalled_attempt_may_still_find_its_verdict() -> None:
    world = run_on(make_world(habits=Habits(work_s=0.5)))
    world.edit("two")
    reach(world, Confirming)
    world.stop_sidecar()
    world.ask(request=1)
    assert world.answers[0].message == "surehup is stopping"
    world.run_for(2)
    assert outcomes(world)[1:] == ["applied"]
    assert state_of(world).stopped


@pytest.mark.parametrize("signal_s", [0.001, 0.1], ids=["confirming", "signalling"])
def test_asked_to_stop_a_superseded_attempt_ends_at_once(signal_s: float) -> None:
    latency = Latency(signal_s=signal_s)
    world = run_on(make_world(habits=Habits(read_s=0.2, work_s=0.5), latency=latency))
    world.edit("two")
    assert world.run_until(lambda: len(world.signalled) == 1)
    world.run_for(0.01)
    world.stop_sidecar()
    world.edit("three")
    world.run_for(0.06)
    assert outcomes(world)[1:] == ["superseded"]
    assert state_of(world).stopped
    world.start_sidecar()
    world.run_for(5)
    assert status(world) is Status.APPLIED
    assert is_kept(world)


def test_asked_to_stop_a_signal_without_an_answer_is_not_waited_for_beyond_the_grace() -> None:
    world = run_on(make_world(latency=Latency(signal_s=5)))
    world.edit("two")
    assert world.run_until(lambda: len(world.signalled) == 1)
    world.stop_sidecar()
    world.run_for(1.1)
    assert state_of(world).stopped
    world.start_sidecar()
    world.run_for(30)
    assert status(world) is Status.APPLIED
    assert is_kept(world)


def test_who_asked_is_told_when_it_stops() -> None:
    world = run_on(make_world())
    world.edit("bad")
    world.run_for(3)
    world.ask(request=1)
    world.stop_sidecar()
    assert world.answers[0].reply is Reply.BLOCKED
    assert world.answers[0].message == "surehup stopped before the attempt was decided"


def test_a_stopped_bridge_with_a_deferred_edit_does_not_ask_to_be_woken() -> None:
    world = run_on(make_world())
    world.edit("two")
    world.run_for(0.5)
    world.edit("three")
    world.run_for(0.1)
    assert state_of(world).deferred
    world.stop_sidecar()
    assert state_of(world).stopped
    assert wake_at(state_of(world)) is None


@pytest.mark.parametrize("proof", [PROMETHEUS, *HARMFUL], ids=["bears repeating", *HARMS])
@pytest.mark.parametrize(
    "phase",
    [Idle, Validating, Seeking, Signalling, Confirming],
    ids=lambda phase: phase.__name__,
)
@pytest.mark.parametrize("back", [True, False], ids=["back meanwhile", "same content"])
def test_a_crash_in_any_phase_is_recovered_from(
    phase: type[Phase], proof: Proof, *, back: bool
) -> None:
    world = run_on(make_world(proof, habits=Habits(work_s=0.3)))
    if phase is not Idle:
        world.edit("two")
    reach(world, phase)
    world.crash_sidecar()
    if back:
        world.edit("one")
    world.run_for(0.2)
    world.start_sidecar()
    world.run_for(60)
    if phase is Signalling and proof is not PROMETHEUS and not back:
        assert status(world) is Status.UNCONFIRMED  # the signal was not sent, and nobody knows
    elif phase in {Signalling, Confirming} and proof is NOOP_FAILS and back:
        assert status(world) in {Status.ROLLED_BACK, Status.UNCONFIRMED}  # it ran it all along
    else:
        assert status(world) is Status.APPLIED
        assert loaded(world) == world.mounted.snapshot.digest
    assert is_kept(world)


def test_a_crash_while_lingering_leaves_the_decision() -> None:
    world = linger(make_world())
    world.crash_sidecar()
    world.start_sidecar()
    world.run_for(60)
    assert status(world) is Status.UNCONFIRMED
    assert len(world.signalled) == 2
    world.edit("one")
    world.run_for(3)
    assert status(world) is Status.APPLIED


@pytest.mark.parametrize("proof", [PROMETHEUS, *HARMFUL], ids=["bears repeating", *HARMS])
@pytest.mark.parametrize("back", [True, False], ids=["back meanwhile", "same content"])
def test_a_crash_just_after_the_signal_is_recovered_from(proof: Proof, *, back: bool) -> None:
    world = run_on(make_world(proof, habits=Habits(work_s=0.3), latency=Latency(signal_s=0.1)))
    world.edit("two")
    assert world.run_until(lambda: len(world.signalled) == 1)
    assert isinstance(state_of(world).phase, Signalling)
    world.crash_sidecar()
    world.run_for(0.01)
    if back:
        world.edit("one")
    world.start_sidecar()
    world.run_for(60)
    assert status(world) is Status.APPLIED
    assert loaded(world) == world.mounted.snapshot.digest
    assert len(world.signalled) == (1 if proof is not PROMETHEUS and not back else 2)
    assert is_kept(world)


@pytest.mark.parametrize("proof", HARMFUL, ids=HARMS)
def test_an_attempt_that_a_crash_cut_off_outlasts_a_sidecar_that_is_stopped_at_once(
    proof: Proof,
) -> None:
    world = run_on(make_world(proof))
    world.edit("two")
    assert world.run_until(lambda: len(world.signalled) == 1)
    world.crash_sidecar()
    world.start_sidecar()
    world.stop_sidecar()
    world.start_sidecar()
    world.run_for(30)
    assert len(world.signalled) == 1
    assert status(world) is Status.APPLIED
    assert is_kept(world)


def test_a_resumed_attempt_says_so_and_keeps_its_trigger() -> None:
    world = run_on(make_world(habits=Habits(work_s=0.3)))
    world.edit("two")
    reach(world, Confirming)
    world.crash_sidecar()
    world.start_sidecar()
    world.run_for(3)
    assert Milestone.RESUMED in milestones(world)
    assert last(world).trigger is Trigger.MOUNT
    assert last(world).outcome is Outcome.APPLIED
    assert len(world.signalled) == 1


def test_a_restarted_sidecar_knows_what_still_runs() -> None:
    world = run_on(make_world())
    world.edit("two")
    world.run_for(3)
    world.crash_sidecar()
    world.start_sidecar()
    world.run_for(3)
    assert last(world).message == "daemon still runs this content"
    assert len(world.signalled) == 1


def test_a_restarted_sidecar_looks_for_a_daemon_that_restarted_meanwhile() -> None:
    world = run_on(make_world())
    world.crash_sidecar()
    world.edit("two")
    world.kill_daemon()
    world.run_for(1)
    world.start_daemon()
    world.run_for(1)
    world.edit("one")
    world.start_sidecar()
    world.run_for(3)
    assert status(world) is Status.APPLIED
    assert loaded(world) == world.mounted.snapshot.digest
    assert len(world.signalled) == 1


def test_a_daemon_that_fell_sick_meanwhile_is_not_taken_for_one_that_runs_the_content() -> None:
    world = run_on(make_world())
    assert world.daemon is not None
    world.crash_sidecar()
    world.edit("bad")
    world.daemon.hear()  # somebody else signalled it
    world.run_for(1)
    world.edit("one")
    world.start_sidecar()
    world.run_for(5)
    assert last(world).message == "timestamp moved"
    assert len(world.signalled) == 1


def test_files_that_lie_about_their_age_do_not_prove_a_start_before_a_signal() -> None:
    world = run_on(make_world(habits=Habits(work_s=0.3)))
    world.edit("two")
    reach(world, Confirming)
    world.run_for(0.1)
    world.crash_sidecar()
    world.edit("one", since_s=1.0)
    world.start_sidecar()
    world.run_for(10)
    assert last(world).message == "timestamp moved"
    assert loaded(world) == world.mounted.snapshot.digest
    assert is_kept(world)


def test_a_damaged_journal_is_first_sight() -> None:
    world = run_on(make_world())
    world.crash_sidecar()
    world.journal = '{"version": 1}'
    world.start_sidecar()
    world.run_for(3)
    assert last(world).message == "daemon started with this content and is up"


# --- what cannot happen


def test_an_answer_that_nobody_waits_for_changes_nothing() -> None:
    world = run_on(make_world())
    state = state_of(world)
    sample = Sample(taken_s=0, readings={})
    after, effects = step(state, Looked(1, sample), world.now_s)
    assert (after, effects) == (state, ())


def test_an_answer_of_the_wrong_kind_is_a_defect() -> None:
    world = run_on(make_world())
    world.edit("two")
    reach(world, Validating)
    state = state_of(world)
    assert state.awaiting is not None
    sample = Sample(taken_s=0, readings={})
    with pytest.raises(AssertionError, match="Looked answers no effect of Validating"):
        step(state, Looked(state.awaiting, sample), world.now_s)


def test_the_exit_of_a_stranger_changes_nothing() -> None:
    world = run_on(make_world())
    state = state_of(world)
    world.post(ProcessExited(Process(pid=1, start_ticks=1)))
    assert state_of(world) == state


def test_only_phases_with_an_attempt_may_ask_for_it() -> None:
    with pytest.raises(AssertionError, match="Idle without an attempt"):
        _ = Draft(begin(make_bridge()), 0.0).attempt
