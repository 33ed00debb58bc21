from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.apiserver.server import ROOT
from tests.charts.helm import Helm, Objects, load_example, pick, pod_of, sidecar_of
from tests.charts.kustomize import kustomize
from tests.charts.settings import read_settings

SETTINGS, TOKEN = "surehup-settings", "surehup-token"
"""Only charts tell settings by a file: the component has its own way."""

MANIFESTS = ROOT / "manifests"


def build(bin_dir: Path, folder: Path) -> Objects:
    return [one for one in yaml.safe_load_all(kustomize(bin_dir, folder)) if one]


def write(overlay: Path, **kustomization: Any) -> None:  # noqa: ANN401
    (overlay / "kustomization.yaml").write_text(json.dumps(kustomization))


def make_workload(kind: str, name: str, *, asking: bool) -> str:
    annotations = {"surehup.dev/inject": "enabled"} if asking else {}
    template = {
        "metadata": {"labels": {"app": name}, "annotations": {"surehup.dev/configmap": "settings"}},
        "spec": {
            "containers": [{"name": "main", "image": "daemon:1"}],
            "volumes": [{"name": "config", "configMap": {"name": "settings"}}],
        },
    }
    return json.dumps(
        {
            "apiVersion": "apps/v1",
            "kind": kind,
            "metadata": {"name": name, "annotations": annotations},
            "spec": {"selector": {"matchLabels": {"app": name}}, "template": template},
        }
    )


def test_base_is_a_daemon_with_the_sidecar(bin_dir: Path, tmp_path: Path) -> None:
    objects = build(bin_dir, MANIFESTS / "base")

    pod = pod_of(pick(objects, "Deployment"))
    (bridge,) = read_settings(pod, sidecar_of(pod), tmp_path).bridges
    assert bridge.preset == "prometheus"
    assert bridge.source.config_map == "default/app-config"
    assert bridge.source.mount == "/etc/prometheus"
    assert bridge.target.container == "prometheus"
    assert pick(objects, "Role")["rules"][0]["resourceNames"] == ["app-config"]
    assert pod["spec"]["serviceAccountName"] == pick(objects, "ServiceAccount")["metadata"]["name"]


def test_sidecar_is_the_one_of_the_charts(bin_dir: Path, helm: Helm) -> None:
    theirs = pod_of(pick(build(bin_dir, MANIFESTS / "base"), "Deployment"))
    ours = pod_of(pick(helm.render("surehup", load_example("prometheus")), "Deployment"))

    told_apart = {"args", "env"}
    first, second = sidecar_of(theirs), sidecar_of(ours)
    for container in (first, second):
        mounts = {mount["name"]: mount for mount in container["volumeMounts"]}
        mounts.pop(SETTINGS, None)
        container["volumeMounts"] = mounts
    assert {key: first[key] for key in first.keys() - told_apart} == {
        key: second[key] for key in second.keys() - told_apart
    }
    volumes = [
        {v["name"]: v for v in pod["spec"]["volumes"] if v["name"] in {"surehup-state", TOKEN}}
        for pod in (theirs, ours)
    ]
    assert volumes[0] == volumes[1]
    assert theirs["spec"]["shareProcessNamespace"] is True


def test_annotations_of_the_component_are_those_of_the_injector(bin_dir: Path, helm: Helm) -> None:
    pod = pod_of(pick(build(bin_dir, MANIFESTS / "base"), "Deployment"))
    policy = pick(
        helm.render("surehup-injector", {}), "MutatingAdmissionPolicy", "inject.surehup.dev"
    )
    expression = policy["spec"]["mutations"][0]["jsonPatch"]["expression"]

    for variable in sidecar_of(pod)["env"]:
        assert f'name: "{variable["name"]}"' in expression


@pytest.mark.parametrize("kind", ["Deployment", "StatefulSet", "DaemonSet"])
def test_workloads_that_ask_get_it_and_no_others(bin_dir: Path, overlay: Path, kind: str) -> None:
    (overlay / "asking.yaml").write_text(make_workload(kind, "asking", asking=True))
    (overlay / "other.yaml").write_text(make_workload(kind, "other", asking=False))
    write(
        overlay,
        resources=["asking.yaml", "other.yaml"],
        components=["../manifests/component"],
    )

    objects = build(bin_dir, overlay)

    assert sidecar_of(pod_of(pick(objects, kind, "asking")))
    assert "initContainers" not in pod_of(pick(objects, kind, "other"))["spec"]


def test_names_that_kustomize_makes_are_followed(bin_dir: Path, overlay: Path) -> None:
    (overlay / "asking.yaml").write_text(make_workload("Deployment", "asking", asking=True))
    (overlay / "app.yml").write_text("a: 1")
    role = [{"op": "replace", "path": "/rules/0/resourceNames", "value": ["settings"]}]
    write(
        overlay,
        namePrefix="blue-",
        namespace="shop",
        resources=["asking.yaml"],
        configMapGenerator=[{"name": "settings", "files": ["app.yml"]}],
        components=["../manifests/component"],
        patches=[{"target": {"kind": "Role", "name": "surehup"}, "patch": json.dumps(role)}],
    )

    objects = build(bin_dir, overlay)

    name = pick(objects, "ConfigMap")["metadata"]["name"]
    assert name.startswith("blue-settings-")
    pod = pod_of(pick(objects, "Deployment"))
    assert pod["metadata"]["annotations"]["surehup.dev/configmap"] == name
    assert pick(objects, "Role")["rules"][0]["resourceNames"] == [name]
    (subject,) = pick(objects, "RoleBinding")["subjects"]
    assert subject["namespace"] == "shop"
    assert subject["name"] == pick(objects, "ServiceAccount")["metadata"]["name"]
