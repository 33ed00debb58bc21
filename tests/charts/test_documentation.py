"""What docs/install.md shows, tried."""

from __future__ import annotations

import json
import re
from pathlib import Path

import yaml

from sidecar.record.annotations import WRITABLE, whole_key
from tests.apiserver.server import ROOT
from tests.charts.helm import CHARTS, Helm, pick, pod_of, sidecar_of
from tests.charts.settings import read_settings
from tests.charts.test_application import merge
from tests.charts.test_manifests import build, make_workload

PAGE = (ROOT / "docs" / "install.md").read_text()


def find_blocks(title: str) -> list[str]:
    section = PAGE.partition(f"## ({title})")[2].partition("\n## ")[0]
    return re.findall(r"```yaml\n(.+?)```", section, re.DOTALL)


def test_overlay(bin_dir: Path, overlay: Path, tmp_path: Path) -> None:
    kustomization, shown = find_blocks("b")
    path = kustomization.replace("surehup/manifests", "../manifests")
    (overlay / "kustomization.yaml").write_text(path)
    plain = json.loads(make_workload("Deployment", "shop", asking=False))
    plain["spec"]["template"]["spec"]["volumes"][0]["configMap"]["name"] = "shop-config"
    (overlay / "deployment.yaml").write_text(json.dumps(merge(plain, yaml.safe_load(shown))))
    mount = {"name": "config", "mountPath": "/etc/nginx"}
    patch = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "shop"},
        "spec": {
            "template": {"spec": {"initContainers": [{"name": "surehup", "volumeMounts": [mount]}]}}
        },
    }
    (overlay / "mount.yaml").write_text(json.dumps(patch))
    config_map = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "shop-config"}}
    (overlay / "configmap.yaml").write_text(json.dumps(config_map))

    objects = build(bin_dir, overlay)

    pod = pod_of(pick(objects, "Deployment"))
    sidecar = sidecar_of(pod)
    assert sidecar["image"] == "registry.example/surehup:0.1.0"
    assert mount in sidecar["volumeMounts"]
    (bridge,) = read_settings(pod, sidecar, tmp_path).bridges
    assert (bridge.preset, bridge.target.container) == ("nginx", "nginx")
    assert bridge.source.config_map == "default/shop-config"
    assert pick(objects, "Role")["rules"][0]["resourceNames"] == ["shop-config"]


def test_access_and_guard(helm: Helm) -> None:
    values = yaml.safe_load(find_blocks("d")[0])

    objects = helm.render("surehup-injector", values)

    role = pick(objects, "Role")
    assert role["metadata"]["namespace"] == "shop"
    assert role["rules"][0]["resourceNames"] == ["shop-config"]
    guard = pick(objects, "ValidatingAdmissionPolicy", "guard.surehup.dev")
    (condition,) = guard["spec"]["matchConditions"]
    assert "system:serviceaccount:shop:shop" in condition["expression"]
    assert "--show-only templates/guard.yaml" in PAGE
    assert (CHARTS / "surehup-injector" / "templates" / "guard.yaml").exists()


def test_uninstall_removes_all_that_is_written() -> None:
    section = PAGE.partition("## Uninstall")[2].partition("\n## ")[0]
    listed = {
        key for keys in re.findall(r"surehup\.dev/{(.+?)}-", section) for key in keys.split(",")
    }

    assert listed == WRITABLE | {"updated"}
    assert f"--selector {whole_key('owner')}=" in section
