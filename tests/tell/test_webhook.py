from __future__ import annotations

import base64
import json
import logging
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from email.message import Message
from http.client import parse_headers
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from sidecar.clock import SystemClock
from sidecar.core.attempt import AttemptRecord, Outcome, Status, Trigger
from sidecar.core.backoff import Backoff
from sidecar.core.errors import SettingsError
from sidecar.core.report import Finding
from sidecar.tell.post import LONGEST_RETRY_AFTER_S, PostError, parse_address, post
from sidecar.tell.webhook import Occasion, Patience, Webhook, Webhooks, find_occasion

QUICK = Patience(timeout_s=2.0, tries=4, backoff=Backoff(first_s=0.01, most_s=0.05), queued=4)
RECORD = AttemptRecord(
    digest="b12" + "0" * 61,
    trigger=Trigger.MOUNT,
    outcome=Outcome.REJECTED,
    message="prometheus.yml:3: bad indentation",
    started_s=1.0,
    duration_s=0.25,
    findings=(
        Finding(check="yaml", message="bad", file="prometheus.yml", line=3, excerpt="hunter2"),
    ),
)
EVERY = frozenset(Occasion)


@dataclass
class Receiver:
    """A real HTTP server that keeps what it got and answers with the next of `answers`."""

    answers: list[tuple[int, Mapping[str, str]]] = field(default_factory=list)
    bodies: list[dict[str, object]] = field(default_factory=list)
    headers: list[Message] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    gate: threading.Event = field(default_factory=threading.Event)
    port: int = 0

    def __post_init__(self) -> None:
        self.gate.set()

    def make_handler(self) -> type[BaseHTTPRequestHandler]:
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:  # the base's name
                length = int(self.headers["content-length"])
                receiver.bodies.append(json.loads(self.rfile.read(length)))
                receiver.headers.append(self.headers)
                receiver.paths.append(self.path)
                receiver.gate.wait(10)
                status, headers = receiver.answers.pop(0) if receiver.answers else (204, {})
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the base's
                pass

        return Handler

    def url(self, path: str = "/services/T0/secret?key=hunter2") -> str:
        return f"http://127.0.0.1:{self.port}{path}"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    receiver = Receiver()
    with serving(receiver):
        yield receiver


class serving:  # noqa: N801  reads as a statement
    def __init__(self, receiver: Receiver, tls: ssl.SSLContext | None = None) -> None:
        self._receiver = receiver
        self._server = HTTPServer(("127.0.0.1", 0), receiver.make_handler())
        if tls is not None:
            self._server.socket = tls.wrap_socket(
                self._server.socket, server_side=True, do_handshake_on_connect=False
            )
        self._server.handle_error = lambda *_: None  # type: ignore[method-assign]  # clients go
        self._thread = threading.Thread(target=self._server.serve_forever, args=[0.01])

    def __enter__(self) -> None:
        self._receiver.port = self._server.server_port
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._receiver.gate.set()
        self._server.shutdown()
        self._thread.join(5)
        self._server.server_close()


@pytest.fixture
def open_webhooks() -> Iterator[Callable[..., Webhooks]]:
    opened: list[Webhooks] = []

    def make(*hooks: Webhook, patience: Patience = QUICK) -> Webhooks:
        webhooks = Webhooks(
            hooks,
            clock=SystemClock(),
            random=lambda: 0.5,
            origin={"namespace": "monitoring", "pod": "prometheus-0"},
            patience=patience,
        )
        opened.append(webhooks)
        return webhooks

    yield make
    for webhooks in opened:
        webhooks.stop(5)
    assert wait_until(lambda: not lanes())


def lanes() -> list[threading.Thread]:
    return [t for t in threading.enumerate() if t.name.startswith("webhook-")]


def wait_until(holds: Callable[[], bool], within_s: float = 5) -> bool:
    ends = time.monotonic() + within_s
    while not holds():
        if time.monotonic() > ends:
            return False
        threading.Event().wait(0.005)
    return True


Open = Callable[..., Webhooks]


def test_notice_has_the_documented_fields(receiver: Receiver, open_webhooks: Open) -> None:
    webhooks = open_webhooks(Webhook(receiver.url(), EVERY))
    webhooks.attempt_ended("prometheus", RECORD, Status.REJECTED)
    assert wait_until(lambda: len(receiver.bodies) == 1)
    (body,) = receiver.bodies
    assert len(str(body.pop("id"))) == 16
    assert str(body.pop("time")).endswith("Z")
    assert body == {
        "version": 1,
        "event": "rejected",
        "text": ("surehup: prometheus b12000000000 rejected: prometheus.yml:3: bad indentation"),
        "bridge": "prometheus",
        "digest": RECORD.digest,
        "trigger": "mount",
        "outcome": "rejected",
        "message": "prometheus.yml:3: bad indentation",
        "signalled": False,
        "adopted": False,
        "durationSeconds": 0.25,
        "findings": [
            {
                "check": "yaml",
                "severity": "error",
                "code": "",
                "file": "prometheus.yml",
                "line": 3,
                "column": None,
                "message": "bad",
            }
        ],
        "origin": {"namespace": "monitoring", "pod": "prometheus-0"},
    }
    assert receiver.paths == ["/services/T0/secret?key=hunter2"]
    assert receiver.headers[0]["content-type"] == "application/json"
    assert receiver.headers[0]["user-agent"].startswith("surehup/")


@pytest.mark.parametrize(
    ("outcome", "status", "occasion"),
    [
        (Outcome.APPLIED, Status.APPLIED, Occasion.APPLIED),
        (Outcome.APPLIED, Status.PENDING, Occasion.APPLIED),
        (Outcome.REJECTED, Status.REJECTED, Occasion.REJECTED),
        (Outcome.UNCONFIRMED, Status.UNCONFIRMED, Occasion.UNCONFIRMED),
        (Outcome.FAILED, Status.ROLLED_BACK, Occasion.ROLLED_BACK),
        (Outcome.FAILED, Status.FAILED, Occasion.FAILED),
        (Outcome.SUPERSEDED, Status.PENDING, None),
    ],
)
def test_occasions(outcome: Outcome, status: Status, occasion: Occasion | None) -> None:
    assert find_occasion(outcome, status) is occasion


def test_only_what_was_asked_for_is_sent(receiver: Receiver, open_webhooks: Open) -> None:
    webhooks = open_webhooks(Webhook(receiver.url(), frozenset({Occasion.FAILED})))
    webhooks.attempt_ended("a", RECORD, Status.REJECTED)
    webhooks.attempt_ended("a", replace(RECORD, outcome=Outcome.SUPERSEDED), Status.PENDING)
    assert not lanes()
    webhooks.attempt_ended("a", replace(RECORD, outcome=Outcome.FAILED), Status.FAILED)
    assert wait_until(lambda: len(receiver.bodies) == 1)
    assert receiver.bodies[0]["event"] == "failed"


def test_credentials_of_the_address_are_used(receiver: Receiver, open_webhooks: Open) -> None:
    url = receiver.url("").replace("://", "://user:p%40ss@")
    open_webhooks(Webhook(url, EVERY)).attempt_ended("a", RECORD, Status.REJECTED)
    assert wait_until(lambda: len(receiver.headers) == 1)
    wanted = base64.b64encode(b"user:p@ss").decode()
    assert receiver.headers[0]["authorization"] == f"Basic {wanted}"
    assert receiver.paths == ["/"]


def test_transient_trouble_is_tried_again_with_the_same_id(
    receiver: Receiver, open_webhooks: Open
) -> None:
    receiver.answers = [(500, {}), (503, {"Retry-After": "0"}), (429, {})]
    webhooks = open_webhooks(Webhook(receiver.url(), EVERY))
    webhooks.attempt_ended("a", RECORD, Status.REJECTED)
    assert wait_until(lambda: len(receiver.bodies) == 4)
    assert len({str(body["id"]) for body in receiver.bodies}) == 1
    webhooks.stop(5)
    assert webhooks.dropped == 0


@pytest.mark.parametrize(("status", "posts"), [(500, 4), (404, 1), (302, 1)])
def test_what_cannot_be_delivered_is_given_up_and_told(
    receiver: Receiver,
    open_webhooks: Open,
    caplog: pytest.LogCaptureFixture,
    status: int,
    posts: int,
) -> None:
    receiver.answers = [(status, {"Location": receiver.url("/else")})] * 4
    webhooks = open_webhooks(Webhook(receiver.url(), EVERY))
    webhooks.attempt_ended("a", RECORD, Status.REJECTED)
    assert wait_until(lambda: webhooks.dropped == 1)
    assert len(receiver.bodies) == posts
    (told,) = [r for r in caplog.records if r.levelno == logging.WARNING]
    told_fields = told.fields  # type: ignore[attr-defined]  # set by `fields`
    shown = f"http://127.0.0.1:{receiver.port}/***"
    assert told_fields == {"url": shown, "reason": f"{shown} answered {status}", "dropped": 1}


def test_secrets_of_the_address_are_never_told(
    open_webhooks: Open, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "sidecar")
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        url = f"http://hunter2:hunter3@127.0.0.1:{closed.getsockname()[1]}/hunter4?k=hunter5"
        webhooks = open_webhooks(Webhook(url, EVERY))
        webhooks.attempt_ended("a", RECORD, Status.REJECTED)
        assert wait_until(lambda: webhooks.dropped == 1)
    told = "".join(f"{record.getMessage()} {record.__dict__}" for record in caplog.records)
    assert "cannot be reached (Connection refused)" in told
    assert "hunter" not in told


def test_attempts_are_never_delayed_and_the_newest_kept(
    receiver: Receiver, open_webhooks: Open, caplog: pytest.LogCaptureFixture
) -> None:
    receiver.gate.clear()
    webhooks = open_webhooks(Webhook(receiver.url(), EVERY))
    begun = time.monotonic()
    webhooks.attempt_ended("first", RECORD, Status.REJECTED)
    assert wait_until(lambda: len(receiver.bodies) == 1)
    for number in range(10):
        webhooks.attempt_ended(str(number), RECORD, Status.REJECTED)
    assert time.monotonic() - begun < 2
    assert webhooks.dropped == 10 - QUICK.queued
    receiver.gate.set()
    assert wait_until(lambda: len(receiver.bodies) == 1 + QUICK.queued)
    assert [body["bridge"] for body in receiver.bodies] == ["first", "6", "7", "8", "9"]
    assert "Webhook not delivered" in caplog.text


def test_slow_receiver_does_not_delay_another(receiver: Receiver, open_webhooks: Open) -> None:
    slow = Receiver()
    with serving(slow):
        slow.gate.clear()
        webhooks = open_webhooks(Webhook(slow.url(), EVERY), Webhook(receiver.url(), EVERY))
        webhooks.attempt_ended("a", RECORD, Status.REJECTED)
        assert wait_until(lambda: len(receiver.bodies) == 1, within_s=1)
        slow.gate.set()
        webhooks.stop(5)


def test_stop_delivers_what_waits_and_takes_no_more(
    receiver: Receiver, open_webhooks: Open
) -> None:
    receiver.gate.clear()
    webhooks = open_webhooks(Webhook(receiver.url(), EVERY))
    for number in range(3):
        webhooks.attempt_ended(str(number), RECORD, Status.REJECTED)
    assert wait_until(lambda: len(receiver.bodies) == 1)
    threading.Timer(0.05, receiver.gate.set).start()
    webhooks.stop(5)
    assert [body["bridge"] for body in receiver.bodies] == ["0", "1", "2"]
    webhooks.attempt_ended("late", RECORD, Status.REJECTED)
    assert webhooks.dropped == 1


def test_stop_waits_for_no_retry(receiver: Receiver, open_webhooks: Open) -> None:
    receiver.answers = [(503, {"Retry-After": "60"})]
    webhooks = open_webhooks(Webhook(receiver.url(), EVERY))
    webhooks.attempt_ended("a", RECORD, Status.REJECTED)
    assert wait_until(lambda: len(receiver.bodies) == 1)
    begun = time.monotonic()
    webhooks.stop(5)
    assert time.monotonic() - begun < 2
    assert webhooks.dropped == 1


def test_stop_is_bounded(receiver: Receiver, open_webhooks: Open) -> None:
    receiver.gate.clear()
    webhooks = open_webhooks(Webhook(receiver.url(), EVERY))
    webhooks.attempt_ended("a", RECORD, Status.REJECTED)
    assert wait_until(lambda: len(receiver.bodies) == 1)
    begun = time.monotonic()
    webhooks.stop(0.1)
    assert time.monotonic() - begun < 1
    receiver.gate.set()


@pytest.mark.parametrize(
    "url", ["hooks.example", "ftp://hunter2@hooks.example/", "https://", "http://[hunter2", "://"]
)
def test_what_is_no_address_is_refused_without_showing_it(open_webhooks: Open, url: str) -> None:
    with pytest.raises(SettingsError, match="notify url") as caught:
        open_webhooks(Webhook(url, EVERY))
    assert "hunter2" not in caught.value.message


def send(url: str, timeout_s: float = 2.0) -> None:
    post(parse_address(url), b"{}", user_agent="test", timeout_s=timeout_s)


def test_receiver_that_says_nothing_is_left_at_the_deadline() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        begun = time.monotonic()
        with pytest.raises(PostError, match=r"did not answer within 0\.2 s") as caught:
            send(f"http://127.0.0.1:{silent.getsockname()[1]}/x", timeout_s=0.2)
        assert time.monotonic() - begun < 1.5
        assert caught.value.retryable


def test_receiver_that_drips_is_left_at_the_deadline() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def drip() -> None:
            sock, _ = listener.accept()
            with sock, suppress(OSError):
                sock.sendall(b"HTTP/1.1 200 OK\r\n")
                while True:
                    sock.sendall(b"A")
                    threading.Event().wait(0.02)

        thread = threading.Thread(target=drip)
        thread.start()
        begun = time.monotonic()
        with pytest.raises(PostError, match=r"did not answer within 0\.3 s"):
            send(f"http://127.0.0.1:{listener.getsockname()[1]}/x", timeout_s=0.3)
        assert time.monotonic() - begun < 2
        thread.join(5)


@pytest.mark.parametrize("answer", [b"nonsense\r\n\r\n", b""])
def test_receiver_that_speaks_no_http_is_tried_again(answer: bytes) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def speak() -> None:
            sock, _ = listener.accept()
            with sock, sock.makefile("rb") as request:
                request.readline()
                # Closed before all is read, the connection would be reset.
                request.read(int(parse_headers(request)["Content-Length"]))
                sock.sendall(answer)

        thread = threading.Thread(target=speak)
        thread.start()
        with pytest.raises(PostError, match="broke off the exchange") as caught:
            send(f"http://127.0.0.1:{listener.getsockname()[1]}/hunter2")
        thread.join(5)
        assert caught.value.retryable
        assert "hunter2" not in str(caught.value)


def test_name_that_does_not_resolve_says_so() -> None:
    with pytest.raises(PostError, match="host name that does not resolve") as caught:
        send("http://nowhere.invalid/hunter2")
    assert caught.value.retryable


def test_retry_after_is_heeded_within_a_bound(receiver: Receiver) -> None:
    receiver.answers = [(429, {"Retry-After": value}) for value in ("7", "9999", "tomorrow")]
    waits = []
    for _ in range(3):
        with pytest.raises(PostError) as caught:
            send(receiver.url())
        waits.append(caught.value.after_s)
    assert waits == [7.0, LONGEST_RETRY_AFTER_S, None]


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("tls") / "both.pem"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"),
            *("-nodes", "-days", "2", "-subj", "/CN=localhost"),
            *("-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"),
            *("-keyout", str(path), "-out", str(path.with_suffix(".crt"))),
        ],
        check=True,
        capture_output=True,
        timeout=20,
    )
    path.write_text(path.read_text() + path.with_suffix(".crt").read_text())
    return path


def test_tls_is_verified(certificate: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)
    receiver = Receiver()
    with serving(receiver, context):
        url = f"https://127.0.0.1:{receiver.port}/hunter2"
        with pytest.raises(PostError, match="certificate that is not trusted") as caught:
            send(url)
        assert not caught.value.retryable
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        send(url)
        assert receiver.paths == ["/hunter2"]


def test_plain_receiver_at_an_https_address_says_so(receiver: Receiver) -> None:
    with pytest.raises(PostError, match="does not speak TLS as expected") as caught:
        send(receiver.url().replace("http:", "https:"))
    assert caught.value.retryable
