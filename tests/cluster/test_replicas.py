"""Three replicas over one ConfigMap: one goes first, the others follow or are spared."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from sidecar.core.turn import name_short
from sidecar.record.annotations import read_marks
from tests.apiserver.server import ApiServer
from tests.cluster.objects import Marks
from tests.cluster.pods import (
    DEMO_KIND,
    PROMETHEUS_KIND,
    Kind,
    Pod,
    Stage,
    digest_of,
    eventually,
    make_demo,
    number,
    running_pod,
    set_stage,
)

NAMES = ("web-0", "web-1", "web-2")
TURN_S = 40.0
"""A dead holder's turn lasts the proof's deadline and 10 s; then the others wait by chance."""


def name_holder(marks: Marks) -> str:
    """The pod that the object names; empty where it names none."""
    return marks.get("holder", "").partition("/")[0]


@dataclass
class Fleet:
    stage: Stage
    pods: Sequence[Pod]

    @property
    def reloads(self) -> list[int]:
        return [pod.reloads for pod in self.pods]

    def find(self, name: str) -> Pod:
        return next(pod for pod in self.pods if pod.name == name)

    @property
    def holder(self) -> str:
        return name_holder(read_marks(self.stage.subject.read()))

    def apply(self) -> dict[str, str]:
        files = self.pods[0].valid()
        for pod in self.pods:
            pod.good.add(digest_of(files))
        self.pods[0].settle(self.pods[0].put(files), "Applied", within_s=TURN_S)
        return files

    def shows(self, files: dict[str, str]) -> bool:
        return all(pod.shows(files) for pod in self.pods)

    def tell(self) -> str:
        return "".join(f"\n--- {pod.name}{pod.sidecar.tail}" for pod in self.pods)


@contextmanager
def running_fleet(stage: Stage, kinds: Sequence[Kind], **bridge: Any) -> Iterator[Fleet]:  # noqa: ANN401
    first = stage.subject.put({kinds[0].key: kinds[0].valid(number())})
    rollout = {"replicas": len(NAMES), "spread": "500ms"}
    with ExitStack() as stack:
        pods = [
            stack.enter_context(
                running_pod(stage, name, kind=kind, first=False, rollout=rollout, **bridge)
            )
            for name, kind in zip(NAMES, kinds, strict=True)
        ]
        for pod in pods:
            pod.good.add(first)
        fleet = Fleet(stage, pods)
        pods[0].settle(first, "Applied", within_s=TURN_S)
        yield fleet


def await_status(pod: Pod, digest: str, statuses: set[str]) -> None:
    pod.wait_marks(
        lambda marks: marks.get("observed") == digest and marks.get("status") in statuses
    )


@pytest.fixture(scope="module")
def fleet(api_server: ApiServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    with (
        set_stage(api_server, tmp_path_factory.mktemp("fleet")) as stage,
        running_fleet(stage, [PROMETHEUS_KIND] * 3) as fleet,
    ):
        yield fleet


def test_one_goes_first_and_the_others_follow(fleet: Fleet) -> None:
    fleet.apply()
    before, reloads = fleet.stage.subject.mark(), fleet.reloads
    files = fleet.apply()
    assert fleet.reloads == [count + 1 for count in reloads]
    assert fleet.shows(files)
    marks = [marks for marks in fleet.stage.subject.since(before) if "status" in marks]
    statuses = [mark["status"] for mark in marks]
    changes = [status for at, status in enumerate(statuses) if status not in statuses[at - 1 : at]]
    assert changes[-3:] == ["Reloading", "RollingOut", "Applied"]
    assert "3/3 proven" in marks[-1]["message"]
    assert "previous" not in marks[-1]


def test_bad_content_signals_nobody(fleet: Fleet) -> None:
    fleet.apply()
    reloads = fleet.reloads
    pod = fleet.pods[0]
    pod.settle(pod.put(pod.broken()), "Rejected")
    for other in fleet.pods:
        other.kubelet.sync()
    fleet.apply()
    assert fleet.reloads == [count + 1 for count in reloads]


def test_content_that_fails_is_signalled_in_one_pod_only(fleet: Fleet) -> None:
    good = fleet.apply()
    reloads = fleet.reloads
    pod = fleet.pods[0]
    digest = pod.put(pod.refused())
    marks = pod.settle(digest, "RolledBack")
    assert marks["active"] == digest_of(good)
    for other in fleet.pods:  # in the end the kubelets bring it everywhere
        other.kubelet.sync()
        other.sidecar.wait_for(lambda status: status["observed"] == digest)
    more = [now - before for now, before in zip(fleet.reloads, reloads, strict=True)]
    assert sorted(more) == [0, 0, 1]
    assert fleet.find(fleet.holder).reloads == reloads[NAMES.index(fleet.holder)] + 1
    repaired = fleet.apply()
    assert fleet.shows(repaired)
    spared = [now - before for now, before in zip(fleet.reloads, reloads, strict=True)]
    assert sorted(spared) == [1, 1, 2]


def test_a_newer_edit_during_a_rollout(fleet: Fleet) -> None:
    fleet.apply()
    pod = fleet.pods[0]
    for awaited in ("Reloading", "RollingOut"):
        first = pod.valid()
        digest = pod.put(first)
        await_status(pod, digest, {awaited, "Applied"})
        files = fleet.apply()
        assert fleet.shows(files)


def test_a_follower_that_fails_stops_the_rollout(api_server: ApiServer, tmp_path: Path) -> None:
    good, bad = make_demo(), make_demo("--refuse-when=three")
    with (
        set_stage(api_server, tmp_path) as stage,
        running_fleet(stage, [good, good, bad], published=True) as fleet,
    ):
        old = fleet.apply()
        # Who goes first is drawn; the moody one may not, or it fails there.
        while fleet.holder == "web-2":
            old = fleet.apply()
        files = {"demo.conf": f"message: three {number()}\n"}
        pod = fleet.pods[0]
        marks = pod.settle(pod.put(files), "RolledBack", within_s=TURN_S)
        assert marks["active"] == digest_of(old)
        assert marks["message"].startswith("web-2: ")
        assert re.search(r"; [12]/3 run this$", marks["message"]), marks
        eventually(lambda: fleet.shows(old), fleet.tell)
        fleet.apply()


def test_a_holder_that_dies_is_taken_over(api_server: ApiServer, tmp_path: Path) -> None:
    kind = make_demo("--delay=1", deadline="3s")
    with (
        set_stage(api_server, tmp_path) as stage,
        running_fleet(stage, [kind] * 3, published=True) as fleet,
    ):
        fleet.apply()
        pod = fleet.pods[0]
        files = pod.valid()
        for other in fleet.pods:
            other.good.add(digest_of(files))
        digest = pod.put(files)
        pod.settle(digest, "Reloading")
        dead = fleet.find(fleet.holder)
        dead.sidecar.kill()
        marks = pod.wait_marks(
            lambda marks: (
                marks.get("observed") == digest and name_holder(marks) not in {"", dead.name}
            ),
            within_s=TURN_S,
        )
        others = [other for other in fleet.pods if other is not dead]
        eventually(lambda: all(other.shows(files) for other in others), fleet.tell)
        assert marks["holder"].split("/")[2] == "2"
        dead.sidecar.start()
        pod.settle(digest, "Applied", within_s=TURN_S)
        assert name_short(dead.name) not in read_marks(stage.subject.read()).get("proven", "")


def test_a_second_workload_reloads_beside_the_first_and_writes_nothing(
    api_server: ApiServer, tmp_path: Path
) -> None:
    """Each has one pod, and a daemon of its own; both read one ConfigMap."""
    with (
        set_stage(api_server, tmp_path) as stage,
        running_pod(stage, "web-0", kind=DEMO_KIND) as web,
    ):
        web.apply()
        with running_pod(stage, "mail-0", kind=DEMO_KIND, first=False) as mail:
            mail.good = web.good
            files = web.apply()
            eventually(lambda: mail.shows(files), lambda: mail.sidecar.tail)
            shown = mail.sidecar.wait_for(
                lambda status: (
                    status["observed"] == digest_of(files) and status["status"] == "Applied"
                )
            )
            assert "--group NAME" in shown["message"]
            mail.settle(mail.put(mail.refused()), "RolledBack")
            mail.sidecar.wait_for(lambda status: status["status"] == "RolledBack")
            web.apply()
        holders = {name_holder(marks) for marks in stage.subject.since(0)}
        assert holders <= {"", "web-0"}


def test_workloads_with_groups_each_speak_for_themselves(
    api_server: ApiServer, tmp_path: Path
) -> None:
    with (
        set_stage(api_server, tmp_path) as stage,
        running_pod(stage, "web-0", kind=DEMO_KIND) as web,
        running_pod(stage, "mail-0", kind=DEMO_KIND, first=False, group="mail") as mail,
    ):
        mail.good = web.good
        files = web.apply()
        eventually(
            lambda: all(
                (marks.get("status"), marks.get("observed")) == ("Applied", digest_of(files))
                for marks in (read_marks(stage.subject.read(), group) for group in ("", "mail"))
            ),
            lambda: web.sidecar.tail + mail.sidecar.tail,
        )
        content = stage.subject.read()
        holders = [name_holder(read_marks(content, group)) for group in ("", "mail")]
        assert holders == ["web-0", "mail-0"]
