"""Everything that a bridge can want done. The machine names these; the shell does them.

Effects with an `effect` id are answered by the event that carries the same id; an answer with
another id is stale and dropped.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from sidecar.core.attempt import AttemptRecord, Trigger
from sidecar.core.evidence import Process
from sidecar.core.report import Finding
from sidecar.core.snapshot import Snapshot


@dataclass(frozen=True, slots=True)
class Validate:
    """Run every check on `candidate`; answered by `Validated`."""

    effect: int
    candidate: Snapshot


@dataclass(frozen=True, slots=True)
class Look:
    """Find the process and read its evidence once; answered by `Looked`."""

    effect: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Signal:
    """Pull the trigger on `process` while the mount still carries `fence`: `Signalled`."""

    effect: int
    process: Process
    fence: str


@dataclass(frozen=True, slots=True)
class Cancel:
    """The answer to effect `effect` is no longer wanted."""

    effect: int


@dataclass(frozen=True, slots=True)
class Save:
    """Journal `entry`, before anything that follows it."""

    entry: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class WatchExit:
    """Post `ProcessExited` when `process` ends."""

    process: Process


@dataclass(frozen=True, slots=True)
class Announce:
    """An attempt ended: metrics, log, webhooks."""

    record: AttemptRecord


class Milestone(StrEnum):
    """What is worth a line and a count on the way."""

    RECEIVED = "received"
    DEBOUNCED = "debounced"
    UNCHANGED = "unchanged"
    SIGNALLED = "signalled"
    BLOCKED = "blocked"
    UNBLOCKED = "unblocked"
    RESUMED = "resumed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """Something happened on the way; each is told once."""

    milestone: Milestone
    digest: str | None
    trigger: Trigger
    message: str = ""


class Reply(StrEnum):
    """What a person who asked is told."""

    APPLIED = "applied"
    UNCHANGED = "unchanged"
    REJECTED = "rejected"
    FAILED = "failed"
    UNCONFIRMED = "unconfirmed"
    SUPERSEDED = "superseded"
    BUSY = "busy"
    BLOCKED = "blocked"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """Tell the person behind `request` how it ended."""

    request: int
    reply: Reply
    message: str
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True, slots=True)
class Stopped:
    """Nothing is left to do for this bridge."""


Effect = Validate | Look | Signal | Cancel | Save | WatchExit | Announce | Note | Answer | Stopped
