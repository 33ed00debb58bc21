"""States, attempts and findings as the JSON that `/status` and `/-/reload` answer with.

Excerpts of findings stay out: they are content of the configuration.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from sidecar import __version__
from sidecar.core.attempt import AttemptRecord, BridgeStatus
from sidecar.core.evidence import Process
from sidecar.core.report import Finding


def write_status(statuses: Iterable[BridgeStatus], *, now_s: float) -> Mapping[str, object]:
    """All bridges at `now_s` (monotonic); ages and spans are in seconds."""
    bridges = [_write_bridge(status, now_s) for status in statuses]
    return {"version": __version__, "bridges": bridges}


def write_finding(finding: Finding) -> Mapping[str, object]:
    """One finding; `line` and `column` are null where unknown."""
    return {
        "check": finding.check,
        "severity": finding.severity.value,
        "code": finding.code,
        "file": finding.file,
        "line": finding.line,
        "column": finding.column,
        "message": finding.message,
        "suggestion": finding.suggestion,
        "link": finding.link,
    }


def _write_bridge(status: BridgeStatus, now_s: float) -> Mapping[str, object]:
    since_s = status.out_of_sync_since_s
    return {
        "name": status.bridge,
        "status": status.status.value,
        "observed": status.observed,
        "active": status.active,
        "lastGood": status.last_good,
        "message": status.message,
        "blocked": status.blocked,
        "restartSafe": status.restart_safe,
        "synced": status.synced,
        "outOfSyncSeconds": None if since_s is None else _span(now_s - since_s),
        "target": _write_target(status.target),
        "attempts": [_write_attempt(record, now_s) for record in status.attempts],
    }


def _write_target(process: Process | None) -> Mapping[str, object] | None:
    if process is None:
        return None
    return {"pid": process.pid, "name": process.name, "container": process.container}


def _write_attempt(record: AttemptRecord, now_s: float) -> Mapping[str, object]:
    return {
        "digest": record.digest,
        "trigger": record.trigger.value,
        "outcome": record.outcome.value,
        "message": record.message,
        "signalled": record.signalled,
        "adopted": record.adopted,
        "durationSeconds": _span(record.duration_s),
        "ageSeconds": _span(now_s - record.started_s - record.duration_s),
        "findings": [write_finding(finding) for finding in record.findings],
    }


def _span(seconds: float) -> float:
    return round(max(0.0, seconds), 3)
