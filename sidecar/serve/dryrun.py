"""`POST /-/reload?dry_run=true`: what a reload would bring, and whether it would pass.

Nothing is touched: no attempt begins, nobody is signalled, no state changes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from http import HTTPStatus

from sidecar.core.report import Finding, Report
from sidecar.core.snapshot import short
from sidecar.serve.content import Content, DryRun
from sidecar.serve.document import write_finding
from sidecar.serve.masking.child import Difference, MaskingError, compare
from sidecar.serve.message import Response


class Prospect(StrEnum):
    """What would become of the content that is mounted now; the later, the worse."""

    UNCHANGED = "unchanged"
    VALID = "valid"
    INVALID = "invalid"
    BLOCKED = "blocked"


CODES: Mapping[Prospect, HTTPStatus] = {
    Prospect.UNCHANGED: HTTPStatus.OK,
    Prospect.VALID: HTTPStatus.OK,
    Prospect.INVALID: HTTPStatus.UNPROCESSABLE_ENTITY,
    Prospect.BLOCKED: HTTPStatus.SERVICE_UNAVAILABLE,
}
NOTHING = Difference(changes=(), diff="")

Try = Callable[[str], DryRun]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Forecast:
    """A dry run, judged and masked."""

    bridge: str
    prospect: Prospect
    message: str
    run: DryRun
    difference: Difference = NOTHING
    findings: Sequence[Finding] = field(default_factory=tuple)


def answer_dry_run(bridges: Sequence[str], attempt: Try) -> Response:
    """Try each of `bridges`; the worst of them makes the status code."""
    forecasts = [_forecast(bridge, attempt(bridge)) for bridge in bridges]
    if not forecasts:
        reason = "no bridge reports yet: surehup is starting"
        return Response.of_error(HTTPStatus.SERVICE_UNAVAILABLE, reason)
    order = list(Prospect)
    worst = max(forecasts, key=lambda forecast: order.index(forecast.prospect))
    document = {
        "dryRun": True,
        "outcome": worst.prospect.value,
        "message": worst.message,
        "bridges": [_write(forecast) for forecast in forecasts],
    }
    return Response.of_json(CODES[worst.prospect], document)


def _forecast(bridge: str, run: DryRun) -> _Forecast:
    if run.mounted is None:
        return _Forecast(bridge=bridge, prospect=Prospect.BLOCKED, message=run.trouble, run=run)
    if run.report is None:
        message = f"{short(run.mounted.digest)} is active already"
        return _Forecast(bridge=bridge, prospect=Prospect.UNCHANGED, message=message, run=run)
    try:
        return _judge(bridge, run, run.mounted, run.report)
    except MaskingError as error:
        return _Forecast(bridge=bridge, prospect=Prospect.BLOCKED, message=error.message, run=run)


def _judge(bridge: str, run: DryRun, mounted: Content, report: Report) -> _Forecast:
    prospect, message = _say(report, short(mounted.digest), is_first=run.active is None)
    return _Forecast(
        bridge=bridge,
        prospect=prospect,
        message=message,
        run=run,
        difference=compare(run.active, mounted),
        findings=report.findings,
    )


def _say(report: Report, name: str, *, is_first: bool) -> tuple[Prospect, str]:
    if report.rejects:
        return Prospect.INVALID, f"{name} would be rejected: {report.summary}"
    if not report.passes:
        return Prospect.BLOCKED, f"{name} cannot be judged: {report.summary}"
    beside = ", and nothing is proven active yet to compare it with" if is_first else ""
    return Prospect.VALID, f"{name} passes every check{beside}"


def _write(forecast: _Forecast) -> Mapping[str, object]:
    run = forecast.run
    return {
        "bridge": forecast.bridge,
        "outcome": forecast.prospect.value,
        "message": forecast.message,
        "active": None if run.active is None else run.active.digest,
        "mounted": None if run.mounted is None else run.mounted.digest,
        "changes": list(forecast.difference.changes),
        "diff": forecast.difference.diff,
        "errors": [write_finding(finding) for finding in forecast.findings],
    }
