"""Run the sidecar: watch, validate, signal, confirm, until SIGTERM."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from sidecar.core.errors import ExitCode
from sidecar.settings.child import load_settings_in_child


def start(argv: Sequence[str]) -> ExitCode:
    """Read the settings in a child, so that their libraries cost nothing at rest, then run."""
    settings = load_settings_in_child(argv, os.environ)
    # Imported here: the fork above must not carry them.
    from sidecar.app import run  # noqa: PLC0415
    from sidecar.tell.log import LogFormat, configure  # noqa: PLC0415

    configure(
        format_=LogFormat(settings.log_format),
        level=settings.log_level,
        stream=sys.stderr,
        no_color=bool(os.environ.get("NO_COLOR")),
    )
    return run(settings)
