"""Scenarios of a sidecar that is stopped or killed in the middle, with the API to be told."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sidecar.core.bridge import OnInvalid, Rollback, Source
from sidecar.core.effects import Keep, Publish, Reply, Restore, Write
from sidecar.core.state import (
    Claiming,
    Confirming,
    Lingering,
    Phase,
    Publishing,
    Seeking,
    Signalling,
    Validating,
    Waiting,
)
from sidecar.testing.cluster import Pace
from sidecar.testing.pod_daemon import Habits
from sidecar.testing.world import Latency, World
from tests.core.bridges import PROMETHEUS
from tests.core.clusters import (
    MOUNTED,
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

IN_MOUNTED = [(MOUNTED, phase) for phase in (Validating, Waiting, Seeking)]
IN_PUBLISHED = [(PUBLISHED, phase) for phase in (Validating, Publishing, Seeking)]
LATE: list[type[Phase]] = [Claiming, Signalling, Confirming]
CASES = [
    *IN_MOUNTED,
    *IN_PUBLISHED,
    *[(source, phase) for source in (MOUNTED, PUBLISHED) for phase in LATE],
]
PHASES = pytest.mark.parametrize(
    ("source", "phase"), CASES, ids=lambda value: getattr(value, "__name__", None)
)
WORKS = Habits(work_s=0.3)


def is_stopped(world: World) -> bool:
    return state_of(world).stopped


# --- killed


@PHASES
@pytest.mark.parametrize("after_s", [0.0, 0.0105, 0.3])
def test_killed_in_each_phase_the_next_one_ends_applied(
    source: Source, phase: type[Phase], after_s: float
) -> None:
    world = run_in_cluster(make_cluster(source, habits=WORKS))
    edit(world, "two")
    reach(world, phase)
    world.run_for(after_s)
    world.crash_sidecar()
    world.run_for(1)
    world.start_sidecar()
    settle(world)
    assert marks(world, "status", "observed") == ("Applied", world.config.digest)
    assert runs(world, "two")


@PHASES
@pytest.mark.parametrize("content", ["three", "one", "bad"])
def test_killed_in_each_phase_and_edited_meanwhile_the_next_one_decides_that(
    source: Source, phase: type[Phase], content: str
) -> None:
    world = run_in_cluster(make_cluster(source, habits=WORKS))
    edit(world, "two")
    reach(world, phase)
    world.crash_sidecar()
    edit(world, content)
    world.run_for(1)
    world.start_sidecar()
    settle(world)
    assert mark(world, "observed") == world.config.digest
    assert mark(world, "status") == ("Rejected" if content == "bad" else "Applied")
    assert content == "bad" or runs(world, content)


@PHASES
def test_killed_and_without_its_journal_the_next_one_decides_anew(
    source: Source, phase: type[Phase]
) -> None:
    world = run_in_cluster(make_cluster(source, habits=WORKS))
    edit(world, "two")
    reach(world, phase)
    world.crash_sidecar()
    world.journal, world.kept = None, None
    world.run_for(1)
    world.start_sidecar()
    settle(world)
    assert marks(world, "status", "observed") == ("Applied", world.config.digest)
    assert runs(world, "two")


@pytest.mark.parametrize("source", [MOUNTED, PUBLISHED], ids=["mounted", "published"])
@pytest.mark.parametrize("rollback", [Rollback.ANNOTATION, Rollback.DATA])
@pytest.mark.parametrize("effect", [Write, Keep, Restore, Publish])
@pytest.mark.parametrize("after_s", [0.0, 0.0105, 0.021])
def test_killed_at_each_effect_of_a_failure_the_next_one_ends_it(
    source: Source, rollback: Rollback, effect: type[Write], after_s: float
) -> None:
    world = run_in_cluster(make_cluster(source, rollback=rollback))
    bad = edit(world, "bad subtle")
    world.run_until(lambda: outcomes(world) == ["failed"])
    world.effects.clear()
    world.run_until(lambda: count(world, effect) > 0, within_s=5)
    world.run_for(after_s)
    world.crash_sidecar()
    world.run_for(1)
    world.start_sidecar()
    settle(world)
    if rollback is Rollback.DATA:
        assert mark(world, "status") == "Applied"
        assert dict(world.config.there.files) == files("one")
    else:
        assert marks(world, "status", "observed") == ("RolledBack", bad)
    if source is PUBLISHED:
        assert runs(world, "one")
        assert world.mounted.snapshot.files == files("one")


def test_decisions_survive_and_are_told_again_where_nobody_was_told() -> None:
    world = run_in_cluster(make_cluster())
    world.config.forbidden = {"write"}
    bad = edit(world, "bad subtle")
    world.run_for(5)
    world.crash_sidecar()
    world.config.forbidden = set()
    world.start_sidecar()
    settle(world)
    assert marks(world, "status", "observed") == ("RolledBack", bad)
    assert len(world.signalled) == 1


def test_a_sidecar_that_starts_while_the_api_is_away_tells_later() -> None:
    world = run_in_cluster(make_cluster())
    edit(world, "two")
    reach(world, Confirming)
    world.cluster.go_away()
    world.crash_sidecar()
    world.run_for(1)
    world.start_sidecar()
    world.run_for(30)
    assert mark(world, "status") == "Reloading"
    world.cluster.come_back()
    settle(world)
    assert mark(world, "status") == "Applied"
    assert len(world.signalled) == 1


@pytest.mark.parametrize("signalled", [False, True])
@pytest.mark.parametrize("back", ["two", "three"])
def test_an_interrupted_signal_is_gone_on_with_once_the_mount_was_read(
    *, signalled: bool, back: str
) -> None:
    """The API may tell of the content before the watcher tells which generation carries it."""
    proof = replace(PROMETHEUS, on_invalid=OnInvalid.DIES)
    latency = Latency(watch_s=0.2, signal_s=0.1)
    world = run_in_cluster(make_cluster(proof=proof, latency=latency, habits=WORKS))
    edit(world, "two")
    reach(world, Confirming if signalled else Signalling)
    world.run_for(0.06)
    world.crash_sidecar()
    if back == "three":
        edit(world, "three")
    world.start_sidecar()
    world.run_for(0.1)
    edit(world, "two")
    settle(world)
    assert marks(world, "status", "observed") == ("Applied", world.config.digest)
    assert len(world.signalled) == 1


def test_content_that_the_daemon_died_of_is_known_to_the_next_sidecar() -> None:
    proof = replace(PROMETHEUS, on_invalid=OnInvalid.DIES)
    world = run_in_cluster(make_cluster(PUBLISHED, proof=proof))
    edit(world, "bad subtle")
    world.run_until(lambda: world.daemon is None)
    world.run_for(1)
    world.stop_sidecar()
    world.run_for(1)
    world.crash_sidecar()
    world.start_sidecar()
    world.run_for(90)
    assert world.mounted.snapshot.files == files("one")
    world.start_daemon()
    settle(world)
    assert mark(world, "status") == "RolledBack"
    assert runs(world, "one")


# --- stopped


@PHASES
def test_stopped_in_each_phase_it_leaves_what_is_true(source: Source, phase: type[Phase]) -> None:
    world = run_in_cluster(make_cluster(source, habits=WORKS))
    edit(world, "two")
    reach(world, phase)
    stopped_s = world.now_s
    world.stop_sidecar()
    world.run_until(lambda: is_stopped(world))
    assert world.now_s - stopped_s <= 1
    assert world.broken == []
    if phase in {Signalling, Confirming}:
        assert marks(world, "status", "observed") == ("Applied", world.config.digest)
    world.crash_sidecar()
    world.start_sidecar()
    settle(world)
    assert mark(world, "status") == "Applied"
    assert runs(world, "two")


def test_stopped_while_the_last_word_is_on_its_way_it_waits_for_that() -> None:
    world = run_in_cluster(make_cluster(pace=Pace(call_s=0.4, watch_s=0.1)))
    edit(world, "bad")
    world.run_until(lambda: outcomes(world) == ["rejected"])
    world.stop_sidecar()
    world.run_for(0.1)
    assert not is_stopped(world)
    world.run_for(0.5)
    assert is_stopped(world)
    assert mark(world, "status") == "Rejected"


def test_stopped_while_the_api_does_not_answer_it_goes_all_the_same() -> None:
    world = run_in_cluster(make_cluster())
    world.cluster.pace = Pace(call_s=5)
    edit(world, "bad")
    world.run_until(lambda: outcomes(world) == ["rejected"])
    world.stop_sidecar()
    world.run_for(1)
    assert is_stopped(world)


@pytest.mark.parametrize("trouble", ["away", "forbidden"])
def test_stopped_where_nothing_can_be_written_it_goes_at_once(trouble: str) -> None:
    world = run_in_cluster(make_cluster())
    if trouble == "away":
        world.cluster.go_away()
    else:
        world.config.forbidden = {"write"}
        world.config.annotate(message="not ours")
    world.run_for(1)
    world.stop_sidecar()
    assert is_stopped(world)


def test_stopped_while_lingering_it_goes_at_once() -> None:
    world = run_in_cluster(make_cluster(habits=Habits(lies=True)))
    edit(world, "bad subtle")
    reach(world, Lingering)
    world.run_for(0.5)
    world.stop_sidecar()
    assert is_stopped(world)
    assert mark(world, "status") == "Unconfirmed"


def test_stopped_who_asked_is_told_so() -> None:
    world = run_in_cluster(make_cluster())
    edit(world, "bad subtle")
    world.run_for(5)
    world.validator_trouble = "no such program"
    world.ask(request=1)
    world.run_for(1)
    world.stop_sidecar()
    world.run_for(1)
    assert [answer.reply for answer in world.answers] == [Reply.BLOCKED]
