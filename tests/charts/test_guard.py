from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from sidecar.clock import SystemClock
from sidecar.core.attempt import BridgeStatus, Status
from sidecar.core.snapshot import Snapshot
from sidecar.kube.access import in_cluster
from sidecar.kube.client import KubeClient
from sidecar.kube.errors import ApiError
from sidecar.kube.objects import read_annotations, read_snapshot
from sidecar.kube.ports import CONFIG_MAPS, CONTROLLER_REVISIONS, PODS, Json, Ref
from sidecar.record.annotations import WRITABLE, AnnotationWriter
from sidecar.record.pod import PodStatus
from sidecar.record.revisions import Revisions
from tests.apiserver.server import ACCOUNT, CONFIG_MAP, ApiServer
from tests.charts.helm import Helm, Object, pick
from tests.charts.pods import IN_FORCE_TIMEOUT_S, POLL_S, make_pod

CLOCK = SystemClock()
REFUSED = "surehup's guard"


@dataclass(frozen=True, slots=True)
class Guarded:
    """A namespace with a guard over the account of the pods app-0 and app-1."""

    server: ApiServer
    namespace: str
    client: KubeClient
    """As the sidecar of app-0 has it."""

    @property
    def ref(self) -> Ref:
        return Ref(CONFIG_MAPS, self.namespace, CONFIG_MAP)

    def pod(self, name: str) -> Ref:
        return Ref(PODS, self.namespace, name)

    def write_status(self, name: str, body: Json) -> Json:
        return self.client.patch(self.pod(name), body, subresource="status", strategic=True)

    def refuse(self, ref: Ref, body: Json, **how: object) -> str:
        """Why the sidecar's patch was refused."""
        with pytest.raises(ApiError) as caught:
            self.client.patch(ref, body, **how)  # type: ignore[arg-type]
        return caught.value.message


def render_guard(helm: Helm, namespace: str, **guard: object) -> list[Object]:
    access = [{"namespace": namespace, "serviceAccount": ACCOUNT, "configMaps": [CONFIG_MAP]}]
    off = {name: {"enabled": False} for name in ("inject", "warn", "pending")}
    return helm.render("surehup-injector", {"access": access, "guard": guard, **off})


@pytest.fixture(scope="module")
def guarded(
    api_server: ApiServer, helm: Helm, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Guarded]:
    namespace = api_server.make_namespace()
    api_server.kubectl(
        *("create", "configmap", CONFIG_MAP, "--from-literal=app.yml=a: 1"), namespace=namespace
    )
    for name in ("app-0", "app-1"):
        text = json.dumps(make_pod(name))
        api_server.kubectl("create", "-f", "-", namespace=namespace, stdin=text)
    objects = yaml.safe_dump_all(render_guard(helm, namespace))
    api_server.kubectl("apply", "-f", "-", namespace=namespace, stdin=objects)
    folder = tmp_path_factory.mktemp("account")
    client = make_bound_client(api_server, namespace, folder)
    made = Guarded(api_server, namespace, client)
    wait_in_force(made)
    yield made
    client.close()
    api_server.kubectl("delete", "-f", "-", namespace=namespace, stdin=objects)


def make_bound_client(server: ApiServer, namespace: str, folder: Path) -> KubeClient:
    bound = ("--bound-object-kind=Pod", "--bound-object-name=app-0")
    token = server.kubectl("create", "token", ACCOUNT, *bound, namespace=namespace).strip()
    server.write_account(folder, token)
    return KubeClient(in_cluster(CLOCK, server.environ, str(folder)), clock=CLOCK)


def wait_in_force(guarded: Guarded) -> None:
    deadline_s = time.monotonic() + IN_FORCE_TIMEOUT_S
    while True:
        try:
            guarded.client.patch(
                guarded.ref, {"metadata": {"labels": {"probe": str(CLOCK.wall())}}}
            )
        except ApiError as error:
            if REFUSED in error.message:
                return
        assert time.monotonic() < deadline_s, "the guard did not come into force"
        time.sleep(POLL_S)


def test_annotations_are_written(guarded: Guarded) -> None:
    version = guarded.client.get(guarded.ref)["metadata"]["resourceVersion"]
    writer = AnnotationWriter(guarded.client, guarded.ref, clock=CLOCK)

    written = writer.write(dict.fromkeys(sorted(WRITABLE), "1"), version=version)

    assert {f"surehup.dev/{key}" for key in WRITABLE} < read_annotations(written).keys()


def test_annotations_of_a_group_are_written(guarded: Guarded) -> None:
    version = guarded.client.get(guarded.ref)["metadata"]["resourceVersion"]
    writer = AnnotationWriter(guarded.client, guarded.ref, clock=CLOCK, group="blue")

    assert writer.write({"status": "Applied"}, version=version)


FOREIGN = {
    "data": {"data": {"app.yml": "evil: 1"}},
    "binary data": {"binaryData": {"x": "eA=="}},
    "immutable": {"immutable": True},
    "label": {"metadata": {"labels": {"a": "b"}}},
    "finalizer": {"metadata": {"finalizers": ["example.com/x"]}},
    "owner": {
        "metadata": {
            "ownerReferences": [
                {"apiVersion": "v1", "kind": "Pod", "name": "app-0", "uid": "1-2-3"},
            ]
        }
    },
    "annotation": {"metadata": {"annotations": {"argocd.argoproj.io/hook": "x"}}},
    "a key of the user": {"metadata": {"annotations": {"surehup.dev/desired": "x"}}},
    "a domain that looks alike": {"metadata": {"annotations": {"notsurehup.dev/status": "x"}}},
}


@pytest.mark.parametrize("body", FOREIGN.values(), ids=FOREIGN)
def test_nothing_else_is_written_on_the_object(guarded: Guarded, body: Json) -> None:
    assert REFUSED in guarded.refuse(guarded.ref, body)


def test_an_annotation_of_others_is_not_removed(guarded: Guarded) -> None:
    guarded.server.kubectl(
        *("annotate", "configmap", CONFIG_MAP, "owner=team"), namespace=guarded.namespace
    )

    told = guarded.refuse(guarded.ref, {"metadata": {"annotations": {"owner": None}}})

    assert "not owner" in told


def test_the_own_pods_condition_and_nudge_are_written(guarded: Guarded) -> None:
    status = PodStatus(guarded.client, guarded.pod("app-0"), clock=CLOCK)

    assert status.nudge("0123456789ab", 1) is None
    applied = BridgeStatus(bridge="app", status=Status.APPLIED, observed="0" * 64, proven=True)
    assert status.show([applied]) is None

    shown = guarded.server.kubectl("get", "pod", "app-0", "-ojson", namespace=guarded.namespace)
    conditions = json.loads(shown)["status"]["conditions"]
    assert "surehup.dev/ConfigApplied" in {one["type"] for one in conditions}


def test_another_pods_status_is_not_written(guarded: Guarded) -> None:
    status = PodStatus(guarded.client, guarded.pod("app-1"), clock=CLOCK)

    told = status.nudge("0123456789ab", 1)

    assert told is not None
    assert "its own pod (app-0), not of app-1" in told


def test_a_token_of_no_pod_writes_no_status(guarded: Guarded, tmp_path: Path) -> None:
    guarded.server.write_account(tmp_path, guarded.server.mint_token(guarded.namespace))
    access = in_cluster(CLOCK, guarded.server.environ, str(tmp_path))
    client = KubeClient(access, clock=CLOCK)

    told = PodStatus(client, guarded.pod("app-0"), clock=CLOCK).nudge("0123456789ab", 1)
    client.close()

    assert told is not None
    assert REFUSED in told


READY = {"type": "Ready", "status": "True", "lastTransitionTime": "2026-01-01T00:00:00Z"}
FORGED = {
    "ready": {"status": {"conditions": [READY]}},
    "address": {"status": {"podIP": "10.0.0.1", "podIPs": [{"ip": "10.0.0.1"}]}},
    "phase": {"status": {"phase": "Succeeded"}},
    "label": {"metadata": {"labels": {"app": "other"}}},
    "annotation": {"metadata": {"annotations": {"example.com/x": "y"}}},
}


@pytest.mark.parametrize("body", FORGED.values(), ids=FORGED)
def test_nothing_else_is_written_on_the_own_pod(guarded: Guarded, body: Json) -> None:
    told = guarded.refuse(guarded.pod("app-0"), body, subresource="status", strategic=True)

    assert REFUSED in told


def test_history_is_kept_and_pruned(guarded: Guarded) -> None:
    owner = guarded.client.get(guarded.ref)
    revisions = Revisions(guarded.client, keep=1)

    assert revisions.keep(owner, read_snapshot(owner), "Applied by app-0") == 1
    assert revisions.keep(owner, Snapshot.of({"app.yml": b"a: 3"}), "Applied by app-0") == 2
    assert revisions.prune(owner) == 1


def test_revisions_of_workloads_are_not_touched(guarded: Guarded) -> None:
    owner = {"apiVersion": "apps/v1", "kind": "StatefulSet", "name": "db", "uid": "1-2-3"}
    foreign: Json = {
        "apiVersion": "apps/v1",
        "kind": "ControllerRevision",
        "metadata": {"name": "db-1", "ownerReferences": [owner]},
        "data": {},
        "revision": 1,
    }
    guarded.server.kubectl(
        "create", "-f", "-", namespace=guarded.namespace, stdin=json.dumps(foreign)
    )
    ref = Ref(CONTROLLER_REVISIONS, guarded.namespace, "db-1")

    with pytest.raises(ApiError, match=REFUSED):
        guarded.client.delete(ref)
    assert REFUSED in guarded.refuse(ref, {"revision": 2})
    foreign["metadata"]["name"] = "db-2"
    with pytest.raises(ApiError, match=REFUSED):
        guarded.client.create(CONTROLLER_REVISIONS, guarded.namespace, foreign)


def test_other_accounts_are_not_guarded(guarded: Guarded) -> None:
    guarded.server.kubectl(
        *("patch", "configmap", CONFIG_MAP, '--patch={"data": {"app.yml": "a: 2"}}'),
        namespace=guarded.namespace,
    )


def test_data_may_be_written_where_the_guard_allows(helm: Helm) -> None:
    allowing = pick(render_guard(helm, "x", allowData=True), "ValidatingAdmissionPolicy")
    strict = pick(render_guard(helm, "x"), "ValidatingAdmissionPolicy")

    assert "object.?data" in str(strict)
    assert "object.?data" not in str(allowing)
    assert len(strict["spec"]["validations"]) == len(allowing["spec"]["validations"]) + 1
