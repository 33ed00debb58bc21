"""Header names as Go spells them (`textproto.CanonicalMIMEHeaderKey`)."""

from __future__ import annotations

import re

_TOKEN = re.compile(r"[A-Za-z0-9!#$%&'*+\-.^_`|~]+")


def canonical_header(name: str) -> str:
    """`name` with each word capitalised; as it stands where it is no header name."""
    if not _TOKEN.fullmatch(name):
        return name
    return "-".join(word[:1].upper() + word[1:].lower() for word in name.split("-"))
