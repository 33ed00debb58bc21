"""Opens the listening socket that `--listen` names.

``:9808`` means every address of the pod, IPv6 and IPv4 by one socket: the kubelet probes the pod's
first address, which is an IPv6 one in some clusters.
"""

from __future__ import annotations

import errno
import socket

from sidecar.core.errors import ExitCode, SettingsError, SurehupError

BACKLOG = 64
MOST_PORT = 65535


class ListenError(SurehupError):
    """The address to listen on cannot be had."""

    exit_code = ExitCode.USAGE


def parse_listen(listen: str) -> tuple[str, int]:
    """Host (without brackets, empty for all) and port. Raises `SettingsError`."""
    host, colon, port = listen.rpartition(":")
    bracketed = host.startswith("[") and host.endswith("]")
    host = host[1:-1] if bracketed else host
    number = int(port) if port.isascii() and port.isdecimal() and len(port) < 6 else -1  # noqa: PLR2004
    if not colon or not 0 <= number <= MOST_PORT or (":" in host and not bracketed):
        msg = (
            f"--listen {listen!r} is no address: write ADDR:PORT, as :9808, 127.0.0.1:9808"
            " or [::1]:9808"
        )
        raise SettingsError(msg)
    return host, number


def open_listener(listen: str) -> socket.socket:
    """Bind and listen. Raises `ListenError` with the fix, or `SettingsError` for bad syntax."""
    host, port = parse_listen(listen)
    if not host:
        try:
            return _bind(socket.AF_INET6, ("::", port), dual=True)
        except OSError as error:
            if error.errno not in {errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL}:
                raise _explain(listen, port, error) from error
        host = "0.0.0.0"  # noqa: S104  all addresses are what the flag asks for
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        family, _, _, _, address = found[0]
        return _bind(family, address)
    except OSError as error:
        raise _explain(listen, port, error) from error


def _bind(family: int, address: tuple[object, ...], *, dual: bool = False) -> socket.socket:
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, not dual)
        sock.bind(address)
        sock.listen(BACKLOG)
    except BaseException:
        sock.close()
        raise
    return sock


def _explain(listen: str, port: int, error: OSError) -> ListenError:
    match error.errno:
        case errno.EADDRINUSE:
            why = (
                f"port {port} is taken by another process of this pod: give a free one by --listen"
            )
        case errno.EACCES | errno.EPERM:
            why = f"port {port} needs a privilege: give one from 1024 on by --listen"
        case errno.EADDRNOTAVAIL:
            why = "that is no address of this pod: give one that is, or only the port, by --listen"
        case _:
            why = f"{error.strerror or error}: give another address by --listen"
    return ListenError(f"cannot listen on {listen}: {why}")
