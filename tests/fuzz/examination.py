"""Examines one input: no crash, no hang, no blow-up of memory."""

from __future__ import annotations

import resource
import time

from tests.fuzz.parsers import Read

MOST_CPU_S = 3.0
"""For inputs of a few KiB, also under a fuzzer's instrumentation, which makes it some times slower;
a hundredth is the usual."""
MOST_GROWTH_KIB = 128 << 10
"""How much a single input may raise the peak of memory."""


class FoundError(AssertionError):
    """An input that takes what none may take."""


def examine(read: Read, content: bytes) -> None:
    """Have `content` read. Raises whatever is wrong."""
    before_s = time.thread_time()
    before_kib = _peak_kib()
    read(content)
    taken_s = time.thread_time() - before_s
    grown_kib = _peak_kib() - before_kib
    if taken_s > MOST_CPU_S:
        message = f"took {taken_s:.1f} s for {len(content)} bytes"
        raise FoundError(message)
    if grown_kib > MOST_GROWTH_KIB:
        message = f"took {grown_kib >> 10} MiB for {len(content)} bytes"
        raise FoundError(message)


def _peak_kib() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
