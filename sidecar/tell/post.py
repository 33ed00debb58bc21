"""Sends one JSON document to one address, within one deadline.

What goes wrong is told without the address's secrets: of a webhook the path and the query are as
secret as a password, so only scheme, host and port are ever shown, and no library's own error text.
"""

from __future__ import annotations

import http.client
import socket
import ssl
import threading
from contextlib import suppress
from urllib.parse import unquote

from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import (
    ConnectTimeoutError,
    HTTPError,
    LocationParseError,
    NameResolutionError,
    NewConnectionError,
)
from urllib3.util import Url, make_headers, parse_url

from sidecar.core.errors import SettingsError

RETRYABLE = frozenset({408, 425, 429, 500, 502, 503, 504})
LONGEST_RETRY_AFTER_S = 60.0


class PostError(Exception):
    """A document was not accepted. `retryable`: the same may be accepted later.

    `after_s` is how long the receiver asks to be left alone, if it does.
    """

    def __init__(self, message: str, *, retryable: bool, after_s: float | None = None) -> None:
        super().__init__(message)
        self.retryable = retryable
        self.after_s = after_s


def parse_address(address: str) -> Url:
    """Take an address apart. Raises `SettingsError` unless it is one of HTTP."""
    try:
        url = parse_url(address)
    except LocationParseError:
        msg = "a notify url cannot be parsed as an address: write https://HOST/PATH"
        raise SettingsError(msg) from None
    if url.scheme not in {"http", "https"} or not url.host:
        shown = f"{url.scheme}://" if url.scheme else "one without a scheme"
        msg = f"a notify url must begin with http:// or https:// and a host, not be {shown}"
        raise SettingsError(msg)
    return url


def mask_address(url: Url) -> str:
    """What of `url` may be shown."""
    port = f":{url.port}" if url.port else ""
    return f"{url.scheme}://{url.host}{port}/***"


def post(url: Url, body: bytes, *, user_agent: str, timeout_s: float) -> None:
    """Send `body` and wait for a 2xx. Redirects are not followed. Raises `PostError`."""
    headers = {"Content-Type": "application/json", "Connection": "close", "User-Agent": user_agent}
    if url.auth:
        headers.update(make_headers(basic_auth=unquote(url.auth)))
    connection = _connect(url, timeout_s)
    # The library bounds each receive; a receiver that drips bytes is cut off by this.
    late = threading.Event()
    alarm = threading.Timer(timeout_s, _cut_off, [connection, late])
    alarm.daemon = True
    alarm.start()
    try:
        connection.request("POST", url.request_uri, body, headers, preload_content=False)
        with connection.getresponse() as response:
            status, after = response.status, response.headers.get("retry-after", "")
        if late.is_set():
            raise TimeoutError
    except (HTTPError, http.client.HTTPException, OSError, ValueError) as error:
        reason = _explain(error, timeout_s, late=late.is_set())
        msg = f"{mask_address(url)} {reason}"
        retryable = not isinstance(error, ssl.SSLCertVerificationError)
        raise PostError(msg, retryable=retryable) from error
    finally:
        alarm.cancel()
        connection.close()
    if not 200 <= status < 300:  # noqa: PLR2004  the successes of HTTP
        msg = f"{mask_address(url)} answered {status}"
        raise PostError(msg, retryable=status in RETRYABLE, after_s=_read_delay_s(after))


def _connect(url: Url, timeout_s: float) -> HTTPConnection:
    host = (url.host or "").strip("[]")
    if url.scheme == "https":
        tls = ssl.create_default_context()
        return HTTPSConnection(host, url.port or 443, timeout=timeout_s, ssl_context=tls)
    return HTTPConnection(host, url.port or 80, timeout=timeout_s)


def _cut_off(connection: HTTPConnection, late: threading.Event) -> None:
    late.set()
    sock = connection.sock
    if sock is not None:
        with suppress(OSError):
            # Below any TLS, whose own shutdown must not run beside a read of another thread.
            socket.socket.shutdown(sock, socket.SHUT_RDWR)


def _explain(error: Exception, timeout_s: float, *, late: bool) -> str:
    if isinstance(error, NameResolutionError):
        return "has a host name that does not resolve"
    cause = error.__cause__ if isinstance(error, NewConnectionError) else error
    if late or isinstance(cause, ConnectTimeoutError | TimeoutError):
        return f"did not answer within {timeout_s:g} s"
    if isinstance(cause, ssl.SSLCertVerificationError):
        return f"shows a certificate that is not trusted ({cause.verify_message})"
    if isinstance(cause, ssl.SSLError):
        return f"does not speak TLS as expected ({cause.reason})"
    if isinstance(cause, OSError) and cause.strerror:
        return f"cannot be reached ({cause.strerror})"
    return f"broke off the exchange ({type(cause).__name__})"


def _read_delay_s(header: str) -> float | None:
    """The seconds of a Retry-After header; its other form, a date, is not used by webhooks."""
    return min(float(header), LONGEST_RETRY_AFTER_S) if header.strip().isdecimal() else None
