"""What the benches share: a real Prometheus with a sidecar beside it, and how tables look."""

from __future__ import annotations

import math
import os
import platform
import statistics
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from sidecar.core.attempt import Outcome
from sidecar.demo.daemons import choose_daemon
from sidecar.demo.stage import Stage, set_stage

SYNTAX_ONLY = """\
bridges:
- preset: prometheus
  source: {{mount: {folder}}}
  validate: [{{syntax: yaml}}]
  target: {{pid: {pid}}}
  confirm: {{url: "http://127.0.0.1:{port}/metrics"}}
"""


@contextmanager
def prometheus(*, commands: bool) -> Iterator[Stage]:
    """A Prometheus and a sidecar that has taken it over; `commands`: promtool judges, too."""
    daemon = choose_daemon(bundled=False)
    if not commands:
        daemon = replace(daemon, flags=_write_settings)
    with set_stage(daemon, daemon.good(1)) as stage:
        list(stage.follow())
        yield stage


def _write_settings(folder: Path, port: int, pid: int) -> list[str]:
    file = folder.parent / "surehup.yaml"
    file.write_text(SYNTAX_ONLY.format(folder=folder, port=port, pid=pid), "utf-8")
    return [f"--config={file}"]


def edit(stage: Stage, number: int) -> float:
    """One good edit; seconds from the swap to the proof. Raises if it was not proven."""
    stage.edit(stage.daemon.good(number))
    heard = list(stage.follow())[-1]
    if heard.line["outcome"] != Outcome.APPLIED:
        msg = f"edit {number} was not proven: {heard.line}"
        raise SystemExit(msg)
    return heard.after_s


def find_sidecar(stage: Stage) -> int:
    """The PID of the sidecar: the child of ours that listens for its metrics."""
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        if f"--listen=127.0.0.1:{stage.sidecar_port}".encode() in path.read_bytes():
            return int(path.parent.name)
    msg = "the sidecar is gone"
    raise SystemExit(msg)


def read_rss_mb(pid: int) -> float:
    """Resident memory, in MB."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text("ascii").splitlines()
    return int(next(line for line in lines if line.startswith("Rss:")).split()[1]) / 1024


def read_cpu_s(pid: int) -> float:
    """CPU time of all threads, in seconds, as the scheduler counts it."""
    tasks = Path(f"/proc/{pid}/task").iterdir()
    return sum(int((task / "schedstat").read_text("ascii").split()[0]) for task in tasks) / 1e9


def quantile(values: Sequence[float], share: float) -> float:
    """The value that `share` of all do not exceed."""
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)]


def show_times(name: str, seconds: Sequence[float]) -> tuple[str, str]:
    """Median, 99th percentile and maximum as one row."""
    parts = (statistics.median(seconds), quantile(seconds, 0.99), max(seconds))
    text = "median {:.1f} ms, p99 {:.1f} ms, max {:.1f} ms".format(*(1000 * part for part in parts))
    return name, f"{text} (n={len(seconds)})"


def show_table(title: str, rows: Sequence[tuple[str, str]]) -> None:
    """Print the rows below what they were measured on."""
    python = platform.python_version()
    print(f"{title}: {os.cpu_count()} cores, Linux {platform.release()}, Python {python}")
    width = max(len(name) for name, _ in rows)
    for name, text in rows:
        print(f"  {name.ljust(width)}  {text}")
