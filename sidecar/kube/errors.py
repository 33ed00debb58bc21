"""What the Kubernetes API refuses or fails to do, as sentences for a person at 3 a.m.

`client` turns every answer and every library exception into one of these, the fake in `testing`
raises the same; so who writes records can decide by class, without knowing HTTP.
"""

from __future__ import annotations

from sidecar.core.errors import ExitCode, SurehupError


class ApiError(SurehupError):
    """Base of all that a call to the API server may raise.

    `status` is the HTTP status, 0 where there was no answer. `retry_after_s` is what the server
    asked to wait, if it did.
    """

    exit_code = ExitCode.API_UNREACHABLE

    def __init__(
        self, message: str, *, status: int = 0, retry_after_s: float | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.retry_after_s = retry_after_s


class UnreachableError(ApiError):
    """There was no whole answer in time, or the server could not give one (5xx).

    A write may or may not have happened: look again before anything is decided.
    """


class TooManyRequestsError(ApiError):
    """The server sheds load, or its caches are still filling (429, since Kubernetes 1.34)."""


class UnauthorizedError(ApiError):
    """The server does not know who asks: the token is expired, revoked or unreadable (401)."""

    exit_code = ExitCode.PERMISSION


class ForbiddenError(ApiError):
    """The server knows who asks, and refuses (403). `rule` is the RBAC rule to add, in words.

    A server that has just started also says so of what its Roles allow, until it has read them.
    """

    exit_code = ExitCode.PERMISSION

    def __init__(self, message: str, *, rule: str = "") -> None:
        super().__init__(message, status=403)
        self.rule = rule


class NotFoundError(ApiError):
    """There is no such object (404)."""

    exit_code = ExitCode.NOT_FOUND


class ConflictError(ApiError):
    """Somebody else wrote since the object was read (409): look again, decide again."""

    exit_code = ExitCode.FAILED


class AlreadyExistsError(ConflictError):
    """An object of that name is there already (409)."""


class GoneError(ApiError):
    """The version to go on from is no longer kept (410): list again."""


class InvalidError(ApiError):
    """The server refuses the content itself (400, 413, 422): asking again does not help."""

    exit_code = ExitCode.INVALID
