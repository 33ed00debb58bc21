"""A sidecar under the hardest settings, as a program: judges one candidate and prints what it says.

Started by the tests as root. Enters a mount namespace of its own (with other files hidden as
asked), becomes another user without any capability and without a way to any, and forbids itself
what the container runtimes' default seccomp profile forbids.
"""

from __future__ import annotations

import ctypes
import errno
import json
import os
import platform
import struct
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from sidecar.clock import SystemClock
from sidecar.core.bridge import Command, Origin, Selector
from sidecar.core.snapshot import Snapshot
from sidecar.target.root import ProcessRoot
from sidecar.validate.runner import Validators

FORBIDDEN = {
    "x86_64": (155, 161, 165, 166, 272, 298, 300, 308, 310, 311, 321, 323, 425, 429, 438, 440),
    "aarch64": (39, 40, 41, 51, 97, 241, 262, 268, 270, 271, 280, 282, 425, 429, 438, 440),
}
"""pivot_root chroot mount umount2 unshare perf_event_open fanotify_init setns process_vm_* bpf
userfaultfd io_uring_setup open_tree pidfd_getfd process_madvise."""
CLONE3 = 435
ALLOW, ERRNO = 0x7FFF0000, 0x00050000
PR_SET_SECCOMP, SECCOMP_MODE_FILTER, PR_SET_DUMPABLE = 22, 2, 4


@dataclass(frozen=True)
class Said:
    """What the sidecar printed."""

    messages: list[str]
    cannot_run: list[str]
    told: list[str]


def judge_confined(  # noqa: PLR0913  what a pod's spec says of a sidecar
    pid: int,
    argv: Sequence[str],
    files: Mapping[str, str],
    *,
    uid: int,
    gid: int | None = None,
    scratch: Path,
    hidden: Sequence[str] = (),
    memory_bytes: int = 1 << 30,
) -> Said:
    """Have `files` judged by the target's `argv`; `hidden` files are unreadable to the sidecar."""
    request = {
        "pid": pid,
        "argv": list(argv),
        "files": dict(files),
        "scratch": str(scratch),
        "memory_bytes": memory_bytes,
    }
    hide = "".join(f"mount --bind /dev/null {path}; " for path in hidden)
    become = (
        f"exec setpriv --reuid {uid} --regid {uid if gid is None else gid} --clear-groups "
        '--no-new-privs --bounding-set -all --inh-caps -all "$@"'
    )
    ended = subprocess.run(
        [
            "unshare",
            "--mount",
            "sh",
            "-ec",
            hide + become,
            "sh",
            sys.executable,
            "-m",
            "tests.validate.confined",
        ],
        input=json.dumps(request),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env=os.environ | {"PATH": "/usr/bin:/bin", "PYTHONDONTWRITEBYTECODE": "1"},
    )
    assert ended.returncode == 0, ended.stderr
    return Said(**json.loads(ended.stdout))


def forbid() -> None:
    """Install the filter: a program of the packet filter over the system call's number."""
    instructions = [struct.pack("=HBBI", 0x20, 0, 0, 0)]
    for number, error in [
        *((number, errno.EPERM) for number in FORBIDDEN[platform.machine()]),
        (CLONE3, errno.ENOSYS),
    ]:
        instructions.append(struct.pack("=HBBI", 0x15, 0, 1, number))
        instructions.append(struct.pack("=HBBI", 0x06, 0, 0, ERRNO | error))
    instructions.append(struct.pack("=HBBI", 0x06, 0, 0, ALLOW))
    program = ctypes.create_string_buffer(b"".join(instructions))
    head = struct.pack("@HP", len(instructions), ctypes.addressof(program))
    libc = ctypes.CDLL(None, use_errno=True)
    assert libc.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, head, 0, 0) == 0, ctypes.get_errno()


def main() -> None:
    request = json.load(sys.stdin)
    forbid()
    told: list[str] = []
    validators = Validators(
        clock=SystemClock(),
        tell=told.append,
        scratch_dir=request["scratch"],
        target=ProcessRoot(Selector(pid=request["pid"])),
    )
    candidate = Snapshot.of({key: text.encode() for key, text in request["files"].items()})
    command = Command(
        argv=tuple(request["argv"]), origin=Origin.TARGET, memory_bytes=request["memory_bytes"]
    )
    report = validators.validate(candidate, [command], threading.Event())
    answer = {
        "messages": [str(finding) for finding in report.findings],
        "cannot_run": list(report.cannot_run),
        "told": told,
    }
    sys.stdout.write(json.dumps(answer))


if __name__ == "__main__":
    main()
