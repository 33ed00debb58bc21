from __future__ import annotations

import pytest

from sidecar.core.errors import (
    ExitCode,
    SettingsError,
    SourceError,
    SourceTrouble,
    SurehupError,
    TargetError,
    TargetTrouble,
)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (SurehupError("x"), ExitCode.INTERNAL),
        (SettingsError("x"), ExitCode.USAGE),
        (SourceError(SourceTrouble.MISSING, "x"), ExitCode.USAGE),
        (TargetError(TargetTrouble.PERMISSION, "x"), ExitCode.PERMISSION),
        (TargetError(TargetTrouble.AMBIGUOUS, "x"), ExitCode.NOT_FOUND),
    ],
)
def test_an_error_is_a_sentence_and_an_exit_code(error: SurehupError, code: ExitCode) -> None:
    assert (error.message, error.exit_code) == ("x", code)
