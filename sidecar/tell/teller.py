"""Tells what the loop does, everywhere at once: the log, the metrics, the webhooks."""

from __future__ import annotations

import logging
from collections.abc import Mapping

from sidecar.core.attempt import AttemptRecord, BridgeStatus, Outcome, Status
from sidecar.core.effects import Milestone, Note
from sidecar.core.snapshot import short
from sidecar.tell.log import fields
from sidecar.tell.metrics import Metrics
from sidecar.tell.webhook import Webhooks

LOG = logging.getLogger(__name__)

MILESTONES = {
    Milestone.RECEIVED: (logging.INFO, "New content arrived"),
    Milestone.DEBOUNCED: (logging.INFO, "New content waits for the end of the debounce window"),
    Milestone.UNCHANGED: (logging.INFO, "Content is unchanged"),
    Milestone.SIGNALLED: (logging.INFO, "Process was told to reload"),
    Milestone.BLOCKED: (logging.WARNING, "Attempt is blocked"),
    Milestone.UNBLOCKED: (logging.INFO, "Attempt goes on"),
    Milestone.CARRIED: (logging.INFO, "Mount carries the content"),
    Milestone.TROUBLE: (logging.WARNING, "Note"),
    Milestone.RESUMED: (logging.INFO, "Attempt of an earlier sidecar is resumed"),
}

LEVELS = {
    Outcome.APPLIED: logging.INFO,
    Outcome.SUPERSEDED: logging.INFO,
    Outcome.REJECTED: logging.WARNING,
    Outcome.UNCONFIRMED: logging.WARNING,
    Outcome.FAILED: logging.ERROR,
}


class EveryTeller:
    """Hears the loop (`loop.Teller`). `signals` names each bridge's signal, or `http`."""

    def __init__(self, metrics: Metrics, webhooks: Webhooks, signals: Mapping[str, str]) -> None:
        self._metrics = metrics
        self._webhooks = webhooks
        self._signals = signals

    def note(self, bridge: str, note: Note) -> None:
        """A milestone on the way."""
        match note.milestone:
            case Milestone.RECEIVED:
                self._metrics.attempt_received(bridge, note.trigger)
            case Milestone.DEBOUNCED:
                self._metrics.attempt_debounced(bridge, note.trigger)
            case Milestone.CARRIED if note.after_s is not None:
                self._metrics.propagated(bridge, note.after_s)
            case Milestone.SIGNALLED:
                self._metrics.signalled(bridge, self._signals[bridge])
            case _:
                pass
        level, message = MILESTONES[note.milestone]
        told: dict[str, object] = {"bridge": bridge, "trigger": note.trigger.value}
        if note.digest is not None:
            told["digest"] = short(note.digest)
        if note.message:
            told["detail"] = note.message
        if note.after_s is not None:
            told["after_s"] = note.after_s
        LOG.log(level, message, extra=fields(**told))

    def announce(self, bridge: str, record: AttemptRecord, status: Status) -> None:
        """An attempt ended."""
        self._metrics.attempt_ended(bridge, record)
        self._webhooks.attempt_ended(bridge, record, status)
        told = fields(
            bridge=bridge,
            digest=short(record.digest),
            trigger=record.trigger.value,
            outcome=record.outcome.value,
            status=status.value,
            signalled=record.signalled,
            duration_s=record.duration_s,
            detail=record.message,
        )
        LOG.log(LEVELS[record.outcome], "Attempt ended", extra=told)
        for finding in record.findings:
            place = {"bridge": bridge, "check": finding.check, "detail": str(finding)}
            LOG.warning("Validator found an error", extra=fields(**place))

    def show(self, status: BridgeStatus) -> None:
        """The status of a bridge after each event."""
        self._metrics.show(status)
