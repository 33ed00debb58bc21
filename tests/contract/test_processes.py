"""What every `core.ports.Processes` keeps: the real processes of this machine, and the fake."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

import pytest

from sidecar.core.bridge import Selector
from sidecar.core.errors import TargetError, TargetTrouble
from sidecar.core.evidence import Process
from sidecar.core.ports import FenceMovedError, Processes
from sidecar.target.processes import PodProcesses
from sidecar.testing.processes import FakeProcesses
from tests.target.puppets import Puppet, Stage, identify, new_name, open_stage

SIGHUP = 1


class Pod(Protocol):
    """A place where processes start and end, and how many signals each has taken."""

    @property
    def processes(self) -> Processes: ...

    def start(self, title: str, habit: str = "caught") -> Process: ...

    def start_child(self, parent: Process, title: str) -> Process: ...

    def end(self, process: Process, *, collected: bool = True) -> None: ...

    def restart(self, process: Process) -> Process: ...

    def wait_heard(self, process: Process, count: int) -> None: ...


class RealPod:
    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._puppets: dict[int, Puppet] = {}
        self.processes = PodProcesses(own_pid=stage.start(new_name()).pid)

    def start(self, title: str, habit: str = "caught") -> Process:
        puppet = self._stage.start(title, habit)
        self._puppets[puppet.pid] = puppet
        return puppet.process

    def start_child(self, parent: Process, title: str) -> Process:
        return identify(self._puppets[parent.pid].spawn(title))

    def end(self, process: Process, *, collected: bool = True) -> None:
        puppet = self._puppets[process.pid]
        if collected:
            puppet.end()
        else:
            puppet.kill()

    def restart(self, process: Process) -> Process:
        self.end(process)
        return self.start(process.name)

    def wait_heard(self, process: Process, count: int) -> None:
        self._puppets[process.pid].wait_heard(count)


class FakePod:
    def __init__(self) -> None:
        self.processes = self._fake = FakeProcesses()

    def start(self, title: str, habit: str = "caught") -> Process:
        return self._fake.start(
            title,
            caught={SIGHUP} if habit == "caught" else (),
            ignored={SIGHUP} if habit == "ignored" else (),
        )

    def start_child(self, parent: Process, title: str) -> Process:
        return self._fake.start(title, parent=parent)

    def end(self, process: Process, *, collected: bool = True) -> None:
        self._fake.end(process, collected=collected)

    def restart(self, process: Process) -> Process:
        return self._fake.restart(process)

    def wait_heard(self, process: Process, count: int) -> None:
        assert self._fake.sent == [(process, SIGHUP)] * count


@pytest.fixture(params=["real", "fake"])
def pod(request: pytest.FixtureRequest) -> Iterator[Pod]:
    if request.param == "fake":
        yield FakePod()
    else:
        with open_stage() as stage:
            yield RealPod(stage)


@pytest.fixture
def name() -> str:
    return new_name()


def send(pod: Pod, process: Process, *, sigwait: bool = False, fence: bool = True) -> None:
    pod.processes.send(process, SIGHUP, sigwait=sigwait, fence=lambda: fence)


def refusal(pod: Pod, process: Process, *, sigwait: bool = False) -> TargetTrouble:
    asked: list[str] = []

    def fence() -> bool:
        asked.append("fence")
        return True

    with pytest.raises(TargetError) as error:
        pod.processes.send(process, SIGHUP, sigwait=sigwait, fence=fence)
    assert not asked
    assert str(process.pid) in error.value.message
    return error.value.trouble


def missing(pod: Pod, selector: Selector) -> TargetTrouble:
    with pytest.raises(TargetError) as error:
        pod.processes.find(selector)
    return error.value.trouble


@pytest.mark.parametrize("path", ["{}", "/usr/sbin/{}"])
def test_finds_by_the_base_name_or_the_whole_of_argv0(pod: Pod, name: str, path: str) -> None:
    title = path.format(name)
    process = pod.start(title)
    for pattern in (name, title, f"{name[:-2]}.*"):
        found = pod.processes.find(Selector(process=pattern))
        assert found.is_same(process)
        assert found.name == name


def test_a_part_of_a_name_is_no_match(pod: Pod, name: str) -> None:
    pod.start(name)
    assert missing(pod, Selector(process=name[:-1])) is TargetTrouble.ABSENT


def test_finds_by_pid_if_the_pattern_agrees(pod: Pod, name: str) -> None:
    process = pod.start(name)
    assert pod.processes.find(Selector(pid=process.pid)).is_same(process)
    assert pod.processes.find(Selector(pid=process.pid, process=name)).is_same(process)
    other = Selector(pid=process.pid, process="other")
    assert missing(pod, other) is TargetTrouble.ABSENT


def test_of_a_master_and_its_workers_the_master_is_meant(pod: Pod, name: str) -> None:
    master = pod.start(name)
    pod.start_child(master, name)
    pod.start_child(master, name)
    assert pod.processes.find(Selector(process=name)).is_same(master)


def test_two_equals_are_refused(pod: Pod, name: str) -> None:
    first, second = pod.start(name), pod.start(name)
    with pytest.raises(TargetError) as error:
        pod.processes.find(Selector(process=name))
    assert error.value.trouble is TargetTrouble.AMBIGUOUS
    assert str(first.pid) in error.value.message
    assert str(second.pid) in error.value.message
    assert "--pid" in error.value.message


def test_a_restarted_process_is_another_one(pod: Pod, name: str) -> None:
    pod.start(name)
    old = pod.processes.find(Selector(process=name))
    new = pod.restart(old)
    assert pod.processes.find(Selector(process=name)).is_same(new)
    assert not pod.processes.is_alive(old)
    assert pod.processes.is_alive(new)
    assert refusal(pod, old) is TargetTrouble.GONE


def test_a_process_that_ended_is_gone(pod: Pod, name: str) -> None:
    process = pod.start(name)
    pod.end(process)
    assert not pod.processes.is_alive(process)
    assert missing(pod, Selector(process=name)) is TargetTrouble.ABSENT
    assert missing(pod, Selector(pid=process.pid)) is TargetTrouble.ABSENT
    assert refusal(pod, process) is TargetTrouble.GONE


def test_each_signal_arrives_once(pod: Pod, name: str) -> None:
    process = pod.start(name)
    for count in (1, 2, 3):
        send(pod, process)
        pod.wait_heard(process, count)
    assert pod.processes.is_alive(process)


def test_nothing_is_sent_when_the_fence_moved(pod: Pod, name: str) -> None:
    process = pod.start(name)
    with pytest.raises(FenceMovedError):
        send(pod, process, fence=False)
    send(pod, process)
    pod.wait_heard(process, 1)


def test_a_process_that_would_die_of_the_signal_is_spared(pod: Pod, name: str) -> None:
    process = pod.start(name, "default")
    assert refusal(pod, process) is TargetTrouble.UNHANDLED
    assert pod.processes.is_alive(process)


def test_a_process_that_ignores_the_signal_is_refused(pod: Pod, name: str) -> None:
    process = pod.start(name, "ignored")
    assert refusal(pod, process) is TargetTrouble.IGNORED
    assert refusal(pod, process, sigwait=True) is TargetTrouble.IGNORED


def test_a_zombie_is_no_target(pod: Pod, name: str) -> None:
    process = pod.start(name)
    pod.end(process, collected=False)
    assert not pod.processes.is_alive(process)
    assert missing(pod, Selector(pid=process.pid)) is TargetTrouble.ZOMBIE
    assert refusal(pod, process) is TargetTrouble.ZOMBIE
    with pytest.raises(TargetError) as error:
        pod.processes.children(process, "")
    assert error.value.trouble is TargetTrouble.GONE


def test_children_are_those_that_stay(pod: Pod, name: str) -> None:
    process = pod.start(name)
    assert pod.processes.children(process, "") == frozenset()
    staying = pod.start_child(process, f"{name}: worker process")
    leaving = pod.start_child(process, f"{name}: worker process is shutting down")
    assert pod.processes.children(process, "") == {staying.pid, leaving.pid}
    assert pod.processes.children(process, "is shutting down") == {staying.pid}


def test_the_fake_can_refuse_permission(name: str) -> None:
    fake = FakeProcesses()
    process = fake.start(name, permitted=False)
    for attempt in (
        lambda: fake.find(Selector(process=name)),
        lambda: fake.send(process, SIGHUP, sigwait=False, fence=lambda: True),
    ):
        with pytest.raises(TargetError) as error:
            attempt()
        assert error.value.trouble is TargetTrouble.PERMISSION
    assert fake.sent == []


def test_the_fake_lets_a_daemon_react(name: str) -> None:
    fake = FakeProcesses()
    process = fake.start(name, container="app")
    old = fake.start("worker", parent=process)

    def reload(signalled: Process, number: int) -> None:
        assert (signalled, number) == (process, SIGHUP)
        fake.retitle(old, "worker is shutting down")
        fake.start("worker", parent=process)

    fake.on_signal = reload
    fake.send(process, SIGHUP, sigwait=False, fence=lambda: True)
    (new,) = fake.children(process, "shutting down")
    assert new != old.pid
    assert fake.find(Selector(container="app")) == process
