"""The target room's door: find, signal, tell alive, list children (`core.ports.Processes`).

The core looks before it signals and after; every look finds the process anew, because a match is
never worth keeping: PIDs are reused, and the same PID with the same start time is first the
container runtime, then perhaps a shell, then the daemon.
"""

from __future__ import annotations

import os
import signal as signals
from collections.abc import Callable

from sidecar.core.bridge import Selector
from sidecar.core.errors import TargetError, TargetTrouble
from sidecar.core.evidence import Process
from sidecar.core.ports import FenceMovedError
from sidecar.target.census import Census, short_name
from sidecar.target.disposition import Disposition, read_disposition
from sidecar.target.handles import has_ended, hold, is_same, may_signal
from sidecar.target.procfs import ProcFs, Stat, Status
from sidecar.target.refusals import (
    refuse_ended,
    refuse_gone,
    refuse_ignored,
    refuse_starting,
    refuse_unhandled,
    refuse_unpermitted,
)
from sidecar.target.selection import choose

TICKS_PER_S = os.sysconf("SC_CLK_TCK")


class PodProcesses:
    """The processes that a proc file system shows; implements `core.ports.Processes`.

    `proc` is its root. `own_pid` is the process whose kin is never matched (a test or demo that
    runs its daemon as a child names another one). `will_signal`: whether signals will be sent, so
    that `find` makes sure they may be; an HTTP reload needs no such permission.
    """

    def __init__(
        self, proc: str = "/proc", *, own_pid: int | None = None, will_signal: bool = True
    ) -> None:
        self._procfs = ProcFs(proc)
        self._own_pid = os.getpid() if own_pid is None else own_pid
        self._will_signal = will_signal

    def census(self) -> Census:
        """Who is there now. Raises `TargetError` where there is no proc file system."""
        try:
            return Census(self._procfs, self._own_pid)
        except OSError as error:
            message = f"processes cannot be listed ({error.strerror}: {error.filename}): mount proc"
            raise TargetError(TargetTrouble.ABSENT, message) from error

    def find(self, selector: Selector) -> Process:
        """The one process that `selector` means.

        Raises `TargetError` with the fix in its text; `SettingsError` for a selector without parts
        or with a broken pattern.
        """
        census = self.census()
        stat = choose(census, selector)
        process = _identify(census, stat)
        if self._will_signal:
            self._probe(process)
        return process

    def send(
        self, process: Process, signal: int, *, sigwait: bool, fence: Callable[[], bool]
    ) -> None:
        """Signal exactly this process, if it can take it and `fence()` still holds just before.

        Success means that the kernel queued the signal and no more: a process that dies of it, or
        turned into a zombie in between, took it just the same. That it ended is for the next look
        to find; told here it would read as "not sent".

        Raises `FenceMovedError` and `TargetError`, and then nothing was sent.
        """
        with hold(process.pid) as pidfd:
            self._check(process, pidfd, signal, sigwait=sigwait)
            if not fence():
                raise FenceMovedError
            try:
                signals.pidfd_send_signal(pidfd, signal)
            except ProcessLookupError as error:
                raise refuse_gone(process.pid) from error
            except PermissionError as error:
                raise self._refuse_unpermitted(process) from error

    def is_alive(self, process: Process) -> bool:
        """Whether this very process still runs; a zombie does not. Never raises."""
        stat = self._procfs.stat(process.pid)
        return stat is not None and stat.start_ticks == process.start_ticks and not stat.has_ended

    def children(self, process: Process, leaving: str) -> frozenset[int]:
        """PIDs of its running children whose title does not contain `leaving` (empty: all).

        Raises `TargetError` if the process itself is gone.
        """
        if not self.is_alive(process):
            raise refuse_gone(process.pid)
        census = self.census()
        return frozenset(
            child.pid
            for child in census.children(process.pid)
            if not leaving or leaving not in " ".join(census.argv(child.pid))
        )

    def inspect(self, process: Process) -> Status:
        """Users and signal masks of the process. Raises `TargetError`."""
        status = self._procfs.status(process.pid)
        if status is None or not is_same(self._procfs, process):
            raise refuse_gone(process.pid)
        return status

    def may_read(self, process: Process) -> bool:
        """Whether its program and files are open to us, as borrowed validators need them."""
        return bool(self._procfs.executable(process.pid))

    def _check(self, process: Process, pidfd: int, signal: int, *, sigwait: bool) -> None:
        """Everything that can be known before the signal; the pidfd keeps it true of one process.

        A signal to a zombie succeeds and does nothing, so its end is asked before.
        """
        stat, status = self._procfs.stat(process.pid), self._procfs.status(process.pid)
        if stat is None or status is None or stat.start_ticks != process.start_ticks:
            raise refuse_gone(process.pid)
        if has_ended(pidfd):
            raise refuse_ended(self.census(), [stat])
        if stat.is_starting:
            raise refuse_starting(self.census(), [stat])
        match read_disposition(status, signal):
            case Disposition.IGNORED:
                raise refuse_ignored(process.pid, process.name, signal)
            case Disposition.DEFAULT if not sigwait:
                raise refuse_unhandled(process.pid, process.name, signal)
            case _:
                pass

    def _probe(self, process: Process) -> None:
        """A wrong UID shows before there is anything to signal."""
        with hold(process.pid) as pidfd:
            if not may_signal(pidfd):
                raise self._refuse_unpermitted(process)

    def _refuse_unpermitted(self, process: Process) -> TargetError:
        try:
            status = self.inspect(process)
        except TargetError as gone:
            return gone
        return refuse_unpermitted(process.pid, process.name, target=status, own_uid=os.geteuid())


def _identify(census: Census, stat: Stat) -> Process:
    return Process(
        pid=stat.pid,
        start_ticks=stat.start_ticks,
        started_s=stat.start_ticks / TICKS_PER_S,
        name=short_name(census.argv(stat.pid), stat.comm),
        container=census.container(stat.pid).name,
    )
