"""Scenarios of a daemon whose container ends again and again before its process can be seen."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sidecar.core.attempt import Status
from sidecar.core.bridge import Rollback, Source
from sidecar.core.crashes import MOST_ENDS
from sidecar.core.effects import CountEnds
from sidecar.core.events import EndsCounted
from sidecar.core.evidence import Ends
from sidecar.core.state import Crashes, Publishing, Seeking
from sidecar.core.view import view
from sidecar.testing.cluster import Pace
from sidecar.testing.pod_daemon import Habits
from sidecar.testing.world import World
from tests.core.clusters import (
    MOUNTED,
    PUBLISHED,
    count,
    edit,
    make_cluster,
    mark,
    outcomes,
    reach,
    run_in_cluster,
    runs,
    settle,
    state_of,
    status,
)

AGAIN_S = 10.0
FAILED = "the container ended 3 times with this content; last: exit code 1"
UNTOLD = "whether its container ends again and again cannot be told"


def run_briefly(source: Source = PUBLISHED, rollback: Rollback = Rollback.ANNOTATION) -> World:
    """A pod whose daemon reads its files, and ends of bad ones, before any look can find it."""
    world = make_cluster(source, rollback=rollback, habits=Habits(start_s=0.001))
    return run_in_cluster(world)


def give(world: World, content: str) -> None:
    """The daemon ends as `content` is brought to it, and is started again with that."""
    edit(world, content)
    if world.bridge.source == PUBLISHED:
        reach(world, Publishing)
    else:
        before = world.mounted
        world.run_until(lambda: world.mounted is not before)
    world.kill_daemon()
    start_again(world)


def start_again(world: World) -> None:
    """The kubelet starts the container again, a while after each of its ends."""

    def start() -> None:
        if world.daemon is None:
            world.start_daemon()
        start_again(world)

    world.after(AGAIN_S, start)


@pytest.mark.parametrize("left_over", [0, 40])
def test_published_files_go_back_where_the_container_ends_again_and_again(left_over: int) -> None:
    world = run_briefly()
    world.ends = left_over
    give(world, "bad subtle")
    settle(world)
    assert outcomes(world) == ["failed", "applied"]
    assert world.records[0].message == FAILED
    assert (status(world), mark(world, "status")) == (Status.ROLLED_BACK, "RolledBack")
    assert (mark(world, "message") or "").startswith(FAILED)
    assert world.signalled == []
    assert runs(world, "one")


def test_data_goes_back_where_that_is_asked_for() -> None:
    world = run_briefly(MOUNTED, Rollback.DATA)
    give(world, "bad subtle")
    settle(world, within_s=240)
    assert outcomes(world)[0] == "failed"
    assert world.config.there.files == {"config": b"one"}
    assert runs(world, "one")


def test_mounted_content_that_nobody_takes_back_has_failed_all_the_same() -> None:
    world = run_briefly(MOUNTED)
    give(world, "bad subtle")
    settle(world)
    assert (outcomes(world), mark(world, "status")) == (["failed"], "RolledBack")
    asked = count(world, CountEnds)
    world.run_for(600)
    assert count(world, CountEnds) == asked, "nobody asks of content that has failed"


def test_a_container_that_never_ended_is_waited_for_and_rarely_asked_about() -> None:
    world = run_briefly()
    edit(world, "two")
    reach(world, Publishing)
    world.kill_daemon()
    world.run_for(3600)
    assert (outcomes(world), mark(world, "message")) == ([], "blocked: no process")
    assert 55 <= count(world, CountEnds) <= 65
    world.start_daemon()
    settle(world)
    assert (outcomes(world), runs(world, "two")) == (["applied"], True)


def test_a_container_that_comes_up_in_the_end_has_not_failed() -> None:
    world = run_briefly()
    give(world, "bad subtle")
    assert world.run_until(lambda: world.ends == 3)
    world.invalid = lambda _: False
    settle(world)
    assert outcomes(world) == ["applied"]


def test_where_ends_cannot_be_told_the_content_waits_and_says_so() -> None:
    world = run_briefly()
    world.ends_untold = UNTOLD
    give(world, "bad subtle")
    world.run_for(300)
    assert outcomes(world) == []
    assert mark(world, "message") == f"blocked: no process; {UNTOLD}"
    world.ends_untold = ""
    settle(world)
    assert outcomes(world) == ["failed", "applied"]


def test_without_an_api_nothing_tells_of_ends() -> None:
    world = make_cluster(MOUNTED, habits=Habits(start_s=0.001))
    world.bridge = replace(world.bridge, source=Source(mount="/config"))
    world.edit("bad subtle")
    world.start_sidecar()
    start_again(world)
    world.run_for(300)
    assert (outcomes(world), view(state_of(world)).message) == ([], "blocked: no process")


def test_an_api_that_is_away_tells_it_later() -> None:
    world = run_briefly()
    give(world, "bad subtle")
    world.cluster.go_away()
    world.run_for(120)
    assert (outcomes(world), state_of(world).blocked) == ([], "no process")
    world.cluster.come_back()
    settle(world)
    assert outcomes(world) == ["failed", "applied"]


def test_a_sidecar_that_starts_again_counts_again() -> None:
    world = run_briefly()
    give(world, "bad subtle")
    assert world.run_until(lambda: world.ends == 3)
    world.crash_sidecar()
    world.start_sidecar()
    ends = world.ends
    assert world.run_until(lambda: bool(outcomes(world)))
    assert (outcomes(world), world.ends - ends) == (["failed"], 3)
    settle(world)
    assert runs(world, "one")


def read_crashes(world: World) -> Crashes:
    attempt = state_of(world).attempt
    assert attempt is not None
    return attempt.crashes


def ask_twice(world: World) -> int:
    """A process is sought, a first count was told, and the next is asked for: its number."""
    edit(world, "two")
    reach(world, Publishing)
    world.kill_daemon()
    reach(world, Seeking)
    assert world.run_until(lambda: read_crashes(world).tries == 2)
    number = read_crashes(world).counting
    assert number is not None
    return number


def test_an_answer_that_nobody_waits_for_changes_nothing() -> None:
    world = run_briefly()
    number = ask_twice(world)
    state = state_of(world)
    world.post(EndsCounted(number + 1, Ends(count=99)))
    assert state_of(world) == state
    world.post(EndsCounted(number, Ends(count=99)))
    assert read_crashes(world).ends > MOST_ENDS
    settle(world)
    world.post(EndsCounted(number, Ends(count=99)))
    assert outcomes(world)[0] == "failed"


def test_a_process_that_is_up_by_then_has_not_failed() -> None:
    world = run_briefly()
    number = ask_twice(world)
    world.start_daemon()
    world.run_for(0.1)
    world.post(EndsCounted(number, Ends(count=99)))
    settle(world)
    assert (outcomes(world), runs(world, "two")) == (["applied"], True)


def test_a_look_that_is_under_way_is_waited_for() -> None:
    world = run_briefly()
    world.pace = Pace(call_s=6.0)
    number = ask_twice(world)
    assert world.run_until(lambda: state_of(world).awaiting is not None)
    looks = world.looks
    world.post(EndsCounted(number, Ends(count=99)))
    assert world.run_until(lambda: bool(outcomes(world)))
    assert (outcomes(world)[0], world.looks) == ("failed", looks)
