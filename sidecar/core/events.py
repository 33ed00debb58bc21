"""Everything that can happen to a bridge. The shell posts these; `machine.step` takes them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from sidecar.core.attempt import Trigger
from sidecar.core.errors import TargetTrouble
from sidecar.core.evidence import Process, Sample
from sidecar.core.report import Report
from sidecar.core.snapshot import Mounted


@dataclass(frozen=True, slots=True)
class Started:
    """The first event: what the journal remembers from before, or None."""

    remembered: Mapping[str, object] | None = None


@dataclass(frozen=True, slots=True)
class MountChanged:
    """A new generation is on disk, with the same or other content."""

    mounted: Mounted


@dataclass(frozen=True, slots=True)
class MountLost:
    """The folder cannot be read; `message` says why and what to do."""

    message: str


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
    | Validated
    | Looked
    | Signalled
    | ProcessExited
    | Asked
    | Tick
    | StopAsked
)
