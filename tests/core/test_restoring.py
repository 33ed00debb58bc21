"""Scenarios of history, and of data that is rolled back on the object itself."""

from __future__ import annotations

import pytest

from sidecar.core.bridge import Rollback
from sidecar.core.effects import Keep, Milestone, Restore
from sidecar.core.state import Confirming, Idle
from sidecar.testing.cluster import Pace
from sidecar.testing.declaration import Naming
from sidecar.testing.pod_daemon import Habits
from sidecar.testing.world import World
from tests.core.clusters import (
    PUBLISHED,
    count,
    edit,
    files,
    forget,
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
)

SECRET = Naming(salt="theirs", own_salt="ours")
ITEMS = Naming(items=(("config", "config"),))


def run_with_rollback(
    naming: Naming | None = None, pace: Pace | None = None, habits: Habits | None = None
) -> World:
    world = make_cluster(rollback=Rollback.DATA, naming=naming, pace=pace, habits=habits)
    return run_in_cluster(world)


def data(world: World) -> dict[str, bytes]:
    return dict(world.config.there.files)


# --- revisions


def test_what_is_applied_is_kept_before_the_object_says_so() -> None:
    world = run_in_cluster(make_cluster())
    two = edit(world, "two")
    reach(world, Confirming)
    reach(world, Idle)
    assert isinstance(world.effects[-1], Keep)
    assert mark(world, "status") == "Reloading"
    settle(world)
    assert marks(world, "status", "revision") == ("Applied", "2")
    assert world.config.revisions[two][0] == 2
    kept = [effect for effect in world.effects if isinstance(effect, Keep)]
    assert len(kept) == 1
    assert kept[0].cause == "timestamp moved"
    assert two in kept[0].protected


@pytest.mark.parametrize("content", ["bad", "bad subtle"])
def test_what_is_not_applied_is_not_kept(content: str) -> None:
    world = run_in_cluster(make_cluster())
    edit(world, content)
    settle(world)
    assert count(world, Keep) == 0
    assert mark(world, "revision") == "1"


def test_what_cannot_be_kept_is_told_and_applied_without_a_number() -> None:
    world = run_in_cluster(make_cluster())
    world.config.forbidden = {"keep"}
    edit(world, "two")
    settle(world)
    assert marks(world, "status", "revision") == ("Applied", None)
    assert milestones(world).count(Milestone.TROUBLE) == 1
    assert count(world, Keep) == 1


def test_what_the_api_did_not_store_is_stored_once_it_answers() -> None:
    world = run_in_cluster(make_cluster())
    edit(world, "two")
    world.run_until(lambda: count(world, Keep) == 1)
    world.config.is_mute = True  # its watches go on
    world.run_for(70)
    assert count(world, Keep) == 7  # after 0, 1, 3, 7, 15, 31 and 63 s
    assert milestones(world).count(Milestone.TROUBLE) == 1
    world.config.is_mute = False
    settle(world)
    assert marks(world, "status", "revision") == ("Applied", "2")
    assert count(world, Keep) == 8


def test_what_comes_back_has_a_new_number() -> None:
    world = run_in_cluster(make_cluster())
    for content in ("two", "one"):
        edit(world, content)
        settle(world)
    assert marks(world, "status", "revision") == ("Applied", "3")
    edit(world, "bad")
    settle(world)
    assert marks(world, "status", "revision") == ("Rejected", "3")
    edit(world, "one")
    settle(world)
    assert marks(world, "status", "revision") == ("Applied", "3")


def test_a_revision_of_an_object_is_not_told_on_the_one_that_follows() -> None:
    world = run_in_cluster(make_cluster())
    edit(world, "two")
    world.mount(files("two"))
    settle(world)
    assert mark(world, "revision") == "2"
    world.config.delete()
    world.run_for(1)
    world.config.create(files("bad"))
    settle(world)
    assert (mark(world, "status"), mark(world, "revision")) == ("Rejected", None)


def test_what_could_not_be_kept_as_the_api_went_away_is_kept_once_it_is_back() -> None:
    world = run_in_cluster(make_cluster())
    edit(world, "two")
    world.run_until(lambda: count(world, Keep) == 1)
    world.cluster.go_away()
    world.run_for(20)
    world.cluster.come_back()
    settle(world)
    assert marks(world, "status", "revision") == ("Applied", "2")
    assert count(world, Keep) == 2


def test_what_could_not_be_kept_is_kept_also_while_it_is_given_once_more() -> None:
    world = run_in_cluster(make_cluster(habits=Habits(work_s=3.0)))
    edit(world, "two")
    world.run_until(lambda: count(world, Keep) == 1)
    world.cluster.go_away()
    world.run_for(5)
    for content in ("three", "two"):
        world.mount(files(content))
        world.run_for(3)
    reach(world, Confirming)
    world.cluster.come_back()
    world.run_until(lambda: count(world, Keep) == 2)
    assert isinstance(state_of(world).phase, Confirming)


def test_a_newer_edit_while_the_older_is_being_kept_is_decided() -> None:
    world = run_in_cluster(make_cluster(pace=Pace(call_s=1.0)))
    edit(world, "two")
    world.run_until(lambda: count(world, Keep) == 1)
    edit(world, "three")
    settle(world)
    assert runs(world, "three")
    assert mark(world, "status") == "Applied"
    assert mark(world, "revision") is not None


# --- data that goes back


@pytest.mark.parametrize("naming", [Naming(), SECRET, ITEMS], ids=["plain", "secret", "items"])
def test_failed_data_is_replaced_by_the_last_good_after_the_verdict(naming: Naming) -> None:
    world = run_with_rollback(naming=naming)
    good = world.config.digest
    bad = edit(world, "bad subtle")
    world.run_until(lambda: count(world, Restore) == 1)
    assert marks(world, "status", "observed", "active") == ("RolledBack", bad, good)
    settle(world)
    assert data(world) == files("one")
    assert marks(world, "status", "observed", "active") == ("Applied", good, good)
    assert world.witness.restored == [bad]
    assert outcomes(world) == ["failed", "applied"]
    assert runs(world, "one")


def test_unconfirmed_data_goes_back_too() -> None:
    world = run_with_rollback(habits=Habits(lies=True))
    edit(world, "bad subtle")
    settle(world)
    assert data(world) == files("one")
    assert mark(world, "status") == "Applied"


def test_rejected_data_stays() -> None:
    world = run_with_rollback()
    edit(world, "bad")
    settle(world)
    assert data(world) == files("bad")
    assert count(world, Restore) == 0


def test_without_anything_to_go_back_to_data_stays() -> None:
    world = make_cluster(rollback=Rollback.DATA)
    world.config.create(files("zero"))
    world.mount(files("zero"))
    world.start_daemon()
    world.run_for(1)
    world.config.edit(files("bad subtle"))
    world.edit("bad subtle")
    world.start_sidecar()
    settle(world)
    assert marks(world, "status", "active") == ("Failed", None)
    assert count(world, Restore) == 0


def test_refused_data_that_comes_back_is_rejected_and_not_fought_over() -> None:
    world = run_with_rollback()
    edit(world, "bad subtle")
    settle(world)
    forget(world)
    edit(world, "bad subtle")
    settle(world)
    assert outcomes(world) == ["rejected"]
    assert (mark(world, "message") or "").startswith("this content failed before and was undone")
    assert data(world) == files("bad subtle")
    assert len(world.signalled) == 2
    world.config.annotate(requested="now")
    settle(world)
    assert outcomes(world)[:2] == ["rejected", "failed"]
    assert mark(world, "handled") == "now"


def test_data_that_was_proven_after_all_is_no_longer_refused() -> None:
    world = run_with_rollback()
    edit(world, "bad subtle")
    settle(world)
    world.invalid = lambda _content: False
    edit(world, "bad subtle")
    world.run_for(10)
    assert mark(world, "status") == "Rejected"
    world.config.annotate(requested="again")
    world.mount(files("bad subtle"))
    settle(world)
    assert mark(world, "status") == "Applied"
    for content in ("three", "bad subtle"):
        edit(world, content)
        world.mount(files(content))
        settle(world)
        assert mark(world, "status") == "Applied"


def test_refused_data_is_remembered_by_the_journal() -> None:
    world = run_with_rollback()
    edit(world, "bad subtle")
    settle(world)
    world.crash_sidecar()
    world.start_sidecar()
    world.run_for(5)
    forget(world)
    edit(world, "bad subtle")
    settle(world)
    assert outcomes(world) == ["rejected"]


def test_a_deployer_who_would_undo_it_is_left_alone() -> None:
    world = run_with_rollback()
    world.config.deployer = "Argo CD"
    edit(world, "bad subtle")
    settle(world)
    assert data(world) == files("bad subtle")
    assert (mark(world, "message") or "").endswith(
        "; the data stays as it is: Argo CD would undo it"
    )
    assert count(world, Restore) == 1


def test_data_that_could_not_be_put_back_is_not_called_undone() -> None:
    """The process that starts again on it is watched, as any."""
    world = run_with_rollback()
    world.config.deployer = "Argo CD"
    edit(world, "bad subtle")
    settle(world)
    forget(world)
    world.kill_daemon()
    world.run_for(5)
    world.start_daemon()
    settle(world)
    assert mark(world, "status") == "RolledBack"
    assert "undone" not in (mark(world, "message") or "")
    assert "rejected" not in outcomes(world)


def test_a_pod_in_the_place_of_another_puts_back_what_failed_there() -> None:
    world = run_with_rollback()
    world.config.deployer = "Argo CD"
    edit(world, "bad subtle")
    settle(world)
    world.config.deployer = ""
    world.recreate_pod()
    world.start_sidecar()
    world.run_for(10)
    assert data(world) == files("one")
    assert world.broken == []


def test_a_refusal_while_the_decision_moved_on_says_nothing_of_it() -> None:
    world = run_with_rollback(pace=Pace(call_s=1.0))
    world.config.deployer = "Argo CD"
    edit(world, "bad subtle")
    world.run_until(lambda: count(world, Restore) == 1)
    world.run_for(0.6)
    edit(world, "two")
    settle(world)
    assert mark(world, "status") == "Applied"
    assert "Argo" not in (mark(world, "message") or "")


@pytest.mark.parametrize("content", ["two", "bad", "bad subtle two"])
def test_an_edit_that_is_newer_is_never_overwritten(content: str) -> None:
    world = run_with_rollback(pace=Pace(call_s=1.0))
    edit(world, "bad subtle")
    world.run_until(lambda: count(world, Restore) == 1)
    edit(world, content)
    world.run_for(0.9)
    assert data(world) == files(content)
    settle(world)
    if content == "two":
        assert mark(world, "status") == "Applied"
        assert runs(world, "two")


def test_a_rollback_whose_answer_is_lost_is_found_done() -> None:
    world = run_with_rollback()
    edit(world, "bad subtle")
    world.run_until(lambda: count(world, Restore) == 1)
    world.config.loses = 1
    settle(world)
    assert data(world) == files("one")
    assert mark(world, "status") == "Applied"
    assert len(world.witness.restored) == 1


def test_a_rollback_that_got_no_answer_is_tried_again() -> None:
    world = run_with_rollback()
    edit(world, "bad subtle")
    world.run_until(lambda: count(world, Restore) == 1)
    world.config.is_away = True
    world.run_for(1)
    world.config.is_away = False
    settle(world)
    assert data(world) == files("one")
    assert mark(world, "status") == "Applied"
    assert len(world.witness.restored) == 1


def test_a_history_without_the_last_good_leaves_the_data_and_says_so() -> None:
    world = run_with_rollback(naming=SECRET)
    world.config.revisions.clear()
    edit(world, "bad subtle")
    settle(world)
    assert data(world) == files("bad subtle")
    assert "the data stays as it is" in (mark(world, "message") or "")


def test_without_permission_to_write_marks_data_is_left_alone_too() -> None:
    world = run_with_rollback()
    world.config.forbidden = {"write"}
    edit(world, "bad subtle")
    world.run_for(300)
    assert data(world) == files("bad subtle")
    assert count(world, Restore) == 0


def test_published_files_and_data_go_back_together() -> None:
    world = run_in_cluster(make_cluster(PUBLISHED, rollback=Rollback.DATA))
    good = world.config.digest
    edit(world, "bad subtle")
    settle(world)
    assert data(world) == files("one")
    assert world.mounted.snapshot.files == files("one")
    assert marks(world, "status", "active") == ("Applied", good)
    assert runs(world, "one")


def test_data_stays_until_the_verdict_on_this_very_content_is_written() -> None:
    world = run_with_rollback()
    edit(world, "bad")
    settle(world)
    forget(world)
    world.config.is_mute = True
    edit(world, "bad subtle")
    for content in ("odd", "bad subtle"):
        world.mount(files(content))
        world.run_for(0.1)
    world.run_for(20)
    assert outcomes(world)[-1] == "failed"
    assert mark(world, "status") == "Rejected"
    assert count(world, Restore) == 0
    world.config.is_mute = False
    settle(world)
    assert data(world) == files("one")


def test_data_that_cannot_be_put_back_is_tried_ever_more_slowly() -> None:
    world = run_with_rollback()
    edit(world, "bad subtle")
    world.run_until(lambda: count(world, Restore) == 1)
    world.config.is_mute = True
    world.run_for(30)
    assert count(world, Restore) < 12
    world.config.is_mute = False
    settle(world)
    assert data(world) == files("one")
