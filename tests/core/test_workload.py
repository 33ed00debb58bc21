"""Two workloads on one object: the second heeds nothing of what the first writes, and is silent."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sidecar.core.attempt import Status
from sidecar.core.bridge import Rollout, Selector
from sidecar.core.effects import Keep, Milestone
from sidecar.core.view import view
from sidecar.core.workload import (
    TARGET_MAX_BYTES,
    explain_stranger,
    find_stranger,
    name_target,
    name_workload,
)
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
    run_in_cluster,
    runs,
    settle,
    state_of,
    status,
)
from tests.sim.fleet import Fleet, Pod
from tests.sim.nature import Nature

MAIL = {"target": "mail/postfix/", "holder": "mail-7d9f8c6b5d-x2x4z/12345678/1/0"}
SEVERAL = Rollout(replicas=None)


@pytest.mark.parametrize(
    ("pod", "workload"),
    [
        ("web-7d9f8c6b5d-x2x4z", "web"),
        ("web-blue-7d9f8c6b5d-x2x4z", "web-blue"),
        ("node-exporter-x2x4z", "node-exporter"),
        ("prometheus-main-0", "prometheus-main"),
        ("prometheus-main-12", "prometheus-main"),
        ("bare", "bare"),
        ("a-bare-pod", "a-bare-pod"),
        ("", ""),
    ],
)
def test_pods_of_one_workload_have_its_name_in_common(pod: str, workload: str) -> None:
    assert name_workload(pod) == workload


def test_a_target_is_named_as_the_settings_have_it_and_cut() -> None:
    bridge = replace(make_bridge(), target=Selector(container="app", process="promet.*"))
    assert name_target(replace(bridge, preset="prometheus")) == "app/promet.*/prometheus"
    long, other = (
        name_target(replace(bridge, target=Selector(process="é" * 100 + end))) for end in "ab"
    )
    assert TARGET_MAX_BYTES - 2 < len(long.encode()) <= TARGET_MAX_BYTES
    assert long != other


@pytest.mark.parametrize(
    ("told", "stranger"),
    [
        ({}, ""),
        (MAIL, "mail/postfix/"),
        ({"target": "mail/postfix/"}, ""),
        ({**MAIL, "holder": "what people write"}, ""),
        ({**MAIL, "holder": "web-1/12345678/1/0"}, ""),
        ({"holder": MAIL["holder"]}, ""),
        ({**MAIL, "target": "web//"}, ""),
    ],
)
def test_who_holds_the_annotations_of_another_target_is_a_stranger(
    told: dict[str, str], stranger: str
) -> None:
    bridge = replace(make_bridge(), target=Selector(container="web"), pod="web-0")
    assert find_stranger(bridge, told) == stranger


def test_what_to_do_is_told_with_the_group() -> None:
    bridge = make_cluster().bridge
    assert "remove surehup.dev/target" in explain_stranger(bridge, "mail//")
    named = replace(bridge, policy=replace(bridge.policy, group="web"))
    assert "remove web.surehup.dev/target" in explain_stranger(named, "mail//")


@pytest.mark.parametrize("rollout", [Rollout(replicas=1), SEVERAL])
@pytest.mark.parametrize("word", ["Applied", "RolledBack", "Reloading", "Pending"])
def test_the_second_workload_reloads_alone_and_writes_nothing(word: str, rollout: Rollout) -> None:
    world = run_in_cluster(make_cluster(rollout=rollout))
    digest = world.config.naming.name_whole(files("two"))
    world.config.annotate(status=word, observed=digest, active=digest, **MAIL)
    before = world.config.there.marks
    edit(world, "two")
    settle(world)
    assert runs(world, "two")
    assert outcomes(world) == ["applied"]
    assert (world.config.writes, world.config.there.marks) == (0, before)
    assert count(world, Keep) == 0
    assert status(world) is Status.APPLIED


def test_it_says_once_why_and_shows_it_as_long_as_it_is_so() -> None:
    world = run_in_cluster(make_cluster())
    world.config.annotate(**MAIL)
    edit(world, "two")
    settle(world)
    assert milestones(world).count(Milestone.TROUBLE) == 1
    assert "mail/postfix/" in view(state_of(world)).message
    world.config.annotate(target=None)
    world.run_for(1)
    assert "mail/postfix/" not in view(state_of(world)).message


def test_it_speaks_once_the_annotations_are_nobodys() -> None:
    world = run_in_cluster(make_cluster(rollout=SEVERAL))
    world.config.annotate(**MAIL)
    edit(world, "two")
    settle(world)
    world.config.annotate(target=None)
    settle(world)
    own = name_target(world.bridge)
    assert marks(world, "target", "observed") == (own, world.config.digest)


@pytest.mark.parametrize("word", ["Rejected", "RolledBack", "Failed", "Unconfirmed"])
def test_a_verdict_of_the_other_workload_is_none_on_what_starts_here(word: str) -> None:
    world = make_cluster()
    world.config.create(files("one"))
    world.config.annotate(status=word, observed=world.config.digest, message="bad", **MAIL)
    world.mount(files("one"))
    world.start_daemon()
    world.start_sidecar()
    world.run_for(10)
    assert outcomes(world) == ["applied"]
    assert status(world) is Status.APPLIED


def test_its_own_good_content_is_what_it_goes_back_to() -> None:
    world = run_in_cluster(make_cluster())
    world.config.annotate(active="f" * 64, **MAIL)
    edit(world, "bad subtle")
    settle(world)
    assert status(world) is Status.ROLLED_BACK
    assert view(state_of(world)).last_good == world.config.naming.name_whole(files("one"))
    assert world.config.writes == 0


def test_it_is_paused_and_asked_apart_from_the_other() -> None:
    world = run_in_cluster(make_cluster())
    world.config.annotate(paused="true", **MAIL)
    edit(world, "two")
    settle(world)
    assert outcomes(world) == []
    world.config.annotate(paused=None, requested="again")
    settle(world)
    assert outcomes(world) == ["applied"]
    assert len(world.signalled) == 1
    assert mark(world, "handled") is None


def test_it_does_not_wait_for_an_api_that_is_away() -> None:
    world = run_in_cluster(make_cluster(rollout=SEVERAL))
    world.config.annotate(**MAIL)
    world.run_for(1)
    world.cluster.go_away()
    world.edit("two")
    settle(world)
    assert outcomes(world) == ["applied"]


def test_a_workload_whose_settings_changed_stays_the_same() -> None:
    world = run_in_cluster(make_cluster())
    world.config.annotate(target="old//", holder=f"{name_workload(world.bridge.pod)}-1/abc/1/0")
    world.run_for(30)
    assert mark(world, "target") == "old//"
    edit(world, "two")
    settle(world)
    assert marks(world, "status", "target") == ("Applied", name_target(world.bridge))


def test_two_workloads_on_one_object_each_reload_and_one_of_them_speaks() -> None:
    bridge = make_cluster(rollout=Rollout(replicas=2, spread_s=1.0)).bridge
    mail = replace(bridge, target=Selector(container="mail"))
    writers: list[str] = []
    fleet = Fleet(
        Nature(size=4, bridges=(bridge, mail)),
        1,
        hear=lambda _before, _after, who: writers.append(who),
        listen=lambda _pod: None,
    )
    fleet.edit(files("one"))
    pods: list[Pod] = [fleet.add_pod(name) for name in ("web-0", "mail-0", "web-1", "mail-1")]
    fleet.run_for(60)
    for content in ("two", "bad subtle", "three"):
        fleet.edit(files(content))
        fleet.run_for(120)
    assert [pod.world.runs for pod in pods] == [fleet.config.digest] * 4
    first = {writer.split("-")[0] for writer in writers} - {"person"}
    assert len(first) == 1
    assert fleet.config.there.marks["message"] == "2/2 proven"
    assert [len(pod.world.signalled) >= 2 for pod in pods] == [True] * 4
