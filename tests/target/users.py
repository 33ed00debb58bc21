"""Code that runs as another user within this process.

The kernel keeps users per thread; only the C library's functions change them for all at once.
"""

from __future__ import annotations

import ctypes
import os
import platform
import threading
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

SETRESUID, SETRESGID = {"x86_64": (117, 119), "aarch64": (147, 149)}[platform.machine()]


def run_as(uid: int, work: Callable[[], T]) -> T:
    """What `work` returns or raises in a thread of user and group `uid`, without capabilities."""
    results: list[T] = []
    errors: list[BaseException] = []

    def run() -> None:
        try:
            for call in (SETRESGID, SETRESUID):
                assert ctypes.CDLL(None).syscall(call, uid, uid, uid) == 0
            assert os.geteuid() == uid
            results.append(work())
        except BaseException as error:  # noqa: BLE001  raised again where the caller is
            errors.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join(10)
    if errors:
        raise errors[0]
    return results[0]
