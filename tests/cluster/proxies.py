"""A network between a sidecar and the API server, which can fall silent without a word."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field

CHUNK_BYTES = 1 << 16


@dataclass
class Proxy:
    """Forwards connections to `target` (host and port), until they are silenced."""

    target: tuple[str, int]
    port: int = 0
    connections: list[threading.Event] = field(default_factory=list)
    sockets: list[socket.socket] = field(default_factory=list)
    threads: list[threading.Thread] = field(default_factory=list)

    def silence(self) -> None:
        """From now on nothing passes on the connections that are open; new ones are good."""
        for silent in self.connections:
            silent.set()

    def serve(self, listener: socket.socket) -> None:
        while True:
            try:
                near, _ = listener.accept()
            except OSError:  # closed: the test is over
                return
            silent = threading.Event()
            self.connections.append(silent)
            far = socket.create_connection(self.target)
            self.sockets += [near, far]
            for ends in ((near, far), (far, near)):
                thread = threading.Thread(target=_pump, args=(*ends, silent), daemon=True)
                self.threads.append(thread)
                thread.start()

    def close(self) -> None:
        """End all connections."""
        for end in self.sockets:
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
        for thread in self.threads:
            thread.join()
        for end in self.sockets:
            end.close()


def _pump(source: socket.socket, sink: socket.socket, silent: threading.Event) -> None:
    with suppress(OSError):
        while chunk := source.recv(CHUNK_BYTES):
            if not silent.is_set():
                sink.sendall(chunk)
    if not silent.is_set():
        for end in (source, sink):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)


@contextmanager
def running_proxy(url: str) -> Iterator[Proxy]:
    """A proxy before the server at `url`."""
    host, _, port = url.removeprefix("https://").partition(":")
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        proxy = Proxy((host, int(port)), listener.getsockname()[1])
        thread = threading.Thread(target=proxy.serve, args=(listener,), daemon=True)
        thread.start()
        yield proxy
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()
        proxy.close()
