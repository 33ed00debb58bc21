"""The door injection: a label on a pod that knows nothing of surehup, and nothing else."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from e2e.cluster import KUBECTL_WAIT, LOCAL, one_at_a_time
from e2e.namespace import Namespace, read_manifest
from e2e.prometheus import BAD, CONFIG, FILE, configure, find_interval
from e2e.release import CHARTS, find_helm, name_images, run_helm
from e2e.waiting import wait_until
from sidecar.kube.ports import Json

ACCOUNT = "default"
SETTINGS = "surehup.dev/settings"
TURNS_WITHIN_S = 60.0
IN_FORCE_WITHIN_S = 30.0
ASKING: Mapping[str, Any] = {
    "labels": {"surehup.dev/inject": "enabled", "app": "prometheus"},
    "annotations": {"surehup.dev/configmap": CONFIG, "surehup.dev/preset": "prometheus"},
}

pytestmark = pytest.mark.usefixtures("prometheus")


def _make_pod(namespace: Namespace) -> Json:
    """A Prometheus as its users have it without a sidecar, asking for one."""
    spec = read_manifest("prometheus")["spec"]
    for key in ("initContainers", "shareProcessNamespace", "automountServiceAccountToken"):
        del spec[key]
    spec["serviceAccountName"] = ACCOUNT
    spec["volumes"] = [one for one in spec["volumes"] if one["name"] in {"config", "data"}]
    main = spec["containers"][0]
    main["image"] = main["image"].replace(LOCAL, namespace.cluster.registry, 1)
    metadata = {"name": "asking", **ASKING}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}


def _make_deployment(namespace: Namespace, *, replicas: int = 1, settings: str = "") -> Json:
    annotations = {**ASKING["annotations"], **({SETTINGS: settings} if settings else {})}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "prometheus"},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": {"app": "prometheus"}},
            "template": {
                "metadata": {**ASKING, "annotations": annotations},
                "spec": _make_pod(namespace)["spec"],
            },
        },
    }


@pytest.fixture
def _turn() -> Iterator[None]:
    """The injector's policy is the cluster's: there can be one of its name."""
    with one_at_a_time("injector"):
        yield


@pytest.fixture
def _injector(_turn: None, namespace: Namespace) -> Iterator[None]:
    """The injector for this namespace alone, in force."""
    helm = find_helm()
    values = {
        "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace.name}},
        "access": [
            {"namespace": namespace.name, "serviceAccount": ACCOUNT, "configMaps": [CONFIG]}
        ],
        "sidecar": {"image": name_images(namespace.cluster)},
    }
    path = namespace.folder / "access.yaml"
    path.write_text(json.dumps(values))
    chart = ("surehup-injector", str(CHARTS / "surehup-injector"), f"--values={path}")
    try:
        done = run_helm(helm, namespace, "install", *chart)
        assert done.returncode == 0, done.stderr

        def is_in_force() -> bool:
            made = namespace.kubectl(
                *("create", "--dry-run=server", "--output=json", "--filename=-"),
                stdin=json.dumps(_make_pod(namespace)),
            )
            return "initContainers" in json.loads(made)["spec"]

        wait_until(
            "policy in force", is_in_force, within_s=IN_FORCE_WITHIN_S, shown=lambda: done.stdout
        )
        yield
    finally:
        run_helm(helm, namespace, "uninstall", "surehup-injector", "--ignore-not-found")


def _find_pod(namespace: Namespace) -> Json:
    selected = ("get", "pods", "--selector=app=prometheus", "--output=json")
    pods = json.loads(namespace.kubectl(*selected))["items"]
    (pod,) = [one for one in pods if "deletionTimestamp" not in one["metadata"]]
    found: Json = pod
    return found


@pytest.mark.usefixtures("_injector")
def test_a_label_alone_brings_the_sidecar(namespace: Namespace) -> None:
    namespace.put_config(CONFIG, **{FILE: configure(60)})
    manifest = json.dumps(_make_deployment(namespace))
    namespace.kubectl("apply", "--filename=-", stdin=manifest)
    namespace.kubectl("rollout", "status", "deployment/prometheus", KUBECTL_WAIT)
    namespace.wait_status(CONFIG, "Applied")
    pod = _find_pod(namespace)
    (sidecar,) = pod["spec"]["initContainers"]
    assert pod["metadata"]["annotations"]["surehup.dev/injected"] == sidecar["image"]
    unchanged = namespace.kubectl("diff", "--filename=-", stdin=manifest)
    assert unchanged == "", "the workload is what its manifest says"

    namespace.put_config(CONFIG, **{FILE: configure(45)})
    assert namespace.marks(CONFIG)["status"] in {"Pending", "Reloading", "Applied"}
    applied = namespace.wait_status(CONFIG, "Applied")
    assert find_interval(namespace, pod["metadata"]["name"]) == "45s"

    namespace.put_config(CONFIG, **{FILE: BAD})
    rejected = namespace.wait_status(CONFIG, "Rejected")
    assert rejected["active"] == applied["observed"]
    assert find_interval(namespace, pod["metadata"]["name"]) == "45s"
    assert _find_pod(namespace)["metadata"]["uid"] == pod["metadata"]["uid"]


@pytest.mark.usefixtures("_injector")
def test_replicas_that_the_settings_count_take_turns_to_the_last(namespace: Namespace) -> None:
    namespace.put_config(CONFIG, **{FILE: configure(60)})
    settings = "bridges: [{rollout: {replicas: 2}}]"
    deployment = _make_deployment(namespace, replicas=2, settings=settings)
    namespace.kubectl("apply", "--filename=-", stdin=json.dumps(deployment))
    namespace.kubectl("rollout", "status", "deployment/prometheus", KUBECTL_WAIT)
    namespace.wait_status(CONFIG, "Applied")

    namespace.put_config(CONFIG, **{FILE: configure(45)})
    namespace.wait_status(CONFIG, "Applied", within_s=TURNS_WITHIN_S)

    namespace.wait_for(
        "both proven",
        lambda: "2/2 proven" in namespace.marks(CONFIG)["message"],
        within_s=TURNS_WITHIN_S,
        name=CONFIG,
    )
    selected = ("get", "pods", "--selector=app=prometheus", "--output=name")
    for pod in namespace.kubectl(*selected).split():
        assert find_interval(namespace, pod.removeprefix("pod/")) == "45s"
