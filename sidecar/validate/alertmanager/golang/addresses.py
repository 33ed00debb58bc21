"""URLs and host:port pairs as Go's `net/url` and `net` take them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import ip_address

_SCHEME = re.compile(r"([a-zA-Z][a-zA-Z0-9+.-]*):")
_CONTROL = re.compile("[\x00-\x1f\x7f]")
_BAD_ESCAPE = re.compile(r"%(?![0-9a-fA-F]{2})")
_USER = re.compile(r"[A-Za-z0-9\-._:~!$&'()*+,;=%@]*")
_PORT = re.compile(r"(?::[0-9]*)?")
_BAD_HOST = re.compile(r"[\x00-\x20#/?@\\^`{|}\x7f]|%(?![89a-fA-F])(?!25)")
SECRET_TOKEN = "<secret>"  # noqa: S105 - the mask that Alertmanager prints for a secret


@dataclass(frozen=True, slots=True)
class Url:
    """The parts of a URL that rules look at."""

    scheme: str
    host: str
    user: str
    path: str

    @property
    def is_local(self) -> bool:
        """Whether it names this machine or pod: plain HTTP does not leave it."""
        if self.host == "localhost" or self.host.endswith(".localhost"):
            return True
        try:
            return ip_address(self.host).is_loopback
        except ValueError:
            return False


def parse_web_url(text: str) -> Url:
    """An ``http`` or ``https`` URL with a host.

    Raises:
        ValueError: it is none; the message never quotes it, since many URLs are secrets.
    """
    url = parse_url(text)
    if url.scheme not in {"http", "https"}:
        message = (
            f"its scheme is {url.scheme!r}, not http or https"
            if url.scheme
            else ("it has no scheme: it must begin with http:// or https://")
        )
        raise ValueError(message)
    if not url.host:
        message = "it names no host"
        raise ValueError(message)
    return url


def parse_url(text: str) -> Url:
    """Any URL that Go parses, without a verdict on its scheme.

    Raises:
        ValueError: it is none.
    """
    if _CONTROL.search(text):
        message = "it contains a control character, such as a line end"
        raise ValueError(message)
    rest, _, fragment = text.partition("#")
    if text.startswith(":"):
        message = "it has no scheme before the colon"
        raise ValueError(message)
    match = _SCHEME.match(rest)
    scheme = match[1].lower() if match else ""
    rest = rest[match.end() :].partition("?")[0] if match else rest.partition("?")[0]
    _check_escapes(fragment)
    if not rest.startswith("/") and scheme:
        return Url(scheme, "", "", rest)
    if not scheme and not rest.startswith("/") and ":" in rest.partition("/")[0]:
        message = "its first part contains a colon"
        raise ValueError(message)
    return _split_authority(scheme, rest)


def _split_authority(scheme: str, rest: str) -> Url:
    if not rest.startswith("//") or (not scheme and rest.startswith("///")):
        _check_escapes(rest)
        return Url(scheme, "", "", rest)
    authority, slash, path = rest[2:].partition("/")
    user, _, host = authority.rpartition("@")
    if not _USER.fullmatch(user):
        message = "the user before the @ contains a forbidden character"
        raise ValueError(message)
    _check_escapes(user)
    _check_escapes(path)
    return Url(scheme, _check_host(host), user, slash + path)


def _check_host(host: str) -> str:
    name, port = host, ""
    if host.startswith("["):
        name, bracket, port = host.rpartition("]")
        if not bracket:
            message = "the bracket of its IPv6 address is not closed"
            raise ValueError(message)
        name += bracket
    elif ":" in host:
        name, _, port = host.rpartition(":")
        port = f":{port}"
    if not _PORT.fullmatch(port):
        message = "its port is no number"
        raise ValueError(message)
    if _BAD_HOST.search(name):
        message = "its host contains a forbidden character"
        raise ValueError(message)
    return name.strip("[]") if name else port


def _check_escapes(text: str) -> None:
    if _BAD_ESCAPE.search(text):
        message = "a % in it is not followed by two hexadecimal digits"
        raise ValueError(message)


def split_host_port(text: str) -> tuple[str, str]:
    """Host and port of ``host:port`` or ``[v6]:port``.

    Raises:
        ValueError: there is no port, or there are too many colons or stray brackets.
    """
    host, colon, port = text.rpartition(":")
    if not colon or not port:
        message = f"{text!r} has no port: write host:port"
        raise ValueError(message)
    if host.startswith("["):
        if not host.endswith("]"):
            message = f"{text!r} has a bracket that does not fit: write [address]:port"
            raise ValueError(message)
        host = host[1:-1]
    elif ":" in host:
        message = f"{text!r} has too many colons: put an IPv6 address in brackets"
        raise ValueError(message)
    if any(bracket in host + port for bracket in "[]"):
        message = f"{text!r} has a stray bracket"
        raise ValueError(message)
    return host, port
