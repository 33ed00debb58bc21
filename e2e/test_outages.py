"""What stands between an edit and its pod goes away for a while, and comes back."""

from __future__ import annotations

import pytest

from e2e.cluster import Cluster
from e2e.namespace import Namespace, read_manifest
from e2e.prometheus import BAD, CONFIG, FILE, configure, find_interval

POD = "prometheus"
BACK_WITHIN_S = 120.0
"""The sidecar looks for the API server again after half a minute at most, the kubelet at once."""

pytestmark = [pytest.mark.alone, pytest.mark.usefixtures("prometheus")]


@pytest.fixture
def running(namespace: Namespace) -> Namespace:
    namespace.put_config(CONFIG, **{FILE: configure(60)})
    namespace.apply(read_manifest("prometheus"))
    namespace.wait_ready(POD)
    namespace.wait_status(CONFIG, "Applied")
    return namespace


def _count_restarts(namespace: Namespace) -> str:
    paths = (
        f"{{.status.{kind}[*].restartCount}}"
        for kind in ("initContainerStatuses", "containerStatuses")
    )
    return namespace.kubectl("get", "pod", POD, f"--output=jsonpath={' '.join(paths)}")


def test_an_edit_that_no_kubelet_brings_waits_for_one(cluster: Cluster, running: Namespace) -> None:
    with cluster.without("kubelet"):
        running.put_config(CONFIG, **{FILE: configure(45)})
        running.wait_status(CONFIG, "Pending")
    running.wait_status(CONFIG, "Applied", within_s=BACK_WITHIN_S)
    assert find_interval(running, POD) == "45s"
    assert _count_restarts(running) == "0 0"


def test_the_api_server_comes_back_and_all_goes_on(cluster: Cluster, running: Namespace) -> None:
    with cluster.without("kube-apiserver"):
        pass
    running.put_config(CONFIG, **{FILE: BAD})
    running.wait_status(CONFIG, "Rejected", within_s=BACK_WITHIN_S)
    running.put_config(CONFIG, **{FILE: configure(45)})
    running.wait_status(CONFIG, "Applied", within_s=BACK_WITHIN_S)
    assert find_interval(running, POD) == "45s"
    assert _count_restarts(running) == "0 0"
