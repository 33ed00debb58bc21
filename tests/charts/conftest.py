"""The tests of charts and manifests: only `make charts` sees that there is a helm."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.apiserver.server import BUILD, ROOT, ApiServer
from tests.charts.helm import Helm, Objects
from tests.charts.pods import wait_in_force

DEFINITIONS = "prometheus-operator-crds.yaml"
HERE = Path(__file__).parent
RESTRICTED = [
    f"pod-security.kubernetes.io/{mode}=restricted" for mode in ("enforce", "warn", "audit")
]


@pytest.hookimpl(tryfirst=True)  # before the marker is selected by
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark all tests of this folder."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.charts)


@pytest.fixture(scope="session")
def bin_dir() -> Path:
    """Where the programs and definitions are, in the versions that `e2e/build` knows."""
    needed = ("helm", "kubectl", "kubeconform", DEFINITIONS)
    built = subprocess.run([BUILD, "--check", *needed], capture_output=True, text=True, check=False)
    assert built.returncode == 0, f"{built.stderr.strip()}: make charts builds what is missing"
    return Path(built.stdout.strip())


@pytest.fixture(scope="session")
def helm(bin_dir: Path) -> Helm:
    """Helm, on the charts of this checkout; HELM names another one than that which is pinned."""
    return Helm(Path(os.environ.get("HELM", bin_dir / "helm")))


@pytest.fixture(scope="session")
def monitored(api_server: ApiServer, bin_dir: Path) -> ApiServer:
    """An API server that knows the Prometheus operator's kinds, as the operator defines them."""
    definitions = ("--filename", str(bin_dir / DEFINITIONS))
    api_server.kubectl("apply", "--server-side", *definitions)
    api_server.kubectl("wait", "--for=condition=Established", "--timeout=30s", *definitions)
    return api_server


@pytest.fixture
def overlay(tmp_path: Path) -> Path:
    """A folder beside a copy of the manifests, as kustomize reads nothing outside."""
    subprocess.run(["cp", "-r", str(ROOT / "manifests"), str(tmp_path / "manifests")], check=True)
    (tmp_path / "overlay").mkdir()
    return tmp_path / "overlay"


@pytest.fixture
def restricted(api_server: ApiServer) -> str:
    """A fresh namespace that takes pods of the standard "restricted" only."""
    namespace = api_server.make_namespace()
    api_server.kubectl("label", "namespace", namespace, *RESTRICTED)
    return namespace


@pytest.fixture(scope="session")
def injector(api_server: ApiServer, helm: Helm) -> Iterator[Objects]:
    """The policies of the injector chart, in force."""
    objects = helm.render("surehup-injector", {"access": []})
    text = yaml.safe_dump_all(objects)
    api_server.kubectl("apply", "-f", "-", stdin=text)
    wait_in_force(api_server)
    yield objects
    api_server.kubectl("delete", "--wait=true", "-f", "-", stdin=text)
