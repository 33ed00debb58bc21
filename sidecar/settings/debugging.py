"""Whether the person wants tracebacks: asked before, and when, the settings cannot be read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise


def is_debugging(argv: Sequence[str], environ: Mapping[str, str]) -> bool:
    """``--log-level debug``, SUREHUP_LOG_LEVEL=debug, or SUREHUP_DEBUG set to anything."""
    return (
        ("--log-level", "debug") in pairwise(argv)
        or "--log-level=debug" in argv
        or environ.get("SUREHUP_LOG_LEVEL") == "debug"
        or bool(environ.get("SUREHUP_DEBUG"))
    )
