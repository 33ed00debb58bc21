"""A large Alertmanager configuration, parsed and held against all rules in its short-lived child.

Time is that of the whole child, from its start to its answer; memory is its peak above that of a
child which judges a configuration of three lines.
"""

from __future__ import annotations

import resource
import threading
import time
from collections.abc import Iterator
from statistics import median

from bench.stand import show_table, show_times
from sidecar.clock import SystemClock
from sidecar.validate.child import Task, run_in_child

RECEIVERS = 1_000
LINES = 10_000
REPEATS = 15
TASK = Task(
    job="sidecar.validate.alertmanager.check:check_alertmanager",
    what="the Alertmanager check",
    options={"main": "alertmanager.yml"},
)
SMALL = "route: {receiver: team-0}\nreceivers:\n- name: team-0\n"
RECEIVER = """\
- name: team-{number}
  webhook_configs:
  - url: https://hooks.example.com/teams/{number}
    send_resolved: true
"""
ROUTE = """\
  - receiver: team-{number}
    matchers:
    - team="{number}"
    - severity=~"critical|warning"
    group_wait: 30s
    continue: false
"""


def write_large() -> str:
    """As many receivers, each with a route of its own, and as many lines, as the aim names."""
    lines = "".join(_write_parts()).splitlines(keepends=True)
    return "".join(lines) + "# \n" * (LINES - len(lines))


def _write_parts() -> Iterator[str]:
    yield "route:\n  receiver: team-0\n  group_by: [team]\n  routes:\n"
    yield from (ROUTE.format(number=number) for number in range(1, RECEIVERS))
    yield "receivers:\n"
    yield from (RECEIVER.format(number=number) for number in range(RECEIVERS))


def judge(text: str) -> tuple[float, float]:
    """Seconds that the child took, by the clock and of the processor."""
    before_s, began_s = read_cpu_s(), time.perf_counter()
    files = {"alertmanager.yml": text.encode()}
    report = run_in_child(TASK, files, clock=SystemClock(), cancel=threading.Event())
    taken_s = time.perf_counter() - began_s
    if not report.passes:
        msg = f"the configuration is not good: {report.summary}"
        raise SystemExit(msg)
    return taken_s, read_cpu_s() - before_s


def read_cpu_s() -> float:
    """Processor time of all children so far, which a busy machine does not change."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def read_peak_mb() -> float:
    """The largest of all children so far."""
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024


def main() -> None:
    """Print the table."""
    small = [judge(SMALL) for _ in range(REPEATS)]
    rest_mb = read_peak_mb()
    text = write_large()
    large = [judge(text) for _ in range(REPEATS)]
    grown_mb = read_peak_mb() - rest_mb
    cpu_ms = [1000 * median(cpu_s for _, cpu_s in each) for each in (small, large)]
    rows = [
        show_times("three lines", [taken_s for taken_s, _ in small]),
        show_times(f"{RECEIVERS:,} receivers, {LINES:,} lines", [taken_s for taken_s, _ in large]),
        ("processor time", f"median {cpu_ms[0]:.0f} ms and {cpu_ms[1]:.0f} ms"),
        ("memory above three lines", f"{grown_mb:.1f} MB (peak {rest_mb + grown_mb:.1f} MB)"),
    ]
    show_table("the Alertmanager check in its child", rows)


if __name__ == "__main__":
    main()
