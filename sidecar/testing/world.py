"""A whole pod in virtual time: a mount, a daemon and a sidecar, without threads and sleeps.

Runs the shipped machine against a daemon that behaves by the measured contracts: it reads what is
on disk when it is signalled or starts, refuses what is invalid, dies where that is its nature.
Everything happens in the order of virtual time, so that a run repeats exactly.
"""

from __future__ import annotations

import heapq
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from sidecar.core.attempt import AttemptRecord, Outcome, Trigger
from sidecar.core.bridge import Bridge, OnInvalid
from sidecar.core.effects import (
    Announce,
    Answer,
    Cancel,
    Effect,
    Look,
    Note,
    Save,
    Signal,
    Stopped,
    Validate,
    WatchExit,
)
from sidecar.core.errors import TargetTrouble
from sidecar.core.events import (
    Asked,
    Event,
    Looked,
    MountChanged,
    ProcessExited,
    Sending,
    Signalled,
    Started,
    StopAsked,
    Tick,
    Validated,
)
from sidecar.core.evidence import Process, Reading, Sample
from sidecar.core.machine import step, wake_at
from sidecar.core.report import Finding, Report
from sidecar.core.snapshot import Mounted, Snapshot
from sidecar.core.state import State, begin


@dataclass(slots=True, kw_only=True)
class Latency:
    """How long things take, in virtual seconds."""

    watch_s: float = 0.002
    validate_s: float = 0.01
    look_s: float = 0.003
    signal_s: float = 0.001
    reload_s: float = 0.004
    start_s: float = 0.03


@dataclass(slots=True, kw_only=True)
class Daemon:
    """The simulated main container. `loaded` is the digest it really runs."""

    process: Process
    loaded: str | None = None
    gauge: float = 1.0
    success_s: float = 0.0
    ready_s: float = 0.0
    signals: int = 0


@dataclass(kw_only=True)
class World:
    """One pod. `invalid` judges what the daemon refuses, `unseen` what validators miss of it."""

    bridge: Bridge
    latency: Latency = field(default_factory=Latency)
    invalid: Callable[[Snapshot], bool] = lambda snapshot: b"bad" in b"".join(
        snapshot.files.values()
    )
    unseen: Callable[[Snapshot], bool] = lambda snapshot: b"subtle" in b"".join(
        snapshot.files.values()
    )
    now_s: float = 100.0
    daemon: Daemon | None = None
    state: State | None = None
    journal: str | None = None
    records: list[AttemptRecord] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)
    answers: list[Answer] = field(default_factory=list)
    signalled: list[tuple[float, str, Process]] = field(default_factory=list)
    looks: int = 0
    false_claims: list[str] = field(default_factory=list)
    blind_signals: list[str] = field(default_factory=list)
    effects_done: list[Effect] = field(default_factory=list)
    _queue: list[tuple[float, int, Callable[[], None]]] = field(default_factory=list)
    _count: int = 0
    _generation: int = 0
    _mounted: Mounted | None = None
    _life: int = 0
    _seen_loaded: str | None = None

    @property
    def mounted(self) -> Mounted:
        """What is on disk."""
        if self._mounted is None:
            msg = "nothing was written into this world yet"
            raise AssertionError(msg)
        return self._mounted

    # --- what people, the kubelet and fate do

    def edit(self, files: Mapping[str, bytes]) -> str:
        """The kubelet swaps in new content; returns its digest."""
        self._generation += 1
        self._mounted = Mounted(Snapshot.of(files), f"g{self._generation}", self.now_s)
        mounted, life = self._mounted, self._life
        self._after(self.latency.watch_s, lambda: self._post(MountChanged(mounted), life))
        return mounted.snapshot.digest

    def start_daemon(self) -> None:
        """A new process starts and reads what is on disk."""
        pid = 1000 + self._count
        process = Process(
            pid=pid, start_ticks=int(self.now_s * 100), started_s=self.now_s, name="daemon"
        )
        self.daemon = daemon = Daemon(process=process, ready_s=self.now_s + self.latency.start_s)
        self._after(self.latency.start_s / 2, lambda: self._load_at_start(daemon))

    def kill_daemon(self) -> None:
        """The process ends."""
        if self.daemon is not None:
            process, life = self.daemon.process, self._life
            self.daemon = None
            self._after(0.001, lambda: self._post(ProcessExited(process), life))

    def start_sidecar(self) -> None:
        """The sidecar starts, with what its journal remembers."""
        self._life += 1
        self.state = begin(self.bridge)
        entry = json.loads(self.journal) if self.journal else None
        self._post(Started(entry), self._life)
        if self._mounted is not None:
            mounted, life = self._mounted, self._life
            self._after(self.latency.watch_s, lambda: self._post(MountChanged(mounted), life))

    def crash_sidecar(self) -> None:
        """SIGKILL: whatever was under way is forgotten, the journal stays."""
        self._life += 1
        self.state = None

    def ask(self, request: int | None = None, trigger: Trigger = Trigger.HTTP) -> None:
        """A person asks for an attempt."""
        self._post(Asked(trigger, request), self._life)

    def stop_sidecar(self) -> None:
        """SIGTERM."""
        self._post(StopAsked(), self._life)

    def run_for(self, seconds: float) -> None:
        """Let virtual time pass."""
        end_s = self.now_s + seconds
        while (due_s := self._next_due()) is not None and due_s <= end_s:
            self.now_s = max(self.now_s, due_s)
            if self._queue and self._queue[0][0] <= self.now_s:
                heapq.heappop(self._queue)[2]()
            else:
                self._post(Tick(), self._life)
        self.now_s = end_s

    # --- inside

    def _next_due(self) -> float | None:
        times = [self._queue[0][0]] if self._queue else []
        wake_s = wake_at(self.state) if self.state is not None else None
        return min([*times, *([] if wake_s is None else [wake_s])], default=None)

    def _after(self, delay_s: float, do: Callable[[], None]) -> None:
        self._count += 1
        heapq.heappush(self._queue, (self.now_s + delay_s, self._count, do))

    def _post(self, event: Event, life: int) -> None:
        if self.state is None or life != self._life:
            return
        self.state, effects = step(self.state, event, self.now_s)
        for effect in effects:
            self.effects_done.append(effect)
            self._do(effect, life)

    def _do(self, effect: Effect, life: int) -> None:
        match effect:
            case Validate(effect=number, candidate=candidate):
                report = self._judge(candidate)
                done = Validated(number, report)
                self._after(self.latency.validate_s, lambda: self._post(done, life))
            case Look(effect=number):
                self.looks += 1
                self._after(self.latency.look_s, lambda: self._look(number, life))
            case Signal():
                self._after(self.latency.signal_s, lambda: self._signal(effect, life))
            case Save(entry=entry):
                self.journal = json.dumps(entry)
            case Announce(record=record):
                self._check_claim(record)
                self.records.append(record)
            case Note():
                self.notes.append(effect)
            case Answer():
                self.answers.append(effect)
            case WatchExit(process=process):
                if self.daemon is None or not self.daemon.process.is_same(process):
                    self._after(0.001, lambda: self._post(ProcessExited(process), life))
            case Cancel() | Stopped():
                pass

    def _judge(self, candidate: Snapshot) -> Report:
        if self.invalid(candidate) and not self.unseen(candidate):
            return Report(findings=(Finding(check="fake", message="bad content"),))
        return Report()

    def _look(self, number: int, life: int) -> None:
        fence = self._mounted.fence if self._mounted is not None else None
        sample = Sample(taken_s=self.now_s, fence=fence, readings={}, trouble="no process")
        if self.daemon is not None:
            sample = replace(sample, process=self.daemon.process, trouble=None)
            if self.now_s < self.daemon.ready_s:
                sample = replace(sample, error="connection refused")
            else:
                sample = replace(sample, readings=self._readings(self.daemon))
            self._seen_loaded = self.daemon.loaded
        self._post(Looked(number, sample), life)

    def _readings(self, daemon: Daemon) -> Mapping[str, Reading]:
        return MappingProxyType({"gauge": daemon.gauge, "timestamp": daemon.success_s})

    def _signal(self, signal: Signal, life: int) -> None:
        number, daemon, mounted = signal.effect, self.daemon, self.mounted
        if mounted.fence != signal.fence:
            self._post(Signalled(effect=number, sending=Sending.FENCE_MOVED), life)
            return
        if daemon is None or not daemon.process.is_same(signal.process):
            gone = Signalled(
                effect=number,
                sending=Sending.REFUSED,
                trouble=TargetTrouble.GONE,
                message="the process is gone",
            )
            self._post(gone, life)
            return
        self._deliver(daemon, mounted)
        sent = Signalled(effect=number, sending=Sending.SENT, fence=mounted.fence)
        self._post(sent, life)

    def _deliver(self, daemon: Daemon, mounted: Mounted) -> None:
        daemon.signals += 1
        digest = mounted.snapshot.digest
        self.signalled.append((self.now_s, digest, daemon.process))
        if self._judge(mounted.snapshot).rejects:
            self.blind_signals.append(f"{digest} was signalled although invalid")
        if self.now_s < daemon.ready_s:
            self.blind_signals.append("signalled before the handler was there")
        self._after(self.latency.reload_s, lambda: self._reload(daemon))

    def _reload(self, daemon: Daemon) -> None:
        if self.daemon is not daemon:
            return
        if not self.invalid(self.mounted.snapshot):
            daemon.gauge, daemon.success_s = 1.0, self.now_s
            daemon.loaded = self.mounted.snapshot.digest
        elif self.bridge.proof.on_invalid is OnInvalid.DIES:
            self.kill_daemon()
        else:
            daemon.gauge = 0.0

    def _load_at_start(self, daemon: Daemon) -> None:
        if self.daemon is not daemon:
            return
        if self.invalid(self.mounted.snapshot):
            self.kill_daemon()
        else:
            daemon.loaded, daemon.success_s = self.mounted.snapshot.digest, self.now_s

    def _check_claim(self, record: AttemptRecord) -> None:
        if record.outcome is Outcome.APPLIED and self._seen_loaded != record.digest:
            self.false_claims.append(f"{record.digest[:12]} claimed, {self._seen_loaded} ran")
