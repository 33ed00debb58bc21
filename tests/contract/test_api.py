"""What every `kube.ports.Api` keeps: the real client on a real API server, and the fake."""

from __future__ import annotations

import base64
import itertools
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from sidecar.clock import SystemClock
from sidecar.kube.errors import (
    AlreadyExistsError,
    ApiError,
    ConflictError,
    ForbiddenError,
    GoneError,
    InvalidError,
    NotFoundError,
)
from sidecar.kube.objects import find_editor, list_managers, read_annotations, read_files
from sidecar.kube.ports import (
    CONFIG_MAPS,
    CONTROLLER_REVISIONS,
    EVENTS,
    FIELD_MANAGER,
    PODS,
    SECRETS,
    Api,
    Changes,
    Json,
    Ref,
    Resource,
)
from sidecar.testing.apiserver import FakeApi
from tests.apiserver.clients import make_admin_client, make_pod_client
from tests.apiserver.server import CONFIG_MAP, ApiServer

DATA = {"a.yml": "one", "b": ""}
BINARY = {"c": base64.b64encode(b"\0\xff").decode()}
OWNER = {"apiVersion": "v1", "kind": "ConfigMap", "name": "c", "uid": "u", "controller": True}
REVISION = f"{CONFIG_MAP}-0123456789"
OURS = "surehup.dev/ConfigApplied"
_FOLDERS = itertools.count()


@dataclass(frozen=True)
class Case:
    """A cluster: `api` is the sidecar's client, `admin` one that may do all.

    `edit(data)` is another writer, with the field manager `editor`. `forbid(verb)`
    changes what the sidecar may do with ConfigMaps. `forget()` ends the history of versions.
    `watch_s` is the shortest watch that shows a bookmark: the server sends it 2 s before the end.
    """

    api: Api
    admin: Api
    namespace: str
    edit: Callable[[dict[str, str]], object]
    forbid: Callable[[str], object]
    forget: Callable[[], object]
    watch_s: float

    @property
    def ref(self) -> Ref:
        return Ref(CONFIG_MAPS, self.namespace, CONFIG_MAP)

    def make(self, **fields: Any) -> Json:  # noqa: ANN401  any field of an object
        content = {"data": DATA, "binaryData": BINARY, **fields}
        body = {"metadata": {"name": CONFIG_MAP}, **content}
        return self.admin.create(CONFIG_MAPS, self.namespace, body)

    def watch(self, version: str, *, timeout_s: float = 5.0) -> Changes:
        return self.api.watch(
            CONFIG_MAPS,
            self.namespace,
            name=CONFIG_MAP,
            resource_version=version,
            timeout_s=timeout_s,
            grace_s=2.0,
        )


def _real(server: ApiServer, folder: Path) -> Case:
    namespace = server.make_namespace(pod_status=True)

    def edit(data: dict[str, str]) -> None:
        lines = [f"{key}: {value!r}" for key, value in data.items()]
        manifest = f"apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {CONFIG_MAP}}}\ndata:\n  "
        argv = ("apply", "--server-side", "--force-conflicts", "--field-manager=editor", "-f-")
        server.kubectl(*argv, namespace=namespace, stdin=manifest + "\n  ".join(lines))

    def forbid(verb: str) -> None:
        verbs = [known for known in ("get", "list", "watch", "patch") if known != verb]
        rule = {"apiGroups": [""], "resources": ["configmaps"], "verbs": verbs}
        role = Resource("rbac.authorization.k8s.io", "v1", "roles", "Role")
        admin.patch(Ref(role, namespace, "surehup"), {"rules": [rule]})

    admin = make_admin_client(server)
    client = make_pod_client(server, namespace, folder)
    # Its caches begin at the version at which it starts.
    return Case(client, admin, namespace, edit, forbid, server.restart, watch_s=4)


def _fake() -> Case:
    api = FakeApi(clock=SystemClock())
    editor = api.make_other("editor")

    def edit(data: dict[str, str]) -> None:
        editor.patch(Ref(CONFIG_MAPS, "default", CONFIG_MAP), {"data": data})

    return Case(
        api,
        api.make_other(FIELD_MANAGER),
        "default",
        edit,
        api.forbid,
        api.forget_history,
        watch_s=0.5,
    )


@pytest.fixture(params=[pytest.param("real", marks=pytest.mark.apiserver), "fake"])
def case(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Case]:
    if request.param == "fake":
        yield _fake()
        return
    case = _real(request.getfixturevalue("api_server"), tmp_path / f"account-{next(_FOLDERS)}")
    yield case
    for client in (case.api, case.admin):
        client.close()  # type: ignore[attr-defined]  # the real ones


def refuse(expected: type[ApiError], attempt: Callable[[], object]) -> str:
    """Attempt it, expect this very error and return its sentence."""
    with pytest.raises(expected) as raised:
        attempt()
    assert type(raised.value) is expected
    assert "\n" not in raised.value.message
    return raised.value.message


# --- reading and writing


def test_what_was_created_is_read_back(case: Case) -> None:
    created = case.make(metadata={"name": CONFIG_MAP, "labels": {"a": "b"}})
    found = case.api.get(case.ref)
    assert found == created
    assert found["kind"] == "ConfigMap"
    assert found["apiVersion"] == "v1"
    assert found["metadata"]["uid"]
    assert found["metadata"]["resourceVersion"]
    assert read_files(found) == {"a.yml": b"one", "b": b"", "c": b"\0\xff"}


def test_what_is_not_there_is_not_found(case: Case) -> None:
    for attempt in (
        lambda: case.api.get(case.ref),
        lambda: case.api.patch(case.ref, {"metadata": {"annotations": {"a": "b"}}}),
        lambda: case.admin.delete(case.ref),
    ):
        assert refuse(NotFoundError, attempt).startswith(f"ConfigMap {case.namespace}/{CONFIG_MAP}")
    # A patch never creates.
    assert case.api.list(CONFIG_MAPS, case.namespace, name=CONFIG_MAP)["items"] == []


def test_a_name_is_given_once(case: Case) -> None:
    case.make()
    refuse(AlreadyExistsError, case.make)


def test_a_merge_patch_sets_and_removes_keys_and_leaves_the_rest(case: Case) -> None:
    case.make(metadata={"name": CONFIG_MAP, "annotations": {"theirs": "1", "old": "2"}})
    patched = case.api.patch(case.ref, {"metadata": {"annotations": {"old": None, "ours": "3"}}})
    assert read_annotations(patched) == {"theirs": "1", "ours": "3"}
    assert patched["data"] == DATA
    assert case.api.get(case.ref) == patched


def test_a_patch_that_changes_nothing_moves_no_version(case: Case) -> None:
    case.make()
    first = case.api.patch(case.ref, {"metadata": {"annotations": {"a": "b"}}})
    second = case.api.patch(case.ref, {"metadata": {"annotations": {"a": "b"}}})
    assert second["metadata"]["resourceVersion"] == first["metadata"]["resourceVersion"]


def test_a_patch_of_a_version_that_was_edited_since_is_a_conflict(case: Case) -> None:
    seen = case.make()["metadata"]["resourceVersion"]
    case.edit({"a.yml": "two"})
    body = {"metadata": {"annotations": {"a": "b"}}}
    refuse(ConflictError, lambda: case.api.patch(case.ref, body, resource_version=seen))
    now = case.api.get(case.ref)
    assert read_annotations(now) == {}
    assert now["data"]["a.yml"] == "two"
    newest = now["metadata"]["resourceVersion"]
    assert read_annotations(case.api.patch(case.ref, body, resource_version=newest)) == {"a": "b"}
    # The version is written into the call, not into the caller's body.
    assert body == {"metadata": {"annotations": {"a": "b"}}}


def test_the_editor_is_who_changed_content_and_not_who_annotated(case: Case) -> None:
    case.make()
    case.edit({"a.yml": "two", "b": ""})
    patched = case.api.patch(case.ref, {"metadata": {"annotations": {"a": "b"}}})
    assert "editor" in list_managers(patched)
    editor = find_editor(patched)
    assert editor is not None
    assert editor.manager == "editor"
    assert editor.time.endswith("Z")
    managers = {entry["manager"] for entry in patched["metadata"]["managedFields"]}
    assert {"editor", "surehup"} <= managers


def test_an_immutable_map_may_be_annotated_only(case: Case) -> None:
    case.make(immutable=True)
    refuse(InvalidError, lambda: case.api.patch(case.ref, {"data": {"a.yml": "two"}}))
    patched = case.api.patch(case.ref, {"metadata": {"annotations": {"a": "b"}}})
    assert read_annotations(patched) == {"a": "b"}


@pytest.mark.parametrize(
    "content",
    [
        {"binaryData": {"c": "no base64!"}},
        {"data": {"c": "twice"}},
        {"data": {"big": "x" * (1 << 20)}},
        {"data": {"a/b": ""}},
        {"data": {"..a": ""}},
    ],
    ids=["no base64", "key twice", "over 1 MiB", "key with a slash", "key with two dots"],
)
def test_invalid_content_is_refused(case: Case, content: Json) -> None:
    case.make()
    refuse(InvalidError, lambda: case.api.patch(case.ref, content))
    assert case.api.get(case.ref)["data"] == DATA


def test_a_map_may_hold_one_mebibyte(case: Case) -> None:
    big = "ü<\u2028\0" * ((1 << 20) // 7)
    case.make(data={"big": big, "b": ""}, binaryData={})
    assert read_files(case.api.get(case.ref))["big"] == big.encode()


def test_only_the_very_object_is_deleted(case: Case) -> None:
    case.make()
    other = "00000000-0000-4000-8000-999999999999"
    refuse(ConflictError, lambda: case.admin.delete(case.ref, uid=other))
    uid = case.api.get(case.ref)["metadata"]["uid"]
    case.admin.delete(case.ref, uid=uid)
    refuse(NotFoundError, lambda: case.api.get(case.ref))
    assert case.make()["metadata"]["uid"] != uid


def test_versions_count_on_from_what_was_deleted_to_what_takes_its_place(case: Case) -> None:
    case.make()
    last = case.api.patch(case.ref, {"metadata": {"annotations": {"a": "b"}}})
    case.admin.delete(case.ref)
    assert int(_version(case.make())) > int(_version(last))


# --- the sidecar's other objects


def _make_revision(owner: Json, **changes: Any) -> Json:  # noqa: ANN401  any field of an object
    reference = {"apiVersion": "v1", "kind": "ConfigMap", "name": CONFIG_MAP, "controller": True}
    return {
        "metadata": {
            "name": REVISION,
            "labels": {"surehup.dev/configmap": CONFIG_MAP},
            "ownerReferences": [{**reference, "uid": owner["metadata"]["uid"]}],
        },
        "revision": 1,
        "data": {"files": {"b": "<\u2028>", "a.yml": "& ü"}},
        **changes,
    }


def test_revisions_are_made_once_counted_up_and_deleted(case: Case) -> None:
    body = _make_revision(case.make())
    created = case.api.create(CONTROLLER_REVISIONS, case.namespace, body)
    assert created["metadata"]["ownerReferences"] == body["metadata"]["ownerReferences"]
    refuse(AlreadyExistsError, lambda: case.api.create(CONTROLLER_REVISIONS, case.namespace, body))
    ref = Ref(CONTROLLER_REVISIONS, case.namespace, REVISION)
    assert case.api.patch(ref, {"revision": 3})["revision"] == 3
    refuse(InvalidError, lambda: case.api.patch(ref, {"data": {"files": {"a.yml": "two"}}}))
    mine = f"surehup.dev/configmap={CONFIG_MAP}"
    (found,) = case.api.list(CONTROLLER_REVISIONS, case.namespace, labels=mine)["items"]
    assert found["kind"] == "ControllerRevision"
    assert found["apiVersion"] == "apps/v1"
    assert found["data"] == body["data"]
    other = "surehup.dev/configmap=other"
    assert case.api.list(CONTROLLER_REVISIONS, case.namespace, labels=other)["items"] == []
    case.api.delete(ref)
    refuse(NotFoundError, lambda: case.api.get(ref))


@pytest.mark.parametrize(
    "changes",
    [
        {"data": None},
        {"revision": -1},
        {"metadata": {"name": "Upper_case"}},
        {"metadata": {"name": "r" * 254}},
        {"metadata": {"name": REVISION, "labels": {"a": "x" * 64}}},
        {"metadata": {"name": REVISION, "labels": {"a": "sha256:0123"}}},
        {"metadata": {"name": REVISION, "labels": {"a b": "c"}}},
        {"metadata": {"name": REVISION, "annotations": {"a b": "c"}}},
        {"metadata": {"name": REVISION, "annotations": {"a": "x" * (1 << 18)}}},
        {"metadata": {"name": REVISION, "ownerReferences": [{**OWNER, "uid": ""}]}},
        {
            "metadata": {
                "name": REVISION,
                "ownerReferences": [OWNER, {**OWNER, "uid": "other"}],
            }
        },
    ],
    ids=[
        *("no data", "revision below 0", "bad name", "long name", "long label", "bad label"),
        *("bad label key", "bad annotation key", "annotations over 256 KiB", "owner without uid"),
        "two controllers",
    ],
)
def test_a_revision_that_breaks_a_rule_is_refused(case: Case, changes: Json) -> None:
    body = _make_revision(case.make(), **changes)
    refuse(InvalidError, lambda: case.api.create(CONTROLLER_REVISIONS, case.namespace, body))
    assert case.api.list(CONTROLLER_REVISIONS, case.namespace)["items"] == []


def test_annotations_may_hold_256_kibibytes(case: Case) -> None:
    metadata = {"name": REVISION, "annotations": {"a": "x" * ((1 << 18) - 1)}}
    body = _make_revision(case.make(), metadata=metadata)
    case.api.create(CONTROLLER_REVISIONS, case.namespace, body)


def _make_event(case: Case, **changes: object) -> Json:
    return {
        "metadata": {"name": f"{CONFIG_MAP}.17f0"},
        "eventTime": "2026-01-01T00:00:00.000000Z",
        "reportingController": "surehup.dev/sidecar",
        "reportingInstance": "web-0",
        "action": "Reload",
        "reason": "ConfigApplied",
        "type": "Normal",
        "note": "5/5 proven",
        "regarding": {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "namespace": case.namespace,
            "name": CONFIG_MAP,
        },
        **changes,
    }


def test_an_event_is_created_once(case: Case) -> None:
    body = _make_event(case, note="x" * 1024)
    created = case.api.create(EVENTS, case.namespace, body)
    assert created.items() >= {key: body[key] for key in body if key != "metadata"}.items()
    refuse(AlreadyExistsError, lambda: case.api.create(EVENTS, case.namespace, body))


@pytest.mark.parametrize(
    "changes",
    [
        {"note": "x" * 1025},
        {"note": "ü" * 513},
        {"reason": ""},
        {"reason": "x" * 129},
        {"action": ""},
        {"action": "x" * 129},
        {"reportingInstance": ""},
        {"reportingInstance": "x" * 129},
        {"reportingController": "no name"},
        {"eventTime": None},
        {"type": "Odd"},
    ],
    ids=lambda changes: "-".join(f"{key} {str(value)[:7]}" for key, value in changes.items()),
)
def test_an_event_that_breaks_a_rule_is_refused(case: Case, changes: Json) -> None:
    body = _make_event(case, **changes)
    refuse(InvalidError, lambda: case.api.create(EVENTS, case.namespace, body))


def test_a_strategic_patch_of_a_pods_status_keeps_the_kubelets_conditions(case: Case) -> None:
    pod = {
        "metadata": {"name": "web-0"},
        "spec": {
            "serviceAccountName": "surehup",
            "containers": [{"name": "web", "image": "registry.invalid/web:1"}],
        },
    }
    case.admin.create(PODS, case.namespace, pod)
    ref = Ref(PODS, case.namespace, "web-0")
    ready = {"type": "Ready", "status": "True", "lastTransitionTime": "2026-01-01T00:00:00Z"}
    ours = {"type": OURS, "status": "True", "lastTransitionTime": "2026-01-02T00:00:00Z"}

    def patch(api: Api, condition: Json, **metadata: object) -> Json:
        body = {"metadata": metadata, "status": {"conditions": [condition]}}
        return api.patch(ref, body, subresource="status", strategic=True)

    patch(case.admin, ready)
    patched = patch(case.api, ours, annotations={"surehup.dev/nudge": "b12.1"})
    assert read_annotations(patched, "surehup.dev/") == {"surehup.dev/nudge": "b12.1"}
    assert _read_conditions(patched) == {"Ready": ready, OURS: ours}
    # What is not written stays, also within the condition itself.
    patched = patch(case.api, {"type": OURS, "status": "False"})
    assert _read_conditions(patched) == {"Ready": ready, OURS: {**ours, "status": "False"}}


def _read_conditions(pod: Json) -> dict[str, Json]:
    fields = ("type", "status", "lastTransitionTime")
    return {
        entry["type"]: {field: entry[field] for field in fields}
        for entry in pod["status"]["conditions"]
    }


def test_a_list_may_be_of_metadata_only(case: Case) -> None:
    made = case.make(metadata={"name": CONFIG_MAP, "annotations": {"a": "b"}})
    whole = case.api.list(CONFIG_MAPS, case.namespace, name=CONFIG_MAP, metadata_only=True)
    assert whole["metadata"]["resourceVersion"]
    (item,) = whole["items"]
    assert item["metadata"] == made["metadata"]
    assert item.keys() == {"kind", "apiVersion", "metadata"}
    assert item["kind"] == "PartialObjectMetadata"


# --- permissions


def test_a_list_or_watch_of_one_name_finds_no_other(case: Case) -> None:
    case.admin.create(CONFIG_MAPS, case.namespace, {"metadata": {"name": "other"}})
    found = case.api.list(CONFIG_MAPS, case.namespace, name=CONFIG_MAP)
    assert found["items"] == []
    changes = case.watch(found["metadata"]["resourceVersion"], timeout_s=2)
    case.admin.create(CONFIG_MAPS, case.namespace, {"metadata": {"name": "another"}})
    case.make()
    event = next(iter(changes))
    changes.close()
    assert event["type"] == "ADDED"
    assert event["object"]["metadata"]["name"] == CONFIG_MAP


@pytest.mark.parametrize("verb", ["get", "list", "watch", "patch"])
def test_a_missing_permission_is_told_with_the_rule_to_add(case: Case, verb: str) -> None:
    version = case.make()["metadata"]["resourceVersion"]
    attempts: dict[str, Callable[[], object]] = {
        "get": lambda: case.api.get(case.ref),
        "list": lambda: case.api.list(CONFIG_MAPS, case.namespace, name=CONFIG_MAP),
        "watch": lambda: case.watch(version, timeout_s=1).close(),
        "patch": lambda: case.api.patch(case.ref, {"metadata": {"annotations": {"a": "b"}}}),
    }
    attempts[verb]()
    case.forbid(verb)
    with pytest.raises(ForbiddenError) as raised:
        _until_refused(attempts[verb])
    rule = f'apiGroups [""] resources [configmaps] resourceNames [{CONFIG_MAP}] verbs [{verb}]'
    assert raised.value.rule == rule
    assert rule in raised.value.message
    assert f"may not {verb} ConfigMap {case.namespace}/{CONFIG_MAP}" in raised.value.message


def _until_refused(attempt: Callable[[], object], within_s: float = 10.0) -> None:
    """The server takes a moment to see a changed Role."""
    deadline_s = time.monotonic() + within_s
    while time.monotonic() < deadline_s:
        attempt()
    pytest.fail("it is still permitted")


# --- watching


def test_a_watch_tells_what_happens_after_its_version(case: Case) -> None:
    created = case.make()
    changes = case.watch(created["metadata"]["resourceVersion"])
    events = iter(changes)
    case.edit({"a.yml": "two", "b": ""})
    edited = next(events)
    assert edited["type"] == "MODIFIED"
    assert edited["object"] == case.api.get(case.ref)
    case.admin.delete(case.ref)
    deleted = next(events)
    assert deleted["type"] == "DELETED"
    again = case.make()
    added = next(events)
    changes.close()
    assert added["type"] == "ADDED"
    assert added["object"] == again
    versions = [event["object"]["metadata"]["resourceVersion"] for event in (edited, deleted)]
    assert len(set(versions)) == 2


def test_a_watch_ends_by_itself_and_shows_before_how_far_it_has_come(case: Case) -> None:
    changes = case.watch(case.make()["metadata"]["resourceVersion"], timeout_s=case.watch_s)
    other = case.admin.create(CONFIG_MAPS, case.namespace, {"metadata": {"name": "other"}})
    events = list(changes)
    assert {event["type"] for event in events} == {"BOOKMARK"}
    assert events[-1]["object"]["metadata"]["resourceVersion"] == _version(other)


def _version(content: Json) -> str:
    return str(content["metadata"]["resourceVersion"])


def test_a_watch_from_a_version_no_longer_kept_is_gone(case: Case) -> None:
    version = case.make()["metadata"]["resourceVersion"]
    case.edit({"a.yml": "two"})
    case.forget()
    refuse(GoneError, lambda: list(case.watch(version, timeout_s=2)))
    newest = case.api.list(CONFIG_MAPS, case.namespace, name=CONFIG_MAP)["metadata"]
    list(case.watch(newest["resourceVersion"], timeout_s=1))


def test_a_closed_watch_ends_without_an_error(case: Case) -> None:
    changes = case.watch(case.make()["metadata"]["resourceVersion"])
    changes.close()
    assert list(changes) == []


def test_a_secret_is_an_object_like_any_other(case: Case) -> None:
    body = {"metadata": {"name": "token"}, "data": {"a": base64.b64encode(b"x").decode()}}
    secret = case.admin.create(SECRETS, case.namespace, body)
    assert read_files(secret) == {"a": b"x"}
    (listed,) = case.admin.list(SECRETS, case.namespace, name="token")["items"]
    assert read_files(listed) == {"a": b"x"}
    ref = Ref(SECRETS, case.namespace, "token")
    seen = _version(secret)
    change = {"data": {"a": None, "b": base64.b64encode(b"\0y").decode()}}
    assert read_files(case.admin.patch(ref, change, resource_version=seen)) == {"b": b"\0y"}
    mark = {"metadata": {"annotations": {"surehup.dev/status": "Applied"}}}
    refuse(ConflictError, lambda: case.admin.patch(ref, mark, resource_version=seen))
    marked = case.admin.patch(ref, mark)
    assert read_annotations(marked) == {"surehup.dev/status": "Applied"}
    assert read_files(marked) == {"b": b"\0y"}


def test_no_namespace_is_all_of_them(case: Case) -> None:
    uid = case.make()["metadata"]["uid"]
    found = case.admin.list(CONFIG_MAPS, "", name=CONFIG_MAP)["items"]
    assert uid in [item["metadata"]["uid"] for item in found]


def test_no_refusal_quotes_a_secret(case: Case) -> None:
    content = {"data": {"a": base64.b64encode(b"hunter1").decode()}, "immutable": True}
    case.admin.create(SECRETS, case.namespace, {"metadata": {"name": "token"}, **content})
    ref = Ref(SECRETS, case.namespace, "token")
    for value in ("hunter2, no base64", "hünter2", base64.b64encode(b"hunter2").decode()):
        message = refuse(InvalidError, lambda: case.admin.patch(ref, {"data": {"a": value}}))  # noqa: B023  called at once
        assert "nter" not in message
        assert value not in message
