"""Texts, times and names in the form and within the limits that the API sets; pure."""

from __future__ import annotations

from datetime import UTC, datetime

MAX_NAME_CHARS = 253
"""Of an object: a DNS subdomain."""

_ELLIPSIS = "…"


def cut(text: str, limit_bytes: int) -> str:
    """`text` in at most `limit_bytes` of UTF-8; what was cut ends in an ellipsis.

    What is no valid Unicode, as a file name may be, would be refused and becomes question marks.
    """
    encoded = text.encode("utf-8", "replace")
    if len(encoded) <= limit_bytes:
        return encoded.decode()
    room_bytes = limit_bytes - len(_ELLIPSIS.encode())
    return encoded[:room_bytes].decode("utf-8", "ignore") + _ELLIPSIS if room_bytes >= 0 else ""


def join_name(head: str, separator: str, tail: str) -> str:
    """A name of both, `head` cut so that it is valid: no part may end in a dot or a dash."""
    room_chars = MAX_NAME_CHARS - len(separator) - len(tail)
    return f"{head[:room_chars].rstrip('.-')}{separator}{tail}"


def render_seconds(wall_s: float) -> str:
    """A metav1.Time: RFC 3339, UTC."""
    return datetime.fromtimestamp(wall_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def render_micros(wall_s: float) -> str:
    """A metav1.MicroTime: the same with six digits after the seconds, no fewer."""
    return datetime.fromtimestamp(wall_s, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
