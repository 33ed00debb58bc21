"""Tells when a watched process ends, within a millisecond and without looking at it meanwhile.

Beside the door of this room: nothing else in a pod announces an end (inotify is blind on /proc, the
kernel's process events need CAP_NET_ADMIN), and without it a restart would be noticed by polling.
"""

from __future__ import annotations

import os
import select
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from sidecar.core.errors import TargetError, TargetTrouble
from sidecar.core.evidence import Process
from sidecar.target.handles import is_same, open_pidfd
from sidecar.target.procfs import ProcFs


@dataclass(frozen=True, slots=True)
class _Watched:
    bridge: str
    process: Process


class ExitWatcher:
    """One thread that waits on a pidfd per bridge, and costs nothing while nothing ends.

    `on_exit(bridge, process)` is called from that thread, once per `watch` at most. `on_crash` gets
    what should not happen (also `TargetError` where the kernel gives no pidfd); the thread is then
    dead. `proc` is the root of the proc file system.
    """

    def __init__(
        self,
        on_exit: Callable[[str, Process], None],
        on_crash: Callable[[BaseException], None],
        *,
        proc: str = "/proc",
    ) -> None:
        self._on_exit = on_exit
        self._on_crash = on_crash
        self._procfs = ProcFs(proc)
        self._lock = threading.Lock()
        self._wishes: dict[str, Process] = {}
        self._stopping = False
        self._wake_fd = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        self._thread = threading.Thread(target=self._run, name="exit-watcher", daemon=True)
        self._thread.start()

    def watch(self, bridge: str, process: Process) -> None:
        """From now on tell when `process` ends, instead of what was watched for `bridge`.

        One that has ended already is told at once, from the watcher's thread. Never blocks.
        """
        with self._lock:
            self._wishes[bridge] = process
            self._wake()

    def stop(self, timeout_s: float = 1.0) -> None:
        """Watch nothing any more, and wait at most `timeout_s` for the thread. Can be repeated."""
        with self._lock:
            self._stopping = True
            self._wake()
        self._thread.join(timeout_s)

    def _wake(self) -> None:
        if self._wake_fd >= 0:
            os.eventfd_write(self._wake_fd, 1)

    def _run(self) -> None:
        held: dict[int, _Watched] = {}
        poll = select.poll()
        poll.register(self._wake_fd, select.POLLIN)
        try:
            while not self._stopping:
                ready = [fd for fd, _ in poll.poll()]
                if self._wake_fd in ready:
                    # A pidfd opened now may get the number of one in `ready`: poll again after.
                    self._take_wishes(held, poll)
                else:
                    for fd in ready:
                        self._tell(_release(fd, held, poll))
        except BaseException as error:  # noqa: BLE001  a dead watcher must end the process
            self._on_crash(error)
        finally:
            for fd in list(held):
                os.close(fd)
            self._close()

    def _take_wishes(self, held: dict[int, _Watched], poll: select.poll) -> None:
        with self._lock:
            with suppress(BlockingIOError):
                os.eventfd_read(self._wake_fd)
            wishes = [_Watched(bridge, process) for bridge, process in self._wishes.items()]
            self._wishes.clear()
        for wish in wishes:
            for fd in [fd for fd, other in held.items() if other.bridge == wish.bridge]:
                _release(fd, held, poll)
            self._hold(wish, held, poll)

    def _hold(self, wish: _Watched, held: dict[int, _Watched], poll: select.poll) -> None:
        """The identity is compared after the pidfd is open, so that it is of this very process."""
        try:
            pidfd = open_pidfd(wish.process.pid)
        except TargetError as error:
            if error.trouble is not TargetTrouble.GONE:
                raise
            self._tell(wish)
            return
        held[pidfd] = wish
        poll.register(pidfd, select.POLLIN)
        if not is_same(self._procfs, wish.process):
            self._tell(_release(pidfd, held, poll))

    def _tell(self, ended: _Watched) -> None:
        self._on_exit(ended.bridge, ended.process)

    def _close(self) -> None:
        with self._lock:
            os.close(self._wake_fd)
            self._wake_fd = -1


def _release(fd: int, held: dict[int, _Watched], poll: select.poll) -> _Watched:
    poll.unregister(fd)
    os.close(fd)
    return held.pop(fd)
