"""One connection for one fetch: TCP or unix socket, TLS or not, ended by one deadline.

urllib3 bounds each socket operation; a server that drips a byte per second passes any such bound
for ever. Here every receive gets what is left of the whole fetch.
"""

from __future__ import annotations

import socket
import ssl
from typing import TYPE_CHECKING, cast

from urllib3.connection import HTTPConnection

from sidecar.core.ports import Clock

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer


class Deadline:
    """The one instant at which a fetch ends, whatever it is doing."""

    def __init__(self, clock: Clock, timeout_s: float) -> None:
        self._clock = clock
        self._ends_s = clock.monotonic() + timeout_s
        self.timeout_s = timeout_s

    def remaining_s(self) -> float:
        """Seconds left, always more than 0. Raises `TimeoutError` when there are none."""
        left = self._ends_s - self._clock.monotonic()
        if left <= 0:
            raise TimeoutError
        return left


class _PlainSocket(socket.socket):
    deadline: Deadline

    def recv_into(self, buffer: WriteableBuffer, nbytes: int = 0, flags: int = 0) -> int:
        self.settimeout(self.deadline.remaining_s())
        return super().recv_into(buffer, nbytes, flags)


class _TlsSocket(ssl.SSLSocket):
    deadline: Deadline

    def recv_into(self, buffer: WriteableBuffer, nbytes: int | None = None, flags: int = 0) -> int:
        self.settimeout(self.deadline.remaining_s())
        return super().recv_into(buffer, nbytes, flags)


class Connection(HTTPConnection):
    """An HTTP connection that is used once, within `deadline`.

    `unix_socket` replaces the address, `tls` adds a handshake for `server_name`. Resolving a host
    name is left to the system's resolver and its own limits.
    """

    def __init__(
        self,
        address: tuple[str, int],
        deadline: Deadline,
        *,
        unix_socket: str = "",
        tls: ssl.SSLContext | None = None,
        server_name: str = "",
    ) -> None:
        host, port = address
        super().__init__(host, port, timeout=deadline.timeout_s)
        self._deadline = deadline
        self._unix_socket = unix_socket
        self._tls = tls
        self._server_name = server_name or host

    def connect(self) -> None:
        """Open the socket. Raises `OSError` (`ssl.SSLError` and `TimeoutError` among them)."""
        sock = self._open_unix() if self._unix_socket else self._open_tcp()
        if self._tls is None:
            self.sock = sock
            return
        self._tls.sslsocket_class = _TlsSocket
        try:
            sock.settimeout(self._deadline.remaining_s())
            wrapped = self._tls.wrap_socket(sock, server_hostname=self._server_name)
        except BaseException:
            sock.close()
            raise
        secured = cast("_TlsSocket", wrapped)
        secured.deadline = self._deadline
        self.sock = secured

    def _open_unix(self) -> socket.socket:
        return self._dial(socket.AF_UNIX, self._unix_socket)

    def _open_tcp(self) -> socket.socket:
        found = socket.getaddrinfo(self.host, self.port, type=socket.SOCK_STREAM)
        trouble: OSError = OSError(f"no address for {self.host}")
        for family, _, _, _, address in found:
            try:
                sock = self._dial(family, address)
            except TimeoutError:
                raise
            except OSError as error:
                trouble = error
            else:
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                return sock
        raise trouble

    def _dial(self, family: int, address: str | tuple[object, ...]) -> socket.socket:
        sock = _PlainSocket(family, socket.SOCK_STREAM)
        sock.deadline = self._deadline
        try:
            sock.settimeout(self._deadline.remaining_s())
            sock.connect(address)
        except BaseException:
            sock.close()
            raise
        return sock
