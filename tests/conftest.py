"""What holds for all tests."""

from __future__ import annotations

import signal
from collections.abc import Iterator

import pytest

from tests.apiserver.server import (
    BUILD_TIMEOUT_S,
    ApiServer,
    are_programs_built,
    running_server,
)

# A run under nohup would hand its deafness on to every process that the tests start.
signal.signal(signal.SIGHUP, signal.SIG_DFL)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The first test to use the API server builds it, once per machine; that takes its time."""
    users = [item for item in items if "api_server" in getattr(item, "fixturenames", ())]
    if users and not are_programs_built():
        for item in users:
            item.add_marker(pytest.mark.timeout(BUILD_TIMEOUT_S), append=False)


@pytest.fixture(scope="session")
def api_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiServer]:
    """A real API server on etcd, one for all tests; each takes a namespace of its own."""
    with running_server(tmp_path_factory.mktemp("apiserver")) as server:
        yield server
