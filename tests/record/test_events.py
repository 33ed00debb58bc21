"""Events on the ConfigMap."""

from __future__ import annotations

import json
import re

import pytest

from sidecar.core.attempt import Status
from sidecar.kube.errors import UnreachableError
from sidecar.kube.ports import EVENTS, Json
from sidecar.record.events import TOLD_S, Events, PodRef, reason_for
from sidecar.testing.apiserver import FakeApi
from sidecar.testing.clock import FakeClock
from tests.apiserver.server import ApiServer
from tests.record.cases import Case, make_fake, wait_until
from tests.record.test_rendering import SUBDOMAIN

UID = "00000000-0000-4000-8000-000000000042"


def events_of(case: Case) -> list[Json]:
    return list(case.admin.list(EVENTS, case.namespace)["items"])


def tell(events: Events, owner: Json, **fields: str) -> str | None:
    said = {"reason": "ConfigApplied", "note": "5/5 proven", "digest": "d" * 64, **fields}
    return events.tell(
        owner,
        said["reason"],
        "Reload",
        said["note"],
        warning=said["reason"] != "ConfigApplied",
        digest=said["digest"],
    )


def test_each_verdict_has_its_reason_and_nothing_else_has() -> None:
    assert {status: reason_for(status) for status in Status if reason_for(status)} == {
        Status.APPLIED: "ConfigApplied",
        Status.REJECTED: "ConfigRejected",
        Status.FAILED: "ConfigReloadFailed",
        Status.ROLLED_BACK: "ConfigRolledBack",
        Status.UNCONFIRMED: "ConfigUnconfirmed",
    }


def test_an_event_says_what_of_which_by_whom(case: Case, clock: FakeClock) -> None:
    owner = case.make()
    pod = PodRef(case.namespace, "web-0", UID)
    assert tell(Events(case.api, pod=pod, clock=clock), owner, reason="ConfigRejected") is None
    (event,) = events_of(case)
    expected = {
        "reason": "ConfigRejected",
        "action": "Reload",
        "type": "Warning",
        "note": "5/5 proven",
        "reportingController": "surehup.dev/sidecar",
        "reportingInstance": "web-0",
        "eventTime": "2025-11-24T16:00:00.250000Z",
        "regarding": {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "namespace": case.namespace,
            "name": "app-config",
            "uid": owner["metadata"]["uid"],
        },
        "related": {
            "apiVersion": "v1",
            "kind": "Pod",
            "namespace": case.namespace,
            "name": "web-0",
            "uid": UID,
        },
    }
    assert event.items() >= expected.items()
    assert re.fullmatch(r"app-config\.[0-9a-f]{16}", event["metadata"]["name"])


def test_a_success_is_normal_and_outside_of_a_pod_nothing_is_related(
    case: Case, clock: FakeClock
) -> None:
    assert tell(Events(case.api, pod=None, clock=clock), case.make()) is None
    (event,) = events_of(case)
    assert event["type"] == "Normal"
    assert event.get("related") is None
    assert event["reportingInstance"] == "surehup.dev/sidecar"


def test_the_same_is_told_once_also_after_a_restart(case: Case, clock: FakeClock) -> None:
    owner, pod = case.make(), PodRef(case.namespace, "web-0", UID)
    events = Events(case.api, pod=pod, clock=clock)
    assert [tell(events, owner) for _ in range(3)] == [None] * 3
    assert case.requests == {"create 201": 1}
    assert tell(Events(case.api, pod=pod, clock=clock), owner, note="another") is None
    assert case.requests == {"create 201": 1, "create 409": 1}
    assert len(events_of(case)) == 1


def test_another_pod_object_reason_or_content_is_another_event(
    case: Case, clock: FakeClock
) -> None:
    owner, other = case.make(), case.make("other")
    web_0 = Events(case.api, pod=PodRef(case.namespace, "web-0", UID), clock=clock)
    again = Events(case.api, pod=PodRef(case.namespace, "web-0", UID[:-1] + "3"), clock=clock)
    web_1 = Events(case.api, pod=PodRef(case.namespace, "web-1", UID), clock=clock)
    recreated = {**owner, "metadata": {**owner["metadata"], "uid": UID}}
    for trouble in (
        tell(web_0, owner),
        tell(web_1, owner),
        tell(again, owner),
        tell(web_0, other),
        tell(web_0, recreated),
        tell(web_0, owner, digest="e" * 64),
        tell(web_0, owner, reason="ConfigRolledBack"),
    ):
        assert trouble is None
    assert len(events_of(case)) == 7


def test_what_the_server_has_dropped_by_now_is_told_again(clock: FakeClock) -> None:
    case = make_fake()
    owner, events = case.make(), Events(case.api, pod=None, clock=clock)
    tell(events, owner)
    clock.advance(TOLD_S - 1)
    tell(events, owner)
    assert case.requests == {"create 201": 1}
    clock.advance(2)
    assert tell(events, owner) is None
    assert case.requests == {"create 201": 1, "create 409": 1}


def test_what_was_told_is_forgotten_rather_than_heaped_up(clock: FakeClock) -> None:
    case = make_fake()
    owner, events = case.make(), Events(case.api, pod=None, clock=clock)
    for number in range(1_000):
        assert tell(events, owner, digest=f"{number:064x}") is None
    assert len(events._told) == 64
    assert tell(events, owner, digest=f"{999:064x}") is None
    assert case.requests == {"create 201": 1_000}


@pytest.mark.parametrize("name", ["a" * 253, "a" * 235 + "." + "b" * 17])
def test_long_names_and_texts_are_cut(case: Case, clock: FakeClock, name: str) -> None:
    owner = case.make(name)
    events = Events(case.api, pod=PodRef(case.namespace, "p" * 253, UID), clock=clock)
    assert tell(events, owner, note="ü" * 1_000) is None
    (event,) = events_of(case)
    assert event["note"] == "ü" * 510 + "…"
    assert event["reportingInstance"] == "p" * 128
    assert event["related"]["name"] == "p" * 253
    assert SUBDOMAIN.fullmatch(event["metadata"]["name"])
    assert len(event["metadata"]["name"]) <= 253


def test_without_the_right_the_rule_is_told_and_nothing_breaks(
    case: Case, clock: FakeClock
) -> None:
    owner = case.make()
    events = Events(case.api, pod=PodRef(case.namespace, "web-0"), clock=clock)
    case.deny("create", "events")
    told: list[str] = []

    def is_refused() -> bool:
        trouble = tell(events, owner, digest=str(len(told)) + "d" * 63)
        told.append(trouble or "")
        return bool(trouble)

    wait_until(is_refused, "the right to create Events is gone")
    assert told[-1].startswith("no Event ConfigApplied was written: ")
    assert "may not create Event" in told[-1]
    assert 'rule apiGroups ["events.k8s.io"] resources [events] verbs [create]' in told[-1]


def test_trouble_is_told_and_made_up_for(clock: FakeClock) -> None:
    case = make_fake()
    assert isinstance(case.api, FakeApi)
    owner, events = case.make(), Events(case.api, pod=None, clock=clock)
    case.api.fail_next("create", UnreachableError("no answer came"), committed=True)
    case.api.fail_next("create", UnreachableError("no answer came"))
    for _ in range(2):
        trouble = tell(events, owner)
        assert trouble == "no Event ConfigApplied was written: no answer came"
    assert tell(events, owner) is None
    assert len(events_of(case)) == 1


@pytest.mark.apiserver
def test_people_see_it_with_kubectl(real: Case, clock: FakeClock, api_server: ApiServer) -> None:
    owner = real.make()
    tell(Events(real.api, pod=PodRef(real.namespace, "web-0"), clock=clock), owner)
    for argv in (
        ("events", "--for", "configmap/app-config"),
        ("describe", "configmap", "app-config"),
    ):
        shown = api_server.kubectl(*argv, namespace=real.namespace)
        assert "ConfigApplied" in shown
        assert "5/5 proven" in shown
    shown = api_server.kubectl("get", "events", "-ojson", namespace=real.namespace)
    assert json.loads(shown)["items"][0]["involvedObject"]["name"] == "app-config"
