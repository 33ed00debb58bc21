"""Whatever is shipped, as a real API server takes it in a namespace that enforces "restricted"."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.apiserver.server import ROOT, ApiServer
from tests.charts.helm import CHARTS, Helm, Objects, load_example, pod_of
from tests.charts.pods import ask
from tests.charts.test_application import EXAMPLES, merge

ON = {"enabled": True}
EVERYTHING: dict[str, Any] = {
    "replicas": 3,
    "sidecar": {
        "guard": ON,
        "podMonitor": ON,
        "prometheusRule": ON,
        "dashboard": ON,
        "rbac": {"podStatus": True},
    },
}
VARIANTS: dict[str, dict[str, Any]] = {
    "usual": {},
    "everything": EVERYTHING,
    "published": {"config": {"published": True}},
    "plain": {"sidecar": {"native": False}},
    "bare": {"sidecar": {"token": False, "rbac": {"create": False}}},
    "off": {"sidecar": {"enabled": False}},
}


def accept(server: ApiServer, namespace: str, objects: Objects) -> None:
    """All are taken, and without a warning; so are the pods that the workloads would make."""
    pods = [
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": "pod", "labels": pod_of(one)["metadata"]["labels"]},
            "spec": {**pod_of(one)["spec"], "serviceAccountName": "surehup"},
        }
        for one in objects
        if one["kind"] in {"Deployment", "StatefulSet", "DaemonSet"}
    ]
    hooks = [one for one in objects if one["kind"] == "Pod"]
    for hook in hooks:
        hook["spec"]["serviceAccountName"] = "surehup"
    worked, out, err = ask(
        *(server, namespace, "create", "--dry-run=server", "--output=name", "--filename=-"),
        stdin=yaml.safe_dump_all([*objects, *pods]),
    )
    assert worked, err
    assert err == ""
    assert len(out.splitlines()) == len(objects) + len(pods)


@pytest.mark.parametrize("name", EXAMPLES)
@pytest.mark.parametrize("changes", VARIANTS.values(), ids=VARIANTS)
def test_application(
    monitored: ApiServer, restricted: str, helm: Helm, name: str, changes: dict[str, Any]
) -> None:
    values = merge(load_example(name), changes)

    accept(monitored, restricted, helm.render("surehup", values, namespace=restricted))


def test_injector(api_server: ApiServer, restricted: str, helm: Helm) -> None:
    access = [{"namespace": restricted, "configMaps": ["app-config"], "secrets": ["tls"]}]

    accept(api_server, restricted, helm.render("surehup-injector", {"access": access}))


@pytest.mark.parametrize("folder", ["base", "rbac"])
def test_manifests(api_server: ApiServer, restricted: str, tmp_path: Path, folder: str) -> None:
    overlay = tmp_path / "overlay"
    overlay.mkdir()
    resources = [os.path.relpath(ROOT / "manifests" / folder, overlay)]
    kustomization = {"namespace": restricted, "resources": resources, "namePrefix": "x-"}
    (overlay / "kustomization.yaml").write_text(json.dumps(kustomization))
    worked, out, err = ask(api_server, restricted, "kustomize", str(overlay))
    assert worked, err

    accept(api_server, restricted, [one for one in yaml.safe_load_all(out) if one])


def test_release_is_installed_upgraded_and_removed(
    api_server: ApiServer, restricted: str, helm: Helm, tmp_path: Path
) -> None:
    target = (f"--kubeconfig={api_server.kubeconfig}", f"--namespace={restricted}")
    values = tmp_path / "values.yaml"
    values.write_text(yaml.safe_dump(load_example("prometheus")))
    chart = (str(CHARTS / "surehup"), f"--values={values}")

    installed = helm.run("install", "demo", *chart, *target)
    assert installed.returncode == 0, installed.stderr
    notes = installed.stdout.partition("NOTES:")[2]
    assert f"helm test demo --namespace {restricted}" in notes
    assert f"kubectl --namespace {restricted} edit configmap demo-config" in notes
    assert r"surehup\.dev/status" in notes

    before = json.loads(api_server.kubectl("get", "deploy", "demo", "-ojson", namespace=restricted))
    api_server.kubectl(
        *("annotate", "configmap", "demo-config", "surehup.dev/status=Applied"),
        namespace=restricted,
    )
    change = "--set-string=config.files.extra\\.yml=x"
    upgraded = helm.run("upgrade", "demo", *chart, change, *target)
    assert upgraded.returncode == 0, upgraded.stderr

    shown = api_server.kubectl("get", "configmap", "demo-config", "-ojson", namespace=restricted)
    config_map = json.loads(shown)
    assert config_map["data"]["extra.yml"] == "x"
    assert config_map["metadata"]["annotations"]["surehup.dev/status"] == "Applied"
    after = json.loads(api_server.kubectl("get", "deploy", "demo", "-ojson", namespace=restricted))
    assert after["metadata"]["generation"] == before["metadata"]["generation"]

    removed = helm.run("uninstall", "demo", *target)
    assert removed.returncode == 0, removed.stderr
    left = api_server.kubectl("get", "all,configmap,role", "--output=name", namespace=restricted)
    assert "demo" not in left
