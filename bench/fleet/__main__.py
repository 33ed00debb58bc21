"""A thousand sidecars on one real API server: ``python -m bench.fleet --sidecars 1000``.

Good edits, a bad one that only the daemon refuses, and one with a restart of the API server in the
middle; what each costs in requests and CPU, and when all daemons run it. The sidecars ask as the
shipped ServiceAccount, so that priority and fairness holds for them as in a cluster.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.fleet.members import WRITES, Door
from bench.fleet.parent import Fleet, has, running_fleet
from bench.fleet.usage import Cpu, Holding, read_cpu, read_holding, read_memory_mb
from sidecar.core.attempt import Status
from sidecar.core.snapshot import digest_of
from sidecar.kube.client import KubeClient
from sidecar.kube.errors import ApiError
from sidecar.kube.ports import CONFIG_MAPS, PODS, Ref
from sidecar.record.annotations import read_marks
from tests.apiserver.clients import make_admin_client
from tests.apiserver.server import CONFIG_MAP, ApiServer, running_server

READY_WITHIN_S = 120.0
"""After the last one was begun."""

DECIDED_WITHIN_S = 60.0
APPLIED_WITHIN_S = 60.0
QUIET_S = 3.0
QUIET_WITHIN_S = 60.0
REST_S = 10.0
MEMORY_LIMIT = "8GiB"
"""The heap of the tests' servers is kept small, which a fleet's watches would pay in CPU."""

HEAD = (
    "edit | decided, s | all run it, s | last write, s | lost | signalled | writes a pod"
    " | 409 | 429 | CPU, s: API server | etcd | sidecars"
)
DONE = frozenset({Status.APPLIED.value, Status.ROLLED_BACK.value, Status.FAILED.value})


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """What one edit came to; seconds since it was written."""

    what: str
    first_s: float
    all_s: float
    quiet_s: float
    lost: int
    signalled: int
    writes: float
    cpu: Cpu
    requests: Mapping[str, int]

    def count(self, code: str) -> int:
        """Answers of this HTTP status."""
        return sum(n for key, n in self.requests.items() if key.split()[1] == code)


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """One fleet on one server, with the object that all watch."""

    fleet: Fleet
    server: ApiServer
    admin: KubeClient
    ref: Ref

    def measure(self, content: str, *, restart: bool = False) -> Row:
        """Make one edit and see it through."""
        fleet, bad = self.fleet, "bad" in content
        digest = digest_of({"config": content.encode()})
        fleet.forget()
        before = self._read_cpu()
        edited_s = time.monotonic()
        self.admin.patch(self.ref, {"data": {"config": content}})
        status = self._wait_decided(digest)
        first_s = time.monotonic() - edited_s
        spent = Cpu(0, 0, 0)
        if restart:
            spent = Cpu(self._read_cpu().since(before).api_s, 0, 0)
            self.server.restart()
            before = Cpu(0, before.etcd_s, before.clients_s)
        lost = set() if bad else fleet.wait_proven(digest, APPLIED_WITHIN_S)
        fleet.wait_quiet(QUIET_S, QUIET_WITHIN_S)
        cpu = self._read_cpu().since(before)
        loaded = has(fleet.loaded, digest)
        writes = sum(n for key, n in fleet.requests.items() if key.split()[0] in WRITES)
        if lost:
            print(f"not proven: {sorted(lost)[:10]}", file=sys.stderr)
        return Row(
            what=f"{'bad' if bad else 'good'}{', server restarted' if restart else ''}: {status}",
            first_s=first_s,
            all_s=max(loaded.values(), default=edited_s) - edited_s,
            quiet_s=max(fleet.last_write_s - edited_s, 0),
            lost=0 if bad else len(set(fleet.names) - loaded.keys()),
            signalled=len({name for name, of, was in fleet.ends if was and of == digest}),
            writes=writes / len(fleet.names),
            cpu=Cpu(cpu.api_s + spent.api_s, cpu.etcd_s, cpu.clients_s),
            requests=dict(fleet.requests),
        )

    def measure_rest(self) -> tuple[int, Cpu]:
        """Writes and CPU of some seconds without any edit."""
        self.fleet.forget()
        before = self._read_cpu()
        time.sleep(REST_S)
        self.fleet.ask()
        writes = sum(n for key, n in self.fleet.requests.items() if key.split()[0] in WRITES)
        return writes, self._read_cpu().since(before)

    def _read_cpu(self) -> Cpu:
        return read_cpu(self.server, self.fleet.pids)

    def _wait_decided(self, digest: str) -> str:
        """What the object says of `digest`, once that is decided."""
        end_s = time.monotonic() + DECIDED_WITHIN_S
        marks: Mapping[str, str] = {}
        while time.monotonic() < end_s:
            with contextlib.suppress(ApiError):
                marks = read_marks(self.admin.get(self.ref))
            if marks.get("observed") == digest and marks.get("status") in DONE:
                return marks["status"]
            time.sleep(0.05)
        return f"undecided, {marks.get('status')}"


def prepare(server: ApiServer, folder: Path, names: Sequence[str]) -> tuple[Ref, Door]:
    """The object, a pod for each member, and how they find the server, by the shipped account."""
    namespace = server.make_namespace(pod_status=True)
    server.kubectl("create", "serviceaccount", "default", namespace=namespace)
    admin = make_admin_client(server)
    content = {"metadata": {"name": CONFIG_MAP}, "data": {"config": "good 0"}}
    admin.create(CONFIG_MAPS, namespace, content)
    container = {"name": "main", "image": "none"}
    for name in names:
        admin.create(
            PODS, namespace, {"metadata": {"name": name}, "spec": {"containers": [container]}}
        )
    account = server.write_account(folder / "account", server.mint_token(namespace))
    return Ref(CONFIG_MAPS, namespace, CONFIG_MAP), Door(server.environ, str(account))


def run(options: argparse.Namespace, server: ApiServer, folder: Path) -> int:
    """Play all through, and print it; how many sidecars did not come up or lost an edit."""
    server.api.memory_limit = MEMORY_LIMIT
    server.restart()
    names = [f"fleet-{number}" for number in range(options.sidecars)]
    ref, door = prepare(server, folder, names)
    empty = read_holding(server)
    begun_s = time.monotonic()
    with running_fleet(
        names,
        f"{ref.namespace}/{ref.name}",
        door,
        processes=options.processes,
        per_second=options.per_second,
        spread_s=options.spread,
    ) as fleet:
        within_s = len(names) / options.per_second + READY_WITHIN_S
        missing = fleet.wait_proven(digest_of({"config": b"good 0"}), within_s)
        up_s = max((at_s for _, at_s in fleet.proven.values()), default=begun_s) - begun_s
        fleet.wait_quiet(QUIET_S, QUIET_WITHIN_S)
        spent = read_cpu(server, fleet.pids)
        report_start(fleet, up_s, len(missing), spent)
        trial = Trial(fleet=fleet, server=server, admin=make_admin_client(server), ref=ref)
        rest_writes, rest_cpu = trial.measure_rest()
        full = read_holding(server)
        clients_mb = sum(map(read_memory_mb, fleet.pids))
        report_rest(rest_writes, rest_cpu, clients_mb)
        print(HEAD)
        rows = []
        for content in ("good 1", "good 2", "bad 1", "good 3"):
            rows.append(trial.measure(content))
            report_row(rows[-1])
        report_holding({"empty": empty, "all up": full, "after edits": read_holding(server)})
        rows.append(trial.measure("good 4", restart=True))
        report_row(rows[-1])
        report_holding({"after restart": read_holding(server)})
    report_sum(rows, len(names))
    return len(missing) + sum(row.lost for row in rows)


def report_start(fleet: Fleet, up_s: float, missing: int, spent: Cpu) -> None:
    """How the start went."""
    print(
        f"{len(fleet.names)} sidecars, {missing} of them not up; the last was proven after"
        f" {up_s:.1f} s; CPU {spent.api_s:.1f} s API server, {spent.etcd_s:.1f} s etcd,"
        f" {spent.clients_s:.1f} s sidecars; {json.dumps(fleet.requests)}",
        flush=True,
    )


def report_rest(writes: int, cpu: Cpu, clients_mb: float) -> None:
    """What it costs to be there."""
    print(
        f"at rest, {REST_S:g} s: {writes} writes, CPU {cpu.api_s:.1f} s API server,"
        f" {cpu.etcd_s:.1f} s etcd, {cpu.clients_s:.1f} s sidecars, which hold {clients_mb:.0f} MB",
        flush=True,
    )


def report_row(row: Row) -> None:
    """One edit, as soon as it was seen through: a large fleet takes minutes."""
    print(
        f"{row.what} | {row.first_s:.2f} | {row.all_s:.1f} | {row.quiet_s:.1f} | {row.lost} |"
        f" {row.signalled} | {row.writes:.2f} | {row.count('409')} | {row.count('429')} |"
        f" {row.cpu.api_s:.1f} | {row.cpu.etcd_s:.1f} | {row.cpu.clients_s:.1f}",
        flush=True,
    )
    print(json.dumps({row.what: row.requests}), file=sys.stderr, flush=True)


def report_holding(holdings: Mapping[str, Holding]) -> None:
    """What the servers held at several times."""
    print("when | API server, MB | etcd, MB | stored, MB | goroutines | watches | APF refused")
    for when, held in holdings.items():
        print(
            f"{when} | {held.api_mb:.0f} | {held.etcd_mb:.0f} | {held.stored_mb:.1f} |"
            f" {held.goroutines} | {held.watches} | {held.rejected}",
            flush=True,
        )


def report_sum(rows: Sequence[Row], count: int) -> None:
    """All in one sentence."""
    good = [row for row in rows if row.what.startswith("good")]
    codes: Counter[str] = Counter()
    for row in rows:
        codes.update({code: row.count(code) for code in ("429", "error")})
    print(
        f"{count} sidecars: all run an edit after {statistics.median(r.all_s for r in good):.1f} s"
        f" (median), {sum(r.lost for r in rows)} lost, {max(r.writes for r in rows):.2f} writes a"
        f" pod at most, {codes['429']} refused, {codes['error']} without an answer"
    )


def main() -> int:
    """Start a server and run the trial on it; 1 where a sidecar did not come up or lost an edit."""
    parser = argparse.ArgumentParser(prog="python -m bench.fleet")
    parser.add_argument("--sidecars", type=int, default=1_000)
    parser.add_argument("--processes", type=int, default=16)
    parser.add_argument("--per-second", type=float, default=10.0, help="sidecars begun a second")
    parser.add_argument("--spread", type=float, default=8.0, help="rollout.spread, in seconds")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, running_server(Path(folder)) as server:
        return int(run(options, server, Path(folder)) > 0)


if __name__ == "__main__":
    sys.exit(main())
