"""Shows the offending line without the secrets that may stand on it.

Secrets are known by the names of their fields, on this line or on the one that a value continues;
URLs are shown up to their host, since the path of many webhooks is the password.
"""

from __future__ import annotations

import re
from array import array

from sidecar.validate.alertmanager.tree import Place
from sidecar.validate.text import EXCERPT_CHARS, clean, shorten

_BREAK = re.compile("\r\n|[\n\r\x85\u2028\u2029]")
_SENSITIVE = (
    r"(?:[\w.-]*(?:passw|secret|token|api_?key|credential|private_?key|bearer|authorization)[\w.-]*"
    r"|(?:routing|service|user|access|client_certificate)_key|key)"
)
_SECRET_FIELD = re.compile(
    rf"""((?:^|[{{,\s-])["']?{_SENSITIVE}["']?\s*:)(?!\s*$).*""", re.IGNORECASE
)
_OWNER = re.compile(r"""\s*(?:-\s+)*["']?([^"':#{\[]+?)["']?\s*:(?:\s|$)""")
_URL_REST = re.compile(r"""(://)(?:[^\s"'/@]*@)?([^\s"'/?#,}]*)[^\s"',}]*""")
_MOST_LINES_BACK = 400
MOST_CHARS = 2000
"""Of a line are looked at: one that is longer is no line for people."""


class Excerpts:
    """The lines of one file, found by their offsets: a list of them would double its memory."""

    def __init__(self, content: bytes) -> None:
        self._text = content.decode("utf-8", "replace")
        self._begins = array("Q", [0])
        self._begins.extend(match.end() for match in _BREAK.finditer(self._text))

    def show(self, line: int) -> str:
        """Line number `line`, from 1, fit for logs; empty where there is none."""
        if not 0 < line <= len(self._begins):
            return ""
        text = self._line(line - 1)
        if self._continues_secret(line - 1):
            return f"{text[: len(text) - len(text.lstrip())]}***"
        text = _SECRET_FIELD.sub(r"\1 ***", text)
        text = _URL_REST.sub(lambda match: f"{match[1]}{match[2]}/***", text)
        return shorten(clean(text), EXCERPT_CHARS)

    def keep_inside(self, place: Place) -> Place:
        """`place`, or the end of the file for one beyond: where parsers place what is missing."""
        last = len(self._begins)
        return place if place[0] <= last else (last, len(self._line(last - 1)) + 1)

    def _line(self, index: int) -> str:
        begin = self._begins[index]
        last = index + 1 == len(self._begins)
        end = len(self._text) if last else self._begins[index + 1]
        return self._text[begin : min(end, begin + MOST_CHARS)].rstrip()

    def _continues_secret(self, index: int) -> bool:
        """Whether the line lies under a field whose name says that it is a secret."""
        depth = _indent(self._line(index))
        for earlier in range(index - 1, max(-1, index - _MOST_LINES_BACK), -1):
            text = self._line(earlier)
            if not text or _indent(text) >= depth:
                continue
            depth = _indent(text)
            owner = _OWNER.match(text)
            if owner and re.fullmatch(_SENSITIVE, owner[1].strip(), re.IGNORECASE):
                return owner[1].strip().lower() != "authorization"
            if depth == 0:
                break
        return False


def _indent(text: str) -> int:
    """Where the text begins; the dash of a list entry counts as space."""
    return len(text) - len(text.lstrip(" -\t"))
