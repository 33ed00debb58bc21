"""From an edit that the API accepts to the verdict on it, on a real API server and Prometheus."""

from __future__ import annotations

import json
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bench.stand import read_rss_mb, show_table, show_times
from sidecar.clock import SystemClock
from sidecar.core.bridge import Command, Language, Syntax
from sidecar.core.snapshot import Snapshot
from sidecar.validate.runner import Validators
from tests.apiserver.server import ApiServer, running_server
from tests.cluster.pods import PROMETHEUS_KIND, Pod, make_demo, running_pod, set_stage
from tests.daemons.sidecars import fetch

EDITS, BAD_EDITS, MANY_EDITS = 200, 50, 2_000
PACE_S = 0.12
"""Longer than the debounce window, which is another matter."""

REST_S = 30.0
WRITES = ("create", "patch", "delete")


@contextmanager
def stand(server: ApiServer, folder: Path, *, fast: bool = False) -> Iterator[Pod]:
    """A pod in published mode whose first content is applied; `fast`: a small daemon in it."""
    folder.mkdir()
    kind = make_demo() if fast else PROMETHEUS_KIND
    checks: dict[str, Any] = {"validate": [{"syntax": "yaml"}]} if fast else {}
    with (
        set_stage(server, folder, pod_status=False) as stage,
        running_pod(stage, published=True, kind=kind, in_pod=[], **checks) as pod,
    ):
        pod.settle_now("Applied")
        yield pod


def measure(pod: Pod, *, bad: bool = False) -> float:
    """Seconds from the server's answer to an edit until a watch shows the verdict."""
    time.sleep(PACE_S)
    digest = pod.put(pod.broken() if bad else pod.valid())
    started_s = time.monotonic()
    pod.settle(digest, "Rejected" if bad else "Applied")
    return time.monotonic() - started_s


def make_validator(pod: Pod) -> Callable[[], float]:
    """Seconds that the preset's checks take by themselves on a bad edit, each time it is called."""
    promtool = Command(argv=("promtool", "check", "config", f"{{file:{pod.kind.key}}}"))
    checks = (Syntax(language=Language.YAML, files=("*",)), promtool)
    validators = Validators(clock=SystemClock(), tell=lambda _: None)

    def validate() -> float:
        text = pod.broken()[pod.kind.key]
        started_s = time.monotonic()
        validators.validate(Snapshot.of({pod.kind.key: text.encode()}), checks, threading.Event())
        return time.monotonic() - started_s

    return validate


def count_requests(pod: Pod) -> Counter[str]:
    """What the sidecar has asked of the API so far, by verb."""
    counts: Counter[str] = Counter()
    for line in fetch(f"{pod.sidecar.url}/metrics").splitlines():
        if line.startswith("surehup_api_requests_total{"):
            verb = line.partition('verb="')[2].partition('"')[0]
            counts[verb] += int(float(line.rpartition(" ")[2]))
    return counts


def count_writes(pod: Pod, before: Counter[str], attempts: int) -> str:
    """The writes of one attempt by verb, and the reads beside them."""
    spent = count_requests(pod) - before
    writes = sum(spent[verb] for verb in WRITES)
    parts = ", ".join(f"{spent[verb] / attempts:.2f} {verb}" for verb in sorted(spent))
    return f"{writes / attempts:.2f} writes an attempt ({parts})"


def main() -> None:
    """Print the table."""
    rows = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "server").mkdir()
        with running_server(folder / "server") as server:
            with stand(server, folder / "prometheus") as pod:
                pid = pod.sidecar.process.pid
                before = count_requests(pod)
                rows.append(show_times("accepted to Applied", [measure(pod) for _ in range(EDITS)]))
                rows.append(("requests", count_writes(pod, before, EDITS)))
                validate = make_validator(pod)
                pairs = [(measure(pod, bad=True), validate()) for _ in range(BAD_EDITS)]
                rows.append(show_times("accepted to Rejected", [whole for whole, _ in pairs]))
                rows.append(show_times("checks by themselves, in turns", [own for _, own in pairs]))
                pod.apply()
                time.sleep(1)
                before = count_requests(pod)
                time.sleep(REST_S)
                spent = count_requests(pod) - before
                rows.append(("requests at rest", f"{json.dumps(spent)} in {REST_S:g} s"))
                rows.append((f"memory after {EDITS + BAD_EDITS}", f"{read_rss_mb(pid):.1f} MB RSS"))
            with stand(server, folder / "fast", fast=True) as pod:
                pid = pod.sidecar.process.pid
                time.sleep(REST_S / 10)
                rows.append(("memory at rest", f"{read_rss_mb(pid):.1f} MB RSS"))
                sizes = []
                for _ in range(MANY_EDITS):
                    measure(pod)
                    sizes.append(read_rss_mb(pid))
                tenth = MANY_EDITS // 10
                early, late = max(sizes[:tenth]), max(sizes[-tenth:])
                text = (
                    f"{sizes[-1]:.1f} MB RSS; most in the first tenth {early:.1f}, last {late:.1f}"
                )
                rows.append((f"memory after {MANY_EDITS} edits", text))
    show_table("published mode on a real API server", rows)


if __name__ == "__main__":
    main()
