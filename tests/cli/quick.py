"""A command that parses its arguments itself: for the tests of the command line."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from sidecar.core.errors import ExitCode


def start(argv: Sequence[str]) -> ExitCode:
    sys.stdout.write(f"{list(argv)}\n")
    return ExitCode.TIMED_OUT
