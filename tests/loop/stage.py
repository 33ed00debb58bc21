"""One pod for tests of the loop: fakes at every port, and a daemon between them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from sidecar.core.attempt import AttemptRecord, BridgeStatus, Status
from sidecar.core.bridge import (
    Bridge,
    HttpReload,
    Proof,
    RefuseEmpty,
    Reload,
    Selector,
    SignalReload,
    Source,
)
from sidecar.core.effects import Answer, Note
from sidecar.core.events import Event, MountChanged, StopAsked
from sidecar.core.evidence import Evidence, Process, Reading, Role, Series
from sidecar.core.ports import Observation
from sidecar.loop.loop import Lane, Loop, Outside
from sidecar.loop.steps import Adapters
from sidecar.testing.clock import FakeClock
from sidecar.testing.executor import InlineLanes, VirtualInbox
from sidecar.testing.journal import MemoryJournal
from sidecar.testing.mount import FakeMount
from sidecar.testing.processes import FakeProcesses
from sidecar.testing.publisher import MemoryKeeper
from sidecar.testing.validator import FakeValidator

HUP = 1
PROOF = Proof(
    groups=(
        (Evidence(name="successes", role=Role.SUCCESS_COUNTER, source=Series(metric="total")),),
    )
)


def make_bridge(name: str = "web", reload: Reload | None = None) -> Bridge:
    return Bridge(
        name=name,
        source=Source(mount="/config"),
        checks=(RefuseEmpty(),),
        target=Selector(process="daemon"),
        reload=reload or SignalReload(number=HUP),
        proof=PROOF,
    )


@dataclass
class FakeObserver:
    """Implements `core.ports.Observer`."""

    successes: float = 1.0
    error: str | None = None
    answer: str | None = "ok"
    asked: list[HttpReload] = field(default_factory=list)

    def observe(self, _proof: Proof, _process: Process) -> Observation:
        readings: Mapping[str, Reading] = {"successes": self.successes}
        return Observation({} if self.error else readings, self.error)

    def reload(self, reload: HttpReload, _proof: Proof) -> str | None:
        self.asked.append(reload)
        self.successes += 1
        return self.answer


@dataclass
class Memo:
    """Implements `loop.loop.Teller`."""

    notes: list[Note] = field(default_factory=list)
    records: list[tuple[str, AttemptRecord, Status]] = field(default_factory=list)
    shown: list[BridgeStatus] = field(default_factory=list)

    def note(self, _bridge: str, note: Note) -> None:
        self.notes.append(note)

    def announce(self, bridge: str, record: AttemptRecord, status: Status) -> None:
        self.records.append((bridge, record, status))

    def show(self, status: BridgeStatus) -> None:
        self.shown.append(status)


class Stage:
    """Everything around one loop with one or more bridges, in virtual time."""

    def __init__(
        self,
        *names: str,
        reload: Reload | None = None,
        inbox: type[VirtualInbox] = VirtualInbox,
    ) -> None:
        self.names = names or ("web",)
        self.clock = FakeClock()
        self.inbox = inbox(self.clock)
        self.lanes = InlineLanes()
        self.journal = MemoryJournal()
        self.memo = Memo()
        self.answers: list[Answer] = []
        self.watched: list[Process] = []
        self.mount = FakeMount({"config": b"one"}, clock=self.clock)
        self.validator = FakeValidator()
        self.observer = FakeObserver()
        self.processes = FakeProcesses(on_signal=self._hear)
        self.process = self.processes.start("daemon")
        self.adapters = Adapters(
            clock=self.clock,
            mount=self.mount,
            validator=self.validator,
            processes=self.processes,
            observer=self.observer,
        )
        bridges = [make_bridge(name, reload) for name in self.names]
        self.loop = Loop(
            {bridge.name: Lane(bridge=bridge, adapters=self.adapters) for bridge in bridges},
            self.inbox,
            Outside(
                clock=self.clock,
                executor=self.lanes,
                journal=self.journal,
                teller=self.memo,
                watch_exit=lambda _bridge, process: self.watched.append(process),
                answer=self.answers.append,
                keeper=MemoryKeeper(),
            ),
        )

    def edit(self, content: bytes) -> None:
        self.mount.write({"config": content})
        self.tell_all(MountChanged(self.mount.read()))

    def tell_all(self, event: Event) -> None:
        for name in self.names:
            self.inbox.post(name, event)

    def run(self, *, stop_after_s: float) -> None:
        self.inbox.plan(stop_after_s, lambda: self.tell_all(StopAsked()))
        self.loop.run()

    def _hear(self, _process: Process, number: int) -> None:
        if number == HUP:
            self.observer.successes += 1


def outcomes(stage: Stage) -> list[tuple[str, str]]:
    return [(bridge, record.outcome.value) for bridge, record, _ in stage.memo.records]
