"""Where effects run: one lane per bridge, so that a slow one holds up nobody else.

The only module besides the watchers and the server that knows of threads. Tests and simulation run
the same steps inline, by another `Executor`.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import Protocol

from sidecar.core.ports import Cancel

Job = Callable[[Cancel], None]


class Executor(Protocol):
    """Runs jobs, each lane in order."""

    def submit(self, lane: str, number: int, job: Job) -> None:
        """Run `job` after those before it in `lane`. `number` names it for `cancel`."""

    def cancel(self, lane: str, number: int) -> None:
        """Ask job `number` to end early, or not to begin."""

    def stop(self, timeout_s: float) -> None:
        """Ask all jobs to end and wait at most `timeout_s` for them."""


class ThreadLanes:
    """One daemon thread per lane. A job that raises is handed to `on_crash`."""

    def __init__(self, on_crash: Callable[[BaseException], None]) -> None:
        self._on_crash = on_crash
        self._lanes: dict[str, _Lane] = {}

    def submit(self, lane: str, number: int, job: Job) -> None:
        """Run `job` after those before it in `lane`."""
        if lane not in self._lanes:
            self._lanes[lane] = _Lane(lane, self._on_crash)
        self._lanes[lane].submit(number, job)

    def cancel(self, lane: str, number: int) -> None:
        """Ask job `number` to end early, or not to begin."""
        if lane in self._lanes:
            self._lanes[lane].cancel(number)

    def stop(self, timeout_s: float) -> None:
        """Ask all jobs to end and wait at most `timeout_s` for each lane."""
        for lane in self._lanes.values():
            lane.stop()
        for lane in self._lanes.values():
            lane.join(timeout_s)
        self._lanes.clear()


class _Lane:
    def __init__(self, name: str, on_crash: Callable[[BaseException], None]) -> None:
        self._on_crash = on_crash
        self._jobs: SimpleQueue[tuple[int, Job] | None] = SimpleQueue()
        self._cancels: dict[int, threading.Event] = {}
        self._thread = threading.Thread(target=self._run, name=f"lane-{name}", daemon=True)
        self._thread.start()

    def submit(self, number: int, job: Job) -> None:
        self._cancels[number] = threading.Event()
        self._jobs.put((number, job))

    def cancel(self, number: int) -> None:
        cancel = self._cancels.get(number)
        if cancel is not None:
            cancel.set()

    def stop(self) -> None:
        for cancel in list(self._cancels.values()):
            cancel.set()
        self._jobs.put(None)

    def join(self, timeout_s: float) -> None:
        self._thread.join(timeout_s)

    def _run(self) -> None:
        while (entry := self._jobs.get()) is not None:
            number, job = entry
            cancel = self._cancels[number]
            try:
                if not cancel.is_set():
                    job(cancel)
            except BaseException as error:  # noqa: BLE001 - a dead lane must end the process
                self._on_crash(error)
            finally:
                del self._cancels[number]
