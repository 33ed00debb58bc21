"""One look reads each page once; groups are alternatives; a reload by HTTP says what it did."""

from __future__ import annotations

import hashlib

import pytest

from sidecar.clock import SystemClock
from sidecar.confirm import EvidenceReader
from sidecar.core.bridge import HttpReload, Proof
from sidecar.core.errors import TargetError, TargetTrouble
from sidecar.core.evidence import (
    Children,
    Process,
    ReloadAnswer,
    Role,
    Series,
)
from tests.confirm.looks import PROCESS, UP, evidence_of, field_of, look, make_reader, page_at
from tests.confirm.servers import Client, Script, answer, serving

PAGES = {
    "/metrics": b"up 1\nloaded 2\n",
    "/varz": b'{"config_load_time": 5, "name": "n"}',
    "/config": b"a: 1\n",
}


def by_path(client: Client) -> None:
    path = client.request.split()[1].decode()
    if path in PAGES:
        answer(PAGES[path])(client)
    else:
        answer(b"", status="404 Not Found")(client)


def test_each_page_is_fetched_once_per_look() -> None:
    with serving(by_path) as server:
        origin = server.url.removesuffix("/metrics")
        seen = look(
            server.url,
            UP,
            evidence_of(Series(metric="loaded"), Role.SUCCESS_TIMESTAMP),
            field_of("config_load_time", Role.SUCCESS_TIMESTAMP, path="varz"),
            field_of("name", Role.PROBE, path="/varz"),
            page_at("/config"),
            page_at(f"{origin}/config"),
        )
        paths = [request.split()[1] for request in server.requests]
    digest = hashlib.sha256(PAGES["/config"]).hexdigest()
    assert seen.error is None
    assert seen.readings == {
        "up": 1.0,
        "it": 2.0,
        "config_load_time": 5.0,
        "name": "n",
        "/config": digest,
        f"{origin}/config": digest,
    }
    assert paths == [b"/metrics", b"/varz", b"/config"]


def test_a_field_may_stand_on_the_page_of_the_url() -> None:
    with serving(by_path) as server:
        url = server.url.replace("metrics", "varz")
        assert look(url, field_of("name", Role.PROBE)).readings == {"name": "n"}


def test_a_page_that_is_not_offered_leaves_its_group_out() -> None:
    groups = ((field_of("name", Role.PROBE, path="/absent"),), (UP,))
    with serving(by_path) as server:
        seen = make_reader().observe(Proof(groups=groups, url=server.url), PROCESS)
    assert seen.error is None
    assert seen.readings == {"up": 1.0}


def test_no_page_at_all_is_an_error() -> None:
    groups = ((page_at("/absent"),), (page_at("/missing"),))
    with serving(by_path) as server:
        seen = make_reader().observe(Proof(groups=groups, url=server.url), PROCESS)
        origin = server.url.removesuffix("/metrics")
    assert seen.readings == {}
    assert seen.error == f"{origin}/absent answers 404 Not Found: check the path"


def test_a_broken_page_makes_the_whole_look_an_error() -> None:
    """Else a counter that is created on first use would seem to rise once its page is back."""
    groups = ((UP,), (field_of("name", Role.PROBE, path="/config"),))
    with serving(by_path) as server:
        seen = make_reader().observe(Proof(groups=groups, url=server.url), PROCESS)
        origin = server.url.removesuffix("/metrics")
    assert seen.readings == {}
    assert seen.error == f"{origin}/config: the page is no JSON, check the path"


def test_children_are_read_without_any_url() -> None:
    asked = []

    def children(process: Process, leaving: str) -> frozenset[int]:
        asked.append((process, leaving))
        return frozenset({7, 8})

    evidence = evidence_of(Children(leaving="shutting down"), Role.GENERATION)
    seen = EvidenceReader(children, SystemClock()).observe(Proof(groups=((evidence,),)), PROCESS)
    assert seen.readings == {"it": frozenset({7, 8})}
    assert asked == [(PROCESS, "shutting down")]


def test_a_master_without_workers_is_not_up() -> None:
    evidence = evidence_of(Children(), Role.GENERATION)
    seen = look("", evidence)
    assert (seen.readings, seen.error) == ({}, None)


def test_a_process_that_is_gone_is_told() -> None:
    def children(process: Process, _leaving: str) -> frozenset[int]:
        raise TargetError(TargetTrouble.GONE, f"process {process.pid} is gone")

    evidence = evidence_of(Children(), Role.GENERATION)
    seen = EvidenceReader(children, SystemClock()).observe(Proof(groups=((evidence,),)), PROCESS)
    assert (seen.readings, seen.error) == ({}, "process 1 is gone")


def test_the_answer_of_a_reload_is_not_looked_for() -> None:
    assert look("", evidence_of(ReloadAnswer(), Role.ANSWER)).readings == {}


PROOF = Proof(groups=(), deadline_s=0.3)


def reload_at(script: Script, method: str = "POST") -> tuple[str | None, str, bytes]:
    with serving(script) as server:
        url = server.url.replace("metrics", "-/reload?token=secret")
        said = make_reader(timeout_s=0.1).reload(HttpReload(url=url, method=method), PROOF)
        return said, url.replace("token=secret", "…"), server.requests[0]


@pytest.mark.parametrize("status", ["200 OK", "202 Accepted", "204 No Content"])
def test_an_accepted_reload_is_ok(status: str) -> None:
    said, _, request = reload_at(answer(b"", status=status), "PUT")
    assert said == "ok"
    assert request.startswith(b"PUT /-/reload?token=secret HTTP/1.1\r\n")


@pytest.mark.parametrize(
    ("script", "sentence"),
    [
        (
            answer(b"failed to reload:\n  yaml: line 3\n", status="500 Internal Server Error"),
            "{url} refused the reload (500): failed to reload: yaml: line 3",
        ),
        (answer(b"", status="400 Bad Request"), "{url} refused the reload (400): Bad Request"),
        (
            answer(b"x" * 5000, status="503 Service Unavailable"),
            "{url} refused the reload (503): " + "x" * 300 + "…",
        ),
        (
            answer(b"no", status="405 Method Not Allowed"),
            "{url} offers no reload by POST (405): check its path and the flag that allows it",
        ),
        (
            answer(b"", status="301 Moved Permanently", headers=("Location: /x",)),
            "{url} answers 301 Moved Permanently, it points to /x: use that address",
        ),
        (
            answer(b"", status="401 Unauthorized"),
            "{url} answers 401 Unauthorized: give a bearer token, or user and password",
        ),
    ],
    ids=["500", "400", "long", "405", "301", "401"],
)
def test_a_refused_reload_says_why(script: Script, sentence: str) -> None:
    said, url, _ = reload_at(script)
    assert said == sentence.format(url=url)


def test_a_reload_without_an_answer_is_neither_accepted_nor_refused() -> None:
    def keep_waiting(client: Client) -> None:
        client.wait(5)

    said, _, _ = reload_at(keep_waiting)
    assert said is None
