"""The fakes that the core's shell is tested with are what the ports ask for."""

from __future__ import annotations

from sidecar.core import ports
from sidecar.core.errors import SurehupError
from sidecar.testing.clock import FakeClock
from sidecar.testing.journal import MemoryJournal
from sidecar.testing.mount import FakeMount
from sidecar.testing.processes import FakeProcesses
from sidecar.testing.validator import FakeValidator


def test_a_fence_that_moved_is_no_error_to_tell_a_person() -> None:
    assert not issubclass(ports.FenceMovedError, SurehupError)


def test_fakes_implement_the_ports() -> None:
    clock: ports.Clock = FakeClock(monotonic_s=5.0)
    mount: ports.Mount = FakeMount({"config": b"one"}, clock=clock)
    validator: ports.Validator = FakeValidator()
    processes: ports.Processes = FakeProcesses()
    journal: ports.Journal = MemoryJournal()
    assert mount.read().since_s == clock.monotonic()
    assert (validator, processes, journal.load("test")) == (validator, processes, None)


def test_an_observation_is_good_unless_it_says_otherwise() -> None:
    assert ports.Observation({}).error is None
