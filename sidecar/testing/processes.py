"""Processes in memory: no fork, no signals, the same answers as the real ones.

For the demo and for tests of what stands behind the port; held to the contract of
`core.ports.Processes` by the same tests as the real adapter.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from dataclasses import dataclass, field

from sidecar.core.bridge import Selector
from sidecar.core.errors import TargetError, TargetTrouble
from sidecar.core.evidence import Process
from sidecar.core.ports import FenceMovedError

TICKS_PER_S = 100
SIGHUP = 1


@dataclass(slots=True)
class _Running:
    """One process of the fake pod."""

    process: Process
    title: str
    parent: int
    state: str
    caught: frozenset[int]
    ignored: frozenset[int]
    permitted: bool


@dataclass(slots=True)
class FakeProcesses:
    """A pod whose processes start and end when told to; implements `core.ports.Processes`.

    `sent` holds every signal that was delivered. `on_signal` is called with each, as the daemon's
    handler would be; it may end or restart processes.
    """

    on_signal: Callable[[Process, int], None] | None = None
    sent: list[tuple[Process, int]] = field(default_factory=list)
    _running: dict[int, _Running] = field(default_factory=dict)
    _next_pid: int = 7
    _ticks: int = 1_000

    def start(
        self,
        title: str,
        *,
        container: str = "",
        parent: Process | None = None,
        caught: Collection[int] = (SIGHUP,),
        ignored: Collection[int] = (),
        permitted: bool = True,
    ) -> Process:
        """A process named by its ``argv[0]``, with handlers for the signals in `caught`."""
        return self._begin(
            _Running(
                process=Process(pid=0, start_ticks=0, container=container),
                title=title,
                parent=0 if parent is None else parent.pid,
                state="R",
                caught=frozenset(caught),
                ignored=frozenset(ignored),
                permitted=permitted,
            )
        )

    def end(self, process: Process, *, collected: bool = True) -> None:
        """It exits, and stays a zombie unless its parent has `collected` it."""
        if collected:
            self._running.pop(process.pid, None)
        else:
            self._running[process.pid].state = "Z"

    def restart(self, process: Process) -> Process:
        """It exits, and another one with the same program starts, as the kubelet has it."""
        before = self._running.pop(process.pid)
        before.state = "R"
        return self._begin(before)

    def retitle(self, process: Process, title: str) -> None:
        """It writes another title over its arguments, as nginx's old workers do."""
        self._running[process.pid].title = title

    def find(self, selector: Selector) -> Process:
        """The one process that `selector` means. Raises `TargetError`."""
        matched = {
            pid: running for pid, running in self._running.items() if _fits(selector, running)
        }
        alive = {pid: running for pid, running in matched.items() if running.state == "R"}
        masters = [running for running in alive.values() if running.parent not in alive]
        if len(masters) > 1:
            pids = ", ".join(str(running.process.pid) for running in masters)
            message = f"{len(masters)} processes fit ({pids}): say which with --pid"
            raise TargetError(TargetTrouble.AMBIGUOUS, message)
        if not masters:
            if matched:
                message = f"process {min(matched)} has ended"
                raise TargetError(TargetTrouble.ZOMBIE, message)
            message = f"no process fits {selector}"
            raise TargetError(TargetTrouble.ABSENT, message)
        self._check_permission(masters[0])
        return masters[0].process

    def send(
        self, process: Process, signal: int, *, sigwait: bool, fence: Callable[[], bool]
    ) -> None:
        """Deliver `signal` at once. Raises `TargetError` or `FenceMovedError`."""
        running = self._look_up(process)
        pid = process.pid
        if running.state == "Z":
            raise TargetError(TargetTrouble.ZOMBIE, f"process {pid} has ended")
        if signal in running.ignored:
            raise TargetError(TargetTrouble.IGNORED, f"process {pid} ignores signal {signal}")
        if signal not in running.caught and not sigwait:
            message = f"process {pid} has no handler for signal {signal}"
            raise TargetError(TargetTrouble.UNHANDLED, message)
        if not fence():
            raise FenceMovedError
        self._check_permission(running)
        self.sent.append((process, signal))
        if self.on_signal is not None:
            self.on_signal(process, signal)

    def is_alive(self, process: Process) -> bool:
        """Whether this very process still runs."""
        running = self._running.get(process.pid)
        return running is not None and running.process.is_same(process) and running.state == "R"

    def children(self, process: Process, leaving: str) -> frozenset[int]:
        """PIDs of its children whose title does not contain `leaving`. Raises `TargetError`."""
        if not self.is_alive(process):
            raise _gone(process)
        return frozenset(
            pid
            for pid, running in self._running.items()
            if running.parent == process.pid and running.state == "R"
            if not leaving or leaving not in running.title
        )

    def _begin(self, running: _Running) -> Process:
        pid, self._next_pid = self._next_pid, self._next_pid + 1
        self._ticks += 1
        running.process = Process(
            pid=pid,
            start_ticks=self._ticks,
            started_s=self._ticks / TICKS_PER_S,
            name=running.title.partition(": ")[0].rpartition("/")[2],
            container=running.process.container,
        )
        self._running[pid] = running
        return running.process

    def _look_up(self, process: Process) -> _Running:
        running = self._running.get(process.pid)
        if running is None or not running.process.is_same(process):
            raise _gone(process)
        return running

    def _check_permission(self, running: _Running) -> None:
        if not running.permitted:
            message = f"process {running.process.pid} belongs to another UID"
            raise TargetError(TargetTrouble.PERMISSION, message)


def _fits(selector: Selector, running: _Running) -> bool:
    process, title = running.process, running.title
    return (
        (selector.pid is None or selector.pid == process.pid)
        and (not selector.container or selector.container == process.container)
        and (
            not selector.process
            or re.fullmatch(selector.process, title) is not None
            or re.fullmatch(selector.process, title.rpartition("/")[2]) is not None
        )
    )


def _gone(process: Process) -> TargetError:
    return TargetError(TargetTrouble.GONE, f"process {process.pid} is gone")
