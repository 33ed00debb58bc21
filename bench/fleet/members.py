"""One process of the fleet: its sidecars, their simulated daemons, and what they did.

Of each sidecar the loop, core, client, watch and records are the shipped ones, with TLS connections
and a watch of its own. What is simulated is the pod: folder, checks, daemon, state on disk.
"""

from __future__ import annotations

import os
import threading
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from multiprocessing.connection import Connection

from bench.fleet.lanes import SharedLanes
from sidecar.clock import SystemClock
from sidecar.cluster import Cluster, Hearing
from sidecar.core.attempt import AttemptRecord, BridgeStatus, Outcome, Status
from sidecar.core.bridge import (
    Bridge,
    HttpReload,
    Mode,
    Policy,
    Proof,
    Rollout,
    Selector,
    SignalReload,
    Source,
)
from sidecar.core.effects import Note
from sidecar.core.events import ApiConnected, DeclaredSeen, MountLost
from sidecar.core.evidence import Evidence, Process, Role, Series
from sidecar.core.ports import Observation
from sidecar.loop.loop import Inbox, Lane, Loop, Outside
from sidecar.loop.steps import Adapters
from sidecar.record.declaration import Reader
from sidecar.testing.journal import MemoryJournal
from sidecar.testing.mount import FakeMount
from sidecar.testing.processes import FakeProcesses
from sidecar.testing.publisher import FakePublisher, MemoryKeeper
from sidecar.testing.validator import FakeValidator

BRIDGE = "fleet"
HUP = 1
CALLS_AT_ONCE = 16
"""Of all sidecars of a process together."""

WRITES = frozenset({"patch", "create", "delete"})
GAUGE = Evidence(name="gauge", role=Role.OK_GAUGE, source=Series(metric="ok"))
TIME = Evidence(name="time", role=Role.SUCCESS_TIMESTAMP, source=Series(metric="time"))


@dataclass(frozen=True, slots=True)
class Door:
    """By what a pod finds its API server: variables, and the folder of its token."""

    environ: Mapping[str, str]
    account: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What one process runs: members by `names`, one begun each `pause_s`, the first `after_s`.

    `config_map` is the object of all, as NAMESPACE/NAME; `replicas` are all of the fleet.
    """

    names: Sequence[str]
    config_map: str
    door: Door
    replicas: int
    spread_s: float
    after_s: float
    pause_s: float


@dataclass(kw_only=True)
class Taken:
    """What happened in one process since it was asked last; times are of the machine's clock.

    `loaded` and `proven` are by member: the digest that its daemon read last, or that its sidecar
    saw proven, and since when. `ends` are attempts that ended: member, digest, whether signalled.
    """

    requests: Counter[str] = field(default_factory=Counter)
    ends: list[tuple[str, str, bool]] = field(default_factory=list)
    loaded: dict[str, tuple[str, float]] = field(default_factory=dict)
    proven: dict[str, tuple[str, float]] = field(default_factory=dict)
    last_write_s: float = 0.0


class Reports:
    """Gathers what the members of one process do; any thread may call."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._taken = Taken()

    def count(self, verb: str, code: str) -> None:
        """A request was made."""
        with self._lock:
            self._taken.requests[f"{verb} {code}"] += 1
            if verb in WRITES:
                self._taken.last_write_s = time.monotonic()

    def end(self, name: str, record: AttemptRecord) -> None:
        """An attempt of a member ended."""
        if record.outcome is not Outcome.SUPERSEDED:
            with self._lock:
                self._taken.ends.append((name, record.digest, record.signalled))

    def load(self, name: str, digest: str) -> None:
        """A member's daemon has read this content, and runs it."""
        with self._lock:
            self._taken.loaded[name] = (digest, time.monotonic())

    def prove(self, name: str, digest: str) -> None:
        """A member's sidecar has seen that it does."""
        with self._lock:
            self._taken.proven[name] = (digest, time.monotonic())

    def take(self) -> Taken:
        """All since the last time."""
        with self._lock:
            taken, self._taken = self._taken, Taken()
        return taken


class Daemon:
    """A simulated daemon: reads the folder on SIGHUP, and refuses what is bad."""

    def __init__(self, name: str, mount: FakeMount, reports: Reports) -> None:
        self._name = name
        self._mount = mount
        self._reports = reports
        self._reloads = 1.0
        self._gauge = 1.0

    def hear(self, _process: Process, number: int) -> None:
        """A signal."""
        if number != HUP:
            return
        snapshot = self._mount.read().snapshot
        refuses = any(b"bad" in content for content in snapshot.files.values())
        self._gauge = 0.0 if refuses else 1.0
        if not refuses:
            self._reloads += 1.0
            self._reports.load(self._name, snapshot.digest)

    def observe(self, _proof: Proof, _process: Process) -> Observation:
        """Its page."""
        return Observation({"gauge": self._gauge, "time": self._reloads})

    def reload(self, _reload: HttpReload, _proof: Proof) -> str | None:
        """It has no such endpoint."""
        return None


class Member:
    """One sidecar; hears its own loop (`loop.Teller`), and reports how attempts end."""

    def __init__(self, name: str, plan: Plan, pool: ThreadPoolExecutor, reports: Reports) -> None:
        self._name = name
        self._plan = plan
        self._pool = pool
        self._reports = reports
        self._clock = SystemClock()
        self._inbox = Inbox()
        self._proven = ""
        self._bridge = _make_bridge(name, plan)

    def start(self) -> None:
        """Begin, in a thread of its own; the watch has another."""
        threading.Thread(target=self._run, name=self._name, daemon=True).start()

    def note(self, _bridge: str, _note: Note) -> None:
        """Nothing that is counted here."""

    def announce(self, _bridge: str, record: AttemptRecord, _status: Status) -> None:
        """An attempt ended."""
        self._reports.end(self._name, record)

    def show(self, status: BridgeStatus) -> None:
        """What it shows."""
        if status.proven and status.runs is not None and status.runs != self._proven:
            self._proven = status.runs
            self._reports.prove(self._name, status.runs)

    def _run(self) -> None:
        namespace = self._plan.config_map.partition("/")[0]
        cluster = Cluster(
            {**self._plan.door.environ, "POD_NAME": self._name, "POD_NAMESPACE": namespace},
            clock=self._clock,
            on_request=self._reports.count,
            account=self._plan.door.account,
        )
        config = cluster.config(self._bridge, Reader())
        lane = Lane(bridge=self._bridge, adapters=self._simulate_pod(), config=config)
        loop = Loop(
            {BRIDGE: lane},
            self._inbox,
            Outside(
                clock=self._clock,
                executor=SharedLanes(self._pool, BRIDGE, self._inbox.crash),
                journal=MemoryJournal(),
                teller=self,
                watch_exit=lambda _bridge, _process: None,
                answer=lambda _answer: None,
                keeper=MemoryKeeper(),
                pod=cluster.pod(),
            ),
        )
        hearing = Hearing(
            declared=lambda declared: self._inbox.post(BRIDGE, DeclaredSeen(declared)),
            connected=lambda connected: self._inbox.post(BRIDGE, ApiConnected(connected)),
            crash=self._inbox.crash,
        )
        self._inbox.post(BRIDGE, MountLost("the shared folder is still empty"))
        cluster.watch(self._bridge, config, hearing)
        loop.run()

    def _simulate_pod(self) -> Adapters:
        mount = FakeMount({}, clock=self._clock)
        daemon = Daemon(self._name, mount, self._reports)
        processes = FakeProcesses(on_signal=daemon.hear)
        processes.start("daemon")
        return Adapters(
            clock=self._clock,
            mount=mount,
            validator=FakeValidator(),
            processes=processes,
            observer=daemon,
            publisher=FakePublisher(mount),
        )


def _make_bridge(pod: str, plan: Plan) -> Bridge:
    return Bridge(
        name=BRIDGE,
        source=Source(mount="", config_map=plan.config_map, mode=Mode.PUBLISHED, publish="/shared"),
        checks=(),
        target=Selector(process="daemon"),
        reload=SignalReload(number=HUP),
        proof=Proof(groups=((GAUGE, TIME),)),
        policy=Policy(rollout=Rollout(spread_s=plan.spread_s, replicas=plan.replicas)),
        pod=pod,
    )


def run_members(plan: Plan, pipe: Connection) -> None:
    """Starts the members one after the other, and answers the parent until told to stop."""
    reports = Reports()
    pool = ThreadPoolExecutor(CALLS_AT_ONCE, thread_name_prefix="call")
    waiting = [Member(name, plan, pool, reports) for name in reversed(plan.names)]
    due_s = time.monotonic() + plan.after_s
    while True:
        if pipe.poll(max(due_s - time.monotonic(), 0) if waiting else None):
            if pipe.recv() != "report":
                os._exit(0)
            pipe.send(reports.take())
        if waiting and time.monotonic() >= due_s:
            waiting.pop().start()
            due_s += plan.pause_s
