"""Scenarios of published mode: the daemon reads what the sidecar writes after its checks."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sidecar.core.attempt import Status
from sidecar.core.bridge import Mode, Noop, OnInvalid, Rollback, Rollout, Source
from sidecar.core.effects import Milestone, Publish, Recall, Reply
from sidecar.core.events import MountChanged, MountLost, Published
from sidecar.core.snapshot import Mounted, Snapshot
from sidecar.core.state import (
    Claiming,
    Confirming,
    Phase,
    Publishing,
    Seeking,
    Signalling,
    Validating,
    Waiting,
)
from sidecar.core.view import view
from sidecar.testing.cluster import Pace
from sidecar.testing.declaration import Naming
from sidecar.testing.pod_daemon import Habits
from sidecar.testing.world import Latency, World
from tests.core.bridges import PROMETHEUS
from tests.core.clusters import (
    MOUNTED,
    OFFERED,
    PUBLISHED,
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

BOTH = replace(MOUNTED, mode=Mode.PUBLISHED, publish="/shared")
EARLY = [Validating, Publishing, Seeking, Claiming]
ALL = [*EARLY, Signalling, Confirming]


def run_on_offer(world: World, content: str = "one") -> World:
    """A mount that is only where published content comes from, without an API."""
    world.offer(files(content))
    world.start_sidecar()
    world.run_for(1)
    world.start_daemon()
    world.run_for(5)
    assert outcomes(world) == ["applied"]
    world.records.clear()
    return world


def run_until_the_way_back_fails() -> World:
    """The daemon refused new content, and what it ran before as well: it takes "two" alone."""
    world = run_in_cluster(make_cluster(PUBLISHED))
    world.invalid = lambda content: content.files != files("two")
    world.unseen = lambda _content: True
    edit(world, "three")
    settle(world)
    return world


def folder(world: World) -> dict[str, bytes]:
    return dict(world.mounted.snapshot.files)


# --- an edit


@pytest.mark.parametrize("source", [PUBLISHED, BOTH], ids=["api", "api and mount"])
def test_an_edit_is_judged_published_claimed_and_applied_at_once(source: Source) -> None:
    world = run_in_cluster(make_cluster(source))
    before_s = world.now_s
    edit(world, "two")
    settle(world)
    assert world.signalled[0][0] - before_s < 0.06
    assert world.cluster.nudges == []
    assert outcomes(world) == ["applied"]
    assert folder(world) == files("two")
    assert mark(world, "status") == "Applied"


def test_bad_content_never_reaches_the_daemons_folder() -> None:
    world = run_in_cluster(make_cluster(PUBLISHED))
    edit(world, "bad")
    settle(world)
    assert folder(world) == files("one")
    assert mark(world, "status") == "Rejected"
    assert view(state_of(world)).restart_safe
    world.kill_daemon()
    world.run_for(1)
    world.start_daemon()
    settle(world)
    assert mark(world, "status") == "Rejected"
    assert world.signalled == []
    assert runs(world, "one")


def test_without_the_api_what_the_mount_offers_is_published() -> None:
    world = run_on_offer(make_cluster(OFFERED))
    world.offer(files("two"))
    world.run_for(5)
    assert outcomes(world) == ["applied"]
    assert runs(world, "two")
    world.offer(files("two"))
    world.offer(files("bad"))
    world.run_for(5)
    assert outcomes(world) == ["applied", "rejected"]
    assert folder(world) == files("two")
    assert world.broken == []


def test_what_the_mount_offers_in_an_outage_is_newer_than_what_was_known() -> None:
    world = run_in_cluster(make_cluster(BOTH))
    world.run_for(50)
    world.cluster.go_away()
    world.offer(files("two"))
    world.run_for(10)
    assert runs(world, "two")
    world.config.is_away = False
    world.config.edit(files("two"))
    world.cluster.come_back()
    settle(world)
    assert mark(world, "status") == "Applied"


@pytest.mark.parametrize("phase", ALL)
def test_a_newer_edit_in_each_phase_ends_applied(phase: type[Phase]) -> None:
    world = run_in_cluster(make_cluster(PUBLISHED, habits=Habits(work_s=0.3)))
    edit(world, "two")
    reach(world, phase)
    edit(world, "three")
    settle(world)
    assert marks(world, "status", "active") == ("Applied", world.config.digest)
    assert folder(world) == files("three")
    assert runs(world, "three")


@pytest.mark.parametrize("phase", ALL)
def test_an_edit_that_is_taken_back_in_each_phase_ends_applied(phase: type[Phase]) -> None:
    world = run_in_cluster(make_cluster(PUBLISHED, habits=Habits(work_s=0.3)))
    edit(world, "two")
    reach(world, phase)
    edit(world, "one")
    settle(world)
    assert marks(world, "status", "active") == ("Applied", world.config.digest)
    assert folder(world) == files("one")
    assert runs(world, "one")


@pytest.mark.parametrize("phase", ALL)
def test_a_bad_edit_in_each_phase_leaves_good_files(phase: type[Phase]) -> None:
    world = run_in_cluster(make_cluster(PUBLISHED, habits=Habits(work_s=0.3)))
    edit(world, "two")
    reach(world, phase)
    edit(world, "bad")
    settle(world)
    assert mark(world, "status") == "Rejected"
    assert folder(world) in (files("one"), files("two"))
    assert runs(world, folder(world)["config"].decode())


@pytest.mark.parametrize("phase", ALL)
def test_a_daemon_that_is_replaced_in_each_phase_ends_applied(phase: type[Phase]) -> None:
    world = run_in_cluster(make_cluster(PUBLISHED, habits=Habits(work_s=0.3)))
    edit(world, "two")
    reach(world, phase)
    world.kill_daemon()
    world.run_for(1)
    world.start_daemon()
    settle(world)
    assert mark(world, "status") == "Applied"
    assert runs(world, "two")


@pytest.mark.parametrize("phase", ALL)
def test_paused_in_each_phase_and_resumed_it_ends_applied(phase: type[Phase]) -> None:
    world = run_in_cluster(make_cluster(PUBLISHED, habits=Habits(work_s=0.3)))
    edit(world, "two")
    reach(world, phase)
    world.config.annotate(paused="true")
    world.run_for(30)
    assert world.broken == []
    if not world.signalled:
        assert mark(world, "status") == "Paused"
        assert mark(world, "message") == "paused; this content passed the checks"
    world.config.annotate(paused=None)
    settle(world)
    assert mark(world, "status") == "Applied"
    assert runs(world, "two")


# --- writing the folder


def test_a_folder_that_cannot_be_written_is_tried_again_ever_more_slowly() -> None:
    world = run_in_cluster(make_cluster(PUBLISHED))
    world.publish_trouble = "no space left on /shared"
    edit(world, "two")
    world.run_for(10)
    assert count(world, Publish) == 4
    assert state_of(world).blocked == "no space left on /shared"
    assert mark(world, "message") == "blocked: no space left on /shared"
    world.ask(request=1)
    assert world.answers[-1].reply is Reply.BUSY
    world.publish_trouble = ""
    settle(world)
    assert mark(world, "status") == "Applied"
    assert milestones(world).count(Milestone.BLOCKED) == 1
    assert milestones(world).count(Milestone.UNBLOCKED) == 1


def test_an_empty_folder_that_cannot_be_filled_is_tried_ever_more_slowly() -> None:
    world = run_in_cluster(make_cluster(PUBLISHED, rollout=Rollout()))
    world.recreate_pod()
    world.publish_trouble = "no space"
    edit(world, "two")
    world.start_sidecar()
    world.run_for(60)
    assert count(world, Publish) == 6
    assert outcomes(world) == []
    assert marks(world, "status", "message") == ("Pending", "blocked: no space")
    world.publish_trouble = ""
    world.run_for(60)
    world.start_daemon()
    settle(world)
    assert runs(world, "two")


def test_a_newer_edit_takes_the_place_of_what_cannot_be_written() -> None:
    world = run_in_cluster(make_cluster(PUBLISHED))
    world.publish_trouble = "no space left on /shared"
    edit(world, "two")
    world.run_for(5)
    edit(world, "bad")
    world.run_for(60)
    assert mark(world, "status") == "Rejected"
    world.publish_trouble = ""
    settle(world)
    assert folder(world) == files("one")


def test_a_folder_that_carries_something_else_after_it_was_written_is_written_again() -> None:
    world = run_in_cluster(make_cluster(PUBLISHED, latency=Latency(publish_s=0.5)))
    edit(world, "two")
    reach(world, Publishing)
    effect = state_of(world).awaiting
    assert effect is not None
    world.post(Published(effect, Mounted(Snapshot.of(files("stranger")), "g9", world.now_s)))
    assert state_of(world).blocked == "the shared folder changed while it was being written"
    settle(world)
    assert mark(world, "status") == "Applied"
    assert folder(world) == files("two")


def test_what_is_written_and_seen_at_the_same_time_is_one_generation() -> None:
    world = run_in_cluster(make_cluster(PUBLISHED, latency=Latency(publish_s=0.1)))
    edit(world, "two")
    reach(world, Publishing)
    world.post(MountChanged(Mounted(world.naming.name_mounted(files("two")), "g9", world.now_s)))
    world.run_for(5)
    assert "applied" in outcomes(world)


def test_a_folder_that_is_lost_while_it_is_written_is_no_reason_to_begin_anew() -> None:
    world = run_in_cluster(make_cluster(PUBLISHED, latency=Latency(publish_s=0.1)))
    edit(world, "two")
    reach(world, Publishing)
    world.post(MountLost("gone for a moment"))
    settle(world)
    assert outcomes(world) == ["applied"]


@pytest.mark.parametrize("content", ["tampered", "bad"])
def test_a_folder_that_somebody_else_changed_gets_the_declared_content_back(content: str) -> None:
    world = run_in_cluster(make_cluster(PUBLISHED))
    edit(world, "two")
    world.run_for(5)
    world.edit(content)
    settle(world)
    assert folder(world) == files("two")
    assert mark(world, "status") == "Applied"
    assert runs(world, "two")
    assert all(not world.invalid(Snapshot.of(files("two"))) for _ in world.signalled)


def test_a_folder_that_was_emptied_is_filled_again() -> None:
    world = run_on_offer(make_cluster(OFFERED))
    world.edit({})
    world.run_for(5)
    assert folder(world) == files("one")


# --- first boot


def test_the_first_content_is_published_before_there_is_a_daemon() -> None:
    world = make_cluster(PUBLISHED)
    world.config.create(files("one"))
    world.start_sidecar()
    world.run_for(2)
    assert folder(world) == files("one")
    assert status(world) is Status.PENDING
    assert not view(state_of(world)).synced or view(state_of(world)).filled
    world.start_daemon()
    settle(world)
    assert mark(world, "status") == "Applied"
    assert world.signalled == []


def test_the_first_content_is_proven_late_too() -> None:
    world = make_cluster(PUBLISHED, habits=Habits(work_s=8.0))
    world.config.create(files("one"))
    world.edit(files("zero"))  # by whoever ran before the sidecar
    world.run_for(1)
    world.start_daemon()
    world.run_for(1)
    world.start_sidecar()
    settle(world)
    assert outcomes(world) == ["unconfirmed", "applied"]
    assert marks(world, "status", "message") == ("Applied", "late proof: timestamp moved")


def test_bad_content_at_first_boot_is_not_published_and_nothing_is_filled() -> None:
    world = make_cluster(PUBLISHED)
    world.config.create(files("bad"))
    world.start_sidecar()
    world.run_for(30)
    assert count(world, Publish) == 0
    assert mark(world, "status") == "Rejected"
    assert not view(state_of(world)).filled
    edit(world, "one")
    world.run_for(5)
    world.start_daemon()
    settle(world)
    assert mark(world, "status") == "Applied"


@pytest.mark.parametrize("naming", [Naming(), Naming(salt="theirs", own_salt="ours")])
def test_bad_content_at_first_boot_is_filled_from_the_history(naming: Naming) -> None:
    world = run_in_cluster(make_cluster(PUBLISHED, naming=naming))
    good = world.config.digest
    edit(world, "bad")
    world.run_for(5)
    heir = make_cluster(PUBLISHED, naming=naming)  # another pod: no journal, no files
    heir.config.take_over(world.config)
    heir.start_sidecar()
    heir.run_for(5)
    assert count(heir, Recall) == 1
    assert folder(heir) == files("one")
    heir.start_daemon()
    settle(heir)
    assert marks(heir, "status", "active") == ("Rejected", good)
    assert runs(heir, "one")
    assert heir.signalled == []


def test_a_history_that_does_not_hold_it_is_asked_once() -> None:
    world = make_cluster(PUBLISHED)
    world.config.create(files("bad"), active="0" * 64, status="Applied", observed="0" * 64)
    world.start_sidecar()
    world.run_for(60)
    assert count(world, Recall) == 1
    assert mark(world, "status") == "Rejected"


def test_a_history_that_does_not_answer_is_asked_again() -> None:
    world = run_in_cluster(make_cluster(PUBLISHED))
    edit(world, "bad")
    world.run_for(5)
    heir = make_cluster(PUBLISHED)
    heir.config.take_over(world.config)
    heir.start_sidecar()
    heir.run_until(lambda: count(heir, Recall) == 1)
    heir.config.is_mute = True
    heir.run_for(10)
    assert count(heir, Recall) == 4  # after 0, 1, 3 and 7 s
    assert not heir.has_files
    heir.config.is_mute = False
    heir.run_for(10)
    assert count(heir, Recall) == 5
    assert folder(heir) == files("one")


def test_the_last_good_files_of_the_pod_fill_an_empty_folder() -> None:
    world = run_in_cluster(make_cluster(PUBLISHED))
    edit(world, "bad")
    world.run_for(5)
    world.crash_sidecar()
    world.kill_daemon()
    heir = make_cluster(PUBLISHED)
    heir.config.take_over(world.config)
    heir.kept, heir.journal = world.kept, world.journal
    heir.start_sidecar()
    heir.run_for(5)
    assert folder(heir) == files("one")
    assert count(heir, Recall) == 0


# --- the way back


def test_files_go_back_after_a_failed_reload_verdict_first() -> None:
    world = run_in_cluster(make_cluster(PUBLISHED))
    good = world.config.digest
    bad = edit(world, "bad subtle")
    world.run_until(lambda: outcomes(world) == ["failed"])
    assert folder(world) == files("bad subtle")
    world.run_until(lambda: count(world, Publish) == 2)
    assert marks(world, "status", "active") == ("RolledBack", good)
    settle(world)
    assert outcomes(world) == ["failed", "applied"]
    assert folder(world) == files("one")
    assert runs(world, "one")
    assert marks(world, "status", "observed", "active") == ("RolledBack", bad, good)
    assert (mark(world, "message") or "").endswith("runs, proven: timestamp moved")
    assert len(world.signalled) == 2
    assert view(state_of(world)).restart_safe


def test_files_go_back_after_an_unconfirmed_reload() -> None:
    world = run_in_cluster(make_cluster(PUBLISHED, habits=Habits(lies=True)))
    edit(world, "bad subtle")
    settle(world)
    assert mark(world, "status") == "Unconfirmed"
    assert folder(world) == files("one")
    assert runs(world, "one")


def test_a_daemon_that_kept_what_it_ran_is_believed_where_no_signal_could_prove_it() -> None:
    proof = replace(PROMETHEUS, noop=Noop.STAYS)
    world = run_in_cluster(make_cluster(PUBLISHED, proof=proof))
    edit(world, "bad subtle")
    settle(world)
    assert mark(world, "status") == "RolledBack"
    assert "kept this content when it refused the other" in (mark(world, "message") or "")
    assert folder(world) == files("one")
    assert runs(world, "one")
    assert len(world.signalled) == 1


def test_files_stay_where_nothing_is_to_be_rolled_back() -> None:
    world = run_in_cluster(make_cluster(PUBLISHED, rollback=Rollback.NONE))
    edit(world, "bad subtle")
    settle(world)
    assert mark(world, "status") == "Failed"
    assert folder(world) == files("bad subtle")
    assert len(world.signalled) == 1


def test_a_way_back_that_fails_is_said_and_not_tried_for_ever() -> None:
    world = run_until_the_way_back_fails()
    assert mark(world, "status") == "Failed"
    assert "did not come back" in (mark(world, "message") or "")
    assert len(world.signalled) == 2
    edit(world, "two")
    settle(world)
    assert mark(world, "status") == "Applied"
    assert runs(world, "two")


def test_a_way_back_that_failed_is_not_tried_again_by_the_sidecar_that_follows() -> None:
    world = run_until_the_way_back_fails()
    message, signals = mark(world, "message"), len(world.signalled)
    world.crash_sidecar()
    world.latency = replace(world.latency, watch_s=1.0)
    world.start_sidecar()
    settle(world)
    assert (mark(world, "message"), len(world.signalled)) == (message, signals)


def test_a_way_back_that_failed_is_tried_again_where_other_content_came_between() -> None:
    world = run_until_the_way_back_fails()
    assert "did not come back" in (mark(world, "message") or "")
    world.invalid = lambda content: content.files != files("one")
    edit(world, "four")
    reach(world, Claiming)
    world.kill_daemon()
    edit(world, "three")
    world.run_for(5)
    assert folder(world) == files("one")
    world.start_daemon()
    settle(world)
    assert runs(world, "one")
    assert "runs, proven" in (mark(world, "message") or "")


def test_a_process_gets_what_its_folder_carries_where_it_was_given_what_nobody_wants() -> None:
    world = run_in_cluster(make_cluster(PUBLISHED, habits=Habits(work_s=2.0)))
    edit(world, "two")
    reach(world, Confirming)
    world.crash_sidecar()
    edit(world, "one")
    world.start_sidecar()
    reach(world, Seeking)
    assert folder(world) == files("one")
    edit(world, "bad")
    settle(world)
    assert mark(world, "status") == "Rejected"
    assert folder(world) == files("one")
    assert runs(world, "one")


def test_a_process_that_began_with_unproven_content_gets_the_last_good_back() -> None:
    world = run_in_cluster(make_cluster(PUBLISHED, latency=Latency(publish_s=0.2, look_s=0.3)))
    edit(world, "two")
    reach(world, Claiming)
    world.kill_daemon()
    edit(world, "one")
    world.run_for(0.5)
    reach(world, Publishing)
    world.start_daemon()
    reach(world, Seeking)
    edit(world, "bad")
    settle(world)
    assert mark(world, "status") == "Rejected"
    assert runs(world, "one")


def test_a_process_that_may_have_been_signalled_is_not_waited_for_for_ever() -> None:
    world = run_in_cluster(make_cluster(PUBLISHED))
    world.ends_untold = "how often the container has ended may not be read"
    edit(world, "two")
    reach(world, Signalling)
    world.crash_sidecar()
    world.kill_daemon()
    world.start_sidecar()
    world.run_for(world.bridge.policy.patience_s + 10)
    assert mark(world, "status") == "RolledBack"
    world.start_daemon()
    world.run_for(10)
    assert runs(world, "one")


def test_doubt_of_the_last_good_content_does_not_keep_a_process_at_other_content() -> None:
    proof = replace(PROMETHEUS, noop=Noop.STAYS)
    world = run_in_cluster(make_cluster(PUBLISHED, proof=proof, rollback=Rollback.DATA))
    world.crash_sidecar()
    world.kill_daemon()
    world.run_for(1)
    world.start_daemon()
    edit(world, "bad subtle")
    world.start_sidecar()
    world.run_for(60)
    assert marks(world, "status", "observed") == ("Unconfirmed", mark(world, "active"))
    edit(world, "two")
    reach(world, Confirming)
    world.crash_sidecar()
    world.kill_daemon()
    world.run_for(1)
    world.start_daemon()
    edit(world, "one")
    world.start_sidecar()
    world.run_for(60)
    assert folder(world) == files("one")
    assert runs(world, "one")


@pytest.mark.parametrize("content", ["two", "bad", "one"])
@pytest.mark.parametrize("phase", [Publishing, Seeking, Signalling, Confirming])
def test_an_edit_on_the_way_back_is_decided_as_ever(phase: type[Phase], content: str) -> None:
    world = run_in_cluster(make_cluster(PUBLISHED, habits=Habits(work_s=0.3)))
    edit(world, "bad subtle")
    world.run_until(lambda: outcomes(world) == ["failed"])
    reach(world, phase)
    edit(world, content)
    settle(world)
    assert mark(world, "observed") == world.config.digest
    assert mark(world, "status") == ("Rejected" if content == "bad" else "Applied")
    good = "two" if content == "two" else "one"
    assert folder(world) == files(good)
    assert runs(world, good)


@pytest.mark.parametrize("phase", [Publishing, Seeking, Signalling, Confirming])
def test_a_crash_on_the_way_back_ends_on_the_last_good_files(phase: type[Phase]) -> None:
    world = run_in_cluster(make_cluster(PUBLISHED, habits=Habits(work_s=0.3)))
    edit(world, "bad subtle")
    world.run_until(lambda: outcomes(world) == ["failed"])
    reach(world, phase)
    world.crash_sidecar()
    world.run_for(1)
    world.start_sidecar()
    settle(world)
    assert folder(world) == files("one")
    assert runs(world, "one")
    assert mark(world, "status") == "RolledBack"


def test_a_daemon_that_died_of_the_content_comes_back_with_the_last_good_files() -> None:
    world = run_in_cluster(make_cluster(PUBLISHED))
    edit(world, "bad subtle")
    world.run_until(lambda: outcomes(world) == ["failed"])
    world.kill_daemon()
    world.run_for(2)
    assert folder(world) == files("one")
    world.start_daemon()
    settle(world)
    assert runs(world, "one")
    assert mark(world, "status") == "RolledBack"


def test_content_that_kills_the_daemon_makes_way_for_the_last_good() -> None:
    proof = replace(PROMETHEUS, on_invalid=OnInvalid.DIES)
    world = run_in_cluster(make_cluster(PUBLISHED, proof=proof))
    edit(world, "bad subtle")
    for _ in range(6):
        world.run_for(30)
        if world.daemon is None:
            world.start_daemon()
    settle(world)
    assert runs(world, "one")
    assert folder(world) == files("one")
    assert mark(world, "status") == "RolledBack"


def test_files_that_kill_the_daemon_make_way_where_newer_content_is_rejected() -> None:
    proof = replace(PROMETHEUS, on_invalid=OnInvalid.DIES)
    world = run_in_cluster(make_cluster(PUBLISHED, proof=proof))
    world.recreate_pod()
    world.edit(files("bad subtle"))  # by the sidecar before, which left no journal
    edit(world, "bad")
    world.latency = replace(world.latency, watch_s=1.0)
    world.cluster.pace = Pace(call_s=3.0)
    world.start_sidecar()
    for _ in range(6):
        world.run_for(30)
        if world.daemon is None:
            world.start_daemon()
    settle(world)
    assert folder(world) == files("one")
    assert runs(world, "one")
    assert mark(world, "status") == "Rejected"


def test_a_newer_edit_takes_the_place_of_what_killed_the_daemon() -> None:
    proof = replace(PROMETHEUS, on_invalid=OnInvalid.DIES)
    world = run_in_cluster(make_cluster(PUBLISHED, proof=proof, rollback=Rollback.NONE))
    edit(world, "bad subtle")
    assert world.run_until(lambda: world.daemon is None)
    edit(world, "three")
    world.run_for(5)
    assert folder(world) == files("three")
    record = world.records[0]
    assert (record.outcome, record.signalled) == ("superseded", True)
    assert record.message == "newer content was declared before this was proven"
    world.start_daemon()
    settle(world)
    assert runs(world, "three")
    assert mark(world, "status") == "Applied"


def test_a_restart_of_the_daemon_after_the_way_back_is_no_news() -> None:
    world = run_in_cluster(make_cluster(PUBLISHED))
    edit(world, "bad subtle")
    settle(world)
    world.kill_daemon()
    world.run_for(3)
    world.start_daemon()
    settle(world)
    assert mark(world, "status") == "RolledBack"
    assert runs(world, "one")


@pytest.mark.parametrize("pace", [Pace(), Pace(watch_s=0.3, call_s=0.3)], ids=["fast", "slow"])
def test_without_permission_to_write_files_go_back_all_the_same(pace: Pace) -> None:
    world = run_in_cluster(make_cluster(PUBLISHED, pace=pace))
    world.config.forbidden = {"write"}
    edit(world, "bad subtle")
    world.run_for(30)
    assert folder(world) == files("one")
    assert runs(world, "one")


def test_a_wish_after_the_way_back_tries_once_more_and_goes_back_again() -> None:
    world = run_in_cluster(make_cluster(PUBLISHED))
    edit(world, "bad subtle")
    settle(world)
    world.config.annotate(requested="now")
    settle(world)
    assert mark(world, "status") == "RolledBack"
    assert folder(world) == files("one")
    assert mark(world, "handled") == "now"
    assert len(world.signalled) == 4


def test_a_wish_for_what_killed_the_daemon_waits_for_the_way_back() -> None:
    proof = replace(PROMETHEUS, on_invalid=OnInvalid.DIES)
    world = run_in_cluster(make_cluster(PUBLISHED, proof=proof))
    edit(world, "bad subtle")
    world.run_until(lambda: world.daemon is None)
    world.config.annotate(requested="now")
    world.run_until(lambda: outcomes(world) == ["failed"], within_s=90)
    world.run_for(1)
    assert folder(world) == files("one")
    for _ in range(20):
        world.run_for(10)
        if world.daemon is None:
            world.start_daemon()
    settle(world)
    assert mark(world, "handled") == "now"
    assert folder(world) == files("one")
    assert runs(world, "one")


def test_a_wish_for_what_killed_the_daemon_waits_for_it_where_nothing_is_rolled_back() -> None:
    proof = replace(PROMETHEUS, on_invalid=OnInvalid.DIES)
    world = run_in_cluster(make_cluster(PUBLISHED, proof=proof, rollback=Rollback.NONE))
    edit(world, "bad subtle")
    world.run_until(lambda: world.daemon is None)
    world.config.annotate(requested="now")
    world.run_until(lambda: outcomes(world) == ["failed"], within_s=90)
    world.run_for(100)
    assert isinstance(state_of(world).phase, Seeking)
    assert mark(world, "status") == "Failed"
    edit(world, "three")
    world.run_for(5)
    assert folder(world) == files("three")
    world.start_daemon()
    settle(world)
    assert runs(world, "three")
    assert marks(world, "status", "handled") == ("Applied", "now")


def test_an_edit_back_to_what_is_being_brought_back_is_judged_and_claimed() -> None:
    world = run_in_cluster(make_cluster(PUBLISHED, latency=Latency(look_s=0.3)))
    edit(world, "bad subtle")
    world.run_until(lambda: outcomes(world) == ["failed"])
    reach(world, Seeking)
    edit(world, "one")
    settle(world)
    assert marks(world, "status", "observed") == ("Applied", world.config.digest)
    assert world.config.digest in world.witness.claims.values()


def test_a_waiting_publication_is_not_hurried_by_the_clock() -> None:
    world = run_in_cluster(make_cluster(PUBLISHED))
    world.config.annotate(paused="true")
    edit(world, "two")
    world.run_for(1000)
    assert isinstance(state_of(world).phase, Waiting)
    assert world.cluster.nudges == []
    assert folder(world) == files("one")
