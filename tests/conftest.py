"""What holds for all tests."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator

import pytest

from tests.apiserver.server import ApiServer, running_server
from tests.daemons.sidecars import UNTRACED
from tests.sim import swift

API_TEST_TIMEOUT_S = 300.0
"""The first one starts the server, some start it anew."""

# A run under nohup would hand its deafness on to every process that the tests start.
signal.signal(signal.SIGHUP, signal.SIG_DFL)


@pytest.hookimpl(tryfirst=True)  # before the marker is selected by
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests on the API server are told apart: only `make apitest` sees that there is one.

    Who asks by `getfixturevalue` sets the marker `apiserver` by hand.
    """
    for item in items:
        if "api_server" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.apiserver)
        if item.get_closest_marker("apiserver") and not item.get_closest_marker("timeout"):
            item.add_marker(pytest.mark.timeout(API_TEST_TIMEOUT_S))


@pytest.fixture(scope="session")
def api_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiServer]:
    """A real API server on etcd, one for all tests; each takes a namespace of its own."""
    with running_server(tmp_path_factory.mktemp("apiserver")) as server:
        yield server


@pytest.fixture
def swift_copies(monkeypatch: pytest.MonkeyPatch) -> None:
    """Histories are played as `make sim` plays them: what they copy, and find again, costs less."""
    swift.install(monkeypatch.setattr)


@pytest.fixture
def untraced() -> Iterator[None]:
    """Coverage does not watch this test, which makes it cheaper: others go the same ways.

    The marker `no_cover` of pytest-cov does not do it: pytest's workers are traced as subprocesses,
    too, and that trace goes on where pytest-cov's pauses.
    """
    tracer = sys.gettrace()
    sys.settrace(None)
    yield
    sys.settrace(tracer)


@pytest.fixture
def untraced_children(monkeypatch: pytest.MonkeyPatch) -> None:
    """Coverage does not watch what this test starts: it doubles what an interpreter costs."""
    for name, text in UNTRACED.items():
        monkeypatch.setenv(name, text)
