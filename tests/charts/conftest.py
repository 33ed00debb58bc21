"""The tests of charts and manifests: only `make charts` sees that there is a helm."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.apiserver.server import BUILD, ROOT, ApiServer
from tests.charts.helm import Helm, Objects
from tests.charts.pods import wait_in_force

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
    """Where helm and kubectl are, in the versions of `e2e/modules`."""
    built = subprocess.run(
        [BUILD, "--check", "helm", "kubectl"], capture_output=True, text=True, check=False
    )
    assert built.returncode == 0, f"{built.stderr.strip()}: make charts builds what is missing"
    return Path(built.stdout.strip())


@pytest.fixture(scope="session")
def helm(bin_dir: Path) -> Helm:
    """Helm, on the charts of this checkout."""
    return Helm(bin_dir / "helm")


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
