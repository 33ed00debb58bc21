"""Real servers that answer badly, over TCP, TLS and unix sockets."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

METRICS = b"# HELP up See there.\nup 1\nloaded 1.79e+09\n"


@dataclass(slots=True)
class Client:
    """One connection as the server sees it."""

    sock: socket.socket
    stopping: threading.Event
    request: bytes = b""

    def send(self, data: bytes) -> None:
        """Send all of `data`."""
        self.sock.sendall(data)

    def wait(self, seconds: float) -> bool:
        """Pass time; True once the test is over."""
        return self.stopping.wait(seconds)


Script = Callable[[Client], None]


def answer(
    body: bytes = METRICS,
    *,
    status: str = "200 OK",
    headers: tuple[str, ...] = (),
    length: int | None = None,
) -> Script:
    """Answer in one piece; `length` lies about the body's."""
    claimed = len(body) if length is None else length
    lines = (f"HTTP/1.1 {status}", f"Content-Length: {claimed}", *headers)
    head = "".join(f"{line}\r\n" for line in lines) + "\r\n"
    return lambda client: client.send(head.encode() + body)


def send(data: bytes) -> Script:
    """Answer with raw bytes and close."""
    return lambda client: client.send(data)


@dataclass(slots=True)
class Server:
    """Runs one script per connection, each in its own thread, and keeps the requests."""

    listener: socket.socket
    port: int
    script: Script
    tls: ssl.SSLContext | None = None
    listens: bool = True
    requests: list[bytes] = field(default_factory=list)
    stopping: threading.Event = field(default_factory=threading.Event)
    threads: list[threading.Thread] = field(default_factory=list)

    @property
    def url(self) -> str:
        """The address of its metrics."""
        scheme = "https" if self.tls else "http"
        host = "[::1]" if self.listener.family == socket.AF_INET6 else "127.0.0.1"
        return f"{scheme}://{host}:{self.port}/metrics"

    def run(self) -> None:
        """Accept until closed."""
        while not self.stopping.is_set():
            with suppress(TimeoutError):
                sock, _ = self.listener.accept()
                thread = threading.Thread(target=self._serve, args=(sock,))
                self.threads.append(thread)
                thread.start()

    def _serve(self, sock: socket.socket) -> None:
        sock.settimeout(5)
        with suppress(OSError), sock:
            if self.tls is None:
                self._talk(sock)
                return
            raw = sock.dup()
            with (
                raw,
                self.tls.wrap_socket(
                    sock, server_side=True, do_handshake_on_connect=False
                ) as secured,
            ):
                try:
                    secured.do_handshake()
                except ssl.SSLError:
                    drain(raw)
                else:
                    self._talk(secured)

    def _talk(self, sock: socket.socket) -> None:
        request = b""
        while self.listens and b"\r\n\r\n" not in request:
            part = sock.recv(65536)
            if not part:
                return
            request += part
        self.requests.append(request)
        self.script(Client(sock, self.stopping, request))


def drain(sock: socket.socket) -> None:
    """Close only after the client: a reset would overtake the alert that says why."""
    sock.settimeout(5)
    sock.shutdown(socket.SHUT_WR)
    while sock.recv(65536):
        pass


@contextmanager
def serving(
    script: Script,
    *,
    tls: ssl.SSLContext | None = None,
    unix_socket: Path | None = None,
    ipv6: bool = False,
    listens: bool = True,
) -> Iterator[Server]:
    """Serve `script` until the block ends; leaves no thread behind.

    `listens`: hear the request out before the script runs.
    """
    if unix_socket is not None:
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(str(unix_socket))
    else:
        listener = socket.socket(socket.AF_INET6 if ipv6 else socket.AF_INET)
        listener.bind(("::1" if ipv6 else "127.0.0.1", 0))
    listener.listen(16)
    listener.settimeout(0.05)
    with listener:
        port = 0 if unix_socket else listener.getsockname()[1]
        server = Server(listener, port, script, tls, listens)
        main = threading.Thread(target=server.run)
        main.start()
        try:
            yield server
        finally:
            server.stopping.set()
            for thread in (main, *server.threads):
                thread.join(5)
                assert not thread.is_alive()
