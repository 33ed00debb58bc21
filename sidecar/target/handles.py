"""Holds on to exactly one process by pidfd, so that its PID can be reused without harm.

The kernel opens a pidfd on any visible process, whoever owns it; permission is asked only when
a signal is sent. A pidfd polls readable as soon as its process ended, also while it is a zombie.
"""

from __future__ import annotations

import os
import select
import signal as signals
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from sidecar.core.evidence import Process
from sidecar.target.procfs import ProcFs
from sidecar.target.refusals import refuse_gone, refuse_unheld


@contextmanager
def hold(pid: int) -> Iterator[int]:
    """Open a pidfd for as long as the block lasts. Raises `TargetError`."""
    pidfd = open_pidfd(pid)
    try:
        yield pidfd
    finally:
        os.close(pidfd)


def open_pidfd(pid: int) -> int:
    """A pidfd that the caller closes. Raises `TargetError`: GONE, or PERMISSION if not offered."""
    try:
        return os.pidfd_open(pid)
    except ProcessLookupError as error:
        raise refuse_gone(pid) from error
    except OSError as error:
        raise refuse_unheld(pid, os.strerror(error.errno or 0)) from error


def has_ended(pidfd: int) -> bool:
    """Whether the process behind `pidfd` ended, collected or not."""
    poll = select.poll()
    poll.register(pidfd, select.POLLIN)
    return bool(poll.poll(0))


def may_signal(pidfd: int) -> bool:
    """Whether the kernel would let us signal the process: signal 0 is an honest probe of that.

    Nothing is refused to one that was collected meanwhile; sending will tell.
    """
    try:
        with suppress(ProcessLookupError):
            signals.pidfd_send_signal(pidfd, 0)
    except PermissionError:
        return False
    return True


def is_same(procfs: ProcFs, process: Process) -> bool:
    """Whether the PID of `process` still names the process that was forked at that time."""
    stat = procfs.stat(process.pid)
    return stat is not None and stat.start_ticks == process.start_ticks
