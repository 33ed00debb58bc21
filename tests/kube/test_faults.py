"""The watch on a real API server that crashes, hangs, forgets, forbids; and on other writers."""

from __future__ import annotations

import base64
import json
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from sidecar.clock import SystemClock
from sidecar.kube.access import in_cluster
from sidecar.kube.client import KubeClient
from sidecar.kube.errors import (
    ConflictError,
    ForbiddenError,
    InvalidError,
    NotFoundError,
    UnauthorizedError,
    UnreachableError,
)
from sidecar.kube.objects import find_editor, is_immutable, read_annotations, read_snapshot
from sidecar.kube.ports import CONFIG_MAPS, CONTROLLER_REVISIONS, Json, Ref
from sidecar.testing.kubelet import AtomicWriter
from sidecar.watch.mount import MountedFolder
from tests.apiserver.clients import make_pod_client
from tests.apiserver.server import CONFIG_MAP, ApiServer
from tests.kube.ear import QUICK, watching

DEADLINE_S = 4.0
"""Of calls: two tests wait for it."""
PROMPT_S = 3.0
"""Far below all waits of a watch, and enough for a machine with much to do."""
MANIFEST = "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}}}\ndata: {{a: {value!r}}}\n"


@dataclass
class Pod:
    """A namespace of the server with the ConfigMap, and the sidecar's client in it."""

    server: ApiServer
    namespace: str
    account: Path
    requests: Counter[str] = field(default_factory=Counter)
    client: KubeClient = field(init=False)

    def __post_init__(self) -> None:
        self.client = make_pod_client(
            self.server,
            self.namespace,
            self.account,
            on_request=lambda verb, code: self.requests.update([f"{verb} {code}"]),
            deadline_s=DEADLINE_S,
        )
        self.kubectl("create", "configmap", CONFIG_MAP, "--from-literal=a=1")

    @property
    def ref(self) -> Ref:
        return Ref(CONFIG_MAPS, self.namespace, CONFIG_MAP)

    def kubectl(self, *argv: str, stdin: str | None = None) -> str:
        return self.server.kubectl(*argv, namespace=self.namespace, stdin=stdin)

    def edit(self, value: str) -> None:
        self.kubectl("patch", "configmap", CONFIG_MAP, "-p", json.dumps({"data": {"a": value}}))

    def replace(self, value: str) -> None:
        manifest = MANIFEST.format(name=CONFIG_MAP, value=value)
        self.kubectl("replace", "-f-", stdin=manifest)


@pytest.fixture
def pod(api_server: ApiServer, tmp_path: Path) -> Iterator[Pod]:
    pod = Pod(api_server, api_server.make_namespace(), tmp_path / "account")
    yield pod
    pod.client.close()


def test_an_edit_is_seen_within_moments(pod: Pod) -> None:
    with watching(pod.client, pod.ref) as ear:
        ear.until_data({"a": "1"})
        ear.until_connected()
        pod.edit("2")
        ear.until_data({"a": "2"})
        assert pod.requests == {"list 200": 1, "watch 200": 1}


def test_an_open_watch_stops_at_once(pod: Pod) -> None:
    with watching(pod.client, pod.ref) as ear:
        ear.until_connected()
        started_s = time.monotonic()
    assert time.monotonic() - started_s < PROMPT_S


def test_a_crash_of_the_server_is_survived_and_no_edit_is_lost(pod: Pod) -> None:
    # As it starts it may forbid what its Roles allow: that must not cost the minute.
    with watching(pod.client, pod.ref, replace(QUICK, forbidden_s=60)) as ear:
        ear.until_connected()
        pod.server.api.kill()
        ear.until_cut()
        assert "not seen: the API server https://127.0.0.1:" in ear.told[-1]
        with pytest.raises(UnreachableError):
            pod.client.get(pod.ref)
        pod.server.api.start()
        pod.server.wait_ready()
        pod.edit("2")
        ear.until_data({"a": "2"})
        ear.until_connected()
    assert ear.connected == [True, False, True]


def test_a_server_that_hangs_is_found_out_by_its_silence(pod: Pod) -> None:
    with watching(pod.client, pod.ref, replace(QUICK, watch_s=1, jitter_s=0, grace_s=0.5)) as ear:
        ear.until_connected()
        pod.server.api.pause()
        try:
            ear.until_cut()
            with pytest.raises(UnreachableError, match=f"did not answer within {DEADLINE_S:g} s"):
                pod.client.get(pod.ref)
        finally:
            pod.server.api.resume()
        pod.server.wait_ready()
        pod.edit("2")
        ear.until_data({"a": "2"})
        ear.until_connected()


def test_a_storage_that_hangs_fails_calls_in_time_and_costs_the_watch_nothing(pod: Pod) -> None:
    with watching(pod.client, pod.ref) as ear:
        ear.until_connected()
        pod.server.etcd.pause()
        try:
            with pytest.raises(UnreachableError, match=f"did not answer within {DEADLINE_S:g} s"):
                pod.client.patch(pod.ref, {"metadata": {"annotations": {"a": "b"}}})
        finally:
            pod.server.etcd.resume()
        pod.server.wait_ready()
        pod.edit("2")
        ear.until_data({"a": "2"})
    assert ear.connected == [True]


def test_a_restart_makes_old_versions_unknown_and_the_object_is_listed_again(pod: Pod) -> None:
    with watching(pod.client, pod.ref) as ear:
        ear.until_connected()
        pod.server.restart()
        pod.edit("2")
        ear.until_data({"a": "2"})
        pod.edit("3")
        ear.until_data({"a": "3"})


def test_a_revoked_token_is_replaced_by_the_one_in_the_file(pod: Pod) -> None:
    """Deleting the account revokes its tokens; the kubelet would write a new one."""
    with watching(pod.client, pod.ref, replace(QUICK, watch_s=0.5, jitter_s=0)) as ear:
        ear.until_connected()
        account = json.loads(pod.kubectl("get", "serviceaccount", "surehup", "-o", "json"))
        pod.kubectl("delete", "serviceaccount", "surehup")
        # The server remembers a good token for 10 s, unless it is a new one.
        pod.server.restart()
        ear.until(lambda: "does not know who asks" in ear.told[-1])
        with pytest.raises(UnauthorizedError):
            pod.client.get(pod.ref)
        metadata = {"name": "surehup", "namespace": pod.namespace}
        pod.kubectl("create", "-f-", stdin=json.dumps(account | {"metadata": metadata}))
        (pod.account / "token").write_text(pod.server.mint_token(pod.namespace))
        ear.until_connected()
        pod.edit("2")
        ear.until_data({"a": "2"})


def test_an_expired_token_is_replaced_by_the_one_that_the_kubelet_writes(pod: Pod) -> None:
    path = pod.account / "token"
    minted = path.read_text()
    good, expired = (pod.server.renew(minted, ends_s=ends_s) for ends_s in (3600, -3600))
    path.write_text(expired)
    access = in_cluster(SystemClock(), pod.server.environ, str(pod.account))
    client = KubeClient(access, clock=SystemClock(), deadline_s=DEADLINE_S)
    with watching(client, pod.ref) as ear:
        ear.until_cut()
        assert "does not know who asks" in ear.told[-1]
        path.write_text(good)
        ear.until_connected()
    client.close()


def test_a_permission_that_is_taken_away_and_given_back(pod: Pod) -> None:
    with watching(pod.client, pod.ref, replace(QUICK, watch_s=0.3, jitter_s=0)) as ear:
        ear.until_connected()
        pod.kubectl("delete", "rolebinding", "surehup")
        ear.until_cut()
        assert "system:serviceaccount:" in ear.told[-1]
        assert f"resourceNames [{CONFIG_MAP}] verbs [" in ear.told[-1]
        argv = ("--role=surehup", f"--serviceaccount={pod.namespace}:surehup")
        pod.kubectl("create", "rolebinding", "surehup", *argv)
        ear.until_connected()


@pytest.mark.parametrize(
    ("verb", "attempt"),
    [
        ("delete", lambda pod: pod.client.delete(pod.ref)),
        (
            "create",
            lambda pod: pod.client.create(
                CONFIG_MAPS, pod.namespace, {"metadata": {"name": "new"}}
            ),
        ),
        ("list", lambda pod: pod.client.list(CONFIG_MAPS, pod.namespace)),
        ("get", lambda pod: pod.client.get(replace(pod.ref, name="other"))),
        ("patch", lambda pod: pod.client.patch(replace(pod.ref, name="other"), {})),
    ],
)
def test_the_shipped_role_allows_no_more_than_it_says(
    pod: Pod, verb: str, attempt: Callable[[Pod], object]
) -> None:
    with pytest.raises(ForbiddenError, match=rf"may not {verb} .* verbs \[{verb}\]"):
        attempt(pod)


def test_an_object_that_is_deleted_and_created_again_is_another_one(pod: Pod) -> None:
    with watching(pod.client, pod.ref) as ear:
        ear.until_data({"a": "1"})
        ear.until_connected()
        pod.kubectl("delete", "configmap", CONFIG_MAP)
        ear.until_data(None)
        with pytest.raises(NotFoundError):
            pod.client.patch(pod.ref, {"metadata": {"annotations": {"a": "b"}}})
        pod.kubectl("create", "configmap", CONFIG_MAP, "--from-literal=a=1")
        ear.until_data({"a": "1"})
    uids = [one["metadata"]["uid"] for one in ear.objects if one is not None]
    assert len(set(uids)) == 2


def test_an_immutable_object_changes_only_by_being_created_anew(pod: Pod) -> None:
    pod.kubectl("patch", "configmap", CONFIG_MAP, "-p", json.dumps({"immutable": True}))
    with watching(pod.client, pod.ref) as ear:
        ear.until_data({"a": "1"})
        ear.until_connected()
        assert is_immutable(ear.objects[-1] or {})
        with pytest.raises(InvalidError, match="immutable"):
            pod.client.patch(pod.ref, {"data": {"a": "2"}})
        pod.client.patch(pod.ref, {"metadata": {"annotations": {"surehup.dev/status": "Applied"}}})
        manifest = MANIFEST.format(name=CONFIG_MAP, value="2")
        pod.kubectl("replace", "--force", "-f-", stdin=manifest)
        ear.until_data({"a": "2"})
        assert read_annotations(ear.objects[-1] or {}) == {}
    uids = {one["metadata"]["uid"] for one in ear.objects if one is not None}
    assert len(uids) == 2


def test_kubectl_replace_takes_the_annotations_away_and_apply_does_not(pod: Pod) -> None:
    ours = {"surehup.dev/status": "Applied"}
    pod.client.patch(pod.ref, {"metadata": {"annotations": ours}})
    manifest = MANIFEST.format(name=CONFIG_MAP, value="2")
    pod.kubectl("apply", "--server-side", "--force-conflicts", "-f-", stdin=manifest)
    applied = pod.client.get(pod.ref)
    assert read_annotations(applied, "surehup.dev/") == ours
    editor = find_editor(applied)
    assert editor is not None
    assert editor.manager == "kubectl"
    with watching(pod.client, pod.ref) as ear:
        ear.until_connected()
        pod.replace("3")
        ear.until_data({"a": "3"})
        assert read_annotations(ear.objects[-1] or {}, "surehup.dev/") == {}


def test_a_verdict_never_lands_on_newer_content(pod: Pod) -> None:
    seen = pod.client.get(pod.ref)["metadata"]["resourceVersion"]
    pod.replace("2")
    body = {"metadata": {"annotations": {"surehup.dev/status": "Applied"}}}
    with pytest.raises(ConflictError):
        pod.client.patch(pod.ref, body, resource_version=seen)
    assert read_annotations(pod.client.get(pod.ref)) == {}


def test_the_digest_is_that_of_the_mount_also_of_one_mebibyte_and_of_no_text(
    pod: Pod, tmp_path: Path
) -> None:
    text, binary = "ü\r\n\t<&>" * 50_000, bytes(range(256)) * 2_000
    encoded = base64.b64encode(binary).decode()
    manifest: Json = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": CONFIG_MAP},
        "data": {"z.yml": text, "empty": ""},
        "binaryData": {"a_b-c.d": encoded},
    }
    pod.kubectl("replace", "-f-", stdin=json.dumps(manifest))
    found = pod.client.get(pod.ref)
    folder = tmp_path / "mount"
    folder.mkdir()
    AtomicWriter(folder).write({"z.yml": text.encode(), "empty": b"", "a_b-c.d": binary})
    assert read_snapshot(found) == MountedFolder(str(folder)).read().snapshot


def test_more_than_etcd_takes_is_invalid_and_not_an_outage(pod: Pod) -> None:
    """Half more than fits into a ConfigMap fits into a revision, not twice as much."""
    body = {"metadata": {"name": "r"}, "revision": 1, "data": {"x": "y" * (3 << 19)}}
    with pytest.raises(InvalidError, match="too large"):
        pod.client.create(CONTROLLER_REVISIONS, pod.namespace, body)


def test_a_revision_goes_with_its_config_map(pod: Pod) -> None:
    owner = pod.client.get(pod.ref)["metadata"]
    reference = {"apiVersion": "v1", "kind": "ConfigMap", "name": CONFIG_MAP, "uid": owner["uid"]}
    metadata = {"name": "r", "ownerReferences": [reference]}
    body = {"metadata": metadata, "revision": 1, "data": {"a": "1"}}
    pod.client.create(CONTROLLER_REVISIONS, pod.namespace, body)
    pod.server.controllers.start()
    try:
        pod.kubectl("delete", "configmap", CONFIG_MAP)
        _wait_gone(pod, Ref(CONTROLLER_REVISIONS, pod.namespace, "r"))
    finally:
        pod.server.controllers.stop()


def _wait_gone(pod: Pod, ref: Ref, within_s: float = 60.0) -> None:
    deadline_s = time.monotonic() + within_s
    while time.monotonic() < deadline_s:
        try:
            pod.client.get(ref)
        except NotFoundError:
            return
        time.sleep(0.1)
    pytest.fail(f"{ref} is still there: {pod.server.controllers.log}")
