"""All that is shipped, held by kubeconform against the schemas of the Kubernetes that is built."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.apiserver.server import ROOT, ApiServer
from tests.charts.helm import Helm, load_example
from tests.charts.kustomize import kustomize
from tests.charts.schemas import LOCATION, write_schemas
from tests.charts.test_acceptance import VARIANTS
from tests.charts.test_application import EXAMPLES, merge

CHECK_TIMEOUT_S = 60.0
ACCESS = {"access": [{"namespace": "shop", "configMaps": ["app-config"], "secrets": ["tls"]}]}
MONITORED = {
    "sidecar": {name: {"enabled": True} for name in ("podMonitor", "prometheusRule", "dashboard")}
}
INJECTORS: dict[str, dict[str, Any]] = {
    "usual": {},
    "access": ACCESS,
    "monitored": {**ACCESS, **MONITORED},
}
FOLDERS = ("manifests/base", "manifests/rbac")
"""The component is a part of the base."""
Check = Callable[[str], tuple[int, str]]


@pytest.fixture(scope="module")
def check(monitored: ApiServer, bin_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Check:
    """kubeconform on a text of manifests: its exit code, and what it says."""
    folder = tmp_path_factory.mktemp("schemas")
    write_schemas(json.loads(monitored.kubectl("get", "--raw", "/openapi/v2")), folder)

    def run(text: str) -> tuple[int, str]:
        done = subprocess.run(
            [
                *(str(bin_dir / "kubeconform"), "-strict", "-summary"),
                *("-schema-location", f"{folder}/{LOCATION}"),
            ],
            input=text,
            capture_output=True,
            text=True,
            timeout=CHECK_TIMEOUT_S,
            check=False,
        )
        return done.returncode, done.stdout + done.stderr

    return run


def hold(check: Check, text: str) -> None:
    """All objects of `text` are valid, and none was passed over."""
    code, said = check(text)
    assert code == 0, said
    assert "Valid: 0" not in said
    assert "Skipped: 0" in said


@pytest.mark.parametrize("name", EXAMPLES)
@pytest.mark.parametrize("changes", VARIANTS.values(), ids=VARIANTS)
def test_application(check: Check, helm: Helm, name: str, changes: dict[str, Any]) -> None:
    hold(check, helm.print("surehup", merge(load_example(name), changes)))


@pytest.mark.parametrize("values", INJECTORS.values(), ids=INJECTORS)
def test_injector(check: Check, helm: Helm, values: dict[str, Any]) -> None:
    hold(check, helm.print("surehup-injector", values))


@pytest.mark.parametrize("folder", FOLDERS)
def test_manifests(check: Check, bin_dir: Path, folder: str) -> None:
    hold(check, kustomize(bin_dir, ROOT / folder))


WRONG = {
    "a field that is not there": ("  replicas: 1\n", "  replica: 1\n"),
    "a field deep in a pod": ("readOnlyRootFilesystem: true", "readOnlyRoot: true"),
    "a number for a name": ("serviceAccountName: surehup", "serviceAccountName: 3"),
    "a key that stands twice": ("kind: Deployment\n", "kind: Deployment\nkind: Deployment\n"),
    "a field of a pod monitor": ("podMetricsEndpoints:", "podMetricsEndpoint:"),
    "a kind that nobody serves": ("kind: PodMonitor", "kind: PodMonitors"),
}


@pytest.mark.parametrize(("right", "wrong"), WRONG.values(), ids=WRONG)
def test_wrong_manifests_are_refused(check: Check, helm: Helm, right: str, wrong: str) -> None:
    changes = {"replicas": 1, "serviceAccount": {"name": "surehup"}, **MONITORED}
    text = helm.print("surehup", merge(load_example("prometheus"), changes))
    assert right in text

    code, said = check(text.replace(right, wrong))

    assert code == 1, said
