"""Short spellings for the evidence tables of `specs`."""

from __future__ import annotations

from sidecar.core.evidence import Absent, Evidence, Role, Series


def ok(metric: str) -> Evidence:
    """The gauge of the last attempt."""
    return Evidence(name=metric, role=Role.OK_GAUGE, source=Series(metric=metric))


def succeeded_at(metric: str, *, resolution_s: float = 0.0) -> Evidence:
    """The time of the last success."""
    return Evidence(
        name=metric,
        role=Role.SUCCESS_TIMESTAMP,
        source=Series(metric=metric),
        resolution_s=resolution_s,
    )


def counts(metric: str, role: Role, *, absent: Absent = Absent.WAIT) -> Evidence:
    """A counter."""
    return Evidence(name=metric, role=role, source=Series(metric=metric), absent=absent)
