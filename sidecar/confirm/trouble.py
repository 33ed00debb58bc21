"""Why evidence could not be read: one sentence, with the address and what to do."""

from __future__ import annotations

import http.client
import socket
import ssl

from urllib3.exceptions import DecodeError, LocationParseError
from urllib3.util import Url, parse_url


class UnreadableError(Exception):
    """Evidence could not be read; the text is the sentence to show.

    `not_offered`: the page does not exist (404), so a preset's other spelling may still be read.
    """

    def __init__(self, message: str, *, not_offered: bool = False) -> None:
        super().__init__(message)
        self.not_offered = not_offered


class GarbledError(Exception):
    """A page says something that it should not; the text does not name the page yet."""


def parse_http_url(text: str) -> Url:
    """Take an `http` or `https` URL apart. Raises `UnreadableError`."""
    try:
        url = parse_url(text)
    except LocationParseError:
        url = Url()
    if url.scheme not in {"http", "https"} or not url.host:
        msg = f"{mask(text)!r} is no HTTP address: write it as http://HOST:PORT/metrics"
        raise UnreadableError(msg)
    return url


def mask(text: str) -> str:
    """`text` as it may be shown: no user, no password, no query (tokens hide there)."""
    head, question, _ = text.partition("?")
    scheme, separator, rest = head.rpartition("://")
    authority, slash, path = rest.partition("/")
    if "@" in authority:
        authority = "***@" + authority.rpartition("@")[2]
    return f"{scheme}{separator}{authority}{slash}{path}" + ("?…" if question else "")


def quote_line(body: bytes, *, limit: int = 300) -> str:
    """The first words of an answer, as part of a sentence."""
    words = " ".join(body[: 8 * limit].decode("utf-8", "replace").split())
    printable = "".join(char if char.isprintable() else "�" for char in words)
    return printable if len(printable) <= limit else printable[:limit] + "…"


def explain(error: Exception, address: str, unix_socket: str, timeout_s: float) -> str:
    """Turn what the libraries raise into what to do, innermost cause first."""
    shown = mask(address)
    where = f"{shown} (unix socket {unix_socket})" if unix_socket else shown
    cause = _find_cause(error)
    if isinstance(cause, TimeoutError):
        return f"{where} did not answer completely within {timeout_s:g} s: is the daemon stuck?"
    if isinstance(cause, ssl.SSLError) and not isinstance(cause, ssl.SSLEOFError):
        return _explain_tls(where, cause)
    if isinstance(cause, socket.gaierror):
        return f"the host name of {shown} cannot be resolved ({cause.strerror}): check it"
    if isinstance(cause, ConnectionRefusedError):
        return f"{where} refuses connections: is the daemon up, and is that its port?"
    if unix_socket and isinstance(cause, FileNotFoundError):
        return f"{where} does not exist: mount its folder into the sidecar at the same path"
    if unix_socket and isinstance(cause, PermissionError):
        return f"{where} may not be opened: run the sidecar with the daemon's user or group"
    if isinstance(cause, (ConnectionError, ssl.SSLEOFError, http.client.HTTPException)):
        return f"{where} ended the connection before its answer was complete: is it restarting?"
    if isinstance(cause, DecodeError):
        return f"{where} sends a compressed answer that cannot be unpacked: turn compression off"
    if isinstance(cause, OSError):
        return f"{where} cannot be reached ({cause.strerror or type(cause).__name__})"
    return f"{where} does not speak HTTP as expected ({type(cause).__name__}): is that its port?"


def _find_cause(error: BaseException) -> BaseException:
    """The socket's own error inside urllib3's wrapping."""
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, (OSError, http.client.HTTPException, DecodeError)):
            return seen
        inner = [arg for arg in seen.args if isinstance(arg, BaseException)]
        seen = inner[0] if inner else seen.__cause__ or seen.__context__
    return error


def _explain_tls(where: str, error: ssl.SSLError) -> str:
    reason = error.reason or ""
    if isinstance(error, ssl.SSLCertVerificationError):
        return (
            f"the certificate of {where} is not trusted ({error.verify_message}): "
            "name the CA that signed it, or the server name that it was made for"
        )
    if reason in {"WRONG_VERSION_NUMBER", "HTTP_REQUEST", "UNKNOWN_PROTOCOL"}:
        return f"{where} does not speak TLS: write http:// instead of https://"
    if "CERTIFICATE" in reason or "HANDSHAKE_FAILURE" in reason:
        return f"{where} asks for a client certificate that it trusts: name one and its key"
    return f"{where} broke off the TLS connection ({reason or 'no reason given'})"
