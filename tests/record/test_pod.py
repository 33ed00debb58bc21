"""Nudges and the condition on the own pod."""

from __future__ import annotations

import pytest

from sidecar.core.attempt import BridgeStatus, Status
from sidecar.core.evidence import Ends
from sidecar.kube.errors import UnreachableError
from sidecar.kube.objects import read_annotations
from sidecar.kube.ports import Json, Ref
from sidecar.record.pod import QUIET, PodStatus
from sidecar.testing.apiserver import FakeApi
from sidecar.testing.clock import FakeClock
from tests.record.cases import POD_STATUS, Case, make_fake, wait_until
from tests.record.test_condition import A, B, make

EARLIER = "2025-01-01T00:00:00Z"
NOW = "2025-11-24T16:00:00Z"
LATER = "2025-11-24T16:01:00Z"
READY = {"type": "Ready", "status": "True", "lastTransitionTime": EARLIER}

APPLIED = make(Status.APPLIED, observed=A, message="proven")
RELOADING = make(Status.RELOADING, active=B)
REJECTED = make(Status.REJECTED, message="bad")
FIRST = make(Status.PENDING, last_good=None)


def conditions_of(case: Case, ref: Ref) -> dict[str, Json]:
    found = case.admin.get(ref).get("status", {}).get("conditions") or []
    return {entry["type"]: entry for entry in found}


def ours(case: Case, ref: Ref) -> tuple[str, str, str, str]:
    entry = conditions_of(case, ref)["surehup.dev/ConfigApplied"]
    return entry["status"], entry["reason"], entry["message"], entry["lastTransitionTime"]


def set_condition(case: Case, ref: Ref, condition: Json) -> None:
    body = {"status": {"conditions": [condition]}}
    case.admin.patch(ref, body, subresource="status", strategic=True)


def patches(case: Case) -> int:
    return case.requests["patch 200"]


def test_a_nudge_changes_the_pod_each_time_it_is_counted_up(case: Case, clock: FakeClock) -> None:
    ref = case.make_pod()
    pod = PodStatus(case.api, ref, clock=clock)
    versions = []
    for number in (1, 1, 2):
        assert pod.nudge("b" * 12, number) is None
        versions.append(case.admin.get(ref)["metadata"]["resourceVersion"])
    assert versions[0] == versions[1] != versions[2]
    assert read_annotations(case.admin.get(ref)) == {"surehup.dev/nudge": "bbbbbbbbbbbb.2"}
    assert conditions_of(case, ref) == {}


def test_the_kubelets_conditions_stay_as_they_are(case: Case, clock: FakeClock) -> None:
    ref = case.make_pod()
    set_condition(case, ref, READY)
    before = case.admin.get(ref)
    pod = PodStatus(case.api, ref, clock=clock)
    assert pod.show([APPLIED]) is None
    assert pod.nudge("b" * 12, 1) is None
    after = case.admin.get(ref)
    assert conditions_of(case, ref)["Ready"].items() >= READY.items()
    kept = {key: value for key, value in after["status"].items() if key != "conditions"}
    assert kept == {k: v for k, v in before["status"].items() if k != "conditions"}
    assert after["spec"] == before["spec"]


def test_condition_and_proof_go_in_one_write(case: Case, clock: FakeClock) -> None:
    ref = case.make_pod()
    pod = PodStatus(case.api, ref, clock=clock)
    assert pod.show([APPLIED]) is None
    assert ours(case, ref) == ("True", "Applied", "web: proven", NOW)
    assert read_annotations(case.admin.get(ref)) == {"surehup.dev/proven": "web=aaaaaaaaaaaa"}
    # One reads by an empty patch, one writes.
    assert patches(case) == 2


def test_before_the_first_proof_nothing_counts_as_proven(case: Case, clock: FakeClock) -> None:
    ref = case.make_pod()
    pod = PodStatus(case.api, ref, clock=clock)
    assert pod.nudge("b" * 12, 1) is None
    assert pod.show([FIRST]) is None
    assert ours(case, ref)[:2] == ("Unknown", "Pending")
    assert read_annotations(case.admin.get(ref)) == {"surehup.dev/nudge": "bbbbbbbbbbbb.1"}


def test_the_time_moves_with_the_status_alone(case: Case, clock: FakeClock) -> None:
    ref = case.make_pod()
    pod = PodStatus(case.api, ref, clock=clock)
    pod.show([APPLIED])
    clock.advance(60)
    pod.show([REJECTED])
    assert ours(case, ref) == ("True", "Rejected", "web: bad", NOW)
    pod.show([make(Status.FAILED, message="dead")])
    assert ours(case, ref) == ("False", "Failed", "web: dead", LATER)
    clock.advance(60)
    # An attempt on other content is no proof of any.
    pod.show([RELOADING])
    assert ours(case, ref) == ("False", "Failed", "web: dead", LATER)
    pod.show([APPLIED])
    assert ours(case, ref) == ("True", "Applied", "web: proven", "2025-11-24T16:02:00Z")


def test_a_good_edit_costs_one_write_and_none_while_nothing_changes(
    case: Case, clock: FakeClock
) -> None:
    ref = case.make_pod()
    pod = PodStatus(case.api, ref, clock=clock)
    pod.show([APPLIED])
    case.requests.clear()
    for status in (APPLIED, APPLIED, make(Status.PENDING), RELOADING, make(Status.ROLLING_OUT)):
        assert pod.show([status]) is None
    assert patches(case) == 0
    proven = make(Status.APPLIED, last_good=B, message="proven")
    pod.show([proven])
    pod.show([proven])
    assert patches(case) == 1
    assert read_annotations(case.admin.get(ref)) == {"surehup.dev/proven": "web=bbbbbbbbbbbb"}
    assert pod.show([]) is None
    assert patches(case) == 1


def test_the_worst_bridge_is_told_and_each_proof(case: Case, clock: FakeClock) -> None:
    ref = case.make_pod()
    pod = PodStatus(case.api, ref, clock=clock)
    certs = make(Status.FAILED, bridge="certs", last_good=None, message="no key")
    pod.show([APPLIED, certs])
    assert ours(case, ref) == ("False", "Failed", "certs: no key", NOW)
    pod.show([APPLIED, make(Status.APPLIED, bridge="certs", last_good=B, message="proven")])
    assert ours(case, ref)[:2] == ("True", "Applied")
    proven = read_annotations(case.admin.get(ref))["surehup.dev/proven"]
    assert proven == "web=aaaaaaaaaaaa certs=bbbbbbbbbbbb"


def test_a_restarted_sidecar_goes_on_where_the_pod_stands(case: Case, clock: FakeClock) -> None:
    ref = case.make_pod()
    PodStatus(case.api, ref, clock=clock).show([APPLIED])
    before = case.admin.get(ref)
    clock.advance(60)
    again = PodStatus(case.api, ref, clock=clock)
    again.show([make(Status.PENDING)])
    again.show([APPLIED])
    assert case.admin.get(ref) == before
    again.show([REJECTED])
    assert ours(case, ref)[3] == NOW


def test_what_was_proven_stays_until_there_is_another_proof(case: Case, clock: FakeClock) -> None:
    ref = case.make_pod()
    PodStatus(case.api, ref, clock=clock).show([APPLIED])
    PodStatus(case.api, ref, clock=clock).show([FIRST])
    assert ours(case, ref)[0] == "Unknown"
    assert read_annotations(case.admin.get(ref)) == {"surehup.dev/proven": "web=aaaaaaaaaaaa"}


def test_a_condition_of_the_sidecars_but_without_its_times_or_words_is_put_right(
    clock: FakeClock,
) -> None:
    case = make_fake()
    ref = case.make_pod()
    set_condition(case, ref, {"type": "surehup.dev/ConfigApplied", "status": "Perhaps"})
    pod = PodStatus(case.api, ref, clock=clock)
    pod.show([FIRST])
    pod.show([REJECTED])
    assert ours(case, ref) == ("True", "Rejected", "web: bad", NOW)


def test_without_the_right_it_is_tried_ever_more_rarely(case: Case, clock: FakeClock) -> None:
    ref = case.make_pod()
    pod = PodStatus(case.api, ref, clock=clock)
    case.deny("patch", POD_STATUS)
    told: list[str] = []

    def is_refused() -> bool:
        told.append(pod.nudge("b" * 12, len(told)) or "")
        return bool(told[-1])

    wait_until(is_refused, "the right to patch is gone")
    assert told[-1].startswith("the pod's status was not written: ")
    assert f"may not patch Pod {case.namespace}/web-0's status" in told[-1]
    assert 'rule apiGroups [""] resources [pods/status] verbs [patch]' in told[-1]
    case.requests.clear()
    for refusals in range(12):
        clock.advance(QUIET.delay_s(refusals) - 1)
        assert pod.show([APPLIED]) is None
        assert pod.nudge("b" * 12, 99) is None
        assert case.requests == {}
        clock.advance(2)
        assert pod.show([APPLIED]) == told[-1]
        assert case.requests == {"patch 403": 1}
        case.requests.clear()


def test_what_was_granted_later_is_used(clock: FakeClock) -> None:
    case = make_fake()
    assert isinstance(case.api, FakeApi)
    ref = case.make_pod()
    pod = PodStatus(case.api, ref, clock=clock)
    case.api.forbid("patch")
    assert pod.show([APPLIED])
    case.api.permit("patch")
    clock.advance(QUIET.first_s)
    assert pod.show([APPLIED]) is None
    assert ours(case, ref)[0] == "True"


@pytest.mark.parametrize("committed", [False, True])
def test_trouble_is_told_and_made_up_for(clock: FakeClock, *, committed: bool) -> None:
    case = make_fake()
    assert isinstance(case.api, FakeApi)
    ref = case.make_pod()
    pod = PodStatus(case.api, ref, clock=clock)
    pod.show([APPLIED])
    case.api.fail_next("patch", UnreachableError("no answer came"), committed=committed)
    clock.advance(60)
    failed = make(Status.FAILED, message="dead")
    assert pod.show([failed]) == "the pod's status was not written: no answer came"
    clock.advance(60)
    assert pod.show([failed]) is None
    since = LATER if committed else "2025-11-24T16:02:00Z"
    assert ours(case, ref) == ("False", "Failed", "web: dead", since)


def test_a_pod_that_is_not_there_is_told(case: Case, clock: FakeClock) -> None:
    ref = case.make_pod()
    pod = PodStatus(case.api, Ref(ref.resource, ref.namespace, "other"), clock=clock)
    trouble = pod.show([APPLIED])
    assert trouble is not None
    assert f"Pod {case.namespace}/other" in trouble


def test_names_of_bridges_and_messages_of_any_length_fit(case: Case, clock: FakeClock) -> None:
    ref = case.make_pod("p" * 253)
    long = make(Status.REJECTED, bridge="b" * 63, message="ü\udcff" * 5_000)
    statuses: list[BridgeStatus] = [
        long,
        *(make(Status.APPLIED, bridge=f"b{n}") for n in range(32)),
    ]
    assert PodStatus(case.api, ref, clock=clock).show(statuses) is None
    assert len(ours(case, ref)[2].encode()) <= 1_024


RUNNING = {"running": {"startedAt": EARLIER}}
OVER = {"terminated": {"exitCode": 2, "reason": "Error"}}
WAITING = {"waiting": {"reason": "CrashLoopBackOff"}}
CREATED = {"waiting": {"reason": "ContainerCreating"}}


def tell_containers(case: Case, ref: Ref, **containers: tuple[int, Json, Json]) -> None:
    """What the kubelet writes: of each container its restarts, its state and its last one."""
    statuses = [
        {
            "name": name,
            "restartCount": restarts,
            "state": state,
            "lastState": last,
            "image": "web:1",
            "imageID": "",
            "ready": False,
        }
        for name, (restarts, state, last) in containers.items()
    ]
    body = {"status": {"containerStatuses": statuses}}
    case.admin.patch(ref, body, subresource="status", strategic=True)


@pytest.mark.parametrize(
    ("told", "count", "last"),
    [
        ((0, CREATED, {}), 0, ""),
        ((0, RUNNING, {}), 0, ""),
        ((0, OVER, {}), 1, "exit code 2, Error"),
        ((0, WAITING, OVER), 1, "exit code 2, Error"),
        ((3, RUNNING, OVER), 3, "exit code 2, Error"),
        ((3, WAITING, OVER), 4, "exit code 2, Error"),
    ],
)
def test_the_ends_of_a_container_are_counted(
    case: Case, clock: FakeClock, told: tuple[int, Json, Json], count: int, last: str
) -> None:
    ref = case.make_pod()
    tell_containers(case, ref, web=told, surehup=(9, RUNNING, OVER))
    version = case.admin.get(ref)["metadata"]["resourceVersion"]
    pod = PodStatus(case.api, ref, clock=clock, own="surehup")
    assert pod.count_ends("") == pod.count_ends("web") == (Ends(count=count, last=last), "")
    assert case.admin.get(ref)["metadata"]["resourceVersion"] == version, "nothing is written"


def test_a_pod_that_tells_of_no_container_is_asked_again(case: Case, clock: FakeClock) -> None:
    pod = PodStatus(case.api, case.make_pod(), clock=clock)
    assert pod.count_ends("") == pod.count_ends("web") == (None, "")


@pytest.mark.parametrize("container", ["", "app"])
def test_of_several_containers_the_daemons_is_to_be_named(
    case: Case, clock: FakeClock, container: str
) -> None:
    ref = case.make_pod()
    tell_containers(case, ref, web=(0, RUNNING, {}), proxy=(0, RUNNING, {}))
    ends, message = PodStatus(case.api, ref, clock=clock).count_ends(container)
    assert ends is None
    assert message == (
        "whether its container ends again and again cannot be told: name one of proxy, web as"
        " target.container"
    )


def test_without_the_right_no_end_is_counted_and_what_to_grant_is_said(clock: FakeClock) -> None:
    case = make_fake()
    assert isinstance(case.api, FakeApi)
    ref = case.make_pod()
    tell_containers(case, ref, web=(2, RUNNING, OVER))
    pod = PodStatus(case.api, ref, clock=clock)
    case.api.forbid("patch")
    ends, message = pod.count_ends("")
    assert ends is None
    assert message.startswith("whether its container ends again and again cannot be told: ")
    assert "resources [pods/status] verbs [patch]" in message
    case.requests.clear()
    assert pod.count_ends("") == (None, message), "it is said for as long as nobody is asked"
    assert case.requests == {}
    case.api.permit("patch")
    clock.advance(QUIET.first_s)
    assert pod.count_ends("") == (Ends(count=2, last="exit code 2, Error"), "")


def test_an_answer_that_was_lost_is_asked_for_again(clock: FakeClock) -> None:
    case = make_fake()
    assert isinstance(case.api, FakeApi)
    ref = case.make_pod()
    tell_containers(case, ref, web=(1, RUNNING, OVER))
    pod = PodStatus(case.api, ref, clock=clock)
    case.api.fail_next("patch", UnreachableError("no answer came"))
    assert pod.count_ends("") == (None, "")
    assert pod.count_ends("") == (Ends(count=1, last="exit code 2, Error"), "")
