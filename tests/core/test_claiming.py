"""Scenarios of what is written on the object, and what others write there meanwhile."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sidecar.core.attempt import Status, Trigger
from sidecar.core.bridge import Rollout, Strategy
from sidecar.core.effects import Milestone, Reply, Write
from sidecar.core.events import ApiConnected
from sidecar.core.machine import step
from sidecar.core.state import (
    Claiming,
    Confirming,
    Idle,
    Lingering,
    Phase,
    Seeking,
    Signalling,
    Validating,
    Waiting,
    begin,
)
from sidecar.core.view import view
from sidecar.testing.cluster import Pace
from sidecar.testing.pod_daemon import Habits
from sidecar.testing.world import Latency
from tests.core.bridges import make_bridge
from tests.core.clusters import (
    count,
    edit,
    files,
    make_cluster,
    mark,
    marks,
    milestones,
    outcomes,
    reach,
    run_in_cluster,
    runs,
    settle,
    state_of,
    status,
)

EARLY = [Validating, Waiting, Seeking, Claiming]
ALL = [*EARLY, Signalling, Confirming]
FOREVER = Rollout(replicas=None)
WRITTEN = ("status", "observed", "active", "protocol")


# --- conflicts


@pytest.mark.parametrize("phase", ALL)
def test_a_stranger_who_annotates_in_each_phase_costs_a_look_and_nothing_else(
    phase: type[Phase],
) -> None:
    world = run_in_cluster(make_cluster(pace=Pace(watch_s=0.1), habits=Habits(work_s=0.3)))
    edit(world, "two")
    reach(world, phase)
    world.config.annotate(stranger="was here")
    settle(world)
    assert outcomes(world) == ["applied"]
    assert len(world.signalled) == 1
    assert marks(world, "status", "stranger") == ("Applied", "was here")
    assert world.config.conflicts <= 1


def test_a_conflict_at_the_claim_with_new_content_gives_that_a_turn() -> None:
    world = run_in_cluster(make_cluster(pace=Pace(watch_s=1.0)))
    edit(world, "two")
    reach(world, Claiming)
    edit(world, "three")
    settle(world)
    assert world.config.conflicts == 1
    assert outcomes(world) == ["superseded", "applied"]
    assert runs(world, "three")
    assert len(world.signalled) == 1


def test_a_storm_of_annotations_is_met_ever_more_slowly_and_outlived() -> None:
    world = run_in_cluster(make_cluster(pace=Pace(call_s=0.2)))
    edit(world, "two")
    reach(world, Claiming)
    for number in range(300):
        world.config.annotate(stranger=str(number))
        world.run_for(0.1)
    assert 3 <= world.config.conflicts <= 15
    assert outcomes(world) == []
    settle(world)
    assert outcomes(world) == ["applied"]
    assert mark(world, "status") == "Applied"


def test_a_claim_whose_answer_is_lost_is_found_on_the_object() -> None:
    world = run_in_cluster(make_cluster())
    edit(world, "two")
    reach(world, Claiming)
    world.config.loses = 1
    settle(world)
    assert outcomes(world) == ["applied"]
    assert len(world.witness.claims) == 1


@pytest.mark.parametrize(
    ("rollout", "signalled"),
    [
        (Rollout(replicas=1), True),
        (Rollout(strategy=Strategy.INDEPENDENT), True),
        (replace(FOREVER, patience_s=5.0), True),
        (FOREVER, False),
    ],
)
def test_who_may_go_alone_does_so_where_the_watch_is_open_and_no_write_is_answered(
    rollout: Rollout,
    signalled: bool,  # noqa: FBT001  a table's column
) -> None:
    world = run_in_cluster(make_cluster(rollout=rollout))
    edit(world, "two")
    reach(world, Claiming)
    world.config.is_mute = True
    world.run_for(30)
    assert runs(world, "two") is signalled
    world.config.is_mute = False
    settle(world)
    assert outcomes(world) == ["applied"]
    assert len(world.signalled) == 1
    assert mark(world, "status") == "Applied"


def test_a_last_word_whose_answer_is_lost_is_not_written_again() -> None:
    world = run_in_cluster(make_cluster())
    edit(world, "two")
    reach(world, Confirming)
    world.config.loses = 1
    settle(world)
    assert mark(world, "status") == "Applied"
    assert world.config.writes == 2


def test_a_baseline_that_is_stale_by_the_claim_is_taken_again() -> None:
    world = run_in_cluster(make_cluster(pace=Pace(call_s=1.5, watch_s=5)))
    edit(world, "two")
    reach(world, Claiming)
    looks = world.looks
    reach(world, Signalling)
    assert world.looks == looks + 1
    settle(world)
    assert outcomes(world) == ["applied"]


def test_a_claim_that_took_too_long_is_made_anew() -> None:
    world = run_in_cluster(make_cluster(pace=Pace(call_s=0.02)))
    edit(world, "two")
    reach(world, Claiming)
    world.refusal = None
    world.kill_daemon()
    world.run_for(30)
    world.start_daemon()
    settle(world)
    assert mark(world, "status") == "Applied"
    assert runs(world, "two")


# --- refusals and absences


def test_where_annotations_are_forbidden_it_goes_on_without_and_says_so_once() -> None:
    world = run_in_cluster(make_cluster())
    world.config.forbidden = {"write"}
    edit(world, "two")
    world.run_for(150)
    assert outcomes(world) == ["applied"]
    assert [note.message for note in world.notes if note.milestone is Milestone.TROUBLE] == [
        "grant write"
    ]
    assert count(world, Write) == 3
    world.config.forbidden = set()
    settle(world)
    assert mark(world, "status") == "Applied"
    assert mark(world, "observed") == world.config.digest


def test_a_process_that_comes_and_goes_is_not_written_of_each_time() -> None:
    pace = Pace(mount_s=1000.0)
    world = run_in_cluster(make_cluster(habits=Habits(start_s=5.0), pace=pace))
    edit(world, "two")
    world.mount(files("two"))
    reach(world, Confirming)
    world.kill_daemon()
    world.run_for(0.1)
    edit(world, "one")
    world.run_for(3)
    writes = world.config.writes
    for _ in range(10):
        world.start_daemon()
        world.run_for(2)
        assert state_of(world).blocked == "connection refused"
        world.kill_daemon()
        world.run_for(2)
        assert state_of(world).blocked == "no process"
    assert (mark(world, "message") or "").startswith("blocked: ")
    assert world.config.writes <= writes + 1


def test_another_refusal_is_told_again() -> None:
    world = run_in_cluster(make_cluster())
    world.config.forbidden = {"write"}
    edit(world, "two")
    world.run_for(5)
    state = state_of(world)
    assert state.api is not None
    world.state = replace(state, api=replace(state.api, refused="something else"))
    world.run_for(70)
    assert milestones(world).count(Milestone.TROUBLE) == 2


@pytest.mark.parametrize(
    ("rollout", "waits_s"),
    [
        (Rollout(replicas=1), 2.0),
        (Rollout(strategy=Strategy.INDEPENDENT), 2.0),
        (Rollout(patience_s=20), 20.0),
    ],
    ids=["one replica", "independent", "patience"],
)
@pytest.mark.parametrize("away_since_s", [0.0, 10.0])
def test_without_the_api_it_goes_on_alone_after_a_while(
    rollout: Rollout, waits_s: float, away_since_s: float
) -> None:
    world = run_in_cluster(make_cluster(rollout=rollout))
    world.cluster.go_away()
    away_s = world.now_s
    world.run_for(away_since_s)
    edited_s = world.now_s
    world.edit("two")
    world.run_for(60)
    assert outcomes(world) == ["applied"]
    earliest_s = max(edited_s + 2, away_s + (waits_s if rollout.patience_s else 0))
    assert earliest_s <= world.signalled[0][0] <= earliest_s + 1.5
    world.config.is_away = False
    world.config.edit(files("two"))
    world.cluster.come_back()
    settle(world)
    assert mark(world, "status") == "Applied"
    assert len(world.signalled) == 1


def test_a_canary_without_the_api_waits_and_says_so() -> None:
    world = run_in_cluster(make_cluster(rollout=FOREVER))
    world.cluster.go_away()
    world.edit("two")
    world.run_for(600)
    assert world.signalled == []
    assert state_of(world).blocked.startswith("the API cannot be asked whether this pod may go")
    world.config.is_away = False
    world.config.edit(files("two"))
    world.cluster.come_back()
    settle(world)
    assert mark(world, "status") == "Applied"
    assert state_of(world).blocked == ""


@pytest.mark.parametrize("phase", ALL)
def test_an_outage_in_each_phase_ends_applied_and_written(phase: type[Phase]) -> None:
    world = run_in_cluster(make_cluster(habits=Habits(work_s=0.3)))
    edit(world, "two")
    reach(world, phase)
    world.cluster.go_away()
    world.run_for(30)
    world.cluster.come_back()
    settle(world)
    assert marks(world, "status", "observed") == ("Applied", world.config.digest)
    assert runs(world, "two")


def test_a_mount_that_changed_during_an_outage_is_newer_than_what_was_known() -> None:
    world = run_in_cluster(make_cluster())
    edit(world, "two")
    world.run_for(5)
    world.cluster.go_away()
    world.edit("three")
    world.run_for(10)
    assert runs(world, "three")
    world.config.is_away = False
    world.config.edit(files("three"))
    world.cluster.come_back()
    settle(world)
    assert mark(world, "status") == "Applied"


# --- annotations that others take away, keep or own


@pytest.mark.parametrize("phase", [Idle, *ALL])
def test_lost_annotations_are_written_anew(phase: type[Phase]) -> None:
    world = run_in_cluster(make_cluster(habits=Habits(work_s=0.3)))
    if phase is not Idle:
        edit(world, "two")
        reach(world, phase)
    world.config.replace(world.config.there.files)
    settle(world)
    digest = world.config.digest
    assert marks(world, *WRITTEN) == ("Applied", digest, digest, "1")
    assert len(world.signalled) == (0 if phase is Idle else 1)


def test_lost_annotations_of_a_failure_tell_of_the_failure_again() -> None:
    world = run_in_cluster(make_cluster())
    good = world.config.digest
    bad = edit(world, "bad subtle")
    world.run_for(5)
    world.config.replace(world.config.there.files)
    settle(world)
    assert marks(world, *WRITTEN) == ("RolledBack", bad, good, "1")
    assert len(world.signalled) == 1


def test_stale_annotations_that_come_with_a_manifest_are_corrected() -> None:
    world = run_in_cluster(make_cluster())
    old = dict(world.config.there.marks)
    edit(world, "two")
    world.run_for(5)
    world.config.annotate(**old)
    settle(world)
    assert marks(world, "status", "observed") == ("Applied", world.config.digest)
    assert len(world.signalled) == 1


def test_a_pod_that_is_named_as_the_holder_is_heard_and_answered_once() -> None:
    """Two sidecars that each believe to be alone must not overwrite each other for ever."""
    world = run_in_cluster(make_cluster())
    for number in range(5):
        world.config.annotate(message=f"foreign {number}", holder="mail-1/12345678/1/0")
        world.run_for(5)
    assert world.config.writes <= 1
    settle(world)


@pytest.mark.parametrize("protocol", ["2", "10"])
def test_a_newer_protocol_is_only_observed(protocol: str) -> None:
    world = run_in_cluster(make_cluster())
    world.config.annotate(protocol=protocol)
    edit(world, "bad")
    settle(world)
    assert world.config.writes == 0
    assert status(world) is Status.REJECTED


@pytest.mark.parametrize("protocol", ["1", "0", "", "odd"])
def test_any_other_protocol_is_ours(protocol: str) -> None:
    world = run_in_cluster(make_cluster())
    world.config.annotate(protocol=protocol)
    settle(world)
    assert mark(world, "protocol") == "1"


# --- verdicts that stand


@pytest.mark.parametrize(
    ("word", "active"),
    [("Rejected", True), ("RolledBack", True), ("Failed", False), ("Unconfirmed", True)],
)
def test_a_pod_that_took_no_part_heeds_the_verdict_that_stands(word: str, active: bool) -> None:  # noqa: FBT001  a table's column
    world = make_cluster()
    world.config.create(files("one"))
    good = world.config.digest
    world.config.edit(files("bad subtle"))
    told = {"status": word, "observed": world.config.digest, "message": "so it was"}
    world.config.annotate(**told, **({"active": good} if active else {}))
    world.mount(files("one"))
    world.start_daemon()
    world.run_for(1)
    world.edit("bad subtle")
    world.run_for(1)
    world.start_sidecar()
    settle(world)
    assert world.signalled == []
    assert mark(world, "message") == "so it was"
    assert mark(world, "active") == (good if active else None)


def test_a_verdict_on_other_content_does_not_stand() -> None:
    world = make_cluster()
    world.config.create(files("one"), status="Rejected", observed="0" * 64)
    world.mount(files("one"))
    world.run_for(1)
    world.start_daemon()
    world.start_sidecar()
    settle(world)
    assert mark(world, "status") == "Applied"


def test_what_a_claim_says_to_go_back_to_is_gone_back_to() -> None:
    world = make_cluster()
    world.config.create(files("one"))
    good = world.config.digest
    world.config.edit(files("bad subtle"))
    bad = world.config.digest
    world.config.annotate(status="Reloading", observed=bad, active=bad, previous=good)
    world.edit("one")
    world.start_daemon()
    world.run_for(1)
    world.edit("bad subtle")
    world.start_sidecar()
    settle(world)
    assert marks(world, "status", "active") == ("RolledBack", good)


# --- what people write


def test_a_wish_is_heeded_once_and_ticked_off() -> None:
    world = run_in_cluster(make_cluster())
    edit(world, "bad subtle")
    world.run_for(5)
    assert outcomes(world) == ["failed"]
    world.config.annotate(requested="now")
    settle(world)
    assert outcomes(world) == ["failed", "unconfirmed"]
    assert world.records[-1].trigger is Trigger.API
    assert mark(world, "handled") == "now"
    assert len(world.signalled) == 2
    world.config.annotate(requested="once more")
    settle(world)
    assert mark(world, "handled") == "once more"
    assert len(world.signalled) == 3


def test_a_wish_for_what_runs_is_ticked_off_without_a_signal() -> None:
    world = run_in_cluster(make_cluster())
    world.config.annotate(requested="now")
    settle(world)
    assert mark(world, "handled") == "now"
    assert world.signalled == []


@pytest.mark.parametrize("phase", ALL)
def test_a_wish_in_the_middle_of_an_attempt_is_heeded_after_it(phase: type[Phase]) -> None:
    world = run_in_cluster(make_cluster(habits=Habits(work_s=0.3)))
    edit(world, "two")
    reach(world, phase)
    world.config.annotate(requested="now")
    settle(world)
    assert marks(world, "status", "handled") == ("Applied", "now")
    assert len(world.signalled) == 1


def test_a_wish_that_was_handled_before_is_none() -> None:
    world = run_in_cluster(make_cluster())
    world.config.annotate(requested="now", handled="now")
    settle(world)
    assert Milestone.RECEIVED not in milestones(world)


def test_a_wish_while_somebody_waits_already_is_heeded_after() -> None:
    world = run_in_cluster(make_cluster())
    edit(world, "bad subtle")
    world.run_for(5)
    world.validator_trouble = "no such program"
    world.ask(request=1)
    world.config.annotate(requested="now")
    world.run_for(3)
    assert mark(world, "handled") is None
    world.validator_trouble = ""
    settle(world)
    assert [answer.reply for answer in world.answers] == [Reply.UNCONFIRMED]
    assert mark(world, "handled") == "now"
    assert len(world.signalled) == 3


def test_a_manifest_that_desires_other_content_is_told() -> None:
    world = run_in_cluster(make_cluster())
    world.config.annotate(desired="0" * 64)
    settle(world)
    assert (mark(world, "message") or "").endswith(
        "; the content is not what the manifest's desired names"
    )
    world.config.annotate(desired=world.config.digest)
    settle(world)
    assert "desired" not in (mark(world, "message") or "")


@pytest.mark.parametrize("phase", ALL)
def test_paused_in_each_phase_nobody_is_signalled_and_resumed_it_goes_on(
    phase: type[Phase],
) -> None:
    world = run_in_cluster(make_cluster(habits=Habits(work_s=0.3)))
    edit(world, "two")
    reach(world, phase)
    signalled = len(world.signalled) + (phase is Signalling)
    world.config.annotate(paused="true")
    world.run_for(60)
    early = not signalled
    assert world.broken == []
    if early and not world.signalled:
        assert mark(world, "status") == "Paused"
        message = mark(world, "message") or ""
        assert message.startswith("paused; this content passed the checks; a restart loads ")
    world.config.annotate(paused=None)
    settle(world)
    assert mark(world, "status") == "Applied"
    assert runs(world, "two")
    assert len(world.signalled) == 1


def test_paused_while_the_process_is_looked_at_nobody_is_signalled() -> None:
    world = run_in_cluster(make_cluster(latency=Latency(look_s=0.3)))
    edit(world, "two")
    reach(world, Seeking)
    world.config.annotate(paused="true")
    world.run_for(10)
    assert mark(world, "status") == "Paused"
    assert world.signalled == []
    assert world.witness.claims == {}
    world.config.annotate(paused=None)
    settle(world)
    assert mark(world, "status") == "Applied"


def test_a_bridge_without_an_object_is_never_told_of_the_api() -> None:
    with pytest.raises(AssertionError, match="without an API"):
        step(begin(make_bridge()), ApiConnected(connected=True), 100.0)


def test_while_paused_bad_content_is_still_rejected() -> None:
    world = run_in_cluster(make_cluster())
    world.config.annotate(paused="true")
    assert mark(world, "status") == "Applied"
    edit(world, "bad")
    settle(world)
    assert mark(world, "status") == "Rejected"
    assert world.signalled == []


def test_while_paused_who_asks_is_told_so() -> None:
    world = run_in_cluster(make_cluster())
    world.config.annotate(paused="true")
    world.run_for(1)
    world.ask(request=1)
    assert world.answers[-1].reply is Reply.BLOCKED
    assert "paused" in world.answers[-1].message


def test_a_pause_is_no_pause_by_any_other_word() -> None:
    world = run_in_cluster(make_cluster())
    world.config.annotate(paused="false")
    edit(world, "two")
    settle(world)
    assert mark(world, "status") == "Applied"


def test_content_that_is_not_judged_yet_is_paused_all_the_same() -> None:
    world = run_in_cluster(make_cluster())
    world.validator_trouble = "no such program"
    world.config.annotate(paused="true")
    edit(world, "two")
    world.run_for(5)
    assert view(state_of(world)).status is Status.PAUSED
    assert view(state_of(world)).message.startswith("paused; a restart loads ")


def test_paused_at_first_sight_before_the_mount_was_read() -> None:
    world = make_cluster()
    world.config.create(files("one"), paused="true")
    world.cluster.mounts = False
    world.start_sidecar()
    world.run_for(10)
    assert view(state_of(world)).message == "paused; this content passed the checks"


# --- pending


def test_what_is_decided_at_once_is_never_written_as_pending() -> None:
    world = run_in_cluster(make_cluster())
    words: list[str | None] = []
    edit(world, "two")
    while outcomes(world) == []:
        world.run_for(0.01)
        words.append(mark(world, "status"))
    assert set(words) == {"Applied", "Reloading"}
    settle(world)


def test_what_blocks_is_written_at_once() -> None:
    world = run_in_cluster(make_cluster())
    world.validator_trouble = "no such program"
    edit(world, "two")
    world.run_for(0.3)
    assert marks(world, "status", "message") == ("Pending", "blocked: no such program")
    world.validator_trouble = ""
    settle(world)
    assert mark(world, "status") == "Applied"


def test_a_restart_of_the_daemon_is_no_news_for_the_object() -> None:
    world = run_in_cluster(make_cluster())
    world.kill_daemon()
    world.run_for(20)
    assert status(world) is Status.PENDING
    world.start_daemon()
    settle(world)
    assert world.config.writes <= 1
    assert mark(world, "status") == "Applied"


def test_late_proof_moves_the_object_forward() -> None:
    world = run_in_cluster(make_cluster(habits=Habits(work_s=7)))
    good = world.config.digest
    two = edit(world, "two")
    reach(world, Lingering)
    world.run_for(0.3)
    assert marks(world, "status", "active") == ("Unconfirmed", good)
    settle(world)
    assert marks(world, "status", "active") == ("Applied", two)
