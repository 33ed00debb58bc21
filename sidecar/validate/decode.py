"""Turns a key's bytes into text, or says where they are none."""

from __future__ import annotations

import codecs

from sidecar.core.report import Finding
from sidecar.validate.text import find_place

MOST_BYTES = 10 << 20
"""Ten times what a ConfigMap can hold (1 MiB): only folders on a disk have more."""

_UTF_16_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


class NotTextError(Exception):
    """The content is no text that can be parsed; `finding` says why and where."""

    def __init__(self, finding: Finding) -> None:
        super().__init__(str(finding))
        self.finding = finding


def decode(check: str, key: str, content: bytes) -> str:
    """The text of `content`, a byte order mark included.

    Raises:
        NotTextError: it is too large, UTF-16, or no valid UTF-8; its finding is of `check`.
    """
    if len(content) > MOST_BYTES:
        message = f"has {len(content) >> 20} MiB; more than {MOST_BYTES >> 20} MiB are not parsed"
        raise NotTextError(Finding(check=check, code="size", file=key, message=message))
    if content.startswith(_UTF_16_MARKS):
        message = "is written in UTF-16, which most daemons refuse: save it as UTF-8"
        raise NotTextError(Finding(check=check, code="encoding", file=key, message=message))
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        line, column = find_place(content, error.start)
        byte = content[error.start]
        finding = Finding(
            check=check,
            code="encoding",
            file=key,
            line=line,
            column=column,
            message=f"is no valid UTF-8: byte 0x{byte:02x} ({error.reason})",
            suggestion="save the file as UTF-8",
        )
        raise NotTextError(finding) from error
