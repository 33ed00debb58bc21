"""A small HTTP server for few clients: the kubelet, a scraper, a person.

One thread accepts, one short-lived thread serves each connection, at most `MOST_CONNECTIONS` at
once. When all are taken, a new client pushes out the one that has waited longest without sending
its request: slow clients can keep out each other, never a probe or a scrape.
"""

from __future__ import annotations

import logging
import socket
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from http import HTTPStatus

from sidecar.core.ports import Clock
from sidecar.serve.connection import Connection
from sidecar.serve.guard import find_refusal
from sidecar.serve.listen import open_listener
from sidecar.serve.message import Request, Response, Route, answer

log = logging.getLogger(__name__)

MOST_CONNECTIONS = 8
PAUSE_S = 0.1
"""How long to wait when nothing can be accepted, as when file descriptors run out."""


class HttpServer:
    """Serves `routes` on the address `listen`, between `start` and `stop`.

    `http_control` opens control routes to clients off loopback. `on_crash` hears of an error that
    ended the accepting thread.
    """

    def __init__(
        self,
        listen: str,
        routes: Sequence[Route],
        *,
        clock: Clock,
        on_crash: Callable[[BaseException], None],
        http_control: bool = False,
    ) -> None:
        self._listen = listen
        self._clock = clock
        self._on_crash = on_crash
        self._http_control = http_control
        self._routes: dict[str, dict[str, Route]] = {}
        for route in routes:
            self._routes.setdefault(route.path, {})[route.method] = route
        self._listener: socket.socket | None = None
        self._acceptor: threading.Thread | None = None
        self._stopping = threading.Event()
        self._changed = threading.Lock()
        self._connections: dict[Connection, threading.Thread] = {}
        self.port = 0
        """The port that is listened on, from `start` on: where 0 was asked for, the one given."""

    def start(self) -> None:
        """Listen and serve. Raises `ListenError` or `SettingsError`."""
        listener = open_listener(self._listen)
        self._listener = listener
        self.port = int(listener.getsockname()[1])
        self._acceptor = threading.Thread(
            target=self._accept, args=[listener], name="http", daemon=True
        )
        self._acceptor.start()

    def stop(self, timeout_s: float) -> None:
        """Accept no more, let running answers end for at most `timeout_s`, then cut them off."""
        ends_s = self._clock.monotonic() + timeout_s
        self._stopping.set()
        if self._listener is not None and self._acceptor is not None:
            with suppress(OSError):
                self._listener.shutdown(socket.SHUT_RDWR)  # wakes the accept of the other thread
            self._acceptor.join(timeout_s)
            self._listener.close()
        with self._changed:
            left = dict(self._connections)
        for connection in left:
            if connection.evictable:
                connection.evict()
        for connection, thread in left.items():
            thread.join(max(0.0, ends_s - self._clock.monotonic()))
            connection.evict()

    def _accept(self, listener: socket.socket) -> None:
        try:
            while not self._stopping.is_set():
                try:
                    sock, peer = listener.accept()
                except OSError as error:
                    if not self._stopping.wait(PAUSE_S):
                        told = {"fields": {"reason": error.strerror or str(error)}}
                        log.warning("Connection not accepted", extra=told)
                    continue
                self._admit(Connection(sock, str(peer[0]), self._clock))
        except BaseException as error:  # noqa: BLE001  a dead server must end the process
            self._on_crash(error)

    def _admit(self, connection: Connection) -> None:
        thread = threading.Thread(
            target=self._serve, args=[connection], name="http-client", daemon=True
        )
        with self._changed:
            admitted = len(self._connections) < MOST_CONNECTIONS or self._evict_one()
            if admitted:
                self._connections[connection] = thread
        if not admitted or not self._begin(connection, thread):
            connection.refuse()

    def _begin(self, connection: Connection, thread: threading.Thread) -> bool:
        try:
            thread.start()
        except RuntimeError:  # the pod may have no more threads
            with self._changed:
                del self._connections[connection]
            return False
        return True

    def _evict_one(self) -> bool:
        """Push out the oldest connection that only waits for its client."""
        for connection in self._connections:
            if connection.evictable:
                connection.evict()
                del self._connections[connection]
                return True
        return False

    def _serve(self, connection: Connection) -> None:
        try:
            connection.serve(self._handle)
        finally:
            with self._changed:
                self._connections.pop(connection, None)

    def _handle(self, request: Request) -> Response:
        route = answer(self._routes, request)
        if isinstance(route, Response):
            return route
        if route.control:
            refusal = find_refusal(request, http_control=self._http_control)
            if refusal is not None:
                return Response.of_error(HTTPStatus.FORBIDDEN, refusal)
        try:
            return route.handle(request)
        except Exception:
            log.exception("Request failed", extra={"fields": {"path": request.path}})
            reason = "internal error: the log says more"
            return Response.of_error(HTTPStatus.INTERNAL_SERVER_ERROR, reason)
