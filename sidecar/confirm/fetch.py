"""Gets one page of a daemon, over one fresh connection, within one deadline and one size.

A fresh connection per look: daemons with workers or restarting listeners (nginx, Fluent Bit, the
OpenTelemetry Collector) would answer an old connection with the old configuration. Environment
proxies are never used: a look at loopback must not leave the pod.
"""

from __future__ import annotations

import http.client
from dataclasses import dataclass

from urllib3.exceptions import HTTPError
from urllib3.response import HTTPResponse
from urllib3.util import Url

from sidecar.confirm.connection import Connection, Deadline
from sidecar.confirm.credentials import TlsContexts, authorize
from sidecar.confirm.trouble import (
    UnreadableError,
    explain,
    mask,
    parse_http_url,
    quote_line,
)
from sidecar.core.bridge import Access
from sidecar.core.ports import Clock

CHUNK_BYTES = 64 * 1024
KNOWN_ENCODINGS = frozenset({"", "identity", "gzip", "x-gzip", "deflate"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A complete answer. `delimited`: its end was announced, so it cannot have been cut off."""

    status: int
    phrase: str
    content_type: str
    body: bytes
    delimited: bool
    location: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one fetch may cost."""

    timeout_s: float
    max_bytes: int


class Fetcher:
    """Fetches pages with the credentials of their `Access`."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._contexts = TlsContexts()

    def fetch(self, address: str, access: Access, limits: Limits, method: str = "GET") -> Answer:
        """Send one request without a body and read the whole answer, whatever its status.

        Raises `UnreadableError`.
        """
        url = parse_http_url(address)
        headers = {
            "Accept": "text/plain;version=0.0.4, application/json;q=0.9, */*;q=0.5",
            # Over loopback compressing costs the daemon more than it saves.
            "Accept-Encoding": "identity",
            "Connection": "close",
            "User-Agent": "surehup",
            **authorize(access, url.auth),
        }
        deadline = Deadline(self._clock, limits.timeout_s)
        connection = self._connect(url, access, deadline)
        try:
            connection.request(method, url.request_uri, headers=headers, preload_content=False)
            with connection.getresponse() as response:
                return _read(address, response, deadline, limits.max_bytes)
        except (HTTPError, http.client.HTTPException, OSError, ValueError) as error:
            msg = explain(error, address, access.unix_socket, limits.timeout_s)
            raise UnreadableError(msg) from error
        finally:
            connection.close()

    def _connect(self, url: Url, access: Access, deadline: Deadline) -> Connection:
        secure = url.scheme == "https"
        host = (url.host or "").strip("[]")
        return Connection(
            (host, url.port or (443 if secure else 80)),
            deadline,
            unix_socket=access.unix_socket,
            tls=self._contexts.get(access) if secure else None,
            server_name=access.server_name,
        )


def _read(address: str, response: HTTPResponse, deadline: Deadline, max_bytes: int) -> Answer:
    encoding = response.headers.get("content-encoding", "").strip().lower()
    if encoding not in KNOWN_ENCODINGS:
        msg = f"{mask(address)} compresses as {encoding[:20]!r} unasked: turn its compression off"
        raise UnreadableError(msg)
    length = response.headers.get("content-length")
    chunked = "chunked" in response.headers.get("transfer-encoding", "").lower()
    body = bytearray()
    while chunk := response.read(CHUNK_BYTES):
        body += chunk
        deadline.remaining_s()
        if len(body) > max_bytes:
            msg = f"{mask(address)} shows over {max_bytes >> 10} KiB: name a page that shows less"
            raise UnreadableError(msg)
    return Answer(
        status=response.status,
        phrase=response.reason or "",
        content_type=response.headers.get("content-type", "").partition(";")[0].strip().lower(),
        body=bytes(body),
        delimited=chunked or length is not None,
        location=response.headers.get("location", ""),
    )


def refuse_unsuccessful(address: str, answer: Answer) -> None:
    """Raise `UnreadableError` unless the answer is a 200, saying what its status asks for."""
    if answer.status == http.client.OK:
        return
    shown, status = mask(address), answer.status
    what = f"{shown} answers {status} {quote_line(answer.phrase.encode())}".strip()
    if answer.location and 300 <= status < 400:  # noqa: PLR2004  the redirects of HTTP
        target = quote_line(mask(answer.location).encode())
        msg = f"{what}, it points to {target}: use that address"
        raise UnreadableError(msg)
    if status in {401, 403}:
        fix = "give a bearer token, or user and password"
    elif status == http.client.NOT_FOUND:
        fix = "check the path"
    else:
        fix = "look into the daemon's log"
    said = "" if answer.content_type == "text/html" else quote_line(answer.body)
    msg = f"{what}{f' ({said})' if said else ''}: {fix}"
    raise UnreadableError(msg, not_offered=status == http.client.NOT_FOUND)
