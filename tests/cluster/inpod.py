"""Runs surehup as in a pod, whose account lies in the folder given first.

    python -m tests.cluster.inpod FOLDER [--dump FILE] [--stepping] run --config surehup.yaml

A pod finds its account at a fixed path, which a test must not write to. With ``--dump`` the loaded
modules and the memory are written to FILE once FILE.asked exists. With ``--stepping`` the node's
clock jumps by a day, there and back, every second.
"""

from __future__ import annotations

import json
import sys
import threading
import time
from pathlib import Path

from sidecar.cli import main
from sidecar.clock import SystemClock
from sidecar.kube import access

POLL_S = 0.05
DAY_S = 86_400


def dump(path: Path) -> None:
    """Tell what is loaded, once asked."""
    while not path.with_suffix(".asked").exists():
        threading.Event().wait(POLL_S)
    status = Path("/proc/self/status").read_text().splitlines()
    rss_kb = next(line for line in status if line.startswith("VmRSS")).split()[1]
    told = json.dumps({"modules": sorted(sys.modules), "rss_mb": int(rss_kb) / 1024})
    part = path.with_suffix(".part")
    part.write_text(told)
    part.rename(path)


def step_wall(self: SystemClock) -> float:
    """A wall clock that nobody should rely on."""
    del self
    now_s = time.time()
    return now_s + (DAY_S if int(now_s) % 2 else -DAY_S)


if __name__ == "__main__":
    account, *argv = sys.argv[1:]
    if argv[0] == "--dump":
        threading.Thread(target=dump, args=(Path(argv[1]),), daemon=True).start()
        argv = argv[2:]
    if argv[0] == "--stepping":
        SystemClock.wall = step_wall  # type: ignore[method-assign]
        argv = argv[1:]
    find = access.in_cluster
    access.in_cluster = lambda clock, environ, folder="": find(clock, environ, account)  # noqa: ARG005  whatever is asked for
    sys.exit(main(argv))
