r"""Reads the small parts of Go's regular expressions: escapes, and classes in brackets."""

from __future__ import annotations

from sidecar.validate.alertmanager.golang.regex_classes import CATEGORIES, POSIX, SCRIPTS

DIGITS = "0123456789"
_OCTAL = "01234567"
_HEX = "0123456789abcdefABCDEF"
LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
_LARGEST_CODE = 0x10FFFF


class RegexError(ValueError):
    """The pattern is none that Go compiles; the text says why."""


class Cursor:
    """A place in a pattern. Each method takes what stands there and moves on."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0

    def skip_property(self) -> None:
        r"""``\pN``, ``\p{Name}`` or ``\p{^Name}``."""
        begin = self.at + 2
        if self.text[begin : begin + 1] == "{":
            end = self.text.find("}", begin)
            name, self.at = self.text[begin + 1 : max(end, 0)], end + 1
        else:
            end = begin if begin < len(self.text) else -1
            name, self.at = self.text[begin : begin + 1], begin + 1
        name = name.removeprefix("^")
        if end < 0 or (name not in CATEGORIES and name not in SCRIPTS):
            message = f"there is no Unicode class {name!r}"
            raise RegexError(message)

    def read_escape(self) -> int:
        """The code of the character after a backslash."""
        self.at += 1
        if self.at >= len(self.text):
            message = "it ends in a backslash"
            raise RegexError(message)
        kind = self.text[self.at]
        self.at += 1
        if kind == "0" or (kind in "1234567" and self.text[self.at : self.at + 1] in _OCTAL):
            return self._read_octal(kind)
        if kind == "x":
            return self._read_hex()
        if kind in "afnrtv":
            return ord({"a": "\a", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}[kind])
        if kind.isascii() and kind not in LETTERS + DIGITS:
            return ord(kind)
        message = f"Go does not know \\{kind}" + (
            " (it has no back-references)" if kind in DIGITS else ""
        )
        raise RegexError(message)

    def _read_octal(self, first: str) -> int:
        digits = first
        following = self.text[self.at : self.at + 2]
        for character in following:
            if character not in _OCTAL:
                break
            digits += character
        if first != "0" and len(digits) == 1:
            message = f"Go does not know \\{first} (it has no back-references)"
            raise RegexError(message)
        self.at += len(digits) - 1
        return int(digits, 8)

    def _read_hex(self) -> int:
        if self.text[self.at : self.at + 1] == "{":
            end = self.text.find("}", self.at)
            digits, following = self.text[self.at + 1 : max(end, 0)], end + 1
        else:
            digits, following = self.text[self.at : self.at + 2], self.at + 2
            digits = digits if len(digits) == 2 else ""  # noqa: PLR2004 - two, as said
        if not digits or any(c not in _HEX for c in digits) or int(digits, 16) > _LARGEST_CODE:
            message = "\\x is not followed by two hexadecimal digits or {a code}"
            raise RegexError(message)
        self.at = following
        return int(digits, 16)

    def skip_class(self) -> None:
        """A class in brackets."""
        self.at += 1
        if self.text[self.at : self.at + 1] == "^":
            self.at += 1
        first = True
        while first or self.text[self.at : self.at + 1] != "]":
            first = False
            if not self._skip_named():
                self._skip_range()
        self.at += 1

    def _skip_named(self) -> bool:
        r"""A class within the brackets: ``[:alpha:]``, ``\d``, ``\pL``."""
        rest = self.text[self.at : self.at + 2]
        if rest == "[:":
            end = self.text.find(":]", self.at + 2)
            if end >= 0:
                name = self.text[self.at + 2 : end].removeprefix("^")
                if name not in POSIX:
                    message = f"there is no class [:{name}:]"
                    raise RegexError(message)
                self.at = end + 2
                return True
        if rest in {"\\p", "\\P"}:
            self.skip_property()
            return True
        if rest in {"\\d", "\\D", "\\s", "\\S", "\\w", "\\W"}:
            self.at += 2
            return True
        return False

    def _skip_range(self) -> None:
        low = self._read_member()
        rest = self.text[self.at : self.at + 2]
        if len(rest) == 2 and rest[0] == "-" and rest[1] != "]":  # noqa: PLR2004 - both are there
            self.at += 1
            if self._read_member() < low:
                message = "a range in brackets falls"
                raise RegexError(message)

    def _read_member(self) -> int:
        if self.at >= len(self.text):
            message = "a bracket is not closed"
            raise RegexError(message)
        if self.text[self.at] == "\\":
            return self.read_escape()
        self.at += 1
        return ord(self.text[self.at - 1])
