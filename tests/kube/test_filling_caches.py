"""A server that sheds load while its watch caches fill, as Kubernetes does since 1.34."""

from __future__ import annotations

import time
from pathlib import Path

from sidecar.clock import SystemClock
from sidecar.kube.access import from_kubeconfig
from sidecar.kube.client import KubeClient
from sidecar.kube.ports import CONFIG_MAPS, Json, Ref
from tests.kube.ear import QUICK, watching
from tests.kube.kubeconfigs import write_kubeconfig
from tests.kube.servers import Handler, Script, serving

REF = Ref(CONFIG_MAPS, "default", "app")
BUSY: Json = {
    "kind": "Status",
    "status": "Failure",
    "reason": "TooManyRequests",
    "message": "storage is (re)initializing",
    "details": {"retryAfterSeconds": 1},
    "code": 429,
}
LIST: Json = {
    "kind": "ConfigMapList",
    "metadata": {"resourceVersion": "8"},
    "items": [
        {"metadata": {"name": "app", "uid": "u", "resourceVersion": "7"}, "data": {"a": "1"}}
    ],
}


def test_a_server_whose_caches_fill_is_left_alone_for_as_long_as_it_asks(tmp_path: Path) -> None:
    script: Script
    asked_s: list[float] = []

    def answer(asked: Handler) -> None:
        asked_s.append(time.monotonic())
        if len(asked_s) in {1, 3}:
            asked.give(429, BUSY, Retry_After="1")
        elif "watch=true" in asked.path:
            asked.begin_stream()
            script.hold()
        else:
            asked.give(200, LIST)

    with serving(answer) as script:
        access = from_kubeconfig({}, write_kubeconfig(tmp_path, script.url))
        client = KubeClient(access, clock=SystemClock(), deadline_s=2.0)
        with watching(client, REF, QUICK) as ear:
            ear.until_connected()
        client.close()
    assert ["watch=true" in one.path for one in script.seen] == [False, False, True, False, True]
    assert asked_s[1] - asked_s[0] >= 1
    assert asked_s[3] - asked_s[2] >= 1
    assert ear.connected == [False, True]
    assert "too much to do" in ear.told[0]
    assert len(ear.objects) == 1
