"""The client against servers that answer badly, late, half or not at all."""

from __future__ import annotations

import errno
import json
import re
import socket
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from urllib3.exceptions import HTTPError

from sidecar import __version__
from sidecar.clock import SystemClock
from sidecar.core.errors import ExitCode, SettingsError
from sidecar.kube.access import Access, from_kubeconfig
from sidecar.kube.client import KubeClient
from sidecar.kube.errors import (
    ApiError,
    ForbiddenError,
    GoneError,
    TooManyRequestsError,
    UnauthorizedError,
    UnreachableError,
)
from sidecar.kube.ports import CONFIG_MAPS, PODS, SECRETS, Json, Ref
from sidecar.kube.trouble import explain_silence
from tests.daemons.processes import find_free_port
from tests.kube.kubeconfigs import TOKEN, write_kubeconfig
from tests.kube.servers import Handler, Script, serving

REF = Ref(CONFIG_MAPS, "default", "app")
PROMPT_S = 4.0
"""Far below what the scripted servers hold out, and enough for a machine with much to do."""
OBJECT: Json = {"kind": "ConfigMap", "metadata": {"name": "app", "resourceVersion": "7"}}


class Caller:
    """A client of a script with a short deadline, and the requests it counted."""

    def __init__(self, folder: Path, url: str, deadline_s: float) -> None:
        self.requests: list[tuple[str, str]] = []
        self.kubeconfig = write_kubeconfig(folder, url)
        self.access: Access = from_kubeconfig({}, self.kubeconfig)
        self.client = KubeClient(
            self.access,
            clock=SystemClock(),
            on_request=lambda verb, code: self.requests.append((verb, code)),
            deadline_s=deadline_s,
        )


@contextmanager
def calling(folder: Path, url: str, deadline_s: float = 2.0) -> Iterator[Caller]:
    caller = Caller(folder, url, deadline_s)
    yield caller
    caller.client.close()


def refusal(client: KubeClient, ref: Ref = REF) -> ApiError:
    with pytest.raises(ApiError) as raised:
        client.get(ref)
    assert TOKEN not in raised.value.message
    assert "\n" not in raised.value.message
    return raised.value


def test_a_request_says_who_asks_and_what_for(tmp_path: Path) -> None:
    with (
        serving(lambda asked: asked.give(200, OBJECT)) as script,
        calling(tmp_path, script.url) as caller,
    ):
        assert caller.client.get(REF) == OBJECT
        body = {"metadata": {"annotations": {"b": "<", "a": None}}}
        caller.client.patch(REF, body, resource_version="7")
        caller.client.create(CONFIG_MAPS, "default", OBJECT)
        caller.client.delete(REF, uid="u")
        assert caller.requests == [
            ("get", "200"),
            ("patch", "200"),
            ("create", "200"),
            ("delete", "200"),
        ]
    got, patched, created, deleted = script.seen
    path = "/api/v1/namespaces/default/configmaps"
    assert [one.path for one in script.seen] == [
        f"{path}/app",
        f"{path}/app?fieldManager=surehup",
        f"{path}?fieldManager=surehup",
        f"{path}/app",
    ]
    assert got.headers["Authorization"] == f"Bearer {TOKEN}"
    assert got.headers["User-Agent"] == f"surehup/{__version__}"
    assert "Content-Type" not in got.headers
    assert patched.headers["Content-Type"] == "application/merge-patch+json"
    expected = rb'{"metadata":{"annotations":{"a":null,"b":"\u003c"},"resourceVersion":"7"}}'
    assert patched.body == expected
    assert created.headers["Content-Type"] == "application/json"
    assert json.loads(deleted.body)["preconditions"] == {"uid": "u"}


def test_calls_share_one_connection(tmp_path: Path) -> None:
    with (
        serving(lambda asked: asked.give(200, OBJECT)) as script,
        calling(tmp_path, script.url) as caller,
    ):
        for _ in range(5):
            caller.client.get(REF)
    assert len(script.connections) == 1


def test_a_refusal_leaves_its_connection_usable(tmp_path: Path) -> None:
    with (
        serving(lambda asked: asked.give(404, {"message": "x" * 5_000})) as script,
        calling(tmp_path, script.url) as caller,
    ):
        for _ in range(3):
            assert refusal(caller.client).exit_code is ExitCode.NOT_FOUND
    assert len(script.connections) == 1


def test_a_name_cannot_leave_its_path(tmp_path: Path) -> None:
    with (
        serving(lambda asked: asked.give(404, {})) as script,
        calling(tmp_path, script.url) as caller,
    ):
        refusal(caller.client, Ref(CONFIG_MAPS, "default", "../secrets/x?y=z"))
    assert script.seen[0].path.endswith("/configmaps/..%2Fsecrets%2Fx%3Fy%3Dz")


@pytest.mark.parametrize(
    ("status", "error", "code"),
    [
        (401, UnauthorizedError, ExitCode.PERMISSION),
        (403, ForbiddenError, ExitCode.PERMISSION),
        (410, GoneError, ExitCode.API_UNREACHABLE),
        (429, TooManyRequestsError, ExitCode.API_UNREACHABLE),
        (500, UnreachableError, ExitCode.API_UNREACHABLE),
        (503, UnreachableError, ExitCode.API_UNREACHABLE),
        (302, UnreachableError, ExitCode.API_UNREACHABLE),
    ],
)
def test_each_status_is_an_error_of_its_own(
    tmp_path: Path, status: int, error: type[ApiError], code: ExitCode
) -> None:
    with (
        serving(
            lambda asked: asked.give(status, b"<html>\n no JSON", Location="/elsewhere")
        ) as script,
        calling(tmp_path, script.url) as caller,
    ):
        raised = refusal(caller.client)
        assert type(raised) is error
        assert raised.exit_code is code
        assert raised.status == status
        assert caller.requests == [("get", str(status))]


def test_the_wait_that_the_server_asks_for_is_handed_on_and_not_slept(tmp_path: Path) -> None:
    with (
        serving(lambda asked: asked.give(429, {}, Retry_After="30")) as script,
        calling(tmp_path, script.url) as caller,
    ):
        started_s = time.monotonic()
        assert refusal(caller.client).retry_after_s == 30
        assert time.monotonic() - started_s < PROMPT_S
    assert len(script.seen) == 1


@pytest.mark.parametrize("value", ["Wed, 21 Oct 2026 07:28:00 GMT", "-1", "²", ""])
def test_a_wait_that_makes_no_sense_is_none(tmp_path: Path, value: str) -> None:
    encoded = value.encode().decode("latin-1")
    with (
        serving(lambda asked: asked.give(503, {}, Retry_After=encoded)) as script,
        calling(tmp_path, script.url) as caller,
    ):
        assert refusal(caller.client).retry_after_s is None


def test_a_dead_port_is_refused_in_words(tmp_path: Path) -> None:
    with calling(tmp_path, f"http://127.0.0.1:{find_free_port()}") as caller:
        raised = refusal(caller.client)
        assert "refuses connections" in raised.message
        assert raised.exit_code is ExitCode.API_UNREACHABLE
        assert caller.requests == [("get", "error")]


def test_an_unknown_host_is_told_as_such(tmp_path: Path) -> None:
    with calling(tmp_path, "http://api.invalid:1") as caller:
        assert "cannot be resolved" in refusal(caller.client).message


def test_any_other_trouble_of_the_network_is_told_by_its_name() -> None:
    wrapped = HTTPError("wrapped", OSError(errno.ENETUNREACH, "Network is unreachable"))
    assert "(Network is unreachable)" in explain_silence(wrapped, "https://a", 1).message
    assert "(HTTPError)" in explain_silence(HTTPError("odd"), "https://a", 1).message


def test_a_server_that_hangs_is_left_at_the_deadline(tmp_path: Path) -> None:
    script: Script
    with (
        serving(lambda _: script.hold()) as script,
        calling(tmp_path, script.url, deadline_s=0.3) as caller,
    ):
        started_s = time.monotonic()
        assert "did not answer within 0.3 s" in refusal(caller.client).message
        assert time.monotonic() - started_s < PROMPT_S


def test_a_server_that_takes_no_connection_is_left_at_the_deadline(tmp_path: Path) -> None:
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        address = full.getsockname()
        with (
            socket.create_connection(address),
            calling(tmp_path, f"http://127.0.0.1:{address[1]}", deadline_s=0.3) as caller,
        ):
            started_s = time.monotonic()
            assert "did not answer" in refusal(caller.client).message
            assert time.monotonic() - started_s < PROMPT_S


def test_an_answer_that_trickles_in_is_left_within_twice_the_deadline(tmp_path: Path) -> None:
    script: Script
    with (
        serving(lambda asked: script.drip(asked, b" ")) as script,
        calling(tmp_path, script.url, deadline_s=0.4) as caller,
    ):
        started_s = time.monotonic()
        assert "did not answer" in refusal(caller.client).message
        assert time.monotonic() - started_s < PROMPT_S


def _cut(asked: Handler) -> None:
    asked.send_response(200)
    asked.send_header("Content-Length", "1000")
    asked.end_headers()
    asked.wfile.write(b'{"kind"')
    asked.hang_up()


@pytest.mark.parametrize("answer", [_cut, Handler.hang_up], ids=["half", "none"])
def test_a_connection_that_breaks_off_is_an_answer_that_is_not_known(
    tmp_path: Path, answer: object
) -> None:
    with serving(answer) as script, calling(tmp_path, script.url) as caller:  # type: ignore[arg-type]
        assert "broke the connection off" in refusal(caller.client).message
        # Nothing is repeated behind the caller's back: a write may have happened.
        assert len(script.seen) == 1


@pytest.mark.parametrize("content", [b"<html>", b"[1]", b""])
def test_what_is_no_api_server_is_told_as_such(tmp_path: Path, content: bytes) -> None:
    with (
        serving(lambda asked: asked.give(200, content)) as script,
        calling(tmp_path, script.url) as caller,
    ):
        assert "API server" in refusal(caller.client).message


def test_a_secrets_content_is_in_no_message(tmp_path: Path) -> None:
    said = {"message": "hunter2 is wrong", "reason": "Invalid"}
    for status in (400, 403, 422, 500):
        with (
            serving(
                lambda asked, status=status: asked.give(status, said)  # type: ignore[misc]
            ) as script,
            calling(tmp_path, script.url) as caller,
        ):
            assert "hunter2" in refusal(caller.client).message
            secret = refusal(caller.client, Ref(SECRETS, "default", "app"))
            assert "hunter2" not in secret.message


def test_the_rule_to_add_names_subresource_and_group(tmp_path: Path) -> None:
    said = {"message": 'pods "p" is forbidden: User "u" cannot patch resource "pods/status" in'}
    with (
        serving(lambda asked: asked.give(403, said)) as script,
        calling(tmp_path, script.url) as caller,
        pytest.raises(ForbiddenError) as raised,
    ):
        caller.client.patch(Ref(PODS, "ns", "p"), {}, subresource="status", strategic=True)
    rule = 'apiGroups [""] resources [pods/status] verbs [patch]'
    assert raised.value.rule == rule
    assert raised.value.message == (
        f"u may not patch Pod ns/p's status: add to its Role in namespace ns the rule {rule}"
    )
    assert script.seen[0].headers["Content-Type"] == "application/strategic-merge-patch+json"


def test_a_refusal_by_admission_names_no_rule(tmp_path: Path) -> None:
    said = {"message": "admission webhook denied the request:  too late\nfor this " + "x" * 999}
    with (
        serving(lambda asked: asked.give(403, said)) as script,
        calling(tmp_path, script.url) as caller,
    ):
        raised = refusal(caller.client)
    assert isinstance(raised, ForbiddenError)
    assert raised.rule == ""
    assert "denied the request: too late for this xxx" in raised.message
    assert len(raised.message) < 450


# --- tokens


def test_a_rejected_token_is_read_anew_and_the_call_made_once_more(tmp_path: Path) -> None:
    def answer(asked: Handler) -> None:
        is_good = asked.headers["Authorization"] == "Bearer good"
        asked.give(200 if is_good else 401, OBJECT)

    with serving(answer) as script, calling(tmp_path, script.url) as caller:
        write_kubeconfig(tmp_path, script.url, "good")
        assert caller.client.get(REF) == OBJECT
        assert caller.requests == [("get", "401"), ("get", "200")]
        assert caller.client.get(REF) == OBJECT
        assert len(caller.requests) == 3


def test_two_rejected_tokens_are_one_error(tmp_path: Path) -> None:
    with (
        serving(lambda asked: asked.give(401, {})) as script,
        calling(tmp_path, script.url) as caller,
    ):
        write_kubeconfig(tmp_path, script.url, "other")
        assert isinstance(refusal(caller.client), UnauthorizedError)
        assert len(script.seen) == 2


def test_credentials_that_are_gone_by_then_are_told(tmp_path: Path) -> None:
    with (
        serving(lambda asked: asked.give(401, {})) as script,
        calling(tmp_path, script.url) as caller,
    ):
        Path(caller.kubeconfig).write_text("{}")
        raised = refusal(caller.client)
    assert isinstance(raised, UnauthorizedError)
    assert isinstance(raised.__cause__, SettingsError)


# --- watching


def watch(client: KubeClient, timeout_s: float = 5.0, grace_s: float = 1.0) -> list[Json]:
    return list(
        client.watch(
            CONFIG_MAPS,
            "default",
            name="app",
            resource_version="7",
            timeout_s=timeout_s,
            grace_s=grace_s,
        )
    )


def _event(kind: str, **content: object) -> bytes:
    return json.dumps({"type": kind, "object": content}).encode() + b"\n"


def test_events_are_read_however_they_are_cut_into_chunks(tmp_path: Path) -> None:
    text = _event("ADDED", a="ü" * 100) + _event("MODIFIED", a=2) + _event("BOOKMARK")

    def answer(asked: Handler) -> None:
        asked.begin_stream()
        for start in range(0, len(text), 7):
            asked.send_chunk(text[start : start + 7])
        asked.send_chunk(text)
        asked.send_chunk(b"")

    with serving(answer) as script, calling(tmp_path, script.url) as caller:
        events = watch(caller.client, timeout_s=4.2)
        assert [event["type"] for event in events] == ["ADDED", "MODIFIED", "BOOKMARK"] * 2
        assert events[0]["object"] == {"a": "ü" * 100}
        assert caller.requests == [("watch", "200")]
    query = set(re.split("[?&]", script.seen[0].path)[1:])
    assert query == {
        "watch=true",
        "allowWatchBookmarks=true",
        "fieldSelector=metadata.name%3Dapp",
        "resourceVersion=7",
        "timeoutSeconds=5",
    }


@pytest.mark.parametrize(
    ("status", "error"), [({"code": 410, "reason": "Expired"}, GoneError), ({}, UnreachableError)]
)
def test_a_refusal_sent_as_an_event_is_raised(
    tmp_path: Path, status: Json, error: type[ApiError]
) -> None:
    def answer(asked: Handler) -> None:
        asked.begin_stream()
        asked.send_chunk(_event("ERROR", **status))

    with (
        serving(answer) as script,
        calling(tmp_path, script.url) as caller,
        pytest.raises(error),
    ):
        watch(caller.client)


@pytest.mark.parametrize("line", [b"no JSON\n", b"{}\n", b"[]\n", b"null\n"])
def test_a_line_that_is_no_event_breaks_the_watch(tmp_path: Path, line: bytes) -> None:
    def answer(asked: Handler) -> None:
        asked.begin_stream()
        asked.send_chunk(line)

    with (
        serving(answer) as script,
        calling(tmp_path, script.url) as caller,
        pytest.raises(UnreachableError, match="no event"),
    ):
        watch(caller.client)


def test_a_watch_that_is_cut_amid_an_event_is_broken(tmp_path: Path) -> None:
    def answer(asked: Handler) -> None:
        asked.begin_stream()
        asked.send_chunk(_event("ADDED", a=1)[:10])
        asked.hang_up()

    with (
        serving(answer) as script,
        calling(tmp_path, script.url) as caller,
        pytest.raises(UnreachableError, match="broke the connection off"),
    ):
        watch(caller.client)


def test_a_silent_watch_is_dead_after_its_time_and_some_grace(tmp_path: Path) -> None:
    script: Script

    def answer(asked: Handler) -> None:
        asked.begin_stream()
        script.hold()

    with serving(answer) as script, calling(tmp_path, script.url, deadline_s=0.2) as caller:
        started_s = time.monotonic()
        with pytest.raises(UnreachableError, match=r"did not answer within 0\.7 s"):
            watch(caller.client, timeout_s=0.5, grace_s=0.2)
        assert 0.6 <= time.monotonic() - started_s < PROMPT_S


def test_a_watch_whose_answer_does_not_begin_is_left_at_the_deadline(tmp_path: Path) -> None:
    script: Script
    with (
        serving(lambda _: script.hold()) as script,
        calling(tmp_path, script.url, deadline_s=0.3) as caller,
    ):
        started_s = time.monotonic()
        with pytest.raises(UnreachableError, match=r"0\.3 s"):
            watch(caller.client, timeout_s=100)
        assert time.monotonic() - started_s < PROMPT_S


def test_a_watch_is_closed_from_another_thread_while_it_waits(tmp_path: Path) -> None:
    script: Script

    def answer(asked: Handler) -> None:
        asked.begin_stream()
        asked.send_chunk(_event("ADDED", a=1))
        script.hold()

    with serving(answer) as script, calling(tmp_path, script.url) as caller:
        changes = caller.client.watch(
            CONFIG_MAPS, "default", name="app", resource_version="7", timeout_s=50, grace_s=1
        )
        seen: list[Json] = []
        heard = threading.Event()

        def read() -> None:
            for event in changes:
                seen.append(event)
                heard.set()

        reader = threading.Thread(target=read)
        reader.start()
        assert heard.wait(PROMPT_S)
        changes.close()
        reader.join(PROMPT_S)
        assert not reader.is_alive()
        changes.close()
        assert len(seen) == 1


def test_requests_from_several_threads_do_not_disturb_each_other(tmp_path: Path) -> None:
    def answer(asked: Handler) -> None:
        asked.give(200, {"name": asked.path.rpartition("/")[2]})

    with serving(answer) as script, calling(tmp_path, script.url) as caller:
        wrong: Counter[str] = Counter()

        def ask(name: str) -> None:
            for _ in range(30):
                if caller.client.get(Ref(CONFIG_MAPS, "default", name)) != {"name": name}:
                    wrong[name] += 1

        threads = [threading.Thread(target=ask, args=(f"n{number}",)) for number in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert wrong == {}
        assert len(caller.requests) == 120
