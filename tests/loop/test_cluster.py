"""The loop with an object in the API and a pod: what it asks of them, and what it tells once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import pytest

from sidecar.core.attempt import BridgeStatus, Status
from sidecar.core.bridge import Policy, Rollout, Selector, Source
from sidecar.core.effects import Fetch
from sidecar.core.events import ApiConnected, DeclaredSeen, MountChanged, StopAsked
from sidecar.core.evidence import Ends
from sidecar.loop.loop import Lane, Loop, Outside
from sidecar.testing.declaration import FakeConfig
from sidecar.testing.publisher import MemoryKeeper
from tests.loop.stage import Stage, make_bridge, outcomes


@dataclass
class FakePod:
    """Implements `core.ports.Pod`."""

    nudges: list[tuple[str, int]] = field(default_factory=list)
    shown: list[tuple[Status, ...]] = field(default_factory=list)
    counts: list[int] = field(default_factory=list)
    """How often the container has ended, at each question."""
    asked: list[str] = field(default_factory=list)

    def count_ends(self, container: str) -> tuple[Ends | None, str]:
        self.asked.append(container)
        return Ends(count=self.counts.pop(0), last="exit code 1"), ""

    def nudge(self, digest: str, number: int) -> None:
        self.nudges.append((digest, number))

    def show(self, statuses: Sequence[BridgeStatus]) -> None:
        self.shown.append(tuple(status.status for status in statuses))


class ClusterStage(Stage):
    """A stage whose one bridge names an object."""

    def __init__(self, pod: FakePod | None, *, container: str = "") -> None:
        super().__init__()
        self.config = FakeConfig()
        self.config.create({"config": b"one"})
        self.pod = pod
        bridge = replace(
            make_bridge(),
            source=Source(mount="/config", config_map="shop/web"),
            target=Selector(container=container, process="daemon"),
            policy=Policy(rollout=Rollout(replicas=1)),
            pod="web-1",
        )
        outside = Outside(
            clock=self.clock,
            executor=self.lanes,
            journal=self.journal,
            teller=self.memo,
            watch_exit=lambda _bridge, process: self.watched.append(process),
            answer=self.answers.append,
            keeper=MemoryKeeper(),
            pod=pod,
        )
        lane = Lane(bridge=bridge, adapters=self.adapters, config=self.config)
        self.loop = Loop({"web": lane}, self.inbox, outside)

    def declare(self) -> None:
        self.tell_all(DeclaredSeen(self.config.declare()))

    def connect(self) -> None:
        self.declare()
        self.tell_all(ApiConnected(connected=True))
        self.tell_all(MountChanged(self.mount.read()))


def test_an_edit_that_the_api_shows_nudges_the_pod_and_is_written_and_told() -> None:
    pod = FakePod()
    stage = ClusterStage(pod)
    stage.connect()

    def edit() -> None:
        stage.config.edit({"config": b"two"})
        stage.declare()

    stage.inbox.plan(10, edit)
    stage.inbox.plan(10.5, lambda: stage.edit(b"two"))
    stage.run(stop_after_s=20)
    assert outcomes(stage)[-1] == ("web", "applied")
    assert pod.nudges == [(stage.config.digest[:12], 1)]
    marks = stage.config.there.marks
    assert (marks["status"], marks["observed"]) == ("Applied", stage.config.digest)
    assert [status for _, status in stage.config.told][-1] is Status.APPLIED
    active = stage.loop.active_content("web")
    assert active is not None
    assert active[0].files == {"config": b"two"}


def test_a_pod_is_shown_only_what_it_was_not_shown_before() -> None:
    pod = FakePod()
    stage = ClusterStage(pod)
    stage.connect()
    stage.inbox.plan(10, stage.declare)
    stage.inbox.plan(11, stage.declare)
    stage.run(stop_after_s=60)
    assert len(stage.memo.shown) > len(pod.shown)
    assert pod.shown[-1] == (Status.APPLIED,)
    assert len(pod.shown) <= 6


def test_without_a_pod_nobody_is_nudged() -> None:
    stage = ClusterStage(None)
    stage.connect()
    stage.inbox.plan(5, lambda: stage.config.edit({"config": b"two"}))
    stage.inbox.plan(5.1, stage.declare)
    stage.inbox.plan(6, lambda: stage.edit(b"two"))
    stage.run(stop_after_s=20)
    assert outcomes(stage)[-1] == ("web", "applied")


def test_a_container_that_ends_again_and_again_is_counted_by_its_name() -> None:
    pod = FakePod(counts=[7, 8, 10])
    stage = ClusterStage(pod, container="main")
    stage.processes.end(stage.process)
    stage.connect()
    stage.run(stop_after_s=60)
    assert pod.asked == ["main"] * 3
    failed = [record for _, record, _ in stage.memo.records]
    assert [record.outcome.value for record in failed] == ["failed"]
    assert "ended 3 times with this content; last: exit code 1" in failed[0].message


def test_without_a_pod_no_container_is_counted() -> None:
    stage = ClusterStage(None)
    stage.processes.end(stage.process)
    stage.connect()
    stage.run(stop_after_s=300)
    assert outcomes(stage) == []


def test_what_was_superseded_is_no_event() -> None:
    stage = ClusterStage(FakePod())
    stage.connect()

    def edit(content: bytes) -> None:
        stage.config.edit({"config": content})
        stage.declare()

    stage.inbox.plan(10, lambda: edit(b"two"))
    stage.inbox.plan(12, lambda: edit(b"three"))
    stage.inbox.plan(14, lambda: stage.edit(b"three"))
    stage.run(stop_after_s=30)
    assert [outcome for _, outcome in outcomes(stage)][1:] == ["superseded", "applied"]
    assert len(stage.config.told) == len(outcomes(stage)) - 1


def test_a_bridge_without_an_object_is_never_asked_for_one() -> None:
    stage = Stage()
    with pytest.raises(AssertionError, match="no object in the API"):
        stage.loop._call("web", Fetch(1))
    stage.tell_all(StopAsked())
