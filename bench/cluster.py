"""One edit's way through a real kubelet, and what the sidecar costs in its pod.

The cluster is that of the tests (e2e/cluster.py): KUBECONFIG, or CLUSTER=kind or node. Mounted,
with the nudge, as `helm install` brings it with the guard. Between two edits that are timed the
kubelet may look at its containers, as it syncs a pod again only then; further ones, of which only
the cost is told, follow each other as fast as verdicts come.
"""

from __future__ import annotations

import argparse
import os
import random
import secrets
import statistics
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from bench.stand import show_table
from docker.layers import read_image
from e2e.cluster import LOAD_TIMEOUT_S, build_image
from e2e.kubelet import Usage, let_look, sample
from e2e.lease import leased
from e2e.namespace import Namespace
from e2e.prometheus import FILE, configure, find_interval
from e2e.release import CONFIG, GUARDED, installed
from e2e.reloaders import NATS, RELOADERS, build_reloader, make_pod
from e2e.sightings import Sight, Sightings
from e2e.waiting import wait_until
from sidecar.core.snapshot import Snapshot

EDITS = 50
COST_EVERY = 100
EDIT_WITHIN_S = 120.0
MEDIAN_S, P99_S = 0.3, 1.0
KUBELET_WITHIN_S = 200.0
KUBELET_PERIOD_S = 60.0
WATCHING = "Live, ready to kick"
MOUNTED = "app-config"
MB = 1e6
SIDECAR = "surehup"
REST_SAMPLES = 3
P99 = 99


@contextmanager
def _namespace() -> Iterator[Namespace]:
    with leased(os.environ, keep=False) as cluster:
        name = f"bench-{secrets.token_hex(2)}"
        cluster.kubectl("create", "namespace", name)
        api = cluster.client()
        try:
            with tempfile.TemporaryDirectory() as folder:
                yield Namespace(cluster=cluster, name=name, api=api, folder=Path(folder))
        finally:
            api.close()
            cluster.kubectl("delete", "namespace", name, "--wait=false")


def _edit(namespace: Namespace, sightings: Sightings, number: int) -> float:
    """Seconds from the edit's write until `Applied` of it is seen by a watch."""
    text = configure(10 + number)
    digest = Snapshot.of({FILE: text.encode()}).digest

    def is_applied(sight: Sight) -> bool:
        return (sight.marks.get("status"), sight.marks.get("observed")) == ("Applied", digest)

    began_s = time.monotonic()
    namespace.api.patch(namespace.config_map(CONFIG), {"data": {FILE: text}})
    sight = sightings.wait(f"Applied for edit {number}", is_applied, within_s=EDIT_WITHIN_S)
    return sight.at_s - began_s


def _rest(namespace: Namespace, pod: str) -> tuple[Usage, float]:
    """The last sample of a pod at rest, and its share of a core since the first."""
    first = last = sample(namespace, pod, SIDECAR)
    for _ in range(REST_SAMPLES):
        last = sample(namespace, pod, SIDECAR, after=last.at)
    return last, (last.cpu_s - first.cpu_s) / (_parse(last.at) - _parse(first.at))


def _parse(at: str) -> float:
    return datetime.fromisoformat(at).timestamp()


def _cost(before: Usage, after: Usage, edits: int) -> str:
    cpu_ms = 1000 * (after.cpu_s - before.cpu_s) / edits
    return f"{after.rss_mb:.1f} MB RSS, {cpu_ms:.0f} ms of CPU an edit"


def _settle(namespace: Namespace, pod: str, since: Usage) -> Usage:
    """A sample of which no part is from before this call: each is of the time before it."""
    between = sample(namespace, pod, SIDECAR, after=since.at)
    return sample(namespace, pod, SIDECAR, after=between.at)


def _go_on(namespace: Namespace, pod: str, since: Usage, edits: int) -> Iterator[tuple[str, str]]:
    """What the sidecar costs over `edits` more, told each hundred."""
    for first in range(EDITS, EDITS + edits, COST_EVERY):
        numbers = range(first, min(first + COST_EVERY, EDITS + edits))
        with namespace.watching(CONFIG) as sightings:
            for number in numbers:
                _edit(namespace, sightings, number)
        now = _settle(namespace, pod, since)
        yield f"edits {numbers.start + 1} to {numbers.stop}", _cost(since, now, len(numbers))
        since = now


def _measure_ours(namespace: Namespace, more: int) -> list[tuple[str, str]]:
    namespace.cluster.provide("surehup", "prometheus")
    began_s = time.monotonic()
    with installed(namespace, "prometheus", {"sidecar": GUARDED}, ready=False) as release:
        namespace.wait_status(CONFIG, "Applied", within_s=EDIT_WITHIN_S)
        first_s = time.monotonic() - began_s
        release.wait_rolled_out()
        pod = release.pod
        rest, share = _rest(namespace, pod)
        took_s = []
        with namespace.watching(CONFIG) as sightings:
            for number in range(EDITS):
                let_look(namespace, pod)
                took_s.append(_edit(namespace, sightings, number))
        busy = _settle(namespace, pod, rest)
        further = list(_go_on(namespace, pod, busy, more))
    image = read_image(Path(build_image("surehup")))
    p99_s = statistics.quantiles(took_s, n=100, method="inclusive")[P99 - 1]
    megabytes = (image.unpacked_bytes / MB, image.stored_bytes / MB)
    return [
        (f"{EDITS} edits, median", f"{statistics.median(took_s):.3f} s (aim {MEDIAN_S:g} s)"),
        (f"{EDITS} edits, p99", f"{p99_s:.3f} s (aim {P99_S:g} s)"),
        ("helm install to Applied", f"{first_s:.1f} s"),
        ("sidecar at rest", f"{rest.rss_mb:.1f} MB RSS, {100 * share:.3f} % of a core"),
        (f"edits 1 to {EDITS}", _cost(rest, busy, EDITS)),
        *further,
        ("image", "{:.1f} MB, {:.1f} MB as it is pulled".format(*megabytes)),
    ]


def _wait_live(namespace: Namespace, interval: str, began_s: float) -> dict[str, float]:
    """Seconds until the Prometheus of each reloader runs with `interval`."""
    took_s: dict[str, float] = {}

    def are_all() -> bool:
        for name in RELOADERS:
            if name not in took_s and find_interval(namespace, name) == interval:
                took_s[name] = time.monotonic() - began_s
        return len(took_s) == len(RELOADERS)

    wait_until(interval, are_all, within_s=KUBELET_WITHIN_S, shown=lambda: took_s)
    return took_s


def _measure_others(namespace: Namespace, edits: int) -> list[tuple[str, str]]:
    """The same edits, which the kubelet brings in its own time, carried by other reloaders."""
    if namespace.cluster.load is None:
        msg = "other reloaders cannot be brought to the nodes: say how by LOAD"
        raise SystemExit(msg)
    namespace.cluster.provide("surehup", "prometheus")
    for name in RELOADERS:
        archive = str(build_reloader(name))
        subprocess.run([*namespace.cluster.load, archive], check=True, timeout=LOAD_TIMEOUT_S)
    namespace.put_config(MOUNTED, **{FILE: configure(5)})
    namespace.apply(*map(make_pod, RELOADERS))
    for name in RELOADERS:
        namespace.wait_ready(name)
    wait_until(
        "reloader that watches",
        lambda: WATCHING in namespace.kubectl("logs", NATS, "--container=reloader"),
        within_s=EDIT_WITHIN_S,
        shown=lambda: namespace.kubectl("logs", NATS, "--container=reloader"),
    )
    rounds, pause = [], threading.Event()
    for number in range(10, 10 + edits):
        # An edit just after the one before was brought would wait for a whole period each time.
        pause.wait(random.uniform(0, KUBELET_PERIOD_S))  # noqa: S311  no secret
        began_s = time.monotonic()
        namespace.api.patch(namespace.config_map(MOUNTED), {"data": {FILE: configure(number)}})
        rounds.append(_wait_live(namespace, f"{number}s", began_s))
    return [(name, _describe(namespace, name, [one[name] for one in rounds])) for name in RELOADERS]


def _describe(namespace: Namespace, name: str, took_s: list[float]) -> str:
    times = f"median {statistics.median(took_s):.1f} s, max {max(took_s):.1f} s"
    memory = f"{sample(namespace, name, 'reloader').rss_mb:.1f} MB RSS"
    return f"{times} over {len(took_s)} edits; {memory}"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m bench.cluster", description=__doc__)
    parser.add_argument(
        "--others", type=int, default=0, metavar="N", help="N edits by other reloaders, too"
    )
    parser.add_argument(
        "--more", type=int, default=0, metavar="N", help="N more edits of ours, for what they cost"
    )
    parser.add_argument("--not-ours", action="store_true", help="only the other reloaders")
    given = parser.parse_args()
    rows: list[tuple[str, str]] = []
    with _namespace() as namespace:
        if not given.not_ours:
            rows += _measure_ours(namespace, given.more)
        if given.others:
            rows += _measure_others(namespace, given.others)
    show_table("on a real kubelet", rows)


if __name__ == "__main__":
    main()
