"""What can be wrong with stored history, as a sentence for a person at 3 a.m."""

from __future__ import annotations

from sidecar.core.errors import ExitCode, SurehupError


class HistoryError(SurehupError):
    """Content cannot be kept as a revision, or a kept one is not what it claims to be."""

    exit_code = ExitCode.FAILED
