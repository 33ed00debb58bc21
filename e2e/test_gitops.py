"""The door GitOps: commits, a loop that applies them, and the health that Argo CD and Flux see."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from e2e.cluster import KUBECTL_WAIT, ROOT, Cluster
from e2e.gitops import Repository, deploying
from e2e.namespace import Namespace
from e2e.prometheus import BAD, CONFIG, FILE, configure, find_interval
from e2e.waiting import wait_until
from tests.charts.test_gitops import ask_argocd, find_block, make_policy

SELECTED = ("--selector=app.kubernetes.io/name=prometheus", "--output=json")
IN_FORCE_WITHIN_S = 30.0
HEALTH = ("inProgress", "failed", "current")
"""In the order in which Flux asks."""
ROUNDS = 3

pytestmark = pytest.mark.usefixtures("prometheus")


def _write_repository(namespace: Namespace) -> Path:
    """What a user commits first: the shipped manifests, and an overlay of their own."""
    content = namespace.folder / "content"
    shutil.copytree(ROOT / "manifests", content / "manifests")
    overlay = content / "shop"
    overlay.mkdir()
    shutil.copy(ROOT / "manifests" / "rbac" / "pod-status.yaml", overlay)
    registry = namespace.cluster.registry
    kustomization = {
        "namespace": namespace.name,
        "resources": ["../manifests/base", "pod-status.yaml"],
        "images": [
            {"name": "surehup", "newName": f"{registry}/surehup", "newTag": "dev"},
            {
                "name": "prom/prometheus",
                "newName": f"{registry}/prometheus",
                "newTag": "debian12",
            },
        ],
    }
    (overlay / "kustomization.yaml").write_text(yaml.safe_dump(kustomization))
    return content


def _edit(repository: Repository, text: str) -> None:
    """Change the file in the repository, as a person with an editor does."""
    path = repository.work / "manifests" / "base" / "configmap.yaml"
    content = yaml.safe_load(path.read_text())
    content["data"][FILE] = text
    path.write_text(yaml.safe_dump(content))


def _read_annotations(namespace: Namespace) -> dict[str, str]:
    content = namespace.read(namespace.config_map(CONFIG))
    assert content is not None
    annotations: dict[str, str] = content["metadata"].get("annotations", {})
    return annotations


def _ask_flux(namespace: Namespace, annotations: Mapping[str, str]) -> str:
    """The first of Flux's expressions that holds, as the API server evaluates them."""
    config_map = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "asked", "annotations": dict(annotations)},
    }
    asked = namespace.cluster.try_kubectl(
        *(f"--namespace={namespace.name}", "create", "--dry-run=server", "--filename=-"),
        stdin=json.dumps(config_map),
    )
    assert asked.returncode == 0, asked.stderr
    held = set(re.findall(r"\((\w+)\)", asked.stderr))
    return next((name for name in HEALTH if name in held), "none")


@pytest.fixture
def _flux(cluster: Cluster, namespace: Namespace) -> Iterator[None]:
    (item,) = find_block("flux")["spec"]["healthCheckExprs"]
    policy = yaml.safe_dump_all(make_policy({key: item[key] for key in HEALTH}))
    cluster.kubectl("apply", "--filename=-", stdin=policy)
    try:
        wait_until(
            "policy in force",
            lambda: _ask_flux(namespace, {}) == "current",
            within_s=IN_FORCE_WITHIN_S,
            shown=lambda: "warnings of the API server do not come",
        )
        yield
    finally:
        cluster.kubectl("delete", "--filename=-", stdin=policy)


def _judge(namespace: Namespace) -> tuple[str, str, str]:
    """What Argo CD and Flux make of the object, and the message that Argo CD shows."""
    annotations = _read_annotations(namespace)
    health, message = ask_argocd(annotations)
    return health, _ask_flux(namespace, annotations), message


def _find_pod(namespace: Namespace) -> Mapping[str, Any]:
    (pod,) = json.loads(namespace.kubectl("get", "pods", *SELECTED))["items"]
    found: Mapping[str, Any] = pod["metadata"]
    return found


@pytest.mark.usefixtures("_flux")
def test_commits_good_bad_and_reverted(namespace: Namespace) -> None:
    content = _write_repository(namespace)
    with deploying(namespace, "shop", content) as repository:
        namespace.kubectl("rollout", "status", "deployment/prometheus", KUBECTL_WAIT)
        namespace.wait_status(CONFIG, "Applied")
        pod = _find_pod(namespace)

        _edit(repository, configure(45))
        repository.commit("Scrape less often")
        namespace.wait_status(CONFIG, "Applied")
        assert _judge(namespace)[:2] == ("Healthy", "current")
        assert find_interval(namespace, pod["name"]) == "45s"

        _edit(repository, BAD)
        repository.commit("Scrape now and then")
        namespace.wait_status(CONFIG, "Rejected")
        health, seen_by_flux, message = _judge(namespace)
        assert (health, seen_by_flux) == ("Degraded", "failed")
        assert "not a valid duration" in message
        assert find_interval(namespace, pod["name"]) == "45s"

        before = namespace.read(namespace.config_map(CONFIG))
        repository.wait_rounds(ROUNDS)
        assert namespace.read(namespace.config_map(CONFIG)) == before, "nobody fights over it"

        repository.revert()
        namespace.wait_status(CONFIG, "Applied")
        assert _judge(namespace)[:2] == ("Healthy", "current")
        assert _find_pod(namespace)["uid"] == pod["uid"]
