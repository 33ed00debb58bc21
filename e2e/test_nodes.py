"""Replicas on different nodes share one ConfigMap, and take what is new in turn."""

from __future__ import annotations

import json
from collections.abc import Mapping

import pytest

from e2e.cluster import Cluster
from e2e.namespace import Namespace, read_manifest
from e2e.prometheus import BAD, CONFIG, FILE, configure, find_interval
from sidecar.kube.ports import Json

LABELS = {"app": "prometheus"}
REPLICAS = 2
SPREAD_WITHIN_S = 60.0

pytestmark = pytest.mark.usefixtures("prometheus")


@pytest.fixture(autouse=True)
def _workers(cluster: Cluster) -> None:
    nodes = json.loads(cluster.kubectl("get", "nodes", "--output=json"))["items"]
    free = [node for node in nodes if not _is_closed(node)]
    if len(free) < REPLICAS:
        pytest.skip(f"needs {REPLICAS} nodes for pods: WORKERS={REPLICAS} makes them in kind")


def _is_closed(node: Json) -> bool:
    return any(taint["effect"] == "NoSchedule" for taint in node["spec"].get("taints", []))


def _spread(pod: Json) -> Json:
    """A Deployment of the pod, each replica on a node of its own."""
    apart = {"labelSelector": {"matchLabels": LABELS}, "topologyKey": "kubernetes.io/hostname"}
    spec = {
        **pod["spec"],
        "affinity": {
            "podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [apart]}
        },
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "prometheus"},
        "spec": {
            "replicas": REPLICAS,
            "selector": {"matchLabels": LABELS},
            "template": {"metadata": {"labels": LABELS}, "spec": spec},
        },
    }


def _find_intervals(namespace: Namespace) -> Mapping[str, str]:
    """What each node's Prometheus runs."""
    selected = ("--selector=app=prometheus", "--output=json")
    pods = json.loads(namespace.kubectl("get", "pods", *selected))["items"]
    return {
        pod["spec"]["nodeName"]: find_interval(namespace, pod["metadata"]["name"]) for pod in pods
    }


def test_all_replicas_take_a_good_edit_and_none_a_bad_one(namespace: Namespace) -> None:
    namespace.put_config(CONFIG, **{FILE: configure(60)})
    namespace.apply(_spread(read_manifest("prometheus")))
    namespace.kubectl("rollout", "status", "deployment/prometheus", "--timeout=90s")
    namespace.wait_status(CONFIG, "Applied")

    namespace.put_config(CONFIG, **{FILE: configure(45)})
    namespace.wait_status(CONFIG, "Applied", "RollingOut")

    def all_have_it() -> bool:
        running = _find_intervals(namespace)
        return len(running) == REPLICAS and set(running.values()) == {"45s"}

    namespace.wait_for("45s on each node", all_have_it, within_s=SPREAD_WITHIN_S, name=CONFIG)

    namespace.put_config(CONFIG, **{FILE: BAD})
    namespace.wait_status(CONFIG, "Rejected")
    assert set(_find_intervals(namespace).values()) == {"45s"}
