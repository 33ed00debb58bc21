"""What can go wrong at the boundary, as sentences for a person at 3 a.m.

Adapters turn library exceptions into these; no other exception leaves a room.
"""

from __future__ import annotations

from enum import IntEnum, StrEnum


class ExitCode(IntEnum):
    """Exit codes of every command (documented in the README)."""

    DONE = 0
    NOT_FOUND = 1
    PERMISSION = 2
    USAGE = 3
    INVALID = 4
    FAILED = 5
    UNCONFIRMED = 6
    API_UNREACHABLE = 7
    TIMED_OUT = 8
    INTERNAL = 70


class SurehupError(Exception):
    """Base of all errors that a user may see: one sentence of what, where, why and the fix."""

    exit_code = ExitCode.INTERNAL

    @property
    def message(self) -> str:
        """The sentence to show."""
        return str(self)


class SettingsError(SurehupError):
    """A flag, variable or field of the settings file is unknown, wrong or contradictory."""

    exit_code = ExitCode.USAGE


class SourceTrouble(StrEnum):
    """Why a source cannot be read."""

    MISSING = "missing"
    UNREADABLE = "unreadable"
    SUBPATH = "subpath"
    UNSTEADY = "unsteady"
    TOO_LARGE = "too-large"


class SourceError(SurehupError):
    """The mounted folder cannot be read as a configuration."""

    exit_code = ExitCode.USAGE

    def __init__(self, trouble: SourceTrouble, message: str) -> None:
        super().__init__(message)
        self.trouble = trouble


class TargetTrouble(StrEnum):
    """Why no process can be signalled."""

    ABSENT = "absent"
    AMBIGUOUS = "ambiguous"
    PERMISSION = "permission"
    GONE = "gone"
    ZOMBIE = "zombie"
    STARTING = "starting"
    UNHANDLED = "unhandled"
    IGNORED = "ignored"


class TargetError(SurehupError):
    """The process to signal was not found, is not unique, or must not be signalled."""

    def __init__(self, trouble: TargetTrouble, message: str) -> None:
        super().__init__(message)
        self.trouble = trouble

    @property
    def exit_code(self) -> ExitCode:  # type: ignore[override]
        """2 where a permission is missing, 1 otherwise."""
        return (
            ExitCode.PERMISSION if self.trouble is TargetTrouble.PERMISSION else ExitCode.NOT_FOUND
        )


class LostError(SurehupError):
    """The API did not answer, so that nothing is known: it may be asked again."""


class PublishError(SurehupError):
    """The shared folder of published mode cannot take the new files."""

    exit_code = ExitCode.FAILED
