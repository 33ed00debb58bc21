"""Ends of real processes are told once, soon, and to the right bridge."""

from __future__ import annotations

import os
import resource
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from queue import Empty, SimpleQueue

import pytest

from sidecar.core.errors import TargetError, TargetTrouble
from sidecar.core.evidence import Process
from sidecar.target.exits import ExitWatcher
from tests.target.puppets import Stage, new_name

BUSY_S = 0.05


class Ears:
    """Hears what the watcher tells."""

    def __init__(self) -> None:
        self.ends: SimpleQueue[tuple[str, Process]] = SimpleQueue()
        self.crashes: SimpleQueue[BaseException] = SimpleQueue()

    def next_end(self) -> tuple[str, Process]:
        return self.ends.get(timeout=5)

    def hear_nothing(self) -> None:
        with pytest.raises(Empty):
            self.ends.get(timeout=BUSY_S)
        assert self.crashes.empty()


@pytest.fixture
def ears() -> Ears:
    return Ears()


@contextmanager
def watching(
    ears: Ears, listen: Callable[[str, Process], None] | None = None
) -> Iterator[ExitWatcher]:
    watcher = ExitWatcher(listen or (lambda *end: ears.ends.put(end)), ears.crashes.put)
    try:
        yield watcher
    finally:
        watcher.stop()


@pytest.fixture
def watcher(_nothing_left: None, ears: Ears) -> Iterator[ExitWatcher]:
    with watching(ears) as watcher:
        yield watcher


@pytest.mark.parametrize("collected", [False, True])
def test_an_end_is_told_to_its_bridge(
    stage: Stage, ears: Ears, watcher: ExitWatcher, name: str, *, collected: bool
) -> None:
    puppet = stage.start(name)
    process = puppet.process
    watcher.watch("one", process)
    ears.hear_nothing()
    (puppet.end if collected else puppet.kill)()
    assert ears.next_end() == ("one", process)
    ears.hear_nothing()


def test_bridges_watch_side_by_side(stage: Stage, ears: Ears, watcher: ExitWatcher) -> None:
    shared, other = stage.start(new_name()), stage.start(new_name())
    watcher.watch("one", shared.process)
    watcher.watch("two", shared.process)
    watcher.watch("three", other.process)
    shared.kill()
    assert {ears.next_end()[0], ears.next_end()[0]} == {"one", "two"}
    other.kill()
    assert ears.next_end()[0] == "three"
    ears.hear_nothing()


def test_a_bridge_that_moves_on_hears_no_more_of_the_last(
    stage: Stage, ears: Ears, watcher: ExitWatcher
) -> None:
    first, second = stage.start(new_name()), stage.start(new_name())
    watcher.watch("one", first.process)
    watcher.watch("one", second.process)
    ears.hear_nothing()
    first.kill()
    ears.hear_nothing()
    second.kill()
    assert ears.next_end()[1].pid == second.pid


def test_one_that_had_ended_before_is_told_at_once(
    stage: Stage, ears: Ears, watcher: ExitWatcher, name: str
) -> None:
    puppet = stage.start(name)
    process = puppet.process
    puppet.end()
    watcher.watch("one", process)
    assert ears.next_end() == ("one", process)


def test_another_process_with_that_pid_means_that_it_ended(
    stage: Stage, ears: Ears, watcher: ExitWatcher, name: str
) -> None:
    puppet = stage.start(name)
    older = Process(pid=puppet.pid, start_ticks=puppet.process.start_ticks - 1)
    watcher.watch("one", older)
    assert ears.next_end() == ("one", older)
    puppet.kill()
    ears.hear_nothing()


def test_an_end_that_crosses_a_new_wish_is_history(stage: Stage, ears: Ears) -> None:
    """While the watcher is busy, one process ends and its bridge moves on to another.

    The pidfd of the new one takes the number that the old one's had, as the lowest that is free.
    """
    busy, go_on = threading.Event(), threading.Event()

    def listen(bridge: str, process: Process) -> None:
        ears.ends.put((bridge, process))
        busy.set()
        go_on.wait(5)

    first, second, third = (stage.start(new_name()) for _ in range(3))
    with watching(ears, listen) as watcher:
        watcher.watch("two", second.process)
        ears.hear_nothing()
        watcher.watch("one", first.process)
        first.kill()
        assert busy.wait(5)
        watcher.watch("two", third.process)
        second.kill()
        go_on.set()
        assert ears.next_end()[0] == "one"
        ears.hear_nothing()
        third.kill()
        assert ears.next_end()[1].pid == third.pid


def test_stopping_ends_the_thread_and_can_be_repeated(
    stage: Stage, ears: Ears, watcher: ExitWatcher, name: str
) -> None:
    puppet = stage.start(name)
    watcher.watch("one", puppet.process)
    watcher.stop()
    watcher.stop()
    assert "exit-watcher" not in {thread.name for thread in threading.enumerate()}
    watcher.watch("one", puppet.process)
    puppet.kill()
    ears.hear_nothing()


def test_what_a_listener_raises_is_a_crash(stage: Stage, ears: Ears, name: str) -> None:
    def fail(_bridge: str, _process: Process) -> None:
        raise LookupError

    puppet, other = stage.start(name), stage.start(new_name())
    with watching(ears, fail) as watcher:
        watcher.watch("two", other.process)
        watcher.watch("one", puppet.process)
        puppet.kill()
        assert isinstance(ears.crashes.get(timeout=5), LookupError)


def test_without_descriptors_it_crashes_with_the_reason(
    stage: Stage, ears: Ears, name: str
) -> None:
    process = stage.start(name).process
    with watching(ears) as watcher, _no_more_descriptors():
        watcher.watch("one", process)
        crash = ears.crashes.get(timeout=5)
    assert isinstance(crash, TargetError)
    assert crash.trouble is TargetTrouble.PERMISSION
    assert "Too many open files" in crash.message
    assert ears.ends.empty()


@contextmanager
def _no_more_descriptors() -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    lowest_free = os.dup(0)
    os.close(lowest_free)
    resource.setrlimit(resource.RLIMIT_NOFILE, (lowest_free, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_waiting_costs_nothing(stage: Stage, watcher: ExitWatcher, name: str) -> None:
    watcher.watch("one", stage.start(name).process)
    (thread_id,) = (
        thread.native_id for thread in threading.enumerate() if thread.name == "exit-watcher"
    )

    def used_ticks() -> int:
        with open(f"/proc/self/task/{thread_id}/stat") as stat:  # noqa: PTH123  a short read
            fields = stat.read().rpartition(")")[2].split()
        return int(fields[11]) + int(fields[12])

    before = used_ticks()
    time.sleep(0.2)
    assert used_ticks() - before <= 1
