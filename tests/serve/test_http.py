from __future__ import annotations

import http.client
import json
import resource
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from http import HTTPStatus

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sidecar.clock import SystemClock
from sidecar.serve import connection as connection_module
from sidecar.serve.connection import MOST_HEAD_BYTES, MOST_LINE_BYTES, Connection
from sidecar.serve.http import MOST_CONNECTIONS, HttpServer
from sidecar.serve.listen import ListenError
from sidecar.serve.message import Request, Response, Route


class Gate:
    """A route that answers when it is opened."""

    def __init__(self) -> None:
        self.entered = threading.Semaphore(0)
        self.opened = threading.Event()

    def handle(self, _: Request) -> Response:
        self.entered.release()
        assert self.opened.wait(10)
        return Response.of_text(HTTPStatus.OK, "at last")


def fail(_: Request) -> Response:
    message = "secret detail"
    raise OSError(message)


def echo(request: Request) -> Response:
    return Response.of_json(HTTPStatus.OK, {"query": dict(request.query), "client": request.client})


@pytest.fixture
def gate() -> Gate:
    return Gate()


@pytest.fixture
def crashes() -> list[BaseException]:
    return []


@pytest.fixture
def server(gate: Gate, crashes: list[BaseException]) -> Iterator[HttpServer]:
    routes = [
        Route(method="GET", path="/echo", handle=echo),
        Route(method="POST", path="/echo", handle=echo),
        Route(method="GET", path="/large", handle=lambda _: Response(HTTPStatus.OK, b"x" * 2**25)),
        Route(method="GET", path="/fail", handle=fail),
        Route(method="GET", path="/gate", handle=gate.handle),
        Route(method="GET", path="/control", handle=echo, control=True),
    ]
    server = HttpServer("127.0.0.1:0", routes, clock=SystemClock(), on_crash=crashes.append)
    server.start()
    yield server
    gate.opened.set()
    server.stop(5)
    assert not crashes
    assert wait_until(lambda: not client_threads())


def client_threads() -> list[threading.Thread]:
    return [t for t in threading.enumerate() if t.name in {"http", "http-client"}]


def wait_until(holds: Callable[[], bool], within_s: float = 5) -> bool:
    ends = time.monotonic() + within_s
    while not holds():
        if time.monotonic() > ends:
            return False
        threading.Event().wait(0.005)
    return True


def connect(server: HttpServer) -> socket.socket:
    return socket.create_connection(("127.0.0.1", server.port), timeout=10)


def exchange(server: HttpServer, data: bytes) -> bytes:
    with connect(server) as sock:
        sock.sendall(data)
        return read_all(sock)


def read_all(sock: socket.socket) -> bytes:
    answer = b""
    while piece := sock.recv(65536):
        answer += piece
    return answer


def get(server: HttpServer, path: str, method: str = "GET") -> tuple[int, dict[str, str], bytes]:
    client = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
    try:
        client.request(method, path)
        response = client.getresponse()
        headers = {name.lower(): value for name, value in response.getheaders()}
        return response.status, headers, response.read()
    finally:
        client.close()


def test_answers_with_query_and_closes(server: HttpServer) -> None:
    status, headers, body = get(server, "/echo?a=1&b=&a=2")
    assert status == 200
    assert json.loads(body) == {"query": {"a": "2", "b": ""}, "client": "127.0.0.1"}
    assert headers["content-type"] == "application/json"
    assert headers["connection"] == "close"
    assert headers["cache-control"] == "no-store"
    assert "python" not in headers["server"].lower()


def test_head_has_the_length_and_no_body(server: HttpServer) -> None:
    answer = exchange(server, b"HEAD /echo HTTP/1.1\r\nHost: x\r\n\r\n")
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 ")
    assert b"Content-Length: " in head
    assert b"Content-Length: 0" not in head
    assert body == b""


def test_unknown_path_lists_the_known_ones(server: HttpServer) -> None:
    status, _, body = get(server, "/nothing")
    assert status == 404
    assert json.loads(body)["error"] == "no such path: /nothing"
    assert "/echo" in json.loads(body)["paths"]


@pytest.mark.parametrize("method", ["PUT", "DELETE", "OPTIONS", "TRACE", "BREW"])
def test_wrong_method_says_which_are_right(server: HttpServer, method: str) -> None:
    status, headers, body = get(server, "/echo", method)
    assert status == 405
    assert headers["allow"] == "GET, HEAD, POST"
    assert json.loads(body)["error"] == f"/echo does not take {method}"


def test_failing_route_is_told_without_details(
    server: HttpServer, caplog: pytest.LogCaptureFixture
) -> None:
    status, _, body = get(server, "/fail")
    assert status == 500
    assert json.loads(body) == {"error": "internal error: the log says more"}
    assert [record.getMessage() for record in caplog.records] == ["Request failed"]


def test_control_route_answers_on_loopback(server: HttpServer) -> None:
    assert get(server, "/control")[0] == 200


def test_control_route_refuses_a_rebound_name(server: HttpServer) -> None:
    answer = exchange(server, b"GET /control HTTP/1.1\r\nHost: rebound.example\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 403 ")
    assert b'{"error"' in answer


@pytest.mark.parametrize("newline", [b"\r\n", b"\n"])
def test_request_in_pieces_is_put_together(server: HttpServer, newline: bytes) -> None:
    request = newline.join([b"", b"GET /echo HTTP/1.1", b"Host: x", b"", b""])
    with connect(server) as sock:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in request:
            sock.sendall(bytes([byte]))
        assert read_all(sock).startswith(b"HTTP/1.1 200 ")


def test_http_1_0_is_served(server: HttpServer) -> None:
    assert exchange(server, b"GET /echo HTTP/1.0\r\n\r\n").startswith(b"HTTP/1.1 200 ")


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"nonsense\r\n\r\n", 400),
        (b"GET /echo HTTP/9.9\r\n\r\n", 505),
        (b"GET /echo\r\n\r\n", 505),
        (b"\t\r\n\r\n", 400),
        (b"GET /echo HTTP/x\r\n\r\n", 400),
        (b"GET /echo?" + b"&".join([b"a=1"] * 40) + b" HTTP/1.1\r\n\r\n", 400),
        (b"GET http://[ HTTP/1.1\r\n\r\n", 400),
        (b"GET /" + b"a" * MOST_LINE_BYTES + b" HTTP/1.1\r\n\r\n", 414),
        (b"GET /" + b"a" * (MOST_HEAD_BYTES + 4096), 414),
        (b"GET /echo HTTP/1.1\r\nA: " + b"a" * (MOST_HEAD_BYTES + 4096), 431),
        (b"GET /echo HTTP/1.1\r\n" + b"A: b\r\n" * 200 + b"\r\n", 431),
    ],
)
def test_bad_request_is_refused_in_json(server: HttpServer, request_: bytes, status: int) -> None:
    head, _, body = exchange(server, request_).partition(b"\r\n\r\n")
    assert head.startswith(f"HTTP/1.1 {status} ".encode())
    assert set(json.loads(body)) == {"error"}


def test_answer_arrives_although_the_body_was_not_read(server: HttpServer) -> None:
    body = b"x" * 50_000
    head = b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(body)
    for _ in range(20):
        assert exchange(server, head + body).startswith(b"HTTP/1.1 200 ")


def test_client_that_goes_away_is_forgotten(server: HttpServer) -> None:
    with connect(server) as sock:
        sock.sendall(b"GET /ec")
    assert get(server, "/echo")[0] == 200
    assert wait_until(lambda: len(client_threads()) == 1)


def test_many_clients_at_once_are_all_answered(server: HttpServer) -> None:
    statuses: list[int] = []

    def ask_repeatedly() -> None:
        statuses.extend(get(server, "/echo")[0] for _ in range(25))

    # Of each client an earlier connection may still be on its way out.
    threads = [threading.Thread(target=ask_repeatedly) for _ in range(MOST_CONNECTIONS // 3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert statuses == [200] * 25 * len(threads)


def test_slow_clients_never_keep_out_a_probe(server: HttpServer) -> None:
    with ExitStack() as stack:
        for _ in range(5 * MOST_CONNECTIONS):
            stack.enter_context(connect(server)).sendall(b"GET /echo HTTP/1.1\r\n")
        begun = time.monotonic()
        assert get(server, "/echo")[0] == 200
        assert time.monotonic() - begun < 1
        assert wait_until(lambda: len(client_threads()) <= MOST_CONNECTIONS + 1)


def test_slow_client_has_one_deadline_for_all_it_sends(
    server: HttpServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection_module, "HEAD_TIMEOUT_S", 0.3)
    with connect(server) as sock:
        sock.sendall(b"GET /echo HTTP/1.1\r\n")
        sock.settimeout(0.02)
        ends, answer = time.monotonic() + 5, b""
        while not answer and time.monotonic() < ends:
            sock.sendall(b"A: b\r\n")
            try:
                answer = sock.recv(1000)
            except TimeoutError:
                continue
        assert answer.startswith(b"HTTP/1.1 408 ")


def test_client_that_does_not_read_is_cut_off(
    server: HttpServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection_module, "WRITE_TIMEOUT_S", 0.2)
    with connect(server) as sock:
        sock.sendall(b"GET /large HTTP/1.1\r\n\r\n")
        assert wait_until(lambda: len(client_threads()) == 2)
        assert wait_until(lambda: len(client_threads()) == 1)


def test_client_that_never_closes_is_left(
    server: HttpServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection_module, "LINGER_S", 0.1)
    with connect(server) as sock:
        sock.sendall(b"GET /echo HTTP/1.1\r\n\r\n")
        read_all(sock)
        assert wait_until(lambda: len(client_threads()) == 1)


def test_more_than_all_places_taken_is_refused(server: HttpServer, gate: Gate) -> None:
    with ExitStack() as stack:
        waiting = [stack.enter_context(connect(server)) for _ in range(MOST_CONNECTIONS)]
        for sock in waiting:
            sock.sendall(b"GET /gate HTTP/1.1\r\n\r\n")
            assert gate.entered.acquire(timeout=5)
        assert exchange(server, b"").startswith(b"HTTP/1.1 503 ")
        gate.opened.set()
        assert all(read_all(sock).endswith(b"at last\n") for sock in waiting)
    assert get(server, "/echo")[0] == 200


def test_stop_lets_a_running_answer_end(
    server: HttpServer, gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection_module, "LINGER_S", 0.05)
    with connect(server) as sock, connect(server) as idle:
        sock.sendall(b"GET /gate HTTP/1.1\r\n\r\n")
        assert gate.entered.acquire(timeout=5)
        assert wait_until(lambda: len(client_threads()) == 3)
        threading.Timer(0.1, gate.opened.set).start()
        server.stop(5)
        assert read_all(sock).endswith(b"at last\n")
        assert read_all(idle) == b""
    with pytest.raises(ConnectionRefusedError):
        connect(server)


def test_stop_cuts_off_what_does_not_end(server: HttpServer, gate: Gate) -> None:
    with connect(server) as sock:
        sock.sendall(b"GET /gate HTTP/1.1\r\n\r\n")
        assert gate.entered.acquire(timeout=5)
        begun = time.monotonic()
        server.stop(0.2)
        assert time.monotonic() - begun < 2
        assert read_all(sock) == b""


def test_taken_port_is_told_at_start(server: HttpServer) -> None:
    listen = f"127.0.0.1:{server.port}"
    second = HttpServer(listen, [], clock=SystemClock(), on_crash=lambda _: None)
    with pytest.raises(ListenError):
        second.start()
    assert second.port == 0
    second.stop(1)


def test_ipv6_and_ipv4_clients_of_one_server() -> None:
    route = Route(method="GET", path="/echo", handle=echo, control=True)
    server = HttpServer(":0", [route], clock=SystemClock(), on_crash=lambda _: None)
    server.start()
    try:
        for host in ("127.0.0.1", "::1"):
            with socket.create_connection((host, server.port), timeout=5) as sock:
                sock.sendall(b"GET /echo HTTP/1.1\r\nHost: localhost\r\n\r\n")
                assert read_all(sock).startswith(b"HTTP/1.1 200 ")
    finally:
        server.stop(5)


def test_accepting_goes_on_when_descriptors_run_out(caplog: pytest.LogCaptureFixture) -> None:
    server = HttpServer("127.0.0.1:0", [], clock=SystemClock(), on_crash=lambda _: None)
    server.start()
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    sock = socket.socket()
    try:
        lowest = sock.fileno() + 1
        resource.setrlimit(resource.RLIMIT_NOFILE, (lowest, limits[1]))
        try:
            sock.settimeout(5)
            sock.connect(("127.0.0.1", server.port))
            assert wait_until(lambda: "Connection not accepted" in caplog.text)
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, limits)
        sock.sendall(b"GET /nothing HTTP/1.1\r\n\r\n")
        assert read_all(sock).startswith(b"HTTP/1.1 404 ")
    finally:
        sock.close()
        server.stop(5)


def test_client_is_refused_when_threads_run_out(server: HttpServer) -> None:
    before = threading.stack_size(2**47)  # more than a process can address
    try:
        assert exchange(server, b"").startswith(b"HTTP/1.1 503 ")
    finally:
        threading.stack_size(before)
    assert get(server, "/echo")[0] == 200


def test_crash_of_the_acceptor_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    crashes: list[BaseException] = []
    server = HttpServer("127.0.0.1:0", [], clock=SystemClock(), on_crash=crashes.append)

    def crash(connection: Connection) -> None:
        connection.refuse()
        raise MemoryError

    monkeypatch.setattr(server, "_admit", crash)
    server.start()
    try:
        with connect(server):
            assert wait_until(lambda: len(crashes) == 1)
        assert isinstance(crashes[0], MemoryError)
    finally:
        server.stop(5)


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.binary(max_size=300) | st.text(max_size=100).map(str.encode))
def test_any_bytes_are_answered(server: HttpServer, data: bytes) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(connection_module, "HEAD_TIMEOUT_S", 0.02)
        assert exchange(server, data + b"\r\n\r\n").startswith(b"HTTP/1.1 ")
