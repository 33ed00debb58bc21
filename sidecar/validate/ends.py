"""Says how a program's end kept it from judging, and what to do about it."""

from __future__ import annotations

import re

from sidecar.validate.process import CANNOT_EXECUTE_CODES, Bounds, Ended, How
from sidecar.validate.text import clean, last_line, shorten

OUT_OF_MEMORY = re.compile(
    r"""^fatal\ error:.*(?:out\ of\ memory|cannot\ allocate\ memory|failed\ to\ reserve)
        |^runtime:.*(?:out\ of\ memory|failed\ to\ create\ new\ OS\ thread)
        |^runtime/cgo:\ pthread_create\ failed
        |std::bad_alloc|^MemoryError|Cannot\ allocate\ memory$|memory\ exhausted$
    """,
    re.MULTILINE | re.VERBOSE,
)
"""How Go, C++, Python and C programs say that RLIMIT_DATA stopped them, with an ordinary exit code.

Tied to whole lines: alert rules speak of "Host out of memory", and validators quote them.
"""

GO_CRASH = re.compile(r"^goroutine \d+ .*\[running", re.MULTILINE)


def say_breakdown(ended: Ended, bounds: Bounds) -> str:
    """Why a program did not judge, as the sentence after its name; empty if its exit code tells.

    126 and 127 are what shells and launchers answer for a program that they cannot execute.
    """
    if ended.how is not How.EXITED:
        return say_end(ended, bounds)
    if ended.code and OUT_OF_MEMORY.search(ended.output):
        return say_out_of_memory(bounds)
    if ended.code in CANNOT_EXECUTE_CODES:
        return f"could not execute what it needs ({last_line(ended.output)}): add that to the image"
    if ended.code and GO_CRASH.search(ended.output):
        cause = next((line for line in ended.output.splitlines() if line.strip()), "")
        return f"crashed ({shorten(clean(cause), 200)}): it may be broken, try another version"
    return ""


def say_end(ended: Ended, bounds: Bounds) -> str:
    """Why a program that did not exit could not judge, as the sentence after its name."""
    match ended.how:
        case How.TIMED_OUT:
            return (
                f"did not finish within {bounds.timeout_s:g} s and was stopped: "
                "raise its timeout, or find out what it waits for"
            )
        case How.CANCELLED:
            return "was stopped because its result is no longer wanted"
        case _:
            return _say_signal(ended, bounds)


def _say_signal(ended: Ended, bounds: Bounds) -> str:
    if OUT_OF_MEMORY.search(ended.output):
        return say_out_of_memory(bounds)
    match ended.signal_name:
        case "SIGKILL":
            return (
                "was killed by SIGKILL, as the kernel does when memory runs out: "
                "raise the memory limit of the sidecar's container"
            )
        case "SIGXCPU":
            return "used more CPU time than its timeout allows: raise its timeout"
        case name:
            said = last_line(ended.output)
            return f"crashed with {name} ({said}): try the same program by hand, it may be broken"


def say_out_of_memory(bounds: Bounds) -> str:
    """That a program's own bound was too small, as the sentence after its name."""
    mebibytes = bounds.memory_bytes >> 20
    return f"ran out of its {mebibytes} MiB of memory: raise its memory limit"
