"""Reads /proc: the lowest layer of the target room, facts only.

Everything read here but the executable is public for any user and without capabilities, so that a
sidecar with nothing but its own UID can identify its neighbours. A process that ends, or that a
hidepid mount hides, reads as absent: there is no difference worth telling.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass

READ_BYTES = 1 << 16
"""The kernel gives stat, status, cgroup and cmdline in one read if the buffer is large enough."""

MAX_MOUNTINFO_BYTES = 1 << 20
"""Hosts of many pods have thousands of mounts; the line that counts is among the first."""

_READ_FLAGS = os.O_RDONLY | os.O_CLOEXEC
_DELETED = " (deleted)"
_CONTAINER_ID = re.compile(r"[0-9a-f]{64}")
_CONTAINER_NAME = re.compile(r"/pods/[^/ ]+/containers/([^/ ]+)/[0-9a-f]+$")
_ENDED_STATES = frozenset("ZXx")


@dataclass(frozen=True, slots=True)
class Stat:
    """What /proc/PID/stat says.

    `start_ticks` is field 22: clock ticks since boot at which the process was forked; an exec
    keeps it. `comm` is cut at 15 bytes by the kernel.
    """

    pid: int
    comm: str
    state: str
    parent: int
    threads: int
    start_ticks: int

    @property
    def has_ended(self) -> bool:
        """Whether it is a zombie; one whose main thread alone ended still runs."""
        return self.state in _ENDED_STATES and self.threads <= 1

    @property
    def is_starting(self) -> bool:
        """Whether it still is the container runtime, which becomes the daemon by exec."""
        return self.comm.startswith("runc:[")


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """What /proc/PID/status says. The masks have bit N-1 set for signal N.

    `permitted` has bit N set for capability N.
    """

    real_uid: int
    effective_uid: int
    saved_uid: int
    effective_gid: int
    blocked: int
    ignored: int
    caught: int
    permitted: int = 0


@dataclass(frozen=True, slots=True)
class Container:
    """The container of a process: `key` tells it apart, `name` is the pod spec's where known.

    `id` is the runtime's (64 hexadecimal digits) or empty.
    """

    key: str = ""
    name: str = ""
    id: str = ""


class ProcFs:
    """The files below `root`, read with as few system calls as possible.

    `os.open` and `os.read` take half the time of `open`; a scan is made for every look.
    """

    def __init__(self, root: str = "/proc") -> None:
        self._root = root

    def pids(self) -> list[int]:
        """All visible processes. Raises `OSError` if there is no proc file system."""
        names = os.listdir(self._root)  # noqa: PTH208  thousands of names, no Path for each
        return [int(name) for name in names if name.isdecimal()]

    def stat(self, pid: int) -> Stat | None:
        """Identity, name, state and parent of `pid`; None if it is not there."""
        content = self._read(pid, "stat")
        return parse_stat(content) if content else None

    def status(self, pid: int) -> Status | None:
        """Users and signal masks of `pid`; None if it is not there."""
        content = self._read(pid, "status")
        return parse_status(content) if content else None

    def argv(self, pid: int) -> tuple[str, ...]:
        """The arguments, or the title that the daemon wrote over them; empty for a zombie."""
        return parse_cmdline(self._read(pid, "cmdline"))

    def cgroup(self, pid: int) -> str:
        """The whole text of its cgroup file."""
        return self._read(pid, "cgroup").decode(errors="replace")

    def container_name(self, pid: int) -> str:
        """The name that the pod spec gives its container, or an empty text."""
        return parse_container_name(self._read_long(pid, "mountinfo"))

    def executable(self, pid: int) -> str:
        """Its program, if this process may know it.

        That needs the same UID and GID and no more capabilities than ours (ptrace access);
        so its absence is normal.
        """
        try:
            program = os.readlink(f"{self._root}/{pid}/exe")  # noqa: PTH115  read for every process
            return program.removesuffix(_DELETED)
        except OSError:
            return ""

    def _read(self, pid: int, name: str) -> bytes:
        try:
            fd = os.open(f"{self._root}/{pid}/{name}", _READ_FLAGS)
        except OSError:
            return b""
        try:
            return os.read(fd, READ_BYTES)
        except OSError:
            return b""
        finally:
            os.close(fd)

    def _read_long(self, pid: int, name: str) -> bytes:
        """Mount tables come in pieces of a page."""
        try:
            fd = os.open(f"{self._root}/{pid}/{name}", _READ_FLAGS)
        except OSError:
            return b""
        content = b""
        try:
            while len(content) < MAX_MOUNTINFO_BYTES and (piece := os.read(fd, READ_BYTES)):
                content += piece
        except OSError:
            return b""
        finally:
            os.close(fd)
        return content


def parse_stat(content: bytes) -> Stat | None:
    """Parse /proc/PID/stat; None for what cannot be one.

    The name may hold any byte, also spaces, newlines and parentheses: it ends at the *last* one.
    """
    head, _, rest = content.partition(b" (")
    comm, _, tail = rest.rpartition(b") ")
    fields = tail.split()
    try:
        return Stat(
            pid=int(head),
            comm=comm.decode(errors="replace"),
            state=fields[0].decode(),
            parent=int(fields[1]),
            threads=int(fields[17]),
            start_ticks=int(fields[19]),
        )
    except (ValueError, IndexError):
        return None


def parse_status(content: bytes) -> Status | None:
    """Parse /proc/PID/status; None if a line is missing that the kernel always writes."""
    lines = dict(_split_line(line) for line in content.splitlines())
    try:
        real, effective, saved, _ = (int(uid) for uid in lines[b"Uid"].split())
        return Status(
            real_uid=real,
            effective_uid=effective,
            saved_uid=saved,
            effective_gid=int(lines[b"Gid"].split()[1]),
            blocked=int(lines[b"SigBlk"], 16),
            ignored=int(lines[b"SigIgn"], 16),
            caught=int(lines[b"SigCgt"], 16),
            permitted=int(lines.get(b"CapPrm", b"0"), 16),
        )
    except (KeyError, ValueError, IndexError):
        return None


def parse_cmdline(content: bytes) -> tuple[str, ...]:
    """Split /proc/PID/cmdline; daemons that write a title pad it with NULs or spaces."""
    text = content.rstrip(b"\0 ").decode(errors="replace")
    return tuple(text.split("\0")) if text else ()


def parse_container(cgroup: str) -> Container:
    """Find what tells containers apart in the text of /proc/PID/cgroup.

    The id is the last run of 64 hexadecimal digits, however the cgroup driver spells the path;
    without one, the whole text. Never by position: cgroup namespaces show siblings as ``/../ID``.
    """
    ids = _CONTAINER_ID.findall(cgroup)
    return Container(key=ids[-1] if ids else cgroup, id=ids[-1] if ids else "")


def parse_container_name(mountinfo: bytes) -> str:
    """Find the container's name in /proc/PID/mountinfo.

    The kubelet mounts ``…/pods/UID/containers/NAME/HEX`` into every container as its termination
    log; the path inside may differ (terminationMessagePath), the source (field 4) does not.
    """
    for line in mountinfo.decode(errors="replace").splitlines():
        fields = line.split(" ", 4)
        if len(fields) > 3 and (found := _CONTAINER_NAME.search(fields[3])):  # noqa: PLR2004  source
            return found.group(1)
    return ""


def _split_line(line: bytes) -> tuple[bytes, bytes]:
    name, _, value = line.partition(b":")
    return name, value
