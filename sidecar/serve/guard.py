"""Who may use the control endpoints: those who are in the pod, or got in by `kubectl port-forward`.

The pod's address is open to the whole cluster, and a browser on a laptop with a forwarded port is
open to every page that it shows. Neither may read states or cause reloads.
"""

from __future__ import annotations

import socket
from contextlib import suppress

from sidecar.serve.message import Request

LOCAL_CLIENTS = frozenset({"127.0.0.1", "::1", "::ffff:127.0.0.1"})
"""Not all of 127.0.0.0/8: Istio's proxy hands strangers' connections over from 127.0.0.6."""

FORWARDING_HEADERS = ("forwarded", "x-forwarded-for", "x-real-ip")
FOREIGN_SITES = frozenset({"cross-site", "same-site"})


def find_refusal(request: Request, *, http_control: bool) -> str | None:
    """Why `request` may not use a control endpoint, and what to do; None if it may.

    `http_control` opens them to every client; requests that another web page caused are refused
    all the same.
    """
    if not http_control:
        if request.client not in LOCAL_CLIENTS or _is_forwarded(request):
            return (
                f"{request.path} answers on loopback only: use kubectl port-forward,"
                " or start surehup with --http-control"
            )
        if not _names_machine(request.headers.get("host", "")):
            return f"{request.path} is asked for by a name: use 127.0.0.1 or localhost"
    if _is_cross_site(request):
        return f"{request.path} does not answer to other web pages: call it directly"
    return None


def _is_forwarded(request: Request) -> bool:
    return any(name in request.headers for name in FORWARDING_HEADERS)


def _names_machine(host: str) -> bool:
    """Whether a Host header cannot have come from a DNS name that was rebound to loopback."""
    name, port = _split_port(host)
    if not port.isdecimal() and port:
        return False
    return not host or name == "localhost" or _is_address(name)


def _split_port(host: str) -> tuple[str, str]:
    if host.startswith("["):
        name, _, rest = host[1:].partition("]")
        return name, rest.removeprefix(":")
    name, _, port = host.partition(":")
    return name.lower(), port


def _is_address(name: str) -> bool:
    for family in (socket.AF_INET, socket.AF_INET6):
        with suppress(OSError, ValueError):
            socket.inet_pton(family, name)
            return True
    return False


def _is_cross_site(request: Request) -> bool:
    if request.headers.get("sec-fetch-site", "") in FOREIGN_SITES:
        return True
    origin = request.headers.get("origin")
    if origin is None:
        return False
    return origin.partition("://")[2].lower() != request.headers.get("host", "").lower()
