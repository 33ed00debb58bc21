"""promtool borrowed from the daemon's image, against promtool run directly; needs root.

The image is a folder with a process chrooted in it, as another container is. Both ways judge the
same configuration, in turns.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

from bench.stand import show_table, show_times
from sidecar.clock import SystemClock
from sidecar.core.bridge import Command, Origin, Selector
from sidecar.core.snapshot import Snapshot
from sidecar.target.root import ProcessRoot
from sidecar.validate.runner import Validators
from tests.validate.images import Image

REPEATS = 100
JOBS, RULES = 20, 100


def write_files() -> dict[str, bytes]:
    """A configuration of usual size."""
    jobs = "".join(
        f"- job_name: job-{number}\n  static_configs: [{{targets: ['host-{number}:9100']}}]\n"
        for number in range(JOBS)
    )
    rules = "".join(
        f"  - record: job:requests_{number}:rate5m\n"
        f"    expr: sum by (job) (rate(requests_{number}[5m]))\n"
        for number in range(RULES)
    )
    return {
        "prometheus.yml": f"rule_files: [rules.yml]\nscrape_configs:\n{jobs}".encode(),
        "rules.yml": f"groups:\n- name: g\n  rules:\n{rules}".encode(),
    }


def measure(way: Callable[[], None]) -> float:
    """Seconds of one judgement."""
    began_s = time.perf_counter()
    way()
    return time.perf_counter() - began_s


def compare(folder: Path, promtool: str) -> None:
    """Print the table."""
    files = write_files()
    for key, content in files.items():
        (folder / key).write_bytes(content)
    image = Image(folder / "image")
    image.add(promtool, "/bin/promtool")
    image.add(shutil.which("sleep") or "/bin/sleep", "/bin/prometheus")
    candidate = Snapshot.of(files)

    def run_directly() -> None:
        argv = [promtool, "check", "config", str(folder / "prometheus.yml")]
        subprocess.run(argv, check=True, capture_output=True)

    with image.run("/bin/prometheus", "3600") as target:

        def judge_by(origin: Origin) -> None:
            root = ProcessRoot(Selector(pid=target.pid))
            told: list[str] = []
            argv = ("promtool", "check", "config", "{file:prometheus.yml}")
            validators = Validators(
                clock=SystemClock(), tell=told.append, scratch_dir=str(folder), target=root
            )
            check = Command(argv=argv, origin=origin, must_match="1 rule files found")
            report = validators.validate(candidate, [check], threading.Event())
            if not report.passes or told:
                msg = f"{origin}: {report.summary} {report.cannot_run} {told}"
                raise SystemExit(msg)

        ways: dict[str, Callable[[], None]] = {
            "run directly": run_directly,
            "the sidecar's own": lambda: judge_by(Origin.SIDECAR),
            "borrowed": lambda: judge_by(Origin.TARGET),
        }
        for way in ways.values():
            way()
        turns = [{name: measure(way) for name, way in ways.items()} for _ in range(REPEATS)]
    show(turns, list(ways))


def show(turns: list[dict[str, float]], names: list[str]) -> None:
    """Print the table."""
    direct_s, borrowed_s = (
        median(turn[name] for turn in turns) for name in ("run directly", "borrowed")
    )
    added_ms = 1000 * median(turn["borrowed"] - turn["run directly"] for turn in turns)
    rows = [show_times(name, [turn[name] for turn in turns]) for name in names]
    rows.append(("borrowing adds", f"median {added_ms:.1f} ms, {borrowed_s / direct_s:.2f} times"))
    show_table(f"promtool check config, {JOBS} jobs, {RULES} rules", rows)


def main() -> None:
    """Measure in a folder of its own."""
    promtool = shutil.which("promtool")
    if promtool is None or os.geteuid() != 0:
        msg = "this bench needs promtool, and root for a process with another root folder"
        raise SystemExit(msg)
    folder = Path(tempfile.mkdtemp(prefix="surehup-bench-"))
    folder.chmod(0o755)
    try:
        compare(folder, promtool)
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
