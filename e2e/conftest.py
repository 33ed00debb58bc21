"""The fixtures of all tests on a real cluster: see `cluster.py` for where that comes from."""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Generator, Iterator
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path

import pytest

from e2e.cluster import Cluster
from e2e.lease import leased, undisturbed
from e2e.namespace import Namespace

TEST_TIMEOUT_S = 300.0
NAME_CHARS = 40
ALONE = "alone"


def pytest_addoption(parser: pytest.Parser) -> None:
    """What becomes of what the tests have made."""
    parser.addoption(
        "--keep", action="store_true", help="keep namespaces, and the cluster if it was made"
    )


def pytest_configure(config: pytest.Config) -> None:
    """Marks of these tests alone."""
    config.addinivalue_line("markers", f"{ALONE}: takes away what all others need, and runs last")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Who disturbs the cluster comes last, and the time to make one is not the test's."""
    items.sort(key=lambda item: item.get_closest_marker(ALONE) is not None)
    for item in items:
        if not item.get_closest_marker("timeout"):
            item.add_marker(pytest.mark.timeout(TEST_TIMEOUT_S, func_only=True))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A failure shows what the cluster knows of it, before the namespace goes."""
    report = yield
    namespace = getattr(item, "funcargs", {}).get("namespace")
    if report.failed and isinstance(namespace, Namespace):
        report.sections.append((f"Namespace {namespace.name}", namespace.describe()))
    return report


@pytest.fixture(scope="session")
def cluster(request: pytest.FixtureRequest) -> Iterator[Cluster]:
    """The cluster, ended afterwards if it was made for tests alone."""
    with ExitStack() as stack:
        with _shown(request):
            lease = leased(os.environ, keep=request.config.getoption("--keep"))
            found = stack.enter_context(lease)
            found.provide("surehup")  # its time is no test's either
        yield found
        with _shown(request):
            stack.close()


@pytest.fixture(scope="session")
def prometheus(request: pytest.FixtureRequest, cluster: Cluster) -> None:
    """The images of Prometheus and its sidecar are in the cluster."""
    with _shown(request):
        cluster.provide("surehup", "prometheus")


@pytest.fixture(autouse=True)
def _undisturbed(request: pytest.FixtureRequest) -> Iterator[None]:
    alone = request.node.get_closest_marker(ALONE) is not None
    with undisturbed(os.environ, alone=alone):
        yield


@pytest.fixture
def namespace(
    request: pytest.FixtureRequest, cluster: Cluster, _undisturbed: None, tmp_path: Path
) -> Iterator[Namespace]:
    """A namespace of the test's own."""
    words = re.sub(r"[^a-z0-9]+", "-", request.node.name.lower()).strip("-")
    name = f"e2e-{words[:NAME_CHARS].strip('-')}-{secrets.token_hex(2)}"
    cluster.kubectl("create", "namespace", name)
    api = cluster.client()
    try:
        yield Namespace(cluster=cluster, name=name, api=api, folder=tmp_path)
    finally:
        api.close()
        if not request.config.getoption("--keep"):
            cluster.kubectl("delete", "namespace", name, "--wait=false")


def _shown(request: pytest.FixtureRequest) -> AbstractContextManager[None]:
    """What takes minutes says on the terminal how far it is."""
    capture = request.config.pluginmanager.getplugin("capturemanager")
    suspended: AbstractContextManager[None] = capture.global_and_fixture_disabled()
    return suspended
