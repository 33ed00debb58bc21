"""A small HTTP server that answers as a test says, for what no real API server does."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

Answer = Callable[["Handler"], None]


@dataclass(frozen=True)
class Asked:
    """A request."""

    path: str
    headers: Message
    body: bytes


class Handler(BaseHTTPRequestHandler):
    """One connection; `script` answers each request on it."""

    protocol_version = "HTTP/1.1"
    server: Server

    def _serve(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        script = self.server.script
        script.seen.append(Asked(self.path, self.headers, self.rfile.read(length)))
        script.connections.add(self.client_address[1])
        script.answer(self)

    do_GET = do_POST = do_PATCH = do_DELETE = _serve  # noqa: N815  as the library names them

    def give(self, status: int, content: object, **headers: str) -> None:
        """Answer with JSON, or with bytes as they are."""
        body = content if isinstance(content, bytes) else json.dumps(content).encode()
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def begin_stream(self) -> None:
        """Begin a watch."""
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()

    def send_chunk(self, chunk: bytes) -> None:
        """Send a part of it; an empty one ends it."""
        self.wfile.write(f"{len(chunk):x}\r\n".encode() + chunk + b"\r\n")
        self.wfile.flush()

    def hang_up(self) -> None:
        """End the connection without another word."""
        self.close_connection = True

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the library's name
        """Say nothing."""


class Server(ThreadingHTTPServer):
    """The server of one script."""

    daemon_threads = True
    script: Script


@dataclass
class Script:
    """What is answered, and what was asked."""

    answer: Answer
    url: str = ""
    seen: list[Asked] = field(default_factory=list)
    connections: set[int] = field(default_factory=set)
    released: threading.Event = field(default_factory=threading.Event)

    def hold(self) -> None:
        """Keep an answer back until the test is over."""
        self.released.wait(10)

    def drip(self, handler: Handler, content: bytes) -> None:
        """Send one byte at a time for as long as anybody listens."""
        handler.send_response(200)
        handler.send_header("Content-Length", "100000")
        handler.end_headers()
        deadline_s = time.monotonic() + 10
        while time.monotonic() < deadline_s and not self.released.wait(0.05):
            handler.wfile.write(content)
            handler.wfile.flush()


@contextmanager
def serving(answer: Answer) -> Iterator[Script]:
    """Serve on a free loopback port."""
    script = Script(answer)
    with Server(("127.0.0.1", 0), Handler) as server:
        server.script = script
        script.url = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield script
        finally:
            script.released.set()
            server.shutdown()
            thread.join()
