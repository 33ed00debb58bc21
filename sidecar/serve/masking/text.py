"""Masks secrets in text of any format, line by line.

Nothing is known of the format, so a name that means a secret hides the rest of its line, and all
that may still belong to it: what is indented deeper, what an open bracket or quote goes on to, and
the line after a name that has no value on its own.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from sidecar.serve.masking.names import MASK, Rules, is_unmistakable

_PEM = re.compile(r"(-----BEGIN [^-\n]*-----).*?(-----END [^-\n]*-----|\Z)", re.DOTALL)
_USER_IN_URL = re.compile(r"([A-Za-z][\w+.\-]*://)[^\s\"'<>]*@")
_USER_BEFORE_HOST = re.compile(r"(?<![\w<])[\w.%+\-]+:(?!//)[^\s\"'@]+@(?=[\w(\[])")
_LOGIN = re.compile(r"\b((?i:Bearer|Basic)|Digest|Token|ApiKey|GenieKey)\s+(?!<)[^\s\"',;]{6,}")
_TOKEN = re.compile(
    r"\beyJ[\w\-]{6,}\.[\w\-]+\.?[\w\-]*|\bxox[a-z]-[\w\-]{8,}|\bgh[pousr]_\w{16,}"
    r"|\bgithub_pat_\w{16,}|\bglpat-[\w\-]{16,}|\bAKIA[0-9A-Z]{16}|\bAIza[\w\-]{30,}"
    r"|\bsk-[\w\-]{20,}"
)
"""JSON web tokens, and what Slack, GitHub, GitLab, AWS, Google and others begin theirs with."""
_HOOK = re.compile(
    r"(://(?:[\w\-]+\.)*(?:hooks\.slack\.com|discord(?:app)?\.com/api/webhooks"
    r"|webhook\.office\.com|logic\.azure\.com|chat\.googleapis\.com|api\.telegram\.org))"
    r"[^\s\"'<>]*",
    re.IGNORECASE,
)
_WORD = re.compile(r"[\w.\-/]+")
_SIGN = re.compile(r"[\"'\])]*\s*(?:=>|:=|[:=>])+\s*")
_GAP = re.compile(r"[\"'\])]*\s*")
_FORWARD = re.compile(r"\s+(?:(?:https?|grpcs?)://|unix:)")
"""What nginx's `proxy_pass` has, and no password."""
_FORWARDS = frozenset({"fastcgi_pass", "memcached_pass", "scgi_pass", "uwsgi_pass"})
"""What follows these in nginx is an address, with or without a scheme."""
_ANY_SIGN = re.compile(r"[:=>@\s]")
"""Without one of these a text is a single word, which only its name could make a secret."""
_OPENERS, _CLOSERS, _QUOTES = "([{", ")]}", "\"'`"


Means = Callable[[str], bool]


@dataclass(frozen=True, slots=True)
class _Finder:
    """Finds values that must be masked, by the names before them."""

    means_secret: Means
    needs_sign: bool

    def find(self, line: str) -> int | None:
        """Where such a value begins; None if none does."""
        for number, found in enumerate(_WORD.finditer(line)):
            word, rest = found[0].lstrip("-"), line[found.end() :]
            sign = _SIGN.match(rest)
            if sign is None and (self.needs_sign or "/" in word or _is_forward(word, rest)):
                continue
            gap = sign or _GAP.match(rest)
            has_value = rest.strip() or number == 0
            if gap is not None and has_value and self.means_secret(word.rpartition("/")[2]):
                return found.end() + gap.end()
        return None


def _is_forward(word: str, rest: str) -> bool:
    return word in _FORWARDS or (word.endswith("_pass") and _FORWARD.match(rest) is not None)


def mask_values(text: str) -> str:
    """Mask what is a secret by its looks: logins in addresses, tokens, keys in PEM."""
    text = _PEM.sub(rf"\1{MASK}\2", text)
    text = _USER_IN_URL.sub(rf"\1{MASK}@", text)
    text = _USER_BEFORE_HOST.sub(f"{MASK}@", text)
    text = _LOGIN.sub(rf"\1 {MASK}", text)
    text = _HOOK.sub(rf"\1/{MASK}", text)
    return _TOKEN.sub(MASK, text)


def mask_scalar(text: str, rules: Rules) -> str:
    """Mask what is a secret within one value, as ``--password=…`` in a command.

    Names count only where a sign follows, as all else may be prose; and in a single line only those
    that mean nothing else, unless the value is a document itself.
    """
    if not _ANY_SIGN.search(text):
        return _TOKEN.sub(MASK, text)
    is_document = "\n" in text or text.lstrip().startswith(("{", "["))
    means_secret = rules.mask_word if is_document else is_unmistakable
    return _mask(text, means_secret, needs_sign=True)


def mask_text(text: str, rules: Rules) -> str:
    """Mask what may be a secret in a whole file."""
    return _mask(text, rules.mask_word, needs_sign=False)


def _mask(text: str, means_secret: Means, *, needs_sign: bool) -> str:
    lines = _PEM.sub(rf"\1{MASK}\2", text).split("\n")
    finder = _Finder(means_secret, needs_sign)
    return mask_values("\n".join(_mask_each(lines, finder)))


def _mask_each(lines: list[str], finder: _Finder) -> Iterator[str]:
    value: _Value | None = None
    for line in lines:
        if value is not None:
            if value.takes(line):
                if line.strip():
                    yield f"{line[: _indent(line)]}{MASK}"
                else:
                    yield ""
                continue
            value = None
        start = finder.find(line)
        if start is None:
            yield line
            continue
        value = _Value(_indent(line))
        value.read(line[start:])
        yield f"{line[:start]}{MASK}" if line[start:].strip() else line


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())


@dataclass(slots=True)
class _Value:
    """What is known of a value that is being masked: where it may go on."""

    indent: int
    depth: int = 0
    raw_depth: int = 0
    quote: str = ""
    continued: bool = False
    begun: bool = field(default=False)

    def takes(self, line: str) -> bool:
        """Whether `line` may still belong to it; reads it if so."""
        is_blank = not line.strip()
        is_open = self.quote or self.continued or max(self.depth, self.raw_depth) > 0
        if is_open or not self.begun or is_blank or _indent(line) > self.indent:
            self.read(line)
            return True
        return False

    def read(self, text: str) -> None:
        """Follow brackets, quotes and continuations through `text`."""
        self.continued = text.rstrip().endswith("\\")
        self.begun = self.begun or any(char.isalnum() for char in text)
        escaped = False
        for char in text:
            if escaped:
                escaped = False
            elif char == "\\":
                escaped = True
            elif char in _QUOTES:
                self.quote = "" if char == self.quote else self.quote or char
            self.raw_depth += (char in _OPENERS) - (char in _CLOSERS)
            if not self.quote:
                self.depth += (char in _OPENERS) - (char in _CLOSERS)
