"""Scenarios of one pod among several, as it sees the others by the annotations alone."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sidecar.core.bridge import Rollout, Source
from sidecar.core.holder import Holder, read_holder
from sidecar.core.tally import Tally, read_tally
from sidecar.core.turn import name_short
from sidecar.testing.world import World
from tests.core.clusters import (
    MOUNTED,
    POD,
    PUBLISHED,
    edit,
    make_cluster,
    mark,
    marks,
    run_in_cluster,
    runs,
    settle,
)

CANARY = Rollout()
THREE = Rollout(replicas=3)
OTHER = "web-0/aaaaaaaa"


def run_second(rollout: Rollout = CANARY, source: Source = MOUNTED) -> World:
    """A pod that did not go first the last time, and knows what runs."""
    world = make_cluster(source, rollout=Rollout(replicas=1))
    run_in_cluster(world)
    world.crash_sidecar()
    policy = replace(world.bridge.policy, rollout=rollout)
    world.bridge = replace(world.bridge, policy=policy)
    world.config.annotate(holder=f"{OTHER}/1/0")
    world.start_sidecar()
    world.run_for(10)
    return world


def claim_elsewhere(world: World, *, tries: int = 1) -> tuple[str, str]:
    """Another pod begins with new content: the digests before and after."""
    good = world.config.digest
    two = edit(world, "two")
    world.run_for(0.5)
    world.config.annotate(
        status="Reloading",
        observed=two,
        active=two,
        previous=good,
        message=None,
        holder=f"{OTHER}/{tries}/15",
    )
    return good, two


@pytest.mark.parametrize("source", [MOUNTED, PUBLISHED], ids=["mounted", "published"])
def test_what_another_pod_proved_is_followed_without_a_claim(source: Source) -> None:
    world = run_second(source=source)
    claim_elsewhere(world)
    world.run_for(3)
    assert world.signalled == []
    world.config.annotate(status="Applied", holder=f"{OTHER}/1/0", previous=None)
    settle(world)
    assert runs(world, "two")
    assert len(world.signalled) == 1
    assert world.witness.claims == {}
    assert mark(world, "status") == "Applied"


@pytest.mark.parametrize("word", ["Rejected", "RolledBack", "Failed", "Unconfirmed"])
def test_what_failed_in_another_pod_is_left_alone(word: str) -> None:
    world = run_second()
    good, two = claim_elsewhere(world)
    world.run_for(1)
    world.config.annotate(status=word, active=good, previous=None, message="so it was")
    settle(world)
    assert world.signalled == []
    assert marks(world, "status", "observed", "message") == (word, two, "so it was")


def test_a_pod_that_vanished_at_its_turn_is_taken_over_from() -> None:
    world = run_second()
    claim_elsewhere(world)
    claimed_s = world.now_s
    settle(world)
    assert runs(world, "two")
    assert 15 <= world.signalled[0][0] - claimed_s <= 20
    assert read_holder(world.config.there.marks).tries == 2
    assert mark(world, "status") == "Applied"


@pytest.mark.parametrize(
    ("tries", "pods"), [(1, "1 pod vanished while it"), (2, "2 pods vanished while they")]
)
def test_content_at_which_pods_vanish_is_given_up(tries: int, pods: str) -> None:
    world = run_second(replace(CANARY, takeovers=tries - 1))
    good, _ = claim_elsewhere(world, tries=tries)
    settle(world)
    assert world.signalled == []
    assert mark(world, "active") == good
    assert f"{pods} reloaded this content" in (mark(world, "message") or "")


def test_nobody_else_begins_and_so_this_pod_does() -> None:
    world = run_second()
    edited_s = world.now_s
    edit(world, "two")
    settle(world)
    assert runs(world, "two")
    assert 2 <= world.signalled[0][0] - edited_s <= 10
    assert read_holder(world.config.there.marks).pod == POD


@pytest.mark.parametrize(
    ("replicas", "least_s"), [(64, 2), (200, 2), (500, 5), (1_000, 10), (100_000, 10)]
)
def test_in_a_large_fleet_the_pod_that_goes_first_is_left_more_time(
    replicas: int, least_s: float
) -> None:
    world = run_second(Rollout(replicas=replicas), PUBLISHED)
    edited_s = world.now_s
    edit(world, "two")
    settle(world)
    assert least_s <= world.signalled[0][0] - edited_s <= 2 * least_s + 1
    assert read_holder(world.config.there.marks).pod == POD


def test_in_a_large_fleet_fewer_take_over_at_once() -> None:
    waits = []
    for replicas in (3, 1_000):
        world = run_second(Rollout(replicas=replicas))
        claim_elsewhere(world)
        claimed_s = world.now_s
        settle(world)
        waits.append(world.signalled[0][0] - claimed_s - 15)
    assert waits[1] > 2 * waits[0] > 0


def test_the_last_of_a_rollout_says_applied() -> None:
    world = run_second(THREE)
    _, two = claim_elsewhere(world)
    world.run_for(1)
    world.config.annotate(status="RollingOut", proven="000000 111111", holder=f"{OTHER}/1/0")
    settle(world)
    assert runs(world, "two")
    assert marks(world, "status", "active", "proven") == ("Applied", two, None)
    assert mark(world, "message") == "3/3 proven"


def test_one_of_a_rollout_adds_itself() -> None:
    world = run_second(THREE)
    claim_elsewhere(world)
    world.run_for(1)
    world.config.annotate(status="RollingOut", proven="000000", holder=f"{OTHER}/1/0")
    settle(world)
    assert mark(world, "status") == "RollingOut"
    assert read_tally(world.config.there.marks).proven == {"000000", name_short(POD)}


@pytest.mark.parametrize(
    ("tolerate", "status", "message"),
    [(0, "RolledBack", "web-1: the process refused"), (1, "Applied", "2/3 proven, failed in 1")],
)
def test_a_pod_in_which_it_fails_stops_the_rollout_unless_that_is_tolerated(
    tolerate: int, status: str, message: str
) -> None:
    world = run_second(Rollout(replicas=3, tolerate=tolerate))
    world.invalid = lambda content: b"two" in content.files["config"]
    world.unseen = lambda _content: True
    claim_elsewhere(world)
    world.run_for(1)
    world.config.annotate(status="RollingOut", proven="000000 111111", holder=f"{OTHER}/1/0")
    world.run_for(120)
    assert mark(world, "status") == status
    assert len(world.signalled) == 1
    assert (mark(world, "message") or "").startswith(message)


def test_published_files_go_back_where_the_rollout_failed_elsewhere() -> None:
    world = run_second(THREE, PUBLISHED)
    good, _ = claim_elsewhere(world)
    world.run_for(1)
    world.config.annotate(status="RollingOut", proven="000000", holder=f"{OTHER}/1/0")
    world.run_until(lambda: len(world.signalled) == 1)
    world.run_for(3)
    world.config.annotate(status="RolledBack", active=good, previous=None, proven=None)
    settle(world)
    assert runs(world, "one")
    assert mark(world, "status") == "RolledBack"


@pytest.mark.parametrize(
    ("text", "holder"),
    [
        ("web-1/abcd/2/15", Holder("web-1", "abcd", 2, 15)),
        ("", Holder()),
        ("web-1/15", Holder()),
        ("web-1/abcd/two/15", Holder()),
    ],
)
def test_a_holder_is_read_where_a_surehup_wrote_it(text: str, holder: Holder) -> None:
    assert read_holder({"holder": text} if text else {}) == holder
    assert holder == Holder() or str(holder) == text


def test_a_pod_is_in_a_tally_once() -> None:
    tally = Tally().with_pod("b", proven=True).with_pod("a", proven=True)
    assert str(tally) == "a b"
    failed = tally.with_pod("a", proven=False)
    assert str(failed) == "b !a"
    assert read_tally({"proven": str(failed)}) == failed


def test_a_wish_in_the_middle_of_our_own_rollout_finds_the_content_proven() -> None:
    world = run_second(THREE)
    world.config.annotate(holder=f"{POD}/bbbbbbbb/1/0")
    two = edit(world, "two")
    world.run_until(lambda: mark(world, "status") == "RollingOut")
    first = mark(world, "holder")
    world.config.annotate(requested="again")
    world.run_until(lambda: mark(world, "handled") == "again")
    settle(world)
    assert marks(world, "status", "observed", "message") == ("RollingOut", two, "1/3 proven")
    assert mark(world, "holder") == first
    assert len(world.signalled) == 1
    assert world.broken == []
