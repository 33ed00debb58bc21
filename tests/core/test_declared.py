"""Scenarios of two views joined: what the API declares, and what the mount carries of it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sidecar.core.arrival import LATE_S
from sidecar.core.attempt import Status, Trigger
from sidecar.core.bridge import Source
from sidecar.core.effects import Fetch, Milestone, Reply
from sidecar.core.events import Answer, Answered, ApiConnected, DeclaredSeen, Kept, Recalled
from sidecar.core.state import Claiming, Confirming, Idle, Phase, Seeking, Validating, Waiting
from sidecar.core.view import view
from sidecar.testing.cluster import Pace
from sidecar.testing.declaration import Naming
from sidecar.testing.pod_daemon import Habits
from tests.core.clusters import (
    MOUNTED,
    PUBLISHED,
    count,
    edit,
    files,
    loaded,
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

# --- an edit that the API shows first


def test_an_edit_is_judged_nudged_claimed_signalled_and_applied() -> None:
    world = run_in_cluster(make_cluster())
    before_s = world.now_s
    digest = edit(world, "two")
    settle(world)
    assert outcomes(world) == ["applied"]
    assert world.records[0].trigger is Trigger.API
    assert [number for _, number in world.cluster.nudges] == [1]
    assert world.signalled[0][0] - before_s < 0.2
    assert marks(world, "status", "observed", "active") == ("Applied", digest, digest)
    assert marks(world, "previous", "revision", "message") == (None, "2", "timestamp moved")
    assert (mark(world, "holder") or "").startswith("web-1/")
    assert (mark(world, "holder") or "").endswith("/1/0")
    assert world.config.writes == 2
    assert runs(world, "two")


def test_the_claim_stands_on_the_object_before_the_signal() -> None:
    world = run_in_cluster(make_cluster(habits=Habits(read_s=1.0)))
    one = world.config.digest
    two = edit(world, "two")
    reach(world, Confirming)
    assert marks(world, "status", "observed", "active") == ("Reloading", two, two)
    assert marks(world, "previous", "revision") == (one, "1")
    assert (mark(world, "holder") or "").endswith("/1/15")
    assert list(world.witness.claims.values()) == [two]
    settle(world)


def test_what_is_rejected_never_hurries_the_mount() -> None:
    world = run_in_cluster(make_cluster())
    good = world.config.digest
    bad = edit(world, "bad")
    world.run_for(2)
    assert outcomes(world) == ["rejected"]
    assert world.cluster.nudges == []
    assert world.mounted.snapshot.files == files("one")
    assert marks(world, "status", "observed", "active") == ("Rejected", bad, good)
    assert mark(world, "message") == "bad content"
    assert view(state_of(world)).restart_safe
    settle(world)  # the kubelet has brought it by then
    assert world.mounted.snapshot.files == files("bad")
    assert outcomes(world) == ["rejected"]
    assert not view(state_of(world)).restart_safe
    assert world.config.writes == 1


@pytest.mark.parametrize("is_created_anew", [True, False])
def test_an_older_state_of_the_object_is_not_believed(*, is_created_anew: bool) -> None:
    world = run_in_cluster(make_cluster())
    before = world.config.declare()
    if is_created_anew:
        world.config.delete()
        world.config.create(files("two"))
    else:
        edit(world, "two")
    settle(world)
    world.post(DeclaredSeen(before))  # as another API server lists it, whose cache is behind
    world.run_for(60)
    api = state_of(world).api
    assert api is not None
    assert api.declared == world.config.declare() != before
    assert outcomes(world) == ["applied"]
    assert runs(world, "two")


def test_a_late_answer_does_not_bring_a_deleted_object_back() -> None:
    world = run_in_cluster(make_cluster())
    before = world.config.writes
    edit(world, "two")
    assert world.run_until(lambda: world.config.writes > before)
    world.config.delete()  # of which the watch tells before the write is answered
    world.run_for(60)
    api = state_of(world).api
    assert api is not None
    assert api.declared is None
    assert not view(state_of(world)).restart_safe
    world.config.create(files("three"))
    settle(world)
    assert runs(world, "three")
    assert mark(world, "status") == "Applied"


@pytest.mark.parametrize("between_s", [0.0, 5.0])
def test_what_is_created_anew_has_a_history_of_its_own(between_s: float) -> None:
    world = run_in_cluster(make_cluster())
    edit(world, "two")
    settle(world)
    assert mark(world, "revision") == "2"
    world.config.delete()
    world.run_for(between_s)
    world.config.create(files("two"))
    settle(world)
    assert mark(world, "status") == "Applied"
    assert mark(world, "revision") == "1"
    assert world.config.revisions == {world.config.digest: (1, files("two"))}


@pytest.mark.parametrize("times", [1, 2, 3])
@pytest.mark.parametrize("is_there", [True, False])
@pytest.mark.parametrize("coalesces", [True, False])
def test_a_late_answer_does_not_hide_what_happened_since(
    times: int, *, is_there: bool, coalesces: bool
) -> None:
    world = run_in_cluster(make_cluster(pace=Pace(coalesces=coalesces)))
    before, first = world.config.writes, world.config.there.uid
    edit(world, "two")
    assert world.run_until(lambda: world.config.writes > before)
    for _ in range(times):
        world.config.delete()
        world.config.create(files("two"))
    last = world.config.there.uid
    if not is_there:
        world.config.delete()
    seen: list[str] = []

    def look() -> bool:
        api = state_of(world).api
        seen.append(api.declared.uid if api is not None and api.declared is not None else "")
        return False

    world.run_until(look, within_s=60)
    assert seen[-1] == (last if is_there else "")
    others = [number for number, uid in enumerate(seen) if uid != first]
    assert first not in seen[others[0] :]


@pytest.mark.parametrize(("wasted", "at_s"), [(1, [0, 1]), (3, [0, 1, 4, 13])])
def test_a_wasted_nudge_is_repeated(wasted: int, at_s: list[float]) -> None:
    world = run_in_cluster(make_cluster())
    world.cluster.wasted = wasted
    edit(world, "two")
    settle(world)
    first_s = world.cluster.nudges[0][0]
    assert [nudged_s - first_s for nudged_s, _ in world.cluster.nudges] == pytest.approx(at_s)
    assert [number for _, number in world.cluster.nudges] == list(range(1, wasted + 2))
    assert runs(world, "two")


def test_after_four_wasted_nudges_the_kubelet_is_waited_for() -> None:
    world = run_in_cluster(make_cluster())
    world.run_for(40)
    world.cluster.wasted = 99
    edit(world, "two")
    world.run_for(39)
    assert len(world.cluster.nudges) == 4
    assert status(world) is Status.PENDING
    assert mark(world, "status") == "Pending"
    settle(world)
    assert len(world.cluster.nudges) == 4
    assert marks(world, "status", "message") == ("Applied", "timestamp moved")
    assert [note.after_s for note in world.notes if note.milestone is Milestone.CARRIED] == [
        pytest.approx(40, abs=0.1)
    ]


def test_a_kubelet_that_is_behind_mounts_the_old_files_and_is_nudged_again() -> None:
    world = run_in_cluster(make_cluster(pace=Pace(behind_s=0.5)))
    edit(world, "two")
    settle(world)
    assert len(world.cluster.nudges) == 2
    assert runs(world, "two")


@pytest.mark.parametrize(
    ("there", "why"),
    [
        ({"config": "one"}, "(config not as the API has it)"),
        ({"config": "two", "extra": "x"}, "(extra left over)"),
        ({"extra": "x"}, "(config not as the API has it; extra left over)"),
    ],
)
def test_a_mount_that_never_comes_is_explained(there: dict[str, str], why: str) -> None:
    world = run_in_cluster(make_cluster())
    world.cluster.mounts = False
    edit(world, "two")
    world.run_for(20)
    if there != {"config": "one"}:
        world.edit(files(there))
    world.run_for(LATE_S)
    assert state_of(world).blocked.startswith("the mount does not carry this content after 120s")
    assert why in state_of(world).blocked
    assert (mark(world, "message") or "").startswith("blocked: the mount does not carry")
    writes = world.config.writes
    world.run_for(1000)
    assert world.config.writes == writes
    assert len(world.cluster.nudges) == 4
    world.edit(files("two"))
    settle(world)
    assert mark(world, "status") == "Applied"


def test_a_folder_that_cannot_be_read_is_what_explains_a_late_mount() -> None:
    world = run_in_cluster(make_cluster())
    world.cluster.mounts = False
    edit(world, "two")
    world.run_for(1)
    world.lose_mount()
    world.run_for(LATE_S)
    assert state_of(world).blocked == "the folder cannot be read"


def test_a_mount_that_was_never_read_is_what_explains_a_late_mount() -> None:
    world = make_cluster()
    world.config.create(files("one"))
    world.cluster.mounts = False
    world.start_sidecar()
    world.run_for(LATE_S + 3)
    assert state_of(world).blocked == "the mounted folder was not read yet"


# --- a mount that is ahead of the watch


def test_a_mount_that_is_ahead_of_a_silent_watch_asks_the_api() -> None:
    world = run_in_cluster(make_cluster())
    world.cluster.fall_silent()
    edit(world, "two")
    world.run_for(60)
    assert count(world, Fetch) == 1
    assert outcomes(world) == ["applied"]
    assert mark(world, "status") == "Applied"
    assert world.cluster.nudges == []
    settle(world)


def test_while_the_api_is_asked_nothing_is_begun() -> None:
    world = run_in_cluster(make_cluster(pace=Pace(call_s=1.0)))
    world.cluster.fall_silent()
    edit(world, "two")
    world.run_until(lambda: count(world, Fetch) == 1)
    world.run_for(0.9)
    assert isinstance(state_of(world).phase, Idle)
    assert view(state_of(world)).synced is False
    world.ask(request=1)
    assert world.answers[-1].reply is Reply.BLOCKED
    settle(world)
    assert mark(world, "status") == "Applied"


def test_two_swaps_are_one_question() -> None:
    world = run_in_cluster(make_cluster(pace=Pace(call_s=1.0)))
    world.cluster.fall_silent()
    world.cluster.mounts = False
    edit(world, "two")
    world.edit("two")
    world.run_for(0.1)
    edit(world, "three")
    world.edit("three")
    world.run_for(0.1)
    assert count(world, Fetch) == 1
    world.cluster.speak_up()
    settle(world)
    assert runs(world, "three")


def test_a_question_that_fails_leaves_the_mount_to_tell() -> None:
    world = run_in_cluster(make_cluster())
    world.cluster.mounts = False
    world.config.forbidden = {"read"}
    world.edit("stranger")
    world.run_for(1)
    assert milestones(world)[0] is Milestone.RECEIVED
    assert status(world) is Status.PENDING
    world.run_for(2)
    assert [(record.trigger, record.outcome.value) for record in world.records] == [
        (Trigger.MOUNT, "applied")
    ]
    assert runs(world, "stranger")
    world.edit("one")
    settle(world)
    assert runs(world, "one")
    assert mark(world, "status") == "Applied"


def test_a_question_that_fails_is_asked_again_until_what_was_decided_can_be_told() -> None:
    """The watch stays open, and has nothing new to bring."""
    world = run_in_cluster(make_cluster())
    edit(world, "two")
    reach(world, Claiming)
    world.config.is_mute = True
    edit(world, "three")
    world.edit("three")
    world.run_for(100)
    assert runs(world, "three")
    assert count(world, Fetch) <= 8
    world.config.is_mute = False
    world.run_for(60)
    assert marks(world, "status", "observed") == ("Applied", world.config.digest)


def test_a_question_that_fails_on_known_content_is_no_news() -> None:
    world = run_in_cluster(make_cluster(pace=Pace(call_s=1.0)))
    world.config.forbidden = {"read"}
    world.edit("stranger")
    world.run_for(0.1)
    world.edit("one")
    world.run_for(3)
    assert milestones(world) == []
    assert outcomes(world) == []


def test_the_mount_alone_is_another_object_and_is_not_decided() -> None:
    """The API says what the cluster asks for; other files on disk are waited out."""
    world = run_in_cluster(make_cluster())
    world.edit("stranger")
    world.run_for(10)
    assert count(world, Fetch) == 1
    assert world.signalled == []
    assert world.broken == []


# --- there and back again


def test_content_that_the_api_left_behind_is_not_signalled_when_it_is_mounted() -> None:
    world = run_in_cluster(make_cluster(pace=Pace(behind_s=3)))
    edit(world, "two")
    world.run_for(2)
    edit(world, "three")
    settle(world)
    assert [digest for _, digest, _ in world.signalled] == [world.mounted.snapshot.digest]
    assert runs(world, "three")
    assert outcomes(world) == ["superseded", "applied"]


@pytest.mark.parametrize("back_after_s", [0.004, 0.02, 0.1, 0.5])
def test_there_and_back_before_the_mount_moved_signals_nobody(back_after_s: float) -> None:
    world = run_in_cluster(make_cluster(pace=Pace(behind_s=2)))
    edit(world, "two")
    world.run_for(back_after_s)
    edit(world, "one")
    settle(world, within_s=200)
    assert marks(world, "status", "active") == ("Applied", world.config.digest)
    assert runs(world, "one")
    assert len(world.signalled) in {0, 1}


def test_there_and_back_after_it_was_applied_is_signalled_and_kept_again() -> None:
    world = run_in_cluster(make_cluster())
    edit(world, "two")
    world.run_for(5)
    edit(world, "one")
    settle(world)
    assert len(world.signalled) == 2
    assert mark(world, "revision") == "3"
    assert outcomes(world) == ["applied", "applied"]


def test_a_rejected_edit_that_is_taken_back_is_unchanged() -> None:
    world = run_in_cluster(make_cluster())
    edit(world, "bad")
    world.run_for(5)
    edit(world, "one")
    settle(world)
    assert world.signalled == []
    assert marks(world, "status", "revision") == ("Applied", "1")


def test_the_daemon_that_restarted_on_rejected_content_takes_the_repaired_one() -> None:
    world = run_in_cluster(make_cluster())
    edit(world, "bad subtle")
    world.run_for(1)
    assert outcomes(world) == ["failed"]
    world.kill_daemon()
    world.run_for(20)
    edit(world, "two")
    world.run_for(1)
    world.start_daemon()
    settle(world)
    assert mark(world, "status") == "Applied"
    assert runs(world, "two")


def test_a_daemon_that_restarts_before_the_mount_follows_gets_the_newest_later() -> None:
    """It starts with the old files; the new ones are then signalled as ever."""
    world = run_in_cluster(make_cluster())
    world.cluster.wasted = 99
    edit(world, "two")
    world.run_for(5)
    world.kill_daemon()
    world.run_for(1)
    world.start_daemon()
    world.run_for(5)
    assert mark(world, "status") == "Pending"
    settle(world)
    assert mark(world, "status") == "Applied"
    assert runs(world, "two")


@pytest.mark.parametrize("phase", [Validating, Waiting, Seeking, Claiming, Confirming])
def test_a_newer_edit_in_each_phase_is_what_ends_applied(phase: type[Phase]) -> None:
    world = run_in_cluster(make_cluster(habits=Habits(work_s=0.3)))
    edit(world, "two")
    reach(world, phase)
    edit(world, "three")
    settle(world)
    assert marks(world, "status", "active") == ("Applied", world.config.digest)
    assert runs(world, "three")
    assert outcomes(world) == ["applied" if phase is Confirming else "superseded", "applied"]


@pytest.mark.parametrize("phase", [Validating, Waiting, Seeking, Claiming, Confirming])
def test_an_edit_that_is_taken_back_in_each_phase_ends_applied(phase: type[Phase]) -> None:
    world = run_in_cluster(make_cluster(habits=Habits(work_s=0.3)))
    edit(world, "two")
    reach(world, phase)
    edit(world, "one")
    settle(world)
    assert marks(world, "status", "active") == ("Applied", world.config.digest)
    assert runs(world, "one")


@pytest.mark.parametrize("phase", [Validating, Waiting, Seeking, Claiming, Confirming])
def test_a_daemon_that_is_replaced_in_each_phase_ends_applied(phase: type[Phase]) -> None:
    world = run_in_cluster(make_cluster(habits=Habits(work_s=0.3)))
    edit(world, "two")
    reach(world, phase)
    world.kill_daemon()
    world.run_for(1)
    world.start_daemon()
    settle(world)
    assert marks(world, "status", "active") == ("Applied", world.config.digest)
    assert runs(world, "two")


def test_late_proof_is_looked_for_again_once_a_newer_edit_was_taken_back() -> None:
    world = run_in_cluster(make_cluster(habits=Habits(work_s=8.0)))
    edit(world, "two")
    reach(world, Confirming)
    edit(world, "three")
    world.cluster.wasted = 1
    assert world.run_until(lambda: outcomes(world) == ["unconfirmed"])
    reach(world, Waiting)
    edit(world, "two")
    settle(world)
    assert outcomes(world) == ["unconfirmed", "superseded", "applied"]
    assert world.records[-1].message == "late proof: timestamp moved"
    assert mark(world, "status") == "Applied"
    assert len(world.signalled) == 1


# --- watches


def test_older_versions_that_a_slow_watch_brings_are_ignored() -> None:
    world = run_in_cluster(make_cluster(pace=Pace(watch_s=0.5, coalesces=False)))
    edit(world, "two")
    world.run_for(0.3)
    edit(world, "three")
    settle(world)
    assert runs(world, "three")
    assert world.config.conflicts <= 3


@pytest.mark.parametrize("source", [MOUNTED, PUBLISHED])
@pytest.mark.parametrize("loses", [0, 2])
def test_what_comes_after_a_backup_was_restored_is_not_older_news(
    source: Source, loses: int
) -> None:
    world = run_in_cluster(make_cluster(source))
    backup = world.config.back_up()
    for content in ("two", "three"):
        edit(world, content)
        settle(world)
    world.cluster.go_away()
    world.config.take_over(backup)
    world.config.loses = loses
    world.cluster.come_back()
    settle(world)
    assert runs(world, "one")
    assert mark(world, "status") == "Applied"
    edit(world, "four")
    settle(world)
    assert runs(world, "four")
    assert marks(world, "status", "revision") == ("Applied", "2")
    assert world.config.revisions[world.config.digest] == (2, files("four"))


@pytest.mark.parametrize("is_gone", [True, False])
def test_a_list_that_was_late_is_not_taken_for_a_restored_backup(*, is_gone: bool) -> None:
    world = run_in_cluster(make_cluster())
    before = world.config.declare()
    edit(world, "two")
    settle(world)
    world.post(ApiConnected(connected=False))
    world.post(DeclaredSeen(before))
    if is_gone:
        world.post(DeclaredSeen(None))
    world.post(ApiConnected(connected=True))
    settle(world)
    assert outcomes(world) == ["applied"]
    assert count(world, Fetch) == 1
    edit(world, "three")
    settle(world)
    assert runs(world, "three")


def test_a_version_that_does_not_count_is_never_called_older() -> None:
    world = run_in_cluster(make_cluster())
    declared = world.config.declare()
    assert declared is not None
    odd = replace(declared, version="odd", marks={**declared.marks, "paused": "true"})
    world.post(DeclaredSeen(odd))
    assert status(world) is Status.APPLIED
    assert view(state_of(world)).paused


def test_answers_that_nobody_waits_for_change_nothing() -> None:
    world = run_in_cluster(make_cluster())
    before = state_of(world)
    for event in (
        Answered(effect=999, answer=Answer.DONE),
        Kept(999, 9),
        Recalled(999, None),
    ):
        world.post(event)
    assert state_of(world) == before


def test_the_api_that_does_not_answer_at_the_start_is_waited_for_2_s() -> None:
    world = make_cluster()
    world.config.create(files("one"))
    world.mount(files("one"))
    world.run_for(1)
    world.start_daemon()
    world.config.is_away = True
    started_s = world.now_s
    world.start_sidecar()
    world.run_for(1.9)
    assert outcomes(world) == []
    assert not view(state_of(world)).synced
    world.run_for(1)
    assert outcomes(world) == ["applied"]
    assert world.records[0].started_s == pytest.approx(started_s + 2)
    world.cluster.come_back()
    settle(world)
    assert mark(world, "status") == "Applied"


def test_the_api_that_answers_late_finds_what_the_mount_told() -> None:
    world = make_cluster(pace=Pace(call_s=3.0))
    world.config.create(files("one"))
    world.mount(files("one"))
    world.run_for(1)
    world.start_daemon()
    world.start_sidecar()
    settle(world)
    assert outcomes(world) == ["applied"]
    assert mark(world, "status") == "Applied"


# --- the object goes and comes


def test_a_deleted_object_signals_nobody_and_makes_a_restart_unsafe() -> None:
    world = run_in_cluster(make_cluster())
    world.config.delete()
    world.run_for(10)
    assert world.signalled == []
    assert outcomes(world) == []
    shown = view(state_of(world))
    assert not shown.restart_safe
    assert shown.status is Status.APPLIED


@pytest.mark.parametrize(("content", "signals"), [("one", 0), ("two", 1), ("bad", 0)])
def test_a_recreated_object_is_first_sight(content: str, signals: int) -> None:
    world = run_in_cluster(make_cluster())
    world.config.delete()
    world.run_for(3)
    world.config.create(files(content))
    settle(world)
    assert mark(world, "status") == ("Rejected" if content == "bad" else "Applied")
    assert mark(world, "observed") == world.config.digest
    assert len(world.signalled) == signals
    assert view(state_of(world)).restart_safe is (content != "bad")


def test_an_object_that_is_not_there_yet_is_decided_when_it_comes() -> None:
    world = make_cluster()
    world.start_sidecar()
    world.run_for(10)
    assert status(world) is Status.PENDING
    world.config.create(files("one"))
    world.run_for(1)
    world.start_daemon()
    settle(world)
    assert mark(world, "status") == "Applied"


@pytest.mark.parametrize("phase", [Validating, Waiting, Seeking, Claiming, Confirming])
def test_an_object_that_is_deleted_in_the_middle_is_decided_once_back(
    phase: type[Phase],
) -> None:
    world = run_in_cluster(make_cluster(habits=Habits(work_s=0.3)))
    edit(world, "two")
    reach(world, phase)
    world.config.delete()
    world.run_for(30)
    assert world.broken == []
    world.config.create(files("two"))
    settle(world)
    assert marks(world, "status", "observed") == ("Applied", world.config.digest)
    assert runs(world, "two")


# --- keys that the volume does not carry, and digests that must not be told

ITEMS = Naming(items=(("config", "app/config"),))
SECRET = Naming(salt="on the object", own_salt="of this pod")
SECRET_ITEMS = Naming(items=(("config", "config"),), salt="on the object", own_salt="of this pod")
NAMINGS = [ITEMS, SECRET, SECRET_ITEMS]
NAMES = ["items", "secret", "secret items"]


@pytest.mark.parametrize("naming", NAMINGS, ids=NAMES)
def test_annotations_and_records_name_the_whole_object(naming: Naming) -> None:
    world = run_in_cluster(make_cluster(naming=naming), {"config": "one", "other": "x"})
    digest = edit(world, {"config": "two", "other": "x"})
    settle(world)
    assert outcomes(world) == ["applied"]
    assert marks(world, "status", "observed", "active") == ("Applied", digest, digest)
    assert world.records[0].digest == digest
    assert loaded(world) not in {digest, None}
    shown = view(state_of(world))
    assert (shown.observed, shown.active, shown.last_good, shown.runs) == (digest,) * 4


@pytest.mark.parametrize("naming", [ITEMS, SECRET_ITEMS], ids=["items", "secret items"])
def test_an_edit_of_a_key_that_is_not_mounted_is_applied_without_a_signal(naming: Naming) -> None:
    world = run_in_cluster(make_cluster(naming=naming), {"config": "one", "other": "x"})
    digest = edit(world, {"config": "one", "other": "y"})
    settle(world)
    assert world.signalled == []
    assert marks(world, "status", "observed", "active") == ("Applied", digest, digest)
    assert mark(world, "revision") == "2"


@pytest.mark.parametrize("naming", NAMINGS, ids=NAMES)
@pytest.mark.parametrize("bad", ["bad", "bad subtle"])
def test_what_is_gone_back_to_is_named_whole_too(naming: Naming, bad: str) -> None:
    world = run_in_cluster(make_cluster(naming=naming), {"config": "one"})
    good = world.config.digest
    digest = edit(world, {"config": bad})
    settle(world)
    assert marks(world, "observed", "active") == (digest, good)


def test_only_the_newest_wholes_are_remembered_and_those_in_use() -> None:
    world = run_in_cluster(make_cluster(naming=SECRET))
    good = world.config.digest
    for number in range(12):
        edit(world, f"bad {number}")
        world.run_for(2)
    assert len(state_of(world).wholes) == 8
    assert mark(world, "active") == good
    edit(world, "one")
    settle(world)
    assert mark(world, "active") == good


def test_a_restarted_sidecar_still_knows_the_wholes() -> None:
    world = run_in_cluster(make_cluster(naming=SECRET))
    good = world.config.digest
    edit(world, "bad")
    world.run_for(3)
    world.crash_sidecar()
    world.start_sidecar()
    settle(world)
    assert mark(world, "active") == good


def test_a_long_message_is_cut_and_written_once() -> None:
    world = run_in_cluster(make_cluster())
    world.validator_trouble = "no validator: " + "é" * 2_000
    edit(world, "two")
    world.run_for(30)
    message = mark(world, "message") or ""
    assert message.endswith("…")
    assert 800 < len(message.encode()) <= 900
    writes = world.config.writes
    world.run_for(300)
    assert world.config.writes == writes
