"""One candidate's way through the journey, as others may see it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from sidecar.core.evidence import Process
from sidecar.core.report import Finding


class Trigger(StrEnum):
    """What set an attempt off (label `source` of the metrics)."""

    API = "api"
    MOUNT = "mount"
    SIGNAL = "signal"
    HTTP = "http"
    STARTUP = "startup"
    CLI = "cli"


class Outcome(StrEnum):
    """How an attempt ended."""

    APPLIED = "applied"
    REJECTED = "rejected"
    FAILED = "failed"
    UNCONFIRMED = "unconfirmed"
    SUPERSEDED = "superseded"


class Status(StrEnum):
    """The word for a bridge's state, as the annotation `surehup.dev/status` spells it."""

    PENDING = "Pending"
    RELOADING = "Reloading"
    ROLLING_OUT = "RollingOut"
    APPLIED = "Applied"
    REJECTED = "Rejected"
    ROLLED_BACK = "RolledBack"
    FAILED = "Failed"
    UNCONFIRMED = "Unconfirmed"
    PAUSED = "Paused"


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptRecord:
    """An ended attempt. `started_s` is monotonic; `signalled` whether the process got a signal.

    `adopted`: the process already ran this content, as its start or its evidence showed, so that
    nothing had to be signalled. `message` is one sentence.
    """

    digest: str
    trigger: Trigger
    outcome: Outcome
    message: str
    started_s: float
    duration_s: float
    signalled: bool = False
    adopted: bool = False
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class BridgeStatus:
    """What one bridge shows of itself: to `/status`, `/readyz` and the gauges.

    `observed` is the digest that `status` and `message` speak of; `active` the one the process is
    believed to run; `last_good` the newest confirmed one. `blocked` says what keeps a candidate
    from being decided, and the fix. `runs` is what the process was last given, `proven` whether it
    showed that. `filled`: the daemon's folder carries something. `revision` names `active` in the
    history. `connected` is None where the API is not asked. `out_of_sync_since_s` is monotonic,
    None while in sync. `held_off`: content that nobody wants is still to come to the mount, which
    any change of the pod would hasten.
    """

    bridge: str
    status: Status
    observed: str | None = None
    active: str | None = None
    last_good: str | None = None
    message: str = ""
    blocked: str = ""
    target: Process | None = None
    runs: str | None = None
    proven: bool = False
    restart_safe: bool = False
    synced: bool = False
    filled: bool = False
    out_of_sync_since_s: float | None = None
    revision: int | None = None
    connected: bool | None = None
    paused: bool = False
    held_off: bool = False
    attempts: tuple[AttemptRecord, ...] = ()
