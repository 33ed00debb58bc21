"""What the harness needs to know of processes, straight from /proc."""

from __future__ import annotations

import random
import socket
from contextlib import suppress
from pathlib import Path

from sidecar.core.errors import TargetError, TargetTrouble
from sidecar.core.evidence import Process

# Below the range from which the kernel takes ports for outgoing connections.
PORTS = range(20_000, 32_000)


def find_process(pid: int, name: str = "") -> Process | None:
    """The process with its identity, or None if it is gone or a zombie."""
    fields = _read_stat(pid)
    if fields is None or fields[0] in {"Z", "X"}:
        return None
    return Process(pid=pid, start_ticks=int(fields[19]), name=name)


def find_children(process: Process, leaving: str) -> frozenset[int]:
    """PIDs of its children, less those whose title contains `leaving`. Raises `TargetError`."""
    if find_process(process.pid) is None:
        raise TargetError(TargetTrouble.GONE, f"process {process.pid} is gone")
    children = set()
    for folder in Path("/proc").glob("[0-9]*"):
        fields = _read_stat(int(folder.name))
        if fields is None or int(fields[1]) != process.pid or fields[0] in {"Z", "X"}:
            continue
        with suppress(OSError):
            title = (folder / "cmdline").read_bytes().decode(errors="replace")
            if not leaving or leaving not in title:
                children.add(int(folder.name))
    return frozenset(children)


def _read_stat(pid: int) -> list[str] | None:
    """The fields of /proc/PID/stat from the state on; the name before it may hold anything."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None


def find_free_port() -> int:
    """A loopback port that nobody listens on now."""
    while True:
        port = random.choice(PORTS)  # noqa: S311  no secret
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
