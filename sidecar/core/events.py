"""Everything that can happen to a bridge. The shell posts these; `machine.step` takes them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from sidecar.core.attempt import Trigger
from sidecar.core.declared import Declared
from sidecar.core.errors import TargetTrouble
from sidecar.core.evidence import Ends, Process, Sample
from sidecar.core.report import Report
from sidecar.core.snapshot import Mounted, Snapshot


@dataclass(frozen=True, slots=True)
class Started:
    """The first event: what the journal remembers from before, or None, and the last good files."""

    remembered: Mapping[str, object] | None = None
    good: Snapshot | None = None


@dataclass(frozen=True, slots=True)
class MountChanged:
    """A new generation is on disk, with the same or other content."""

    mounted: Mounted


@dataclass(frozen=True, slots=True)
class MountLost:
    """The folder cannot be read; `message` says why and what to do."""

    message: str


@dataclass(frozen=True, slots=True)
class Offered:
    """The folder that is to be published from carries `content`."""

    content: Snapshot


@dataclass(frozen=True, slots=True)
class DeclaredSeen:
    """The API shows the object, or that there is none."""

    declared: Declared | None


@dataclass(frozen=True, slots=True)
class ApiConnected:
    """Changes of the object are being seen, or not any more."""

    connected: bool


class Answer(StrEnum):
    """How the API answered. `lost`: it did not, so that nothing is known."""

    DONE = "done"
    CONFLICT = "conflict"
    REFUSED = "refused"
    LOST = "lost"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """The API answered a `Fetch`, `Write` or `Restore`.

    `declared` is the object as it is now, also after a conflict; None where there is none, or
    nothing was learned of it. `message` says why it was refused, and what to grant.
    """

    effect: int
    answer: Answer
    declared: Declared | None = None
    message: str = ""


@dataclass(frozen=True, slots=True)
class Kept:
    """A revision is stored under this number; None: it could not be, as `message` says.

    `lost`: the API did not answer.
    """

    effect: int
    revision: int | None
    message: str = ""
    lost: bool = False


@dataclass(frozen=True, slots=True)
class Recalled:
    """The content that a stored revision holds, or None. `lost`: the API did not answer."""

    effect: int
    content: Snapshot | None
    lost: bool = False


@dataclass(frozen=True, slots=True)
class Published:
    """The shared folder carries `mounted`; None: it could not be written, as `message` says."""

    effect: int
    mounted: Mounted | None
    message: str = ""


@dataclass(frozen=True, slots=True)
class Validated:
    """All validators have spoken."""

    effect: int
    report: Report


@dataclass(frozen=True, slots=True)
class Looked:
    """One look at the process and its evidence."""

    effect: int
    sample: Sample


@dataclass(frozen=True, slots=True)
class EndsCounted:
    """How often the daemon's container has ended; None: nobody can tell, as `message` says.

    Without a message it may be told by the next question.
    """

    effect: int
    ends: Ends | None
    message: str = ""


class Sending(StrEnum):
    """What became of the trigger."""

    SENT = "sent"
    FENCE_MOVED = "fence-moved"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class Signalled:
    """The trigger was pulled, or not.

    `fence` is the generation on disk just after it was sent. `answer` is what an HTTP reload said.
    `trouble` and `message` say why the process must not or cannot be signalled.
    """

    effect: int
    sending: Sending
    fence: str | None = None
    answer: str | None = None
    trouble: TargetTrouble | None = None
    message: str = ""


@dataclass(frozen=True, slots=True)
class ProcessExited:
    """The process that was watched is gone."""

    process: Process


@dataclass(frozen=True, slots=True)
class Asked:
    """A person asks for an attempt now; `request` is to be answered when it ends."""

    trigger: Trigger
    request: int | None = None


@dataclass(frozen=True, slots=True)
class Tick:
    """The time that `machine.wake_at` named has come."""


@dataclass(frozen=True, slots=True)
class StopAsked:
    """End soon, and leave everything true."""


Event = (
    Started
    | MountChanged
    | MountLost
    | Offered
    | DeclaredSeen
    | ApiConnected
    | Answered
    | Kept
    | Recalled
    | Published
    | Validated
    | Looked
    | EndsCounted
    | Signalled
    | ProcessExited
    | Asked
    | Tick
    | StopAsked
)
