"""Threads as they run in production: in order, apart, and never silent when they die."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from queue import SimpleQueue

import pytest

from sidecar.core.ports import Cancel
from sidecar.loop.lanes import Job, ThreadLanes

SOON_S = 5.0


@pytest.fixture
def crashes() -> SimpleQueue[BaseException]:
    return SimpleQueue()


@pytest.fixture
def lanes(crashes: SimpleQueue[BaseException]) -> Iterator[ThreadLanes]:
    lanes = ThreadLanes(crashes.put)
    yield lanes
    lanes.stop(SOON_S)
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("lane-")]


def put(queue: SimpleQueue[int], number: int) -> Job:
    return lambda _cancel: queue.put(number)


def wait_until(release: threading.Event) -> Job:
    def job(_cancel: Cancel) -> None:
        release.wait(SOON_S)

    return job


def test_jobs_of_one_lane_run_in_order(lanes: ThreadLanes) -> None:
    done: SimpleQueue[int] = SimpleQueue()
    for number in range(20):
        lanes.submit("web", number, put(done, number))
    assert [done.get(timeout=SOON_S) for _ in range(20)] == list(range(20))


def test_a_slow_lane_holds_up_nobody_else(lanes: ThreadLanes) -> None:
    release, done = threading.Event(), threading.Event()
    lanes.submit("slow", 1, wait_until(release))
    lanes.submit("quick", 1, lambda _cancel: done.set())
    assert done.wait(SOON_S)
    release.set()


def wait_for(cancel: Cancel) -> bool:
    pause = threading.Event()
    for _ in range(int(SOON_S / 0.001)):
        if cancel.is_set():
            return True
        pause.wait(0.001)
    return False


def test_a_running_job_is_asked_to_end(lanes: ThreadLanes) -> None:
    begun, ended = threading.Event(), SimpleQueue[bool]()

    def job(cancel: Cancel) -> None:
        begun.set()
        ended.put(wait_for(cancel))

    lanes.submit("web", 1, job)
    assert begun.wait(SOON_S)
    lanes.cancel("web", 2)  # another one, which is not there
    lanes.cancel("mail", 1)
    lanes.cancel("web", 1)
    assert ended.get(timeout=SOON_S)


def test_a_waiting_job_is_not_begun_once_it_is_cancelled(lanes: ThreadLanes) -> None:
    release, ran = threading.Event(), SimpleQueue[int]()
    lanes.submit("web", 1, wait_until(release))
    lanes.submit("web", 2, put(ran, 2))
    lanes.submit("web", 3, put(ran, 3))
    lanes.cancel("web", 2)
    release.set()
    assert ran.get(timeout=SOON_S) == 3


def test_a_job_that_dies_is_told_and_its_lane_goes_on(
    lanes: ThreadLanes, crashes: SimpleQueue[BaseException]
) -> None:
    def die(_cancel: Cancel) -> None:
        message = "a defect"
        raise LookupError(message)

    done = threading.Event()
    lanes.submit("web", 1, die)
    lanes.submit("web", 2, lambda _cancel: done.set())
    assert str(crashes.get(timeout=SOON_S)) == "a defect"
    assert done.wait(SOON_S)


def test_stopping_asks_all_jobs_to_end_and_begins_none(lanes: ThreadLanes) -> None:
    begun, ended, ran = threading.Event(), SimpleQueue[bool](), SimpleQueue[int]()

    def job(cancel: Cancel) -> None:
        begun.set()
        ended.put(wait_for(cancel))

    lanes.submit("web", 1, job)
    lanes.submit("web", 2, put(ran, 2))
    assert begun.wait(SOON_S)
    lanes.stop(SOON_S)
    assert ended.get(timeout=SOON_S)
    assert ran.empty()


def test_stopping_does_not_wait_for_a_job_that_does_not_listen(
    crashes: SimpleQueue[BaseException],
) -> None:
    lanes = ThreadLanes(crashes.put)
    begun, release, ended = threading.Event(), threading.Event(), threading.Event()

    def job(_cancel: Cancel) -> None:
        begun.set()
        release.wait(60)
        ended.set()

    lanes.submit("web", 1, job)
    assert begun.wait(SOON_S)
    lanes.stop(0.01)
    assert not ended.is_set()
    release.set()
    assert ended.wait(SOON_S)
