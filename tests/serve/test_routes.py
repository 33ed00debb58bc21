from __future__ import annotations

import json
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus

import pytest

from sidecar.core.attempt import AttemptRecord, BridgeStatus, Outcome, Status, Trigger
from sidecar.core.effects import Reply
from sidecar.core.evidence import Process
from sidecar.core.report import Finding
from sidecar.serve.content import ActiveContent, Content, DryRun
from sidecar.serve.message import Request, Response, Route
from sidecar.serve.routes import MOST_CONFIGS, MOST_WAITING, Inside, ReloadAnswer, make_routes
from sidecar.testing.clock import FakeClock

FINDING = Finding(
    check="yaml",
    message="mapping values are not allowed here",
    file="prometheus.yml",
    line=3,
    column=7,
    suggestion="quote the value",
    excerpt="password: hunter2",
)
DIGEST = "b12" + "0" * 61
RECORD = AttemptRecord(
    digest=DIGEST,
    trigger=Trigger.MOUNT,
    outcome=Outcome.REJECTED,
    message="prometheus.yml:3:7: mapping values are not allowed here",
    started_s=990.0,
    duration_s=0.25,
    findings=(FINDING,),
)
CONTENT = Content(files={"a.yml": b"a: 1\n"}, digest=DIGEST, source="folder /x")
READY = BridgeStatus(
    bridge="prometheus",
    status=Status.APPLIED,
    observed=DIGEST,
    active=DIGEST,
    last_good=DIGEST,
    target=Process(pid=17, start_ticks=4, name="prometheus", container="main"),
    restart_safe=True,
    synced=True,
)
LOST = BridgeStatus(
    bridge="blackbox",
    status=Status.PENDING,
    blocked="no process matches 'blackbox':\n set shareProcessNamespace",
    out_of_sync_since_s=940.0,
    attempts=(RECORD,),
)


@dataclass
class Sidecar:
    """What the routes are wired to."""

    statuses: Sequence[BridgeStatus] = (READY,)
    alive: str | None = None
    started: str | None = None
    answer: ReloadAnswer = field(
        default_factory=lambda: ReloadAnswer(outcome=Reply.APPLIED, message="proven")
    )
    asked: list[tuple[str | None, Trigger]] = field(default_factory=list)
    tried: list[str] = field(default_factory=list)
    before_answer: Callable[[], None] = lambda: None

    def reload(self, bridge: str | None, trigger: Trigger) -> ReloadAnswer:
        self.asked.append((bridge, trigger))
        self.before_answer()
        return self.answer

    def active(self, bridge: str) -> ActiveContent | None:
        self.before_answer()
        return ActiveContent(content=CONTENT, loaded_s=990.0) if bridge == "prometheus" else None

    def dry_run(self, bridge: str) -> DryRun:
        self.tried.append(bridge)
        return DryRun(active=CONTENT, mounted=CONTENT)

    def routes(self) -> dict[str, Route]:
        inside = Inside(
            clock=FakeClock(monotonic_s=1000.0),
            metrics=lambda accept: (b"page for " + accept.encode(), "text/x-test"),
            statuses=lambda: self.statuses,
            alive=lambda: self.alive,
            started=lambda: self.started,
            reload=self.reload,
            active=self.active,
            dry_run=self.dry_run,
        )
        return {route.path: route for route in make_routes(inside)}

    def ask(self, path: str, **query: str) -> Response:
        route = self.routes()[path]
        headers = {"accept": "text/x-wanted"}
        request = Request(
            method=route.method, path=path, query=query, headers=headers, client="127.0.0.1"
        )
        return route.handle(request)


def test_only_probes_and_metrics_are_for_strangers() -> None:
    open_paths = {path for path, route in Sidecar().routes().items() if not route.control}
    assert open_paths == {"/metrics", "/healthz", "/readyz", "/startupz"}


def test_metrics_are_negotiated() -> None:
    response = Sidecar().ask("/metrics")
    assert response.body == b"page for text/x-wanted"
    assert response.content_type == "text/x-test"


@pytest.mark.parametrize("path", ["/healthz", "/startupz"])
def test_probe_tells_the_reason(path: str) -> None:
    well = Sidecar().ask(path)
    assert (well.status, well.body) == (200, b"ok\n")
    ill = Sidecar(alive="the loop stands\nstill", started="the loop stands\nstill").ask(path)
    assert (ill.status, ill.body) == (503, b"the loop stands still\n")


def test_ready_is_short_unless_asked() -> None:
    assert Sidecar().ask("/readyz").body == b"ok\n"
    verbose = Sidecar().ask("/readyz", verbose="")
    assert verbose.status == 200
    assert verbose.body == b"[+]prometheus/source ok\n[+]prometheus/target ok\n"


def test_unready_names_what_is_missing_and_why() -> None:
    sidecar = Sidecar(statuses=(READY, LOST))
    terse = sidecar.ask("/readyz")
    why = b"no process matches 'blackbox': set shareProcessNamespace"
    assert terse.status == 503
    assert terse.body.splitlines() == [
        b"[-]blackbox/source: the folder was not read yet: " + why,
        b"[-]blackbox/target: the process was not found yet: " + why,
    ]
    assert sidecar.ask("/readyz", verbose="").body.startswith(b"[+]prometheus/source ok\n")


def test_nothing_to_report_is_not_ready() -> None:
    response = Sidecar(statuses=()).ask("/readyz")
    assert (response.status, response.body) == (
        503,
        b"[-]bridges: none reports yet: surehup is starting\n",
    )


def test_status_shows_all_but_excerpts() -> None:
    response = Sidecar(statuses=(READY, LOST)).ask("/status")
    document = json.loads(response.body)
    assert set(document) == {"version", "bridges"}
    ready, lost = document["bridges"]
    assert ready == {
        "name": "prometheus",
        "status": "Applied",
        "observed": DIGEST,
        "active": DIGEST,
        "lastGood": DIGEST,
        "message": "",
        "blocked": "",
        "restartSafe": True,
        "synced": True,
        "outOfSyncSeconds": None,
        "target": {"pid": 17, "name": "prometheus", "container": "main"},
        "attempts": [],
    }
    assert lost["outOfSyncSeconds"] == 60.0
    assert lost["target"] is None
    (attempt,) = lost["attempts"]
    assert attempt["ageSeconds"] == 9.75
    assert attempt["durationSeconds"] == 0.25
    assert attempt["outcome"] == "rejected"
    assert attempt["findings"][0]["line"] == 3
    assert b"hunter2" not in response.body


@pytest.mark.parametrize(
    ("outcome", "code"),
    [
        (Reply.APPLIED, 200),
        (Reply.UNCHANGED, 200),
        (Reply.BUSY, 409),
        (Reply.SUPERSEDED, 409),
        (Reply.REJECTED, 422),
        (Reply.FAILED, 500),
        (Reply.BLOCKED, 503),
        (Reply.UNCONFIRMED, 504),
    ],
)
def test_reload_answers_with_its_outcome(outcome: Reply, code: int) -> None:
    sidecar = Sidecar(answer=ReloadAnswer(outcome=outcome, message="why", findings=(FINDING,)))
    response = sidecar.ask("/-/reload")
    assert response.status == code
    document = json.loads(response.body)
    assert document["outcome"] == outcome.value
    assert document["message"] == "why"
    assert document["errors"] == [
        {
            "check": "yaml",
            "severity": "error",
            "code": "",
            "file": "prometheus.yml",
            "line": 3,
            "column": 7,
            "message": "mapping values are not allowed here",
            "suggestion": "quote the value",
            "link": "",
        }
    ]
    assert sidecar.asked == [(None, Trigger.HTTP)]


def test_every_reply_has_a_code() -> None:
    for outcome in Reply:
        answer = ReloadAnswer(outcome=outcome, message="")
        assert isinstance(Sidecar(answer=answer).ask("/-/reload").status, HTTPStatus)


def test_reload_of_one_bridge() -> None:
    sidecar = Sidecar()
    assert sidecar.ask("/-/reload", bridge="prometheus").status == 200
    assert sidecar.asked == [("prometheus", Trigger.HTTP)]


def test_reload_of_an_unknown_bridge_lists_the_known_ones() -> None:
    sidecar = Sidecar(statuses=(READY, LOST))
    response = sidecar.ask("/-/reload", bridge="nginx")
    assert response.status == 404
    assert json.loads(response.body) == {
        "error": "no bridge is named 'nginx': there are prometheus, blackbox"
    }
    assert sidecar.asked == []


def test_waiting_for_reloads_is_bounded() -> None:
    entered, opened = threading.Semaphore(0), threading.Event()

    def wait() -> None:
        entered.release()
        assert opened.wait(10)

    sidecar = Sidecar(before_answer=wait)
    route = sidecar.routes()["/-/reload"]
    request = Request(method="POST", path="/-/reload", query={}, headers={}, client="::1")
    codes: list[int] = []
    threads = [
        threading.Thread(target=lambda: codes.append(route.handle(request).status))
        for _ in range(MOST_WAITING)
    ]
    for thread in threads:
        thread.start()
        assert entered.acquire(timeout=5)
    busy = route.handle(request)
    assert (busy.status, json.loads(busy.body)["outcome"]) == (409, "busy")
    opened.set()
    for thread in threads:
        thread.join(5)
    assert codes == [200] * MOST_WAITING
    assert route.handle(request).status == 200


def test_configuration_is_shown() -> None:
    response = Sidecar(statuses=(READY, LOST)).ask("/api/v2/config", section="a")
    assert response.status == 200
    (bridge,) = json.loads(response.body)["bridges"]
    assert (bridge["bridge"], bridge["files"]) == ("prometheus", {"a.yml": {"a": 1}})


def test_those_who_ask_for_the_configuration_are_bounded() -> None:
    entered, opened = threading.Semaphore(0), threading.Event()

    def wait() -> None:
        entered.release()
        assert opened.wait(10)

    route = Sidecar(before_answer=wait).routes()["/api/v2/config"]
    request = Request(method="GET", path="/", query={}, headers={}, client="::1")
    codes: list[int] = []
    threads = [
        threading.Thread(target=lambda: codes.append(route.handle(request).status))
        for _ in range(MOST_CONFIGS)
    ]
    for thread in threads:
        thread.start()
        assert entered.acquire(timeout=5)
    assert route.handle(request).status == 503
    opened.set()
    for thread in threads:
        thread.join(10)
    assert codes == [200] * MOST_CONFIGS
    assert route.handle(request).status == 200


@pytest.mark.parametrize("word", ["true", "1", ""])
def test_a_dry_run_reloads_nothing(word: str) -> None:
    sidecar = Sidecar(statuses=(READY, LOST))
    response = sidecar.ask("/-/reload", dry_run=word)
    assert (response.status, json.loads(response.body)["outcome"]) == (200, "unchanged")
    assert sidecar.tried == ["prometheus", "blackbox"]
    assert sidecar.asked == []
    assert sidecar.ask("/-/reload", dry_run=word, bridge="blackbox").status == 200
    assert sidecar.tried[2:] == ["blackbox"]


@pytest.mark.parametrize("word", ["false", "0"])
def test_a_reload_that_is_no_dry_run(word: str) -> None:
    sidecar = Sidecar()
    sidecar.ask("/-/reload", dry_run=word)
    assert (len(sidecar.asked), sidecar.tried) == (1, [])


def test_who_is_unclear_about_a_dry_run_changes_nothing() -> None:
    sidecar = Sidecar()
    response = sidecar.ask("/-/reload", dry_run="maybe")
    assert response.status == 400
    assert json.loads(response.body) == {"error": "dry_run is neither true nor false"}
    assert (sidecar.asked, sidecar.tried) == ([], [])
