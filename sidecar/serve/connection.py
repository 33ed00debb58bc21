"""One client's connection: one request is read, one answer written, then it ends.

No keep-alive: an idle scraper would hold a thread for nothing, and a connect over the pod's network
costs less than that. Reading has one deadline for the whole head, so that a client that drips bytes
cannot stay; what is read and what is answered have limits.
"""

from __future__ import annotations

import io
import logging
import socket
from collections.abc import Callable
from contextlib import suppress
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from urllib.parse import parse_qsl, urlsplit

from sidecar.core.ports import Clock
from sidecar.serve.message import Request, Response

log = logging.getLogger(__name__)

HEAD_TIMEOUT_S = 5.0
WRITE_TIMEOUT_S = 5.0
LINGER_S = 1.0
MOST_LINE_BYTES = 8 * 1024
MOST_HEAD_BYTES = 16 * 1024
MOST_LEFT_BYTES = 64 * 1024
PIECE_BYTES = 4096

Handle = Callable[[Request], Response]


class Connection:
    """Reads, has `handle` answer, writes. `evictable` while it waits for the client only."""

    def __init__(self, sock: socket.socket, client: str, clock: Clock) -> None:
        self._sock = sock
        self._client = client
        self._clock = clock
        self.evictable = True

    def evict(self) -> None:
        """End it from another thread: whatever it waits for ends at once."""
        with suppress(OSError):
            self._sock.shutdown(socket.SHUT_RDWR)

    def serve(self, handle: Handle) -> None:
        """The whole exchange; never raises for what a client does, and closes the socket."""
        with self._sock, suppress(OSError):
            head = self._read_head()
            if isinstance(head, Response):
                exchange = _Exchange(b"", self._client)
                exchange.write(head)
            else:
                exchange = _Exchange(head, self._client)
                self.evictable = False
                exchange.answer(handle)
                self.evictable = True
            self._write(exchange.written)

    def refuse(self) -> None:
        """Say that too many are served, without waiting for anything, and close."""
        exchange = _Exchange(b"", self._client)
        reason = "too many connections: try again"
        exchange.write(Response.of_error(HTTPStatus.SERVICE_UNAVAILABLE, reason))
        with self._sock, suppress(OSError):
            self._sock.setblocking(False)
            self._sock.send(exchange.written)

    def _read_head(self) -> bytes | Response:
        """All up to the empty line. Empty if the client went away."""
        head = b""
        ends_s = self._clock.monotonic() + HEAD_TIMEOUT_S
        while not _is_complete(head):
            if len(head) > MOST_HEAD_BYTES:
                return _refuse_long(head)
            left_s = ends_s - self._clock.monotonic()
            if left_s <= 0:
                reason = f"no whole request within {HEAD_TIMEOUT_S:g} s"
                return Response.of_error(HTTPStatus.REQUEST_TIMEOUT, reason)
            self._sock.settimeout(left_s)
            try:
                piece = self._sock.recv(PIECE_BYTES)
            except TimeoutError:
                continue
            if not piece:
                return b""
            head = (head + piece).lstrip(b"\r\n")
        line = head.partition(b"\n")[0]
        return head if len(line) <= MOST_LINE_BYTES else _refuse_long(head)

    def _write(self, data: bytes) -> None:
        """Send, then let the client close first: a reset would take the answer from it."""
        if not data:
            return
        self._sock.settimeout(WRITE_TIMEOUT_S)
        self._sock.sendall(data)
        self._sock.shutdown(socket.SHUT_WR)
        self._sock.settimeout(LINGER_S)
        left = MOST_LEFT_BYTES
        while left > 0 and (piece := self._sock.recv(PIECE_BYTES)):
            left -= len(piece)


def _is_complete(head: bytes) -> bool:
    return b"\r\n\r\n" in head or b"\n\n" in head


def _refuse_long(head: bytes) -> Response:
    if len(head.partition(b"\n")[0]) > MOST_LINE_BYTES:
        return Response.of_error(HTTPStatus.REQUEST_URI_TOO_LONG, "the address is too long")
    reason = "the headers are too long"
    return Response.of_error(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, reason)


class _Exchange(BaseHTTPRequestHandler):
    """The standard library's parsing and writing of HTTP, on bytes instead of a socket."""

    protocol_version = "HTTP/1.1"
    server_version = "surehup"
    sys_version = ""

    def __init__(self, head: bytes, client: str) -> None:  # its base would serve a socket here
        self.rfile = io.BytesIO(head)
        self.wfile = self._out = io.BytesIO()
        self.client_address = (client, 0)
        self.command = ""
        self.requestline = ""
        self.close_connection = True

    @property
    def written(self) -> bytes:
        """The answer as it goes over the wire."""
        return self._out.getvalue()

    def answer(self, handle: Handle) -> None:
        """Parse the request and have it handled; a bad one is answered here."""
        self.raw_requestline = self.rfile.readline()
        if not self.raw_requestline:
            return
        if not self.parse_request():
            if not self.written:
                self.send_error(HTTPStatus.BAD_REQUEST)
            return
        if self.request_version == self.default_request_version:
            self.send_error(HTTPStatus.HTTP_VERSION_NOT_SUPPORTED, "HTTP/0.9 is not spoken here")
            return
        try:
            target = urlsplit(self.path)
            query = dict(parse_qsl(target.query, keep_blank_values=True, max_num_fields=32))
        except ValueError:
            self.send_error(HTTPStatus.BAD_REQUEST, "the address cannot be parsed")
            return
        headers = {name.lower(): value for name, value in self.headers.items()}
        request = Request(
            method=self.command,
            path=target.path,
            query=query,
            headers=headers,
            client=self.client_address[0],
        )
        self.write(handle(request))

    def write(self, response: Response) -> None:
        """Put `response` on the wire; the body is left out for HEAD."""
        self.request_version = self.protocol_version  # a bad request counts as 0.9: no headers
        self.send_response(response.status)
        self.send_header("Content-Type", response.content_type)
        self.send_header("Content-Length", str(len(response.body)))
        self.send_header("Cache-Control", "no-store")
        self.send_header("X-Content-Type-Options", "nosniff")
        self.send_header("Connection", "close")
        for name, value in response.headers.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(response.body)

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """The base finds fault with a request: say it in JSON."""
        status = HTTPStatus(code)
        self.write(Response.of_error(status, message or explain or status.phrase))

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the base's name
        """Requests are worth a line only to who debugs."""
        log.debug("Request answered", extra={"fields": {"request": format % args}})
