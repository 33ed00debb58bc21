"""What `surehup doctor` wants to know of the target, each fact with its fix.

Beside the door of this room: uses it as the sidecar would, sends nothing.
"""

from __future__ import annotations

import os
from dataclasses import dataclass

from sidecar.core.bridge import Reload, Selector, SignalReload
from sidecar.core.errors import TargetError
from sidecar.core.evidence import Process
from sidecar.target.access import explain_closed
from sidecar.target.disposition import Disposition, read_disposition
from sidecar.target.handles import hold, may_signal
from sidecar.target.processes import PodProcesses
from sidecar.target.procfs import Status
from sidecar.target.refusals import (
    SHARE_FIX,
    name_signal,
    refuse_ignored,
    refuse_unhandled,
    refuse_unpermitted,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """One thing that was looked at. `fix` is empty where nothing is wrong, or `detail` says it.

    `optional`: only some setups need it, so that `ok` being false is no failure by itself.
    """

    name: str
    ok: bool
    detail: str
    fix: str = ""
    optional: bool = False


def examine_target(processes: PodProcesses, selector: Selector, reload: Reload) -> tuple[Fact, ...]:
    """Look at the pod, the process, and what it does with the signal. Raises `SettingsError`.

    `processes` should be made with `will_signal=False`: a missing permission is a fact of its own.
    """
    facts = []
    try:
        facts.append(_see_others(processes))
        process = processes.find(selector)
        status = processes.inspect(process)
    except TargetError as error:
        return (*facts, Fact(name="target process", ok=False, detail=error.message))
    facts.append(_see_process(process))
    if isinstance(reload, SignalReload):
        facts += [_see_permission(process, status), _see_handler(process, status, reload)]
    return (*facts, _see_files(processes, process, status))


def _see_others(processes: PodProcesses) -> Fact:
    census = processes.census()
    name, seen = "shared PID namespace", sum(1 for _ in census.others())
    if census.is_alone:
        detail = "only the sidecar's own processes can be seen"
        return Fact(name=name, ok=False, detail=detail, fix=SHARE_FIX)
    where = ", ".join(census.container_names())
    return Fact(
        name=name,
        ok=True,
        detail=f"{seen} other processes can be seen{f', in containers {where}' if where else ''}",
    )


def _see_process(process: Process) -> Fact:
    where = f" in container {process.container}" if process.container else ""
    detail = f"process {process.pid} ({process.name}){where}"
    return Fact(name="target process", ok=True, detail=detail)


def _see_permission(process: Process, status: Status) -> Fact:
    name, own_uid = "permission to signal", os.geteuid()
    detail = f"the process runs as UID {status.real_uid}, surehup as UID {own_uid}"
    try:
        with hold(process.pid) as pidfd:
            permitted = may_signal(pidfd)
    except TargetError as error:
        return Fact(name=name, ok=False, detail=error.message)
    if permitted:
        return Fact(name=name, ok=True, detail=detail)
    refusal = refuse_unpermitted(process.pid, process.name, target=status, own_uid=own_uid)
    return Fact(name=name, ok=False, detail=refusal.message)


def _see_handler(process: Process, status: Status, reload: SignalReload) -> Fact:
    """A handler that is seen proves little for Go programs, so the words stay careful."""
    signal = name_signal(reload.number)
    match read_disposition(status, reload.number):
        case Disposition.CAUGHT:
            return Fact(name="handler", ok=True, detail=f"a handler for {signal} is installed")
        case Disposition.BLOCKED:
            detail = f"{signal} is blocked, as by daemons that wait for it"
            return Fact(name="handler", ok=True, detail=detail)
        case Disposition.DEFAULT if reload.sigwait:
            detail = f"no handler for {signal} is installed, as expected of a program that waits"
            return Fact(name="handler", ok=True, detail=detail)
        case Disposition.IGNORED:
            refusal = refuse_ignored(process.pid, process.name, reload.number)
        case _:
            refusal = refuse_unhandled(process.pid, process.name, reload.number)
    return Fact(name="handler", ok=False, detail=refusal.message)


def _see_files(processes: PodProcesses, process: Process, status: Status) -> Fact:
    """Reading through /proc/PID/root needs more than signalling: the GID counts, too."""
    name = "borrowed validators"
    if processes.may_read(process):
        return Fact(name=name, ok=True, detail="its program can be run", optional=True)
    closed = explain_closed(status)
    detail = f"its program cannot be run {closed.why}"
    return Fact(name=name, ok=False, detail=detail, fix=closed.fix, optional=True)
