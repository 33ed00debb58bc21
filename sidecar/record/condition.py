"""What the pod's condition says of its bridges; pure.

The condition tells what the process runs, not how the last edit fared: as a readiness gate it stops
a rolling update, and takes no serving pod out of service.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from sidecar.core.attempt import BridgeStatus, Status
from sidecar.core.snapshot import short
from sidecar.record.rendering import cut

MESSAGE_MAX_BYTES = 1 << 10
RUNS_UNAPPROVED = "RunsUnapproved"
"""The reason where it is no status."""


class Truth(StrEnum):
    """The status of a condition."""

    TRUE = "True"
    UNKNOWN = "Unknown"
    FALSE = "False"


@dataclass(frozen=True, slots=True)
class Condition:
    """What the condition says; `passing`: what need not be told now, as long as the truth stays.

    That is an attempt under way until its verdict, and a verdict on content that is still to come
    to the mount: to tell it would change the pod, and that would have the kubelet bring it at once.
    """

    truth: Truth
    reason: str
    message: str
    passing: bool = False


_WORST_FIRST = (Truth.FALSE, Truth.UNKNOWN, Truth.TRUE)
_GRAVEST_FIRST = (
    Status.FAILED,
    Status.ROLLED_BACK,
    Status.REJECTED,
    Status.UNCONFIRMED,
    Status.RELOADING,
    Status.ROLLING_OUT,
    Status.PENDING,
    Status.PAUSED,
    Status.APPLIED,
)
_UNDER_WAY = frozenset({Status.PENDING, Status.RELOADING, Status.ROLLING_OUT})


def judge(status: BridgeStatus, before: Truth | None) -> Truth:
    """Whether the process of one bridge runs content that was proven in it.

    `before` is what was judged last: an attempt under way and a rejected edit leave it as it was.
    """
    if status.status is Status.APPLIED:
        return Truth.TRUE
    if status.status in {Status.FAILED, Status.UNCONFIRMED} or _runs_unapproved(status):
        return Truth.FALSE
    if status.status is Status.ROLLED_BACK:
        return Truth.FALSE if status.last_good is None else Truth.TRUE
    if before is not None and before is not Truth.UNKNOWN:
        return before
    if status.last_good is not None:
        return Truth.TRUE
    return Truth.FALSE if status.status is Status.REJECTED else Truth.UNKNOWN


def _runs_unapproved(status: BridgeStatus) -> bool:
    """Whether content runs that was decided against: the process started with it."""
    decided = status.status in {Status.REJECTED, Status.ROLLED_BACK}
    return decided and status.active not in {None, status.last_good}


def describe(statuses: Sequence[BridgeStatus], truths: Mapping[str, Truth]) -> Condition:
    """The condition of the worst of all bridges, by name; `statuses` has at least one."""
    worst = min(
        statuses,
        key=lambda status: (
            _WORST_FIRST.index(truths[status.bridge]),
            _GRAVEST_FIRST.index(status.status),
        ),
    )
    said = worst.message or f"{worst.status} {short(worst.observed or '')}".rstrip()
    return Condition(
        truth=truths[worst.bridge],
        reason=RUNS_UNAPPROVED if _runs_unapproved(worst) else worst.status.value,
        message=cut(f"{worst.bridge}: {said}", MESSAGE_MAX_BYTES),
        passing=any(status.held_off for status in statuses)
        or (worst.status in _UNDER_WAY and not worst.blocked),
    )


def list_proven(statuses: Sequence[BridgeStatus]) -> str:
    """``BRIDGE=DIGEST12`` for each bridge with proven content, blanks between."""
    return " ".join(
        f"{status.bridge}={short(status.last_good)}" for status in statuses if status.last_good
    )
