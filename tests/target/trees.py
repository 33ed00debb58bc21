"""Proc file systems of whole pods, written as files in the kernel's own formats.

Process trees that need a container runtime to come about. What a line looks like was taken from
real pods: the siblings' ``/../ID`` in a cgroup namespace, the termination log among the mounts.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

APP = "a" * 63 + "1"
WEB = "b" * 63 + "2"
PAUSE = "c" * 63 + "3"
ALL_CAUGHT = "ffffffffffffffff"


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One process. An empty `container` has no termination log among its mounts, as pause."""

    pid: int
    argv: tuple[str, ...]
    comm: str = ""
    parent: int = 0
    start: int = 0
    container: str = ""
    cgroup: str = "0::/\n"
    state: str = "S"
    threads: int = 1
    uid: int = 1000
    caught: str = "0000000000000001"
    exe: str = ""


def sidecar(pid: int = 30, **changes: object) -> Entry:
    """The observer itself; its own cgroup shows as the root of its namespace."""
    return _entry(
        {"pid": pid, "argv": ("python3", "-m", "sidecar"), "container": "surehup"}, changes
    )


def pause() -> Entry:
    return _entry({"pid": 1, "argv": ("/pause",), "cgroup": sibling(PAUSE), "start": 100}, {})


def app(pid: int, *argv: str, **changes: object) -> Entry:
    """A process of container app."""
    return _entry({"pid": pid, "argv": argv, "container": "app", "cgroup": sibling(APP)}, changes)


def web(pid: int, *argv: str, **changes: object) -> Entry:
    """A process of container web."""
    return _entry({"pid": pid, "argv": argv, "container": "web", "cgroup": sibling(WEB)}, changes)


def sibling(container_id: str) -> str:
    """How another container's cgroup shows from within a cgroup namespace."""
    return f"0::/../{container_id}\n"


def _entry(fields: dict[str, object], changes: dict[str, object]) -> Entry:
    return Entry(**{**fields, **changes})  # type: ignore[arg-type]  # checked by the dataclass


def write_tree(root: Path, *entries: Entry) -> str:
    """Write all processes below `root`; returns it."""
    (root / "self").mkdir(parents=True)
    for entry in entries:
        write_process(root, entry)
    return str(root)


def write_process(root: Path, entry: Entry) -> None:
    folder = root / str(entry.pid)
    folder.mkdir(exist_ok=True)
    comm = entry.comm or (entry.argv[0].rpartition("/")[2] if entry.argv else "")[:15]
    start = entry.start or entry.pid * 10
    (folder / "stat").write_text(
        f"{entry.pid} ({comm}) {entry.state} {entry.parent} {entry.pid} {entry.pid} 0 -1 4194560 "
        f"120 0 0 0 1 2 0 0 20 0 {entry.threads} 0 {start} 3108864 512 18446744073709551615 1 1 0 "
        "0 0 0 0 4096 1 0 0 0 17 0 0 0 0 0 0 0 0 0 0 0 0 0 0\n"
    )
    (folder / "cmdline").write_bytes(b"".join(word.encode() + b"\0" for word in entry.argv))
    (folder / "status").write_text(
        f"Name:\t{comm}\nState:\tS (sleeping)\nPid:\t{entry.pid}\n"
        f"PPid:\t{entry.parent}\nUid:\t{entry.uid}\t{entry.uid}\t{entry.uid}\t{entry.uid}\n"
        f"Gid:\t{entry.uid}\t{entry.uid}\t{entry.uid}\t{entry.uid}\nSigQ:\t0/9525\n"
        f"SigPnd:\t0000000000000000\nShdPnd:\t0000000000000000\nSigBlk:\t0000000000000000\n"
        f"SigIgn:\t0000000000000000\nSigCgt:\t{entry.caught}\n"
    )
    (folder / "cgroup").write_text(entry.cgroup)
    (folder / "mountinfo").write_text(_mounts(entry.container))
    if entry.exe:
        (folder / "exe").symlink_to(entry.exe)


def _mounts(container: str) -> str:
    lines = [
        "620 513 0:58 / / rw,relatime - overlay overlay rw,lowerdir=/l1:/l2,workdir=/w",
        "621 620 0:61 / /proc rw,nosuid,nodev,noexec,relatime - proc proc rw",
    ]
    if container:
        source = (
            f"/var/lib/kubelet/pods/7c4c9a1e-2f0b-4c1d-9d4e-5b3c/containers/{container}/1f2e3d4c"
        )
        lines.append(f"630 620 8:1 {source} /dev/termination-log rw,relatime - ext4 /dev/vda1 rw")
    return "".join(f"{line}\n" for line in lines)
