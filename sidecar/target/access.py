"""Why the files of a process are closed to us, and the fix.

The kernel opens `/proc/PID/root` and `/proc/PID/exe` to those who may trace the process: same UID
and GID, at least its capabilities, and a process that is dumpable. Supplementary groups do not
count, and added capabilities do not reach a user other than root in Kubernetes.
"""

from __future__ import annotations

import os
from dataclasses import dataclass

from sidecar.target.procfs import ProcFs, Status


@dataclass(frozen=True, slots=True, kw_only=True)
class Closed:
    """What keeps us out, as the second half of a sentence, and what to do about it."""

    why: str
    fix: str


def explain_closed(target: Status) -> Closed:
    """The first of the kernel's conditions that does not hold between us and `target`."""
    own = ProcFs().status(os.getpid())
    lacking = target.permitted & ~(own.permitted if own else 0)
    ours = f"UID {os.geteuid()} and GID {os.getegid()}"
    theirs = f"UID {target.effective_uid} and GID {target.effective_gid}"
    if ours != theirs:
        return Closed(
            why=f"because it has {theirs}, surehup {ours}",
            fix=f"set runAsUser: {target.effective_uid} and runAsGroup: {target.effective_gid} for "
            "the sidecar's container, if a validator of the daemon's image is wanted",
        )
    if lacking:
        return Closed(
            why=f"although both have {ours}: it holds capabilities that surehup has not "
            f"({lacking:#x}), as root's are or those of a program with file capabilities",
            fix="drop ALL capabilities for the daemon's container, or install the validator in the "
            "sidecar's image",
        )
    return Closed(
        why=f"although both have {ours}: it changed its user by itself after its start, or may not "
        "read its own program",
        fix="start it as its user from the beginning (runAsUser), as dropping root later hides its "
        "files, or install the validator in the sidecar's image",
    )
