"""A program dies with us, also when we are killed outright."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

OUTER = """
import sys, threading
sys.path.insert(0, {root!r})
from sidecar.clock import SystemClock
from sidecar.validate.process import Bounds, run_program
run_program(
    ["/bin/sh", "-c", "echo $$ > {pid}; exec sleep 60"],
    bounds=Bounds(timeout_s=60, memory_bytes=1 << 30),
    clock=SystemClock(),
    cancel=threading.Event(),
)
"""


def test_a_program_does_not_outlive_us(tmp_path: Path) -> None:
    root = Path(__file__).parents[2]
    code = OUTER.format(root=str(root), pid=tmp_path / "pid")
    with subprocess.Popen([sys.executable, "-c", code]) as outer:
        try:
            pid = _read_number(tmp_path / "pid")
        finally:
            outer.send_signal(signal.SIGKILL)
    deadline = time.monotonic() + 5
    while _is_alive(pid):
        assert time.monotonic() < deadline
        time.sleep(0.01)


def _read_number(path: Path) -> int:
    deadline = time.monotonic() + 10
    while not (path.exists() and path.read_text().strip()):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    return int(path.read_text())


def _is_alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"
