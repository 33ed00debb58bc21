"""A look at a server that misbehaves ends in time, with one sentence that helps."""

from __future__ import annotations

import gzip
import socket
import struct
import time
from pathlib import Path

import pytest

from sidecar.core.bridge import Access
from tests.confirm.looks import look, page_at
from tests.confirm.servers import METRICS, Client, Script, answer, send, serving

HEAD = b"HTTP/1.1 200 OK\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"


def hang(client: Client) -> None:
    client.wait(5)


def hang_after_headers(client: Client) -> None:
    client.send(HEAD + b"Content-Length: 5\r\n\r\nup")
    client.wait(5)


def drip(before: bytes, drop: bytes = b"x") -> Script:
    def script(client: Client) -> None:
        client.send(before)
        while not client.wait(0.02):
            client.send(drop)

    return script


@pytest.mark.parametrize(
    "script",
    [
        hang,
        hang_after_headers,
        drip(b""),
        drip(b"HTTP/1.1 200 OK\r\nX-Long: "),
        drip(HEAD + b"Content-Length: 5000\r\n\r\n"),
        drip(CHUNKED + b"1388\r\n"),
        drip(CHUNKED, drop=b"1\r\nx\r\n"),
        drip(HEAD + b"Content-Type: text/plain\r\n\r\n"),
    ],
    ids=["hang", "half", "status", "header", "length", "chunk", "chunks", "open-end"],
)
def test_a_slow_answer_ends_at_the_deadline(script: Script) -> None:
    with serving(script) as server:
        began = time.monotonic()
        seen = look(server.url, timeout_s=0.2)
        took = time.monotonic() - began
    assert (
        seen.error == f"{server.url} did not answer completely within 0.2 s: is the daemon stuck?"
    )
    assert seen.readings == {}
    assert 0.15 < took < 1.0


def test_a_server_that_accepts_nobody_ends_at_the_deadline() -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/metrics"
        with socket.create_connection(listener.getsockname()):  # fills the backlog
            seen = look(url, timeout_s=0.2)
    assert seen.error is not None
    assert "within 0.2 s" in seen.error


def reset(client: Client) -> None:
    client.send(HEAD + b"Content-Length: 100\r\n\r\nup 1\n")
    client.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


@pytest.mark.parametrize(
    "script",
    [
        answer(length=1000),
        reset,
        send(CHUNKED + b"5\r\nup 1\n\r\n"),
        send(CHUNKED + b"ff\r\nup 1\n"),
        send(CHUNKED + b"zz\r\nup 1\n"),
        send(b""),
        send(b"HTTP/1.1"),
        send(b"220 mail.example ESMTP\r\n"),
    ],
    ids=["short", "reset", "no-last-chunk", "short-chunk", "bad-chunk", "empty", "cut", "smtp"],
)
def test_an_answer_that_is_cut_off_is_told(script: Script) -> None:
    with serving(script) as server:
        seen = look(server.url)
    assert seen.readings == {}
    assert seen.error == (
        f"{server.url} ended the connection before its answer was complete: is it restarting?"
    )


def test_an_unannounced_end_in_the_middle_of_a_line_is_no_page() -> None:
    with serving(send(HEAD + b"\r\nup 1\nloaded 1")) as server:
        seen = look(server.url)
    assert seen.error == (
        f"{server.url} ended its answer in the middle of a line: is it restarting?"
    )


def test_an_unannounced_end_after_a_line_is_a_page() -> None:
    with serving(send(b"HTTP/1.0 200 OK\r\n\r\nup 1\n")) as server:
        assert look(server.url).readings == {"up": 1.0}


@pytest.mark.parametrize(
    ("script", "sentence"),
    [
        (
            answer(b"<!DOCTYPE html><title>Home</title>"),
            "{url} answers HTML, not metrics: check the path",
        ),
        (
            answer(b"", status="302 Found", headers=("Location: http://me:pw@else/m\x1b?k=1",)),
            "{url} answers 302 Found, it points to http://***@else/m�?…: use that address",
        ),
        (
            answer(b"boom\x1b[31m\n", status="500 Internal Server Error"),
            "{url} answers 500 Internal Server Error (boom�[31m): look into the daemon's log",
        ),
        (
            answer(b"no", status="401 Unauthorized"),
            "{url} answers 401 Unauthorized (no): give a bearer token, or user and password",
        ),
        (
            answer(b"<h1>no</h1>", status="404 Not Found", headers=("Content-Type: text/html",)),
            "{url} answers 404 Not Found: check the path",
        ),
        (
            answer(headers=("Content-Encoding: br",)),
            "{url} compresses as 'br' unasked: turn its compression off",
        ),
        (
            answer(headers=("Content-Encoding: gzip",)),
            "{url} sends a compressed answer that cannot be unpacked: turn compression off",
        ),
        (
            answer(b"x" * 2**20 + b"\n\n"),
            "{url} shows over 1024 KiB: name a page that shows less",
        ),
        (
            answer(gzip.compress(bytes(2**26)), headers=("Content-Encoding: gzip",)),
            "{url} shows over 1024 KiB: name a page that shows less",
        ),
        (
            answer(b"up one\n"),
            "{url}: the line of up is no sample, is the page cut off?",
        ),
    ],
    ids=["html", "redirect", "500", "401", "404", "br", "no-gzip", "huge", "bomb", "garbled"],
)
def test_an_answer_that_is_no_page_is_told(script: Script, sentence: str) -> None:
    with serving(script) as server:
        seen = look(server.url)
    assert seen.readings == {}
    assert seen.error == sentence.format(url=server.url)


def test_a_compressed_page_is_read() -> None:
    with serving(answer(gzip.compress(METRICS), headers=("Content-Encoding: gzip",))) as server:
        assert look(server.url).readings == {"up": 1.0}


def test_a_chunked_page_is_read() -> None:
    with serving(send(CHUNKED + b"3\r\nup \r\n2\r\n1\n\r\n0\r\n\r\n")) as server:
        assert look(server.url).readings == {"up": 1.0}


def test_each_look_asks_over_a_new_connection_and_for_no_compression() -> None:
    with serving(answer()) as server:
        look(server.url + "?scope=global", page_at("/config?full=1"))
        look(server.url + "?scope=global")
    first, second = server.requests
    assert first.startswith(b"GET /config?full=1 HTTP/1.1\r\n")
    assert second.startswith(b"GET /metrics?scope=global HTTP/1.1\r\n")
    assert b"\r\nConnection: close\r\n" in first
    assert b"\r\nAccept-Encoding: identity\r\n" in first


def test_nobody_listening_is_told() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://user:secret@127.0.0.1:{unused.getsockname()[1]}/metrics?token=secret"
        seen = look(url)
    assert seen.error == (
        f"http://***@127.0.0.1:{unused_port(url)}/metrics?… refuses connections: "
        "is the daemon up, and is that its port?"
    )


def unused_port(url: str) -> str:
    return url.rpartition(":")[2].partition("/")[0]


@pytest.mark.parametrize(
    "url", ["localhost:9090/metrics", "ftp://127.0.0.1/x", "http://", "http://[::1", "http://h:x/"]
)
def test_what_is_no_url_is_told(url: str) -> None:
    assert look(url).error == (f"{url!r} is no HTTP address: write it as http://HOST:PORT/metrics")


def test_an_unknown_host_is_told() -> None:
    error = look("http://no-such-host.invalid:9090/metrics").error
    assert error is not None
    assert error.startswith("the host name of http://no-such-host.invalid:9090/metrics cannot be")


def test_no_url_is_told() -> None:
    assert look("").error == ("no address of the daemon's metrics is known: give --metrics-url")


def test_environment_proxies_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    with serving(answer()) as server:
        assert look(server.url).readings == {"up": 1.0}


def test_ipv6_is_reached() -> None:
    with serving(answer(), ipv6=True) as server:
        assert look(server.url).readings == {"up": 1.0}
    assert f"Host: [::1]:{server.port}".encode() in server.requests[0]


def test_a_unix_socket_is_reached(tmp_path: Path) -> None:
    path = tmp_path / "socket"
    access = Access(unix_socket=str(path))
    url = "http://localhost/metrics"
    missing = look(url, access=access)
    with serving(answer(), unix_socket=path):
        assert look(url, access=access).readings == {"up": 1.0}
    assert missing.error == (
        f"{url} (unix socket {path}) does not exist: "
        "mount its folder into the sidecar at the same path"
    )


def test_a_unix_socket_path_that_is_too_long_is_told() -> None:
    error = look("http://localhost/metrics", access=Access(unix_socket="/x" * 100)).error
    assert error is not None
    assert "cannot be reached" in error
