"""Clusters to write records in: the fake one, and the real API server with the shipped Role."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sidecar.clock import SystemClock
from sidecar.kube.client import KubeClient
from sidecar.kube.ports import CONFIG_MAPS, PODS, Api, Json, Objects, Ref, Resource
from sidecar.record.annotations import AnnotationWriter
from sidecar.record.config import ApiConfig
from sidecar.record.declaration import Reader
from sidecar.record.events import Events
from sidecar.testing.apiserver import FakeApi
from sidecar.testing.clock import FakeClock
from tests.apiserver.clients import make_admin_client, make_pod_client
from tests.apiserver.server import CONFIG_MAP, ApiServer

ROLES = Resource("rbac.authorization.k8s.io", "v1", "roles", "Role")
WAIT_S = 20.0
POD_STATUS = "pods/status"


@dataclass
class Case:
    """A cluster: `api` is the sidecar's client, `admin` may do all.

    `deny(verb, resource)` takes a right from the sidecar; the server takes a moment to see it.
    """

    api: Api
    admin: Api
    namespace: str
    deny: Callable[[str, str], None]
    requests: Counter[str] = field(default_factory=Counter)

    @property
    def is_real(self) -> bool:
        return isinstance(self.api, KubeClient)

    def make(self, name: str = CONFIG_MAP, **fields: Any) -> Json:  # noqa: ANN401  any field
        body = {"metadata": {"name": name}, "data": {"a.yml": "one"}, **fields}
        return self.admin.create(CONFIG_MAPS, self.namespace, body)

    def ref(self, name: str = CONFIG_MAP) -> Ref:
        return Ref(CONFIG_MAPS, self.namespace, name)

    def make_pod(self, name: str = "web-0") -> Ref:
        container = {"name": "web", "image": "registry.invalid/web:1"}
        spec = {"serviceAccountName": "surehup", "containers": [container]}
        self.admin.create(PODS, self.namespace, {"metadata": {"name": name}, "spec": spec})
        return Ref(PODS, self.namespace, name)


def make_real(server: ApiServer, folder: Path) -> Case:
    namespace = server.make_namespace(pod_status=True)
    admin = make_admin_client(server)
    requests: Counter[str] = Counter()
    client = make_pod_client(
        server, namespace, folder, on_request=lambda verb, code: requests.update([f"{verb} {code}"])
    )

    def deny(verb: str, resource: str) -> None:
        role = "surehup-pod-status" if resource == POD_STATUS else "surehup"
        ref = Ref(ROLES, namespace, role)
        rules = [_without(verb, resource, rule) for rule in admin.get(ref)["rules"]]
        admin.patch(ref, {"rules": [rule for rule in rules if rule["verbs"]]})

    return Case(client, admin, namespace, deny, requests)


@contextmanager
def open_real(server: ApiServer, folder: Path) -> Iterator[Case]:
    """The real one, whose clients are closed in the end."""
    case = make_real(server, folder)
    assert isinstance(case.api, KubeClient)
    assert isinstance(case.admin, KubeClient)
    with closing(case.api), closing(case.admin):
        yield case


def make_config(
    case: Case,
    clock: FakeClock,
    *,
    api: Objects | None = None,
    on_silence: Callable[[], None] = lambda: None,
) -> ApiConfig:
    """The port to the case's object, by its `api` or another one around that."""
    api = api or case.api
    return ApiConfig(
        api,
        case.ref(),
        Reader(),
        writer=AnnotationWriter(api, case.ref(), clock=clock),
        events=Events(api, pod=None, clock=clock),
        tell=lambda _: None,
        on_silence=on_silence,
    )


def _without(verb: str, resource: str, rule: Json) -> Json:
    if resource not in rule["resources"]:
        return rule
    return {**rule, "verbs": [known for known in rule["verbs"] if known != verb]}


def make_fake() -> Case:
    requests: Counter[str] = Counter()
    api = FakeApi(
        clock=SystemClock(),
        on_request=lambda verb, code: requests.update([f"{verb} {code}"]),
    )
    return Case(
        api, api.make_other("editor"), "default", lambda verb, _: api.forbid(verb), requests
    )


def wait_until(is_so: Callable[[], bool], what: str) -> None:
    deadline_s = time.monotonic() + WAIT_S
    while not is_so():
        assert time.monotonic() < deadline_s, f"not within {WAIT_S} s: {what}"
        time.sleep(0.02)
