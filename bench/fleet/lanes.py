"""Where the effects of many sidecars run: calls on a few threads that all of a process share.

A sidecar of its own has a thread for each lane. A thousand of them would measure the machine's
scheduler, and no API server ever meets more of them than there are calls.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from sidecar.loop.lanes import Job


class SharedLanes:
    """Implements `loop.lanes.Executor` for one sidecar; each lane in order, as `ThreadLanes`.

    The steps of `bridge` are done at once: its daemon, folder and checks are simulated, and answer
    without waiting. Nothing else is ever cancelled. A job that raises is handed to `on_crash`.
    """

    def __init__(
        self, pool: ThreadPoolExecutor, bridge: str, on_crash: Callable[[BaseException], None]
    ) -> None:
        self._pool = pool
        self._bridge = bridge
        self._on_crash = on_crash
        self._lock = threading.Lock()
        self._waiting: dict[str, deque[Job]] = {}

    def submit(self, lane: str, number: int, job: Job) -> None:  # noqa: ARG002  the port's
        """Run `job` after those before it in `lane`."""
        if lane == self._bridge:
            job(threading.Event())
            return
        with self._lock:
            busy = lane in self._waiting
            self._waiting.setdefault(lane, deque()).append(job)
        if not busy:
            self._pool.submit(self._run, lane)

    def cancel(self, lane: str, number: int) -> None:
        """Too late: it is done, and the machine drops its answer."""

    def stop(self, timeout_s: float) -> None:
        """The process ends all."""

    def _run(self, lane: str) -> None:
        """The next job of `lane`; then the pool's other lanes have their turn."""
        with self._lock:
            job = self._waiting[lane].popleft()
        try:
            job(threading.Event())
        except BaseException as error:  # noqa: BLE001 - a dead lane must end its sidecar
            self._on_crash(error)
        with self._lock:
            more = bool(self._waiting[lane])
            if not more:
                del self._waiting[lane]
        if more:
            self._pool.submit(self._run, lane)
