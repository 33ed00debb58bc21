"""What a process would do with a signal, read from its masks.

The kernel shows three sets in /proc/PID/status; only together do they tell. A handler that is set
proves little for Go programs (their runtime catches everything); one that is *not* set proves
that the signal would end a process which does not wait for it (sigwait, signalfd).
"""

from __future__ import annotations

from enum import StrEnum

from sidecar.target.procfs import Status


class Disposition(StrEnum):
    """What becomes of a signal."""

    CAUGHT = "caught"
    BLOCKED = "blocked"
    IGNORED = "ignored"
    DEFAULT = "default"


def read_disposition(status: Status, signal: int) -> Disposition:
    """What the process would do with signal number `signal` now.

    Ignored goes first: a process under nohup that sets its own handler no longer shows as ignoring.
    """
    bit = 1 << (signal - 1)
    if status.ignored & bit:
        return Disposition.IGNORED
    if status.caught & bit:
        return Disposition.CAUGHT
    return Disposition.BLOCKED if status.blocked & bit else Disposition.DEFAULT
