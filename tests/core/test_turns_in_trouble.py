"""Scenarios of turns that meet crashes, lost answers and other verdicts: each was found by chance.

The histories of `tests/sim` found them; here stands what each of them comes down to.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from sidecar.core.bridge import Noop, Rollback, Rollout, Source, Strategy
from sidecar.core.effects import Publish
from sidecar.core.events import Tick
from sidecar.core.holder import read_holder
from sidecar.core.state import Claiming, Confirming, Publishing, Seeking, Signalling, Waiting
from sidecar.core.tally import read_tally
from sidecar.core.turn import Move, find_turn, name_short
from sidecar.core.view import view
from sidecar.testing.cluster import Pace
from sidecar.testing.pod_daemon import Habits
from sidecar.testing.world import World
from tests.core.clusters import (
    MOUNTED,
    POD,
    PUBLISHED,
    count,
    edit,
    files,
    make_cluster,
    mark,
    marks,
    outcomes,
    reach,
    run_in_cluster,
    runs,
    settle,
    state_of,
)

OTHER = "web-0/aaaaaaaa"
THREE = Rollout(replicas=3)


EACH = Rollout(strategy=Strategy.INDEPENDENT, replicas=3)


def run_among_three(
    source: Source = MOUNTED,
    *,
    first: bool,
    rollout: Rollout = THREE,
    rollback: Rollback = Rollback.ANNOTATION,
    pace: Pace | None = None,
    habits: Habits | None = None,
) -> World:
    """One pod of three that run content they have proven; it went `first` the last time, or not."""
    world = make_cluster(source, rollback=rollback, pace=pace, habits=habits)
    run_in_cluster(world)
    world.crash_sidecar()
    policy = replace(world.bridge.policy, rollout=rollout)
    world.bridge = replace(world.bridge, policy=policy)
    world.config.annotate(holder=f"{POD}/bbbbbbbb/1/0" if first else f"{OTHER}/1/0")
    world.start_sidecar()
    world.run_for(10)
    return world


def claim_elsewhere(world: World, content: str = "two") -> str:
    """Another pod begins with new content: its digest."""
    good, digest = world.config.digest, edit(world, content)
    world.config.annotate(
        status="Reloading", observed=digest, active=digest, previous=good, holder=f"{OTHER}/1/15"
    )
    return digest


def prove_elsewhere(world: World) -> None:
    """Another pod has proven new content: this one is to follow."""
    claim_elsewhere(world)
    world.config.annotate(status="RollingOut", message="1/3 proven", proven="000000")


def claim_here(world: World) -> str | None:
    """This pod goes first, and its process was given new content: the holder on the object."""
    edit(world, "two")
    reach(world, Confirming)
    return mark(world, "holder")


def doubt_here(world: World) -> str:
    """This pod goes first, and finds no proof in time, as its folder is lost: the digest."""
    claim_here(world)
    world.lose_mount()
    world.run_until(lambda: mark(world, "status") == "Unconfirmed")
    return world.config.digest


def complete_elsewhere(world: World) -> None:
    """This pod follows new content, and others complete its rollout without a number."""
    prove_elsewhere(world)
    world.mount(files("two"))
    world.run_for(5)
    world.config.annotate(
        status="Applied", message="3/3 proven", proven=None, previous=None, revision=None
    )


def test_who_takes_a_turn_over_is_not_outrun_by_the_claim_it_replaces() -> None:
    world = run_among_three(first=False, pace=Pace(call_s=0.4, watch_s=0.01))
    claim_elsewhere(world)
    assert world.run_until(lambda: bool(_nonce(world)), within_s=60)
    claim = _nonce(world)
    world.post(Tick())
    world.run_for(10)
    assert read_holder(world.config.there.marks).nonce == claim
    assert runs(world, "two")
    assert mark(world, "status") == "RollingOut"
    assert outcomes(world)[-1] == "applied"


def test_who_is_outrun_as_the_old_holder_speaks_after_all_stands_down() -> None:
    world = run_among_three(first=False, pace=Pace(call_s=0.4, watch_s=0.01))
    digest = claim_elsewhere(world)
    assert world.run_until(lambda: bool(_nonce(world)), within_s=60)
    world.config.annotate(status="RolledBack", active=mark(world, "previous"), previous=None)
    settle(world)
    assert world.signalled == []
    assert marks(world, "status", "observed") == ("RolledBack", digest)


def test_a_turn_is_gone_on_with_after_a_restart_also_where_the_process_died_of_it() -> None:
    world = run_among_three(first=True)
    holder = claim_here(world)
    world.kill_daemon()
    world.run_for(1)
    world.crash_sidecar()
    world.run_for(1)
    world.start_sidecar()
    world.run_for(5)
    assert marks(world, "status", "holder") == ("Reloading", holder)
    world.start_daemon()
    world.run_for(5)
    assert mark(world, "status") == "RollingOut"
    assert read_holder(world.config.there.marks).tries == 1


def test_a_turn_that_was_taken_over_meanwhile_is_not_gone_on_with() -> None:
    world = run_among_three(first=True, habits=Habits(work_s=1))
    edit(world, "two")
    reach(world, Confirming)
    world.crash_sidecar()
    world.config.annotate(holder=f"{OTHER}/2/15")
    world.start_sidecar()
    world.run_for(10)
    assert marks(world, "status", "holder") == ("Reloading", f"{OTHER}/2/15")
    assert len(world.signalled) == 1


def test_who_came_to_a_verdict_by_a_start_speaks_once_the_holder_is_gone() -> None:
    """A pod that comes up on content that kills it needs no turn to see that."""
    world = run_among_three(first=False)
    digest = claim_elsewhere(world, "bad subtle")
    good = mark(world, "previous")
    world.edit("bad subtle")
    world.run_for(0.1)
    for _ in range(4):
        world.kill_daemon()
        world.run_for(1)
        world.start_daemon()
        world.run_for(1)
    assert mark(world, "status") == "Reloading"
    world.run_for(60)
    assert marks(world, "status", "observed", "active") == ("RolledBack", digest, good)
    assert world.signalled == []


def test_a_rollout_of_what_there_is_to_go_back_to_ends_failed_with_nothing_active() -> None:
    world = run_among_three(first=False)
    world.invalid = lambda _content: True
    world.unseen = lambda _content: True
    digest = edit(world, "two")
    told = {"observed": digest, "active": digest, "previous": digest, "holder": f"{OTHER}/1/0"}
    world.config.annotate(status="RollingOut", proven="000000", **told)
    world.run_for(60)
    assert marks(world, "status", "active") == ("Failed", None)


def test_a_pod_counts_itself_only_once_the_process_showed_this_content_again() -> None:
    world = run_among_three(first=False, habits=Habits(work_s=2))
    one = world.config.digest
    claim_elsewhere(world)
    world.config.annotate(status="RollingOut", proven="000000", holder=f"{OTHER}/1/0")
    reach(world, Confirming)
    world.config.edit(files("one"))
    world.mount(files("one"))
    told = {"observed": one, "active": one, "previous": one, "holder": f"{OTHER}/1/0"}
    world.config.annotate(status="RollingOut", proven="000000", **told)
    assert world.run_until(lambda: len(world.signalled) == 2, within_s=30)
    world.run_for(1)
    assert state_of(world).decided is not None
    assert read_tally(world.config.there.marks).proven == {"000000"}
    world.run_for(5)
    assert read_tally(world.config.there.marks).proven == {"000000", name_short(POD)}


def test_only_what_was_proven_to_run_is_kept_when_a_process_refuses_other_content() -> None:
    proof = replace(make_cluster().bridge.proof, noop=Noop.STAYS)
    world = run_in_cluster(make_cluster(PUBLISHED, proof=proof))
    edit(world, "two")
    reach(world, Confirming)
    world.crash_sidecar()
    edit(world, "bad subtle")
    world.run_for(1)
    world.start_sidecar()
    settle(world)
    assert runs(world, "one")


def test_the_proof_of_what_is_brought_back_decides_what_is_edited_back_meanwhile() -> None:
    world = run_in_cluster(make_cluster(PUBLISHED))
    edit(world, "bad subtle")
    assert world.run_until(lambda: len(world.signalled) == 1, within_s=30)
    assert world.daemon is not None
    world.run_for(0.005)
    world.daemon.habits = replace(world.daemon.habits, work_s=100)
    assert world.run_until(lambda: len(world.signalled) == 2, within_s=30)
    world.run_for(1)
    edit(world, "one")
    world.run_for(60)
    assert len(world.signalled) == 2
    assert mark(world, "status") == "Unconfirmed"


def test_what_a_stranger_outran_is_said_again_while_the_process_is_sought() -> None:
    world = run_in_cluster(make_cluster(PUBLISHED, pace=Pace(watch_s=0.5, call_s=0.2)))
    edit(world, "two")
    reach(world, Seeking)
    world.kill_daemon()
    world.run_for(0.05)
    world.config.annotate(stranger="was here")
    world.run_for(2)
    assert world.config.conflicts == 1
    assert mark(world, "message") == "blocked: no process"


def test_a_turn_is_not_given_back_by_a_stop_where_the_process_was_given_its_content() -> None:
    world = run_among_three(first=True)
    holder = claim_here(world)
    world.kill_daemon()
    world.stop_sidecar()
    world.run_for(3)
    assert state_of(world).stopped
    assert marks(world, "status", "holder") == ("Reloading", holder)


def test_what_a_process_that_nobody_knows_runs_is_learned_once_its_folder_changes() -> None:
    world = run_among_three(first=True)
    world.edit("two")
    world.run_for(0.1)
    world.crash_sidecar()
    world.kill_daemon()
    world.start_daemon()
    world.run_for(1)
    edit(world, "two")
    world.start_sidecar()
    world.run_for(0.5)
    edit(world, "one")
    world.run_for(0.5)
    world.edit("one")
    settle(world)
    assert runs(world, "one")


def test_what_failed_elsewhere_is_followed_once_it_was_proven_after_all() -> None:
    world = run_among_three(first=False)
    digest = claim_elsewhere(world)
    world.mount(files("two"))
    world.config.annotate(status="RolledBack", active=mark(world, "previous"), previous=None)
    world.run_for(60)
    assert world.signalled == []
    world.config.annotate(status="RollingOut", active=digest, proven="000000")
    world.run_for(60)
    assert runs(world, "two")
    assert len(world.signalled) == 1


def test_what_the_watch_brought_meanwhile_needs_no_answer_any_more() -> None:
    world = run_among_three(first=True, pace=Pace(watch_s=0.5, call_s=1.0))
    edit(world, "two")
    world.mount(files("two"))
    world.config.loses = 1
    settle(world)
    assert mark(world, "status") == "RollingOut"
    assert runs(world, "two")


def test_the_turn_of_older_content_is_no_say_on_the_newer() -> None:
    world = run_among_three(first=True, habits=Habits(work_s=3))
    edit(world, "two")
    reach(world, Confirming)
    digest = edit(world, "bad")
    world.run_for(0.002)
    world.config.annotate(
        status="Rejected",
        observed=digest,
        message="so it was",
        previous=None,
        holder=f"{OTHER}/1/0",
    )
    writes = world.config.writes
    world.run_for(2)
    assert isinstance(state_of(world).phase, Confirming)
    assert (world.config.writes, mark(world, "message")) == (writes, "so it was")


def test_a_turn_is_not_given_back_by_a_folder_that_cannot_be_read_for_a_while() -> None:
    world = run_among_three(first=True, habits=Habits(work_s=0.5))
    edit(world, "two")
    reach(world, Confirming)
    world.lose_mount()
    world.run_for(2)
    assert mark(world, "status") == "Reloading"
    world.regain_mount()
    world.run_for(2)
    assert mark(world, "status") == "RollingOut"
    assert len(world.signalled) == 1


@pytest.mark.parametrize("dies_first", [True, False])
def test_a_turn_stays_where_the_process_died_and_the_folder_cannot_be_read(
    dies_first: bool,  # noqa: FBT001  by pytest
) -> None:
    world = run_among_three(first=True, habits=Habits(work_s=2.0))
    edit(world, "two")
    reach(world, Confirming)
    for befall in (world.kill_daemon, world.lose_mount)[:: 1 if dies_first else -1]:
        befall()
        world.run_for(0.5)
    assert mark(world, "status") == "Reloading"
    world.start_daemon()
    world.run_for(3)
    assert mark(world, "status") == "Reloading", "nothing tells what it started with"
    world.regain_mount()
    world.run_for(5)
    assert mark(world, "status") == "RollingOut"
    assert len(world.signalled) == 1


def test_what_blocks_a_turn_that_nobody_can_take_over_is_said() -> None:
    world = run_among_three(first=False)
    claim_elsewhere(world)
    world.config.annotate(message=None)
    world.kill_daemon()
    world.run_for(10)
    assert mark(world, "message") is None, "its time is not over"
    holder = mark(world, "holder")
    world.run_for(30)
    assert marks(world, "status", "message") == ("Reloading", "blocked: no process")
    assert mark(world, "holder") == holder, "it still counts as one try"
    world.start_daemon()
    world.run_for(10)
    assert marks(world, "status", "message") == ("RollingOut", "1/3 proven")


def test_that_it_is_paused_or_no_more_is_said_also_where_who_went_first_is_gone() -> None:
    world = run_among_three(PUBLISHED, first=False)
    digest = edit(world, "two")
    world.config.annotate(status="Pending", observed=digest, message="blocked: ask me")
    world.kill_daemon()
    world.config.annotate(paused="true")
    world.run_for(10)
    assert mark(world, "status") == "Paused"
    world.config.annotate(paused=None)
    world.run_for(10)
    assert marks(world, "status", "message") == ("Pending", "blocked: no process")


def test_what_blocks_another_pod_stays_said_until_the_content_moves_on() -> None:
    world = run_among_three(first=True, habits=Habits(work_s=3.0))
    edit(world, "two")
    reach(world, Confirming)
    world.run_for(0.5)
    world.config.annotate(message="blocked: no process")
    writes = world.config.writes
    world.run_for(1)
    assert mark(world, "message") == "blocked: no process"
    assert world.config.writes == writes
    world.run_for(10)
    assert marks(world, "status", "message") == ("RollingOut", "1/3 proven")


def test_what_blocks_all_is_said_also_where_the_pod_that_went_first_is_gone() -> None:
    world = run_among_three(PUBLISHED, first=False)
    digest = edit(world, "two")
    world.config.annotate(status="Pending", observed=digest, message=None)
    world.kill_daemon()
    world.run_for(10)
    assert marks(world, "status", "message") == ("Pending", "blocked: no process")


def test_another_try_waits_for_no_process_that_dies_of_the_files_it_is_to_load() -> None:
    world = run_among_three(PUBLISHED, first=True)
    good = mark(world, "active")
    edit(world, "bad subtle")
    world.run_for(10)
    world.config.annotate(requested="again")
    reach(world, Confirming)
    world.kill_daemon()
    digest = edit(world, "bad subtle two")
    world.run_for(5)
    assert world.mounted.snapshot.digest == digest
    told = {"status": "RolledBack", "observed": digest, "active": good, "previous": None}
    world.config.annotate(holder=f"{OTHER}/1/0", **told)
    world.run_for(5)
    assert world.mounted.snapshot.digest == good


def test_a_number_that_is_missing_is_found_by_another_pod() -> None:
    world = run_among_three(first=False)
    complete_elsewhere(world)
    world.run_for(60)  # who went first is gone, and has told none
    assert marks(world, "status", "message") == ("Applied", "3/3 proven")
    assert mark(world, "revision") == "2"
    assert world.config.revisions[world.config.digest][0] == 2


def test_a_pod_that_was_created_anew_under_its_name_counts_as_one_that_vanished() -> None:
    world = run_among_three(first=True)
    holder = claim_here(world)
    world.recreate_pod()
    world.start_sidecar()
    world.run_for(10)
    assert marks(world, "status", "holder") == ("Reloading", holder), "that count is not undone"
    world.start_daemon()
    world.run_for(10)
    assert mark(world, "status") == "RollingOut"


def test_what_a_process_ran_that_may_be_gone_is_not_told_before_it_is_seen() -> None:
    world = run_among_three(PUBLISHED, first=True)
    world.crash_sidecar()
    world.kill_daemon()
    world.config.annotate(status="Pending", observed="0" * 64)
    world.latency = replace(world.latency, look_s=2.0)
    world.start_sidecar()
    world.run_for(1)
    assert mark(world, "status") == "Pending"
    world.run_for(10)
    assert marks(world, "status", "message") == ("Pending", "blocked: no process")
    world.start_daemon()
    world.run_for(10)
    assert mark(world, "status") == "RollingOut"


def test_a_newer_number_stays_though_another_pod_tells_an_older_one() -> None:
    world = run_among_three(first=False)
    complete_elsewhere(world)
    world.run_until(lambda: view(state_of(world)).revision == 2)
    world.config.annotate(revision="1")
    world.run_for(60)
    assert mark(world, "revision") == "2"


def test_a_folder_that_is_not_read_yet_is_not_taken_for_an_empty_one() -> None:
    world = run_among_three(PUBLISHED, first=False)
    world.crash_sidecar()
    claim_elsewhere(world)
    world.latency = replace(world.latency, watch_s=2.0)
    world.effects.clear()
    world.start_sidecar()
    world.run_for(1)
    assert count(world, Publish) == 0


def test_a_pod_goes_back_to_what_it_has_proven_also_where_others_are_in_doubt_of_it() -> None:
    world = run_among_three(PUBLISHED, first=False)
    edit(world, "bad")
    world.run_for(5)
    world.kill_daemon()
    claim_elsewhere(world, "one")
    world.run_for(1)
    world.edit(files("three"))
    world.start_daemon()
    world.run_for(1)
    world.config.annotate(status="Unconfirmed", previous=None, holder=f"{OTHER}/1/0")
    settle(world)
    assert runs(world, "one")
    assert mark(world, "status") == "Unconfirmed"


def test_what_ran_here_comes_back_also_where_the_history_lacks_what_was_before_it() -> None:
    world = run_among_three(PUBLISHED, first=False)
    good = world.config.digest
    claim_elsewhere(world)
    world.config.annotate(status="RollingOut", proven="000000")
    world.run_for(15)
    assert runs(world, "two")
    world.config.revisions.clear()
    told = {"status": "RolledBack", "active": good, "previous": None, "proven": None}
    world.config.annotate(message="elsewhere", **told)
    world.run_for(5)
    assert runs(world, "two")
    edit(world, "bad subtle")
    settle(world)
    assert runs(world, "two")
    assert world.mounted.snapshot.files == files("two")


def test_late_proof_by_the_pod_that_went_first_lets_the_others_follow() -> None:
    world = run_among_three(first=True)
    good, two = world.config.digest, doubt_here(world)
    assert mark(world, "active") == good
    world.regain_mount()
    world.run_until(lambda: outcomes(world)[-1] == "applied")
    world.run_for(1)
    told = ("RollingOut", two, good, name_short(POD))
    assert marks(world, "status", "active", "previous", "proven") == told
    world.kill_daemon()
    assert not world.run_until(lambda: mark(world, "status") != "RollingOut", within_s=10)


def test_late_proof_changes_no_word_of_another_pod() -> None:
    world = run_among_three(first=True)
    doubt_here(world)
    world.config.annotate(holder=f"{OTHER}/1/0")
    world.regain_mount()
    world.run_until(lambda: outcomes(world)[-1] == "applied")
    settle(world)
    assert mark(world, "status") == "Unconfirmed"


def test_the_end_of_a_process_proves_no_other_word() -> None:
    world = run_among_three(first=True)
    edit(world, "two")
    settle(world)
    world.config.annotate(status="Failed", active=None)
    world.run_for(3)
    world.kill_daemon()
    assert not world.run_until(lambda: mark(world, "status") != "Failed", within_s=10)


def test_a_turn_stays_where_the_files_change_for_a_moment_after_the_signal() -> None:
    world = run_among_three(first=True, habits=Habits(work_s=2.0))
    holder = claim_here(world)
    world.mount(files("three"))
    world.run_for(0.5)
    assert "superseded" in outcomes(world)
    world.kill_daemon()
    world.mount(files("two"))
    world.run_for(5)
    assert marks(world, "status", "holder") == ("Reloading", holder)


def test_a_folder_that_is_lost_for_a_while_is_no_reason_for_another_signal() -> None:
    world = run_among_three(PUBLISHED, first=False)
    world.crash_sidecar()
    world.kill_daemon()
    world.edit(files("three"))
    world.run_for(1)
    world.start_daemon()
    world.run_for(1)
    world.start_sidecar()
    reach(world, Confirming)
    world.lose_mount()
    world.run_for(8)
    assert outcomes(world)[-1] == "unconfirmed"
    world.regain_mount()
    world.run_for(60)
    assert len(world.signalled) == 1
    assert runs(world, "one")


# --- each for itself


@pytest.mark.parametrize("word", ["Applied", "RolledBack"])
def test_one_of_those_that_go_their_own_ways_speaks_for_all(word: str) -> None:
    world = run_among_three(first=False, rollout=EACH)
    claim_elsewhere(world)
    world.mount(files("two"))
    world.run_for(5)
    assert outcomes(world)[-1] == "applied"
    assert world.witness.claims == {}
    told = {"status": word, "message": "so it was", "revision": "2"}
    world.config.annotate(**told, holder=f"{OTHER}/1/0")
    writes = world.config.writes
    world.run_for(60)
    assert (world.config.writes, mark(world, "message")) == (writes, "so it was")


def test_where_nothing_runs_the_verdict_of_the_others_stands_and_the_files_go_back() -> None:
    world = run_among_three(PUBLISHED, first=False, rollout=EACH)
    world.kill_daemon()
    world.run_for(1)
    digest = claim_elsewhere(world, "bad subtle")
    world.run_for(5)
    assert world.mounted.snapshot.digest == digest
    world.config.annotate(status="RolledBack", active=mark(world, "previous"), previous=None)
    world.run_for(5)
    world.start_daemon()
    settle(world)
    assert runs(world, "one")


def test_data_is_not_rolled_back_where_the_others_have_applied_it() -> None:
    world = run_among_three(first=False, rollout=EACH, rollback=Rollback.DATA)
    world.invalid = lambda content: b"two" in content.files["config"]
    world.unseen = lambda _content: True
    claim_elsewhere(world)
    world.mount(files("two"))
    world.config.annotate(status="Applied", previous=None, holder=f"{OTHER}/1/0")
    world.run_for(60)
    assert "failed" in outcomes(world)
    assert world.config.there.files == files("two")


def _nonce(world: World) -> str:
    state = state_of(world)
    attempt = state.attempt
    return attempt.nonce if attempt is not None and isinstance(state.phase, Claiming) else ""


def test_what_an_earlier_sidecar_gave_to_a_process_that_died_keeps_its_turn_without_a_folder() -> (
    None
):
    world = run_among_three(first=True)
    holder = claim_here(world)
    world.kill_daemon()
    world.run_for(1)
    world.crash_sidecar()
    world.start_sidecar()
    world.run_for(1)
    world.lose_mount()
    world.run_for(1)
    assert marks(world, "status", "holder") == ("Reloading", holder)


def test_a_turn_that_others_decided_while_the_sidecar_was_away_is_not_taken_up_again() -> None:
    world = run_among_three(first=True)
    edit(world, "two")
    reach(world, Signalling)
    world.crash_sidecar()
    told = {"status": "RolledBack", "active": mark(world, "previous"), "previous": None}
    world.config.annotate(holder=f"{OTHER}/2/0", **told)
    writes, signals = world.config.writes, len(world.signalled)
    world.lose_mount()
    world.start_sidecar()
    world.run_for(1)
    world.regain_mount()
    world.run_for(10)
    assert mark(world, "status") == "RolledBack"
    assert (world.config.writes, len(world.signalled)) == (writes, signals)


def test_another_try_of_what_others_refused_waits_for_a_process_without_haste() -> None:
    world = run_among_three(first=False, rollout=EACH)
    good, digest = world.config.digest, edit(world, "bad subtle")
    world.kill_daemon()
    told = {"status": "RolledBack", "observed": digest, "active": good}
    world.config.annotate(holder=f"{OTHER}/1/0", requested="again", **told)
    effects = state_of(world).next_effect
    world.run_for(60)
    assert state_of(world).attempt is not None
    assert 0 < state_of(world).next_effect - effects < 60


def test_what_ran_here_comes_back_also_where_it_failed_elsewhere_and_nothing_was_before_it() -> (
    None
):
    world = run_among_three(PUBLISHED, first=True)
    content = world.mounted.snapshot
    world.config.annotate(status="Failed", active=None, previous=None, message="elsewhere")
    world.run_for(1)
    assert marks(world, "status", "active") == ("Failed", None)
    edit(world, "bad subtle")
    world.run_for(30)
    assert mark(world, "observed") == world.config.digest
    assert world.mounted.snapshot == content
    assert outcomes(world)[-1] == "applied"


def test_a_process_that_began_with_other_content_gets_the_last_good_that_others_doubt() -> None:
    world = run_among_three(PUBLISHED, first=False)
    prove_elsewhere(world)
    reach(world, Seeking)
    world.kill_daemon()
    digest = edit(world, "one")
    reach(world, Waiting)
    world.start_daemon()
    world.run_for(0.2)
    assert runs(world, "two")
    world.latency = replace(world.latency, look_s=0.3)
    reach(world, Seeking)
    world.config.annotate(status="Unconfirmed", observed=digest, holder=f"{OTHER}/1/0")
    settle(world)
    assert runs(world, "one")
    assert outcomes(world)[-1] == "applied"


def test_a_process_that_was_gone_as_others_refused_its_content_is_known_once_it_is_back() -> None:
    world = run_among_three(first=False)
    digest = claim_elsewhere(world)
    world.mount(files("two"))
    world.kill_daemon()
    world.config.annotate(status="RollingOut", message="1/3 proven", proven="000000")
    reach(world, Seeking)
    world.config.annotate(status="RolledBack", message="no", active=None, proven=None)
    world.run_for(5)
    world.start_daemon()
    world.run_for(5)
    assert state_of(world).process is not None
    assert marks(world, "status", "observed") == ("RolledBack", digest)


def test_who_waits_for_its_process_does_not_unsay_a_pause() -> None:
    world = run_among_three(first=False, rollout=EACH)
    edit(world, "two")
    world.mount(files("two"))
    reach(world, Confirming)
    world.kill_daemon()
    world.run_for(1)
    digest = edit(world, "one")
    told = {"status": "Paused", "observed": digest, "message": "paused"}
    world.config.annotate(paused="true", holder=f"{OTHER}/1/0", **told)
    world.mount(files("one"))
    writes = world.config.writes
    world.run_for(20)
    assert "no process" in state_of(world).blocked
    assert (mark(world, "status"), world.config.writes) == ("Paused", writes)


def test_late_proof_is_followed_by_who_had_only_heard_of_the_doubt() -> None:
    """Also where a second signal would harm: this one's process was given nothing."""
    world = run_among_three(first=False)
    proof = replace(world.bridge.proof, noop=Noop.FAILS)
    world.bridge = replace(world.bridge, proof=proof)
    world.crash_sidecar()
    world.start_sidecar()
    good, two = world.config.digest, claim_elsewhere(world)
    world.mount(files("two"))
    world.run_for(1)
    world.config.annotate(status="Unconfirmed", active=good, previous=None)
    world.run_for(5)
    world.config.annotate(status="RollingOut", active=two, previous=good, proven="000000")
    world.run_for(20)
    assert runs(world, "two")
    assert name_short(POD) in (mark(world, "proven") or "")


def test_the_number_of_older_content_is_not_told_of_what_others_applied_since() -> None:
    world = run_among_three(first=True)
    assert view(state_of(world)).revision == 1
    two = claim_elsewhere(world)
    told = {"status": "Applied", "active": two, "previous": None, "revision": "2"}
    world.config.annotate(holder=f"{OTHER}/1/0", **told)
    world.run_for(1)
    edit(world, "bad")
    settle(world)
    assert marks(world, "status", "active", "revision") == ("Rejected", two, "2")


def test_content_that_ran_on_as_others_failed_with_it_is_good_where_people_want_it_again() -> None:
    world = run_among_three(PUBLISHED, first=False)
    world.config.annotate(status="Failed", active=None, holder=f"{OTHER}/1/0")
    world.run_for(5)
    assert state_of(world).last_good is None
    claim_elsewhere(world)
    world.run_for(0.1)
    one = edit(world, "one")
    settle(world)
    assert marks(world, "status", "active", "revision") == ("RollingOut", one, "1")
    assert state_of(world).last_good is not None


def test_who_tries_once_more_before_its_verdict_is_written_has_not_vanished() -> None:
    world = run_among_three(first=True, rollout=replace(THREE, takeovers=0))
    edit(world, "bad subtle")
    reach(world, Confirming)
    world.config.loses = 99
    world.run_until(lambda: outcomes(world)[-1] == "failed")
    world.ask()
    world.run_for(1)
    world.config.loses = 0
    settle(world)
    assert len(world.signalled) == 2
    assert mark(world, "status") == "Unconfirmed"
    assert "vanished" not in (mark(world, "message") or "")


def test_a_mount_that_is_right_at_last_brings_the_look_that_a_restart_lacked() -> None:
    world = run_in_cluster(make_cluster())
    world.crash_sidecar()
    world.mount(files("bad"))
    world.start_sidecar()
    world.run_for(5)
    decided = state_of(world).decided
    assert decided is not None
    assert (decided.aside, decided.lost) == ("", False)
    world.mount(files("one"))
    settle(world)
    assert mark(world, "status") == "Applied"
    assert view(state_of(world)).proven


def repairs(world: World) -> bool:
    attempt = state_of(world).attempt
    return attempt is not None and attempt.repairs


@pytest.mark.parametrize("restarts", [False, True])
def test_a_way_back_that_failed_as_its_folder_was_lost_is_not_tried_again(
    *, restarts: bool
) -> None:
    world = run_among_three(PUBLISHED, first=True)
    edit(world, "bad subtle")
    world.run_until(lambda: repairs(world) and isinstance(state_of(world).phase, Confirming))
    world.lose_mount()
    world.run_for(10)
    assert outcomes(world) == ["applied", "failed", "unconfirmed"]
    signals = len(world.signalled)
    if restarts:
        world.crash_sidecar()
        world.start_sidecar()
        world.run_for(5)
    world.regain_mount()
    world.run_for(20)
    assert len(world.signalled) == signals


def test_what_is_wanted_again_while_its_signal_is_on_its_way_is_decided_by_that() -> None:
    world = run_among_three(PUBLISHED, first=True)
    world.latency = replace(world.latency, signal_s=0.5)
    edit(world, "bad subtle")
    world.run_until(lambda: repairs(world) and isinstance(state_of(world).phase, Signalling))
    edit(world, "one")
    reach(world, Confirming)
    attempt = state_of(world).attempt
    assert attempt is not None
    assert not attempt.beside


def test_a_turn_that_is_given_back_unused_keeps_its_count_for_that_content_alone() -> None:
    world = run_among_three(first=False, pace=Pace(call_s=0.4, watch_s=0.01))
    claim_elsewhere(world)
    assert world.run_until(lambda: bool(_nonce(world)), within_s=60)
    world.lose_mount()
    assert world.run_until(lambda: mark(world, "status") == "Pending", within_s=10)
    assert read_holder(world.config.there.marks).tries == 2
    world.run_for(1)
    world.regain_mount()
    assert world.run_until(lambda: mark(world, "status") == "Reloading", within_s=10)
    assert read_holder(world.config.there.marks).tries == 2
    world.kill_daemon()
    edit(world, "three")
    assert world.run_until(lambda: mark(world, "status") == "Pending", within_s=10)
    assert read_holder(world.config.there.marks).tries == 1


def test_content_that_came_back_and_runs_here_is_rolled_out_also_where_a_try_was_asked_for() -> (
    None
):
    world = run_among_three(PUBLISHED, first=True, habits=Habits(work_s=1.0))
    claim_here(world)
    world.config.annotate(requested="again")
    edit(world, "one")
    world.run_for(0.1)
    world.cluster.go_away()
    world.run_for(5)
    assert runs(world, "two")
    world.latency = replace(world.latency, validate_s=2.0)
    edit(world, "two")
    world.cluster.come_back()
    world.run_until(lambda: mark(world, "status") != "Reloading")
    assert mark(world, "status") == "RollingOut"


def test_a_process_that_began_before_the_restart_with_other_files_gets_the_last_good() -> None:
    world = run_in_cluster(make_cluster(PUBLISHED))
    world.kill_daemon()
    edit(world, "two")
    reach(world, Publishing)
    reach(world, Seeking)
    world.start_daemon()
    world.crash_sidecar()
    world.run_for(1)
    world.edit("one")
    edit(world, "bad")
    world.start_sidecar()
    settle(world)
    assert mark(world, "status") == "Rejected"
    assert runs(world, "one")


def test_a_word_that_was_taken_away_is_said_again_whoever_is_still_named() -> None:
    world = run_in_cluster(make_cluster())
    edit(world, "two")
    settle(world)
    taken = dict.fromkeys(("status", "observed", "active", "message", "revision"))
    world.config.annotate(holder=f"{OTHER}/1/0", **taken)
    settle(world)
    assert marks(world, "status", "active") == ("Applied", world.config.digest)


@pytest.mark.parametrize(("holder", "move"), [(POD, Move.CLAIM), ("web-0", Move.FOLLOW)])
def test_an_independent_pod_claims_again_what_stands_claimed_in_its_name(
    holder: str, move: Move
) -> None:
    state = state_of(run_among_three(first=True, rollout=EACH))
    assert state.api is not None
    assert state.api.declared is not None
    declared = state.api.declared
    claim = {"status": "Reloading", "holder": f"{holder}/cccccccc/1/15"}
    declared = replace(declared, marks={**declared.marks, **claim})
    api = replace(state.api, declared=declared, found="cccccccc")
    assert find_turn(replace(state, api=api), api, declared).move is move


def test_a_claim_that_was_taken_away_is_said_again() -> None:
    world = run_among_three(first=True, habits=Habits(work_s=2.0))
    claim = claim_here(world)
    world.config.annotate(target="other//", holder="stranger-x/12345678/1/0")
    world.run_for(0.1)
    world.config.annotate(target=None, holder=None)
    assert world.run_until(lambda: mark(world, "holder") is not None, within_s=1)
    assert mark(world, "holder") == claim
    settle(world)
    assert (mark(world, "status"), len(world.signalled)) == ("RollingOut", 1)
