"""A thousand sidecars on one real API server: ``python -m bench.fleet --sidecars 1000``.

Each sidecar is the shipped loop, core, client, watch and records with a simulated daemon, several
in a process. An edit, a bad edit that only the daemon refuses, and an edit with a restart of the
API server in the middle; what each costs in requests, and when all have applied it.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import multiprocessing
import os
import statistics
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path

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
from sidecar.core.events import ApiConnected, DeclaredSeen, StopAsked
from sidecar.core.evidence import Evidence, Process, Role, Series
from sidecar.core.ports import Observation
from sidecar.core.snapshot import digest_of
from sidecar.kube.ports import CONFIG_MAPS, PODS, Ref
from sidecar.loop.lanes import ThreadLanes
from sidecar.loop.loop import Inbox, Lane, Loop, Outside
from sidecar.loop.steps import Adapters
from sidecar.record.annotations import read_marks
from sidecar.record.declaration import Reader
from sidecar.testing.journal import MemoryJournal
from sidecar.testing.mount import FakeMount
from sidecar.testing.processes import FakeProcesses
from sidecar.testing.publisher import FakePublisher, MemoryKeeper
from sidecar.testing.validator import FakeValidator
from tests.apiserver.clients import make_admin_client
from tests.apiserver.server import ApiServer, running_server

NAME = "fleet"
HUP = 1
READY_WITHIN_S = 300.0
APPLIED_WITHIN_S = 120.0
SETTLED_S = 3.0
GAUGE = Evidence(name="gauge", role=Role.OK_GAUGE, source=Series(metric="ok"))
TIME = Evidence(name="time", role=Role.SUCCESS_TIMESTAMP, source=Series(metric="time"))
WRITES = frozenset({"patch", "create", "delete"})


class Daemon:
    """A simulated daemon: reads the folder on SIGHUP, and refuses what is bad."""

    def __init__(self, mount: FakeMount) -> None:
        self._mount = mount
        self._reloads = 1.0
        self._gauge = 1.0

    def hear(self, _process: Process, number: int) -> None:
        """A signal."""
        if number != HUP:
            return
        refuses = any(b"bad" in content for content in self._mount.read().snapshot.files.values())
        self._gauge = 0.0 if refuses else 1.0
        self._reloads += 0.0 if refuses else 1.0

    def observe(self, _proof: Proof, _process: Process) -> Observation:
        """Its page."""
        return Observation({"gauge": self._gauge, "time": self._reloads})

    def reload(self, _reload: HttpReload, _proof: Proof) -> str | None:
        """It has no such endpoint."""
        return None


class Member:
    """One sidecar: hears its own loop (`loop.Teller`) and reports how attempts end."""

    def __init__(self, name: str, namespace: str, kubeconfig: str, reports: Reports) -> None:
        self.name = name
        self._reports = reports
        self._clock = SystemClock()
        self._inbox = Inbox()
        self._bridge = _make_bridge(name, namespace)
        self._cluster = Cluster(
            {"KUBECONFIG": kubeconfig, "POD_NAME": name, "POD_NAMESPACE": namespace},
            clock=self._clock,
            on_request=reports.count,
        )
        self._lanes = ThreadLanes(self._inbox.crash)
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End, as at SIGTERM."""
        self._inbox.post(self._bridge.name, StopAsked())

    def note(self, _bridge: str, _note: Note) -> None:
        """Nothing that is counted here."""

    def announce(self, _bridge: str, record: AttemptRecord, _status: Status) -> None:
        """An attempt ended."""
        self._reports.end(self.name, record)

    def show(self, status: BridgeStatus) -> None:
        """What it shows."""
        self._reports.show(self.name, status)

    def _run(self) -> None:
        mount = FakeMount({}, clock=self._clock)
        daemon = Daemon(mount)
        processes = FakeProcesses(on_signal=daemon.hear)
        processes.start("daemon")
        adapters = Adapters(
            clock=self._clock,
            mount=mount,
            validator=FakeValidator(),
            processes=processes,
            observer=daemon,
            publisher=FakePublisher(mount),
        )
        name, reader = self._bridge.name, Reader()
        config = self._cluster.config(self._bridge, reader)
        loop = Loop(
            {name: Lane(bridge=self._bridge, adapters=adapters, config=config)},
            self._inbox,
            Outside(
                clock=self._clock,
                executor=self._lanes,
                journal=MemoryJournal(),
                teller=self,
                watch_exit=lambda _bridge, _process: None,
                answer=lambda _answer: None,
                keeper=MemoryKeeper(),
                pod=self._cluster.pod(),
            ),
        )
        hearing = Hearing(
            declared=lambda declared: self._inbox.post(name, DeclaredSeen(declared)),
            connected=lambda connected: self._inbox.post(name, ApiConnected(connected)),
            crash=self._inbox.crash,
        )
        self._cluster.watch(self._bridge, config, hearing)
        loop.run()
        self._lanes.stop(1.0)
        self._cluster.stop(1.0)


class Reports:
    """What the members of one process did; asked for by the parent."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._requests: Counter[str] = Counter()
        self._ends: list[tuple[str, str, str, bool, float]] = []
        self._active: dict[str, str] = {}

    def count(self, verb: str, code: str) -> None:
        """A request was made."""
        with self._lock:
            self._requests[f"{verb} {code}"] += 1

    def end(self, name: str, record: AttemptRecord) -> None:
        """An attempt of a member ended."""
        if record.outcome is not Outcome.SUPERSEDED:
            entry = (name, record.digest, record.outcome.value, record.signalled, time.time())
            with self._lock:
                self._ends.append(entry)

    def show(self, name: str, status: BridgeStatus) -> None:
        """What a member runs."""
        if status.proven and status.runs is not None:
            with self._lock:
                self._active[name] = status.runs

    def take(self) -> Mapping[str, object]:
        """All since the last time."""
        with self._lock:
            taken = {
                "requests": dict(self._requests),
                "ends": self._ends,
                "active": dict(self._active),
            }
            self._requests, self._ends = Counter(), []
        return taken


def _make_bridge(pod: str, namespace: str) -> Bridge:
    return Bridge(
        name="fleet",
        source=Source(
            mount="", config_map=f"{namespace}/{NAME}", mode=Mode.PUBLISHED, publish="/shared"
        ),
        checks=(),
        target=Selector(process="daemon"),
        reload=SignalReload(number=HUP),
        proof=Proof(groups=((GAUGE, TIME),)),
        policy=Policy(rollout=Rollout(spread_s=8.0)),
        pod=pod,
    )


def run_members(names: Sequence[str], namespace: str, kubeconfig: str, pipe: Connection) -> None:
    """One process: starts its members, and answers the parent until told to stop."""
    reports = Reports()
    members = [Member(name, namespace, kubeconfig, reports) for name in names]
    for member in members:
        member.start()
    while pipe.recv() == "report":
        pipe.send(reports.take())
    for member in members:
        member.stop()
    os._exit(0)


@dataclass(kw_only=True)
class Fleet:
    """All processes, as the parent sees them."""

    pipes: list[Connection]
    requests: Counter[str] = field(default_factory=Counter)
    ends: list[tuple[str, str, str, bool, float]] = field(default_factory=list)
    active: dict[str, str] = field(default_factory=dict)

    def ask(self) -> None:
        """Gather what happened."""
        for pipe in self.pipes:
            pipe.send("report")
        for pipe in self.pipes:
            taken = pipe.recv()
            self.requests.update(taken["requests"])
            self.ends.extend(taken["ends"])
            self.active.update(taken["active"])

    def forget(self) -> None:
        """Begin to count anew."""
        self.ask()
        self.requests.clear()
        self.ends.clear()

    def wait_all(self, digest: str, count: int, within_s: float) -> float:
        """When all run `digest`, proven; fails where they do not."""
        end_s = time.monotonic() + within_s
        while True:
            self.ask()
            done = sum(1 for runs in self.active.values() if runs == digest)
            if done == count:
                return time.time()
            if time.monotonic() >= end_s:
                msg = f"after {within_s:g} s {done} of {count} run {digest[:12]}"
                raise SystemExit(msg)
            time.sleep(0.1)


@contextlib.contextmanager
def running_fleet(server: ApiServer, namespace: str, count: int, processes: int) -> Iterator[Fleet]:
    """`count` members over `processes` processes."""
    context = multiprocessing.get_context("spawn")
    names = [f"fleet-{number}" for number in range(count)]
    pipes, children = [], []
    for index in range(processes):
        ours, theirs = context.Pipe()
        arguments = (names[index::processes], namespace, str(server.kubeconfig), theirs)
        child = context.Process(target=run_members, args=arguments, daemon=True)
        child.start()
        pipes.append(ours)
        children.append(child)
    try:
        yield Fleet(pipes=pipes)
    finally:
        for pipe in pipes:
            with contextlib.suppress(OSError):
                pipe.send("stop")
        for child in children:
            child.join(5)
            child.kill()


def read_server(server: ApiServer) -> tuple[float, float]:
    """CPU seconds and resident MB of the API server."""
    pid = server.api.popen.pid if server.api.popen is not None else 0
    stat = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    ticks = os.sysconf("SC_CLK_TCK")
    return (int(stat[11]) + int(stat[12])) / ticks, int(stat[21]) * 4096 / 1e6


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """What one edit came to."""

    what: str
    first_s: float
    all_s: float
    signalled: int
    writes: float
    conflicts: int
    refused: int
    cpu_s: float
    requests: Mapping[str, int]


def measure(
    fleet: Fleet, server: ApiServer, namespace: str, content: str, *, restart: bool = False
) -> Row:
    """Make one edit and see it through."""
    admin, ref = make_admin_client(server), Ref(CONFIG_MAPS, namespace, NAME)
    fleet.forget()
    cpu_s, _ = read_server(server)
    before = fleet.active
    count, bad = len(before), "bad" in content
    digest = digest_of({"config": content.encode()})
    edited_s = time.time()
    admin.patch(ref, {"data": {"config": content}})
    if restart:
        wait_for_status(server, namespace, digest, {Status.APPLIED})
        server.restart()
    status = wait_for_status(
        server, namespace, digest, {Status.APPLIED, Status.ROLLED_BACK, Status.FAILED}
    )
    first_s = time.time() - edited_s
    all_s = first_s
    if not bad:
        all_s = fleet.wait_all(digest, count, APPLIED_WITHIN_S) - edited_s
    time.sleep(SETTLED_S)
    fleet.ask()
    signalled = {name for name, of, _, was, _ in fleet.ends if was and of == digest}
    writes = sum(n for key, n in fleet.requests.items() if key.split()[0] in WRITES)
    codes: Counter[str] = Counter()
    for key, n in fleet.requests.items():
        codes[key.split()[1]] += n
    kind = "bad" if bad else "good"
    return Row(
        what=f"{kind} edit{', server restarted' if restart else ''}: {status}",
        first_s=first_s,
        all_s=all_s,
        signalled=len(signalled),
        writes=writes / count,
        conflicts=codes["409"],
        refused=codes["429"],
        cpu_s=read_server(server)[0] - cpu_s,
        requests=dict(fleet.requests),
    )


def wait_for_status(server: ApiServer, namespace: str, digest: str, statuses: set[Status]) -> str:
    """The first of `statuses` that the object says of `digest`."""
    admin, ref = make_admin_client(server), Ref(CONFIG_MAPS, namespace, NAME)
    end_s = time.monotonic() + APPLIED_WITHIN_S
    marks: Mapping[str, str] = {}
    while time.monotonic() < end_s:
        with contextlib.suppress(Exception):
            marks = read_marks(admin.get(ref))
        if marks.get("observed") == digest and marks.get("status") in statuses:
            return marks["status"]
        time.sleep(0.02)
    msg = f"the object still says {marks}"
    raise SystemExit(msg)


def prepare(server: ApiServer, count: int) -> str:
    """A namespace with the object and a pod for each member."""
    namespace = "fleet"
    server.kubectl("create", "namespace", namespace)
    server.kubectl("create", "serviceaccount", "default", namespace=namespace)
    admin = make_admin_client(server)
    admin.create(CONFIG_MAPS, namespace, {"metadata": {"name": NAME}, "data": {"config": "good 0"}})
    container = {"name": "main", "image": "none"}
    for number in range(count):
        body = {"metadata": {"name": f"fleet-{number}"}, "spec": {"containers": [container]}}
        admin.create(PODS, namespace, body)
    return namespace


def main() -> int:
    """Run and print the table; the last line sums it up."""
    parser = argparse.ArgumentParser(prog="python -m bench.fleet")
    parser.add_argument("--sidecars", type=int, default=1_000)
    parser.add_argument("--processes", type=int, default=4)
    options = parser.parse_args()
    count = options.sidecars
    with (
        tempfile.TemporaryDirectory() as folder,
        running_server(Path(folder)) as server,
    ):
        namespace = prepare(server, count)
        with running_fleet(server, namespace, count, options.processes) as fleet:
            started_s = time.time()
            fleet.wait_all(digest_of({"config": b"good 0"}), count, READY_WITHIN_S)
            print(f"{count} sidecars up and proven after {time.time() - started_s:.1f} s")
            time.sleep(SETTLED_S)
            rows = [
                measure(fleet, server, namespace, "good 1"),
                measure(fleet, server, namespace, "good 2"),
                measure(fleet, server, namespace, "bad 1"),
                measure(fleet, server, namespace, "good 3"),
                measure(fleet, server, namespace, "good 4", restart=True),
            ]
            _, memory_mb = read_server(server)
            at_rest = measure_rest(fleet)
    report(rows, count, memory_mb, at_rest)
    return 0


def measure_rest(fleet: Fleet) -> int:
    """Writes in ten seconds without any edit."""
    fleet.forget()
    time.sleep(10)
    fleet.ask()
    return sum(n for key, n in fleet.requests.items() if key.split()[0] in WRITES)


def report(rows: Sequence[Row], count: int, memory_mb: float, at_rest: int) -> None:
    """The table."""
    print("edit | first, s | all, s | signalled | writes a pod | 409 | 429 | API server CPU, s")
    for row in rows:
        print(
            f"{row.what} | {row.first_s:.2f} | {row.all_s:.1f} | {row.signalled} |"
            f" {row.writes:.2f} | {row.conflicts} | {row.refused} | {row.cpu_s:.1f}"
        )
    print(json.dumps({row.what: row.requests for row in rows}, indent=1), file=sys.stderr)
    good = [row for row in rows if row.what.startswith("good")]
    print(
        f"{count} sidecars: all applied after {statistics.median(r.all_s for r in good):.1f} s"
        f" (median), {max(r.writes for r in rows):.2f} writes a pod at most,"
        f" {sum(r.refused for r in rows)} refused, {at_rest} writes in 10 s at rest,"
        f" API server {memory_mb:.0f} MB"
    )


if __name__ == "__main__":
    sys.exit(main())
