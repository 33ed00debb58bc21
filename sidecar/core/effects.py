"""Everything that a bridge can want done. The machine names these; the shell does them.

Effects with an `effect` id are answered by the event that carries the same id; an answer with
another id is stale and dropped.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from sidecar.core.attempt import AttemptRecord, Trigger
from sidecar.core.declared import Declared
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


@dataclass(frozen=True, slots=True)
class CountEnds:
    """Ask how often the daemon's container has ended; answered by `EndsCounted`."""

    effect: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Signal:
    """Pull the trigger on `process` while the mount still carries `fence`: `Signalled`."""

    effect: int
    process: Process
    fence: str


@dataclass(frozen=True, slots=True)
class Publish:
    """Write `content` into the shared folder; answered by `Published`."""

    effect: int
    content: Snapshot


@dataclass(frozen=True, slots=True)
class Fetch:
    """Read the object now; answered by `Answered`."""

    effect: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Write:
    """Write `marks` on `declared` if it is still as it was; answered by `Answered`."""

    effect: int
    marks: Mapping[str, str | None]
    declared: Declared


@dataclass(frozen=True, slots=True, kw_only=True)
class Keep:
    """Store `declared` as a revision, and never prune those `protected`; answered by `Kept`."""

    effect: int
    declared: Declared
    cause: str
    protected: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Recall:
    """Find the content that the whole digest names among the revisions: `Recalled`."""

    effect: int
    digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Restore:
    """Put the data that `good` names back in place of `failed`; answered by `Answered`.

    Both are whole digests. `files` are the good ones, where they are at hand.
    """

    effect: int
    failed: str
    good: str
    files: Mapping[str, bytes] | None


@dataclass(frozen=True, slots=True)
class Nudge:
    """Have the kubelet refresh the mount; `number` counts for this content."""

    digest: str
    number: int


@dataclass(frozen=True, slots=True)
class SaveGood:
    """Keep the newest proven content for this pod."""

    content: Snapshot


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
    CARRIED = "carried"
    SIGNALLED = "signalled"
    BLOCKED = "blocked"
    UNBLOCKED = "unblocked"
    RESUMED = "resumed"
    TROUBLE = "trouble"


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """Something happened on the way; each is told once. `after_s`: since the API showed it."""

    milestone: Milestone
    digest: str | None
    trigger: Trigger
    message: str = ""
    after_s: float | None = None


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


ApiEffect = Fetch | Write | Keep | Recall | Restore

Effect = (
    Validate
    | Publish
    | Look
    | CountEnds
    | Signal
    | ApiEffect
    | Nudge
    | Cancel
    | Save
    | SaveGood
    | WatchExit
    | Announce
    | Note
    | Answer
    | Stopped
)
