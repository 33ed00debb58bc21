"""What can be asked for: the table of routes, and the short answers behind them.

Everything is injected, so that this room knows neither the loop nor the metrics.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from http import HTTPStatus

from sidecar.core.attempt import BridgeStatus, Trigger
from sidecar.core.effects import Reply
from sidecar.core.ports import Clock
from sidecar.core.report import Finding
from sidecar.serve.config import Active, answer_config, refuse_bridge
from sidecar.serve.document import write_finding, write_status
from sidecar.serve.dryrun import Try, answer_dry_run
from sidecar.serve.message import Request, Response, Route

MOST_WAITING = 4
"""So many may wait for a reload at once: the other connections are for probes and scrapes."""

MOST_CONFIGS = 2
SWITCH = {"true": True, "1": True, "": True, "false": False, "0": False}

REPLY_CODES = {
    Reply.APPLIED: HTTPStatus.OK,
    Reply.UNCHANGED: HTTPStatus.OK,
    Reply.BUSY: HTTPStatus.CONFLICT,
    Reply.SUPERSEDED: HTTPStatus.CONFLICT,
    Reply.REJECTED: HTTPStatus.UNPROCESSABLE_ENTITY,
    Reply.FAILED: HTTPStatus.INTERNAL_SERVER_ERROR,
    Reply.BLOCKED: HTTPStatus.SERVICE_UNAVAILABLE,
    Reply.UNCONFIRMED: HTTPStatus.GATEWAY_TIMEOUT,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ReloadAnswer:
    """How an attempt that was asked for ended."""

    outcome: Reply
    message: str
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Inside:
    """What the answers are made of.

    `metrics` takes an `Accept` header and gives a page and its type. `alive` and `started` give the
    reason against it, or None. `reload` takes a bridge (None: all) and waits for the end of its
    attempt, within a deadline of its own. `active` gives what a bridge is proven to run, None
    before the first proof. `dry_run` judges what is mounted, touches nothing, and has a deadline.
    """

    clock: Clock
    metrics: Callable[[str], tuple[bytes, str]]
    statuses: Callable[[], Sequence[BridgeStatus]]
    alive: Callable[[], str | None]
    started: Callable[[], str | None]
    reload: Callable[[str | None, Trigger], ReloadAnswer]
    active: Active
    dry_run: Try


def make_routes(inside: Inside) -> tuple[Route, ...]:
    """The table. Control routes answer on loopback only, unless the server is told otherwise."""
    reloads, configs = _Reloads(inside), _Configs(inside)
    return (
        Route(method="GET", path="/metrics", handle=lambda asked: _show_metrics(inside, asked)),
        Route(method="GET", path="/healthz", handle=lambda _: _probe(inside.alive())),
        Route(method="GET", path="/startupz", handle=lambda _: _probe(inside.started())),
        Route(method="GET", path="/readyz", handle=lambda asked: _show_ready(inside, asked)),
        Route(method="GET", path="/status", handle=lambda _: _show_status(inside), control=True),
        Route(method="GET", path="/api/v2/config", handle=configs.handle, control=True),
        Route(method="POST", path="/-/reload", handle=reloads.handle, control=True),
    )


def _show_metrics(inside: Inside, request: Request) -> Response:
    page, content_type = inside.metrics(request.headers.get("accept", ""))
    return Response(HTTPStatus.OK, page, content_type)


def _probe(reason: str | None) -> Response:
    if reason is None:
        return Response.of_text(HTTPStatus.OK, "ok")
    return Response.of_text(HTTPStatus.SERVICE_UNAVAILABLE, _one_line(reason))


def _show_ready(inside: Inside, request: Request) -> Response:
    """Each bridge's source is synced and its target found; `?verbose` lists what holds, too."""
    statuses = inside.statuses()
    checks = [check for status in statuses for check in _check_ready(status)]
    if not statuses:
        checks = [("bridges", "none reports yet: surehup is starting")]
    failing = [check for check in checks if check[1] is not None]
    if "verbose" not in request.query:
        checks = failing
    lines = [f"[+]{name} ok" if why is None else f"[-]{name}: {why}" for name, why in checks]
    status = HTTPStatus.SERVICE_UNAVAILABLE if failing else HTTPStatus.OK
    return Response.of_text(status, "\n".join(map(_one_line, lines)) or "ok")


def _check_ready(status: BridgeStatus) -> list[tuple[str, str | None]]:
    because = f": {status.blocked}" if status.blocked else ""
    unsynced = None if status.synced else f"the folder was not read yet{because}"
    no_target = None if status.target is not None else f"the process was not found yet{because}"
    return [(f"{status.bridge}/source", unsynced), (f"{status.bridge}/target", no_target)]


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _show_status(inside: Inside) -> Response:
    document = write_status(inside.statuses(), now_s=inside.clock.monotonic())
    return Response.of_json(HTTPStatus.OK, document)


class _Reloads:
    """`POST /-/reload[?bridge=NAME]`: an attempt now, answered with its outcome.

    With `dry_run=true` only what it would come to.
    """

    def __init__(self, inside: Inside) -> None:
        self._inside = inside
        self._places = threading.BoundedSemaphore(MOST_WAITING)

    def handle(self, request: Request) -> Response:
        bridge = request.query.get("bridge")
        known = [status.bridge for status in self._inside.statuses()]
        if bridge is not None and bridge not in known:
            return refuse_bridge(bridge, known)
        dry_run = SWITCH.get(request.query.get("dry_run", "false"))
        if dry_run is None:
            return Response.of_error(HTTPStatus.BAD_REQUEST, "dry_run is neither true nor false")
        if not self._places.acquire(blocking=False):
            busy = "too many requests wait for a reload: ask again when they are answered"
            return _write_answer(ReloadAnswer(outcome=Reply.BUSY, message=busy))
        try:
            if dry_run:
                names = [name for name in known if bridge in {None, name}]
                return answer_dry_run(names, self._inside.dry_run)
            return _write_answer(self._inside.reload(bridge, Trigger.HTTP))
        finally:
            self._places.release()


class _Configs:
    """`GET /api/v2/config`. Few at once, as each takes a process of its own."""

    def __init__(self, inside: Inside) -> None:
        self._inside = inside
        self._places = threading.BoundedSemaphore(MOST_CONFIGS)

    def handle(self, request: Request) -> Response:
        if not self._places.acquire(blocking=False):
            busy = "too many ask for the configuration: ask again when they are answered"
            return Response.of_error(HTTPStatus.SERVICE_UNAVAILABLE, busy)
        try:
            known = [status.bridge for status in self._inside.statuses()]
            return answer_config(request, known, self._inside.active, self._inside.clock)
        finally:
            self._places.release()


def _write_answer(answer: ReloadAnswer) -> Response:
    document = {
        "outcome": answer.outcome.value,
        "message": answer.message,
        "errors": [write_finding(finding) for finding in answer.findings],
    }
    return Response.of_json(REPLY_CODES[answer.outcome], document)
