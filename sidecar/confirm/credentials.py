"""What opens a daemon's endpoint: tokens, passwords, certificates.

Secrets rotate while the sidecar runs, so their files are read at each use. A TLS context is dear to
build and is kept until one of its files changes.
"""

from __future__ import annotations

import base64
import ssl
from collections.abc import Callable
from pathlib import Path

from sidecar.confirm.trouble import UnreadableError
from sidecar.core.bridge import Access


def authorize(access: Access, userinfo: str | None) -> dict[str, str]:
    """The headers that say who asks; `userinfo` (`user:password` of the URL) comes last.

    Raises `UnreadableError`.
    """
    if access.bearer_token_file:
        return {"Authorization": f"Bearer {_read_secret(access.bearer_token_file, 'bearer token')}"}
    if access.username:
        password = _read_secret(access.password_file, "password") if access.password_file else ""
        userinfo = f"{access.username}:{password}"
    if not userinfo:
        return {}
    return {"Authorization": f"Basic {base64.b64encode(userinfo.encode()).decode()}"}


def _read_secret(path: str, kind: str) -> str:
    try:
        secret = Path(path).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "no UTF-8 text"
        msg = f"the {kind} file {path} cannot be read ({why}): mount it into the sidecar too"
        raise UnreadableError(msg) from error
    if not secret.isprintable():
        msg = f"the {kind} file {path} must hold one line and nothing else"
        raise UnreadableError(msg)
    return secret


class TlsContexts:
    """TLS contexts by what they are made of, rebuilt when one of their files is replaced."""

    def __init__(self) -> None:
        self._built: dict[Access, tuple[tuple[int, ...], ssl.SSLContext]] = {}

    def get(self, access: Access) -> ssl.SSLContext:
        """The context for `access`. Raises `UnreadableError` if a file is missing or unfit."""
        files = tuple(p for p in (access.ca_file, access.cert_file, access.key_file) if p)
        version = tuple(_identify(path) for path in files)
        known = self._built.get(access)
        if known is not None and known[0] == version:
            return known[1]
        context = _build(access)
        self._built[access] = (version, context)
        return context


def _identify(path: str) -> int:
    try:
        found = Path(path).stat()
    except OSError as error:
        msg = f"the TLS file {path} cannot be read ({error.strerror}): mount it into the sidecar"
        raise UnreadableError(msg) from error
    return hash((found.st_mtime_ns, found.st_ino, found.st_size))


def _build(access: Access) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if access.insecure_skip_verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    elif access.ca_file:
        _load(access.ca_file, "CA", lambda: context.load_verify_locations(access.ca_file))
    else:
        context.load_default_certs()
    if access.cert_file:
        key_file = access.key_file or None
        _load(
            access.cert_file,
            "client certificate",
            lambda: context.load_cert_chain(access.cert_file, key_file, password=_no_password),
        )
    return context


def _load(path: str, kind: str, load: Callable[[], None]) -> None:
    try:
        load()
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or getattr(error, "reason", None) or "unfit"
        msg = (
            f"the {kind} file {path} (or its key) cannot be used ({why}): it must be PEM, "
            "readable by the sidecar, and certificate and key must belong together"
        )
        raise UnreadableError(msg) from error


def _no_password() -> str:
    """An encrypted key must not make OpenSSL ask on the terminal."""
    return ""
