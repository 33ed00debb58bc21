"""Runs a program of an unpacked image as the strictest pod would; for `unshare --mount`, as root.

    unshare --mount python3 jail.py ROOT --user 65532 --bind FOLDER:INSIDE -- PROGRAM ARGUMENTS...

The root is read-only, but for the folders that are bound into it. The program gets
no capability, can gain none, belongs to no other group, and sees the machine's processes. Only what
a pod would set stays of the environment. It keeps the process ID that it was started with.
"""

from __future__ import annotations

import argparse
import ctypes
import os
import shutil
import subprocess
from pathlib import Path

PR_CAPBSET_READ, PR_CAPBSET_DROP, PR_SET_NO_NEW_PRIVS = 23, 24, 38
STAYS = ("KUBE", "POD_", "SUREHUP_")
IMAGE_ENV = "IMAGE_ENV"
"""Names the variable that holds the image's own environment, one a line."""

libc = ctypes.CDLL(None, use_errno=True)


def mount(*argv: str) -> None:
    """Mount, in this namespace alone."""
    subprocess.run(["/usr/bin/env", "mount", *argv], check=True)


def give_up_privileges(user: int) -> None:
    """Become `user`, for good."""
    number = 0
    while libc.prctl(PR_CAPBSET_READ, number, 0, 0, 0) >= 0:
        if libc.prctl(PR_CAPBSET_DROP, number, 0, 0, 0) != 0:
            raise OSError(ctypes.get_errno(), f"capability {number} cannot be dropped")
        number += 1
    os.setgroups([])
    os.setresgid(user, user, user)
    os.setresuid(user, user, user)
    if libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "no_new_privs cannot be set")


def main() -> None:
    """Build the jail around this process and become the program."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("root", type=Path)
    parser.add_argument("--user", type=int, required=True)
    parser.add_argument("--bind", action="append", default=[])
    parser.add_argument("program")
    parser.add_argument("arguments", nargs=argparse.REMAINDER)
    given = parser.parse_args()
    root = given.root.resolve()
    mount("--make-rprivate", "/")
    mount("--bind", str(root), str(root))
    for name in ("proc", "dev"):
        (root / name).mkdir(exist_ok=True)
        mount("--rbind", f"/{name}", str(root / name))
    for bind in given.bind:
        folder, _, inside = bind.partition(":")
        place = root / inside.lstrip("/")
        place.mkdir(parents=True, exist_ok=True)
        mount("--bind", folder, str(place))
    mount("-o", "remount,bind,ro", str(root))
    variables = dict(line.split("=", 1) for line in os.environ[IMAGE_ENV].splitlines())
    variables |= {name: text for name, text in os.environ.items() if name.startswith(STAYS)}
    os.chroot(root)
    os.chdir("/")
    give_up_privileges(given.user)
    program = shutil.which(given.program, path=variables["PATH"])
    if program is None:
        msg = f"the image has no program {given.program}"
        raise SystemExit(msg)
    os.execve(program, [given.program, *given.arguments], variables)  # noqa: S606  that is its purpose


if __name__ == "__main__":
    main()
