"""Alertmanager's matchers: the classic parser, and the UTF-8 one that came with 0.27.

Since 0.27 a line is good when either parser takes it; before, when the classic one does.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from sidecar.validate.alertmanager.golang.regex import check_anchored
from sidecar.validate.alertmanager.golang.regex_cursor import RegexError

CLASSIC_LABEL = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
_SPACE = " \t\n\v\f\r\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
_RE2_SPACE = "\t\n\f\r "
_CLASSIC = re.compile(r"[\t\n\f\r ]*([a-zA-Z_:][a-zA-Z0-9_:]*)[\t\n\f\r ]*(=~|=|!=|!~)")
_TOKEN = re.compile(
    rf"[{_SPACE}]*(?:(?P<brace>[{{}}])|(?P<comma>,)|(?P<operator>=~|=|!=|!~)"
    rf'|(?P<quoted>"(?:[^"\\]|\\(?s:.))*")|(?P<bare>[^{_SPACE}{{}}!=~,\\"\'`]+)|(?P<end>\Z))'
)
_GO_ESCAPE = re.compile(
    r"""\\(?:[abfnrtv\\"]|x[0-9a-fA-F]{2}|[0-7]{3}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8})|[^\\\n]"""
)
_SHORT_ESCAPES = {
    "a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r",
    "t": "\t", "v": "\v", "\\": "\\", '"': '"',
}  # fmt: skip


class MatcherError(ValueError):
    """A line is no matcher; the text says why."""


@dataclass(frozen=True, slots=True)
class Matcher:
    """One condition on one label."""

    name: str
    operator: str
    value: str

    @property
    def is_regex(self) -> bool:
        """Whether the value is a regular expression."""
        return self.operator.endswith("~")


def parse_classic(line: str) -> tuple[Matcher, ...]:
    """The matchers of one line, by the classic parser.

    Raises:
        MatcherError: it does not take the line.
    """
    inner = line.removeprefix("{").removesuffix("}")
    return tuple(_parse_classic_one(token) for token in _split_classic(inner))


def _split_classic(inner: str) -> list[str]:
    tokens, begin, quoted, escaped = [], 0, False, False
    for at, character in enumerate(inner):
        if character == "," and not quoted:
            tokens.append(inner[begin:at])
            begin = at + 1
            continue
        if character == '"' and not escaped:
            quoted = not quoted
        escaped = character == "\\" and not escaped
    last = inner[begin:].strip()
    return [*tokens, last] if last else tokens


def _parse_classic_one(token: str) -> Matcher:
    match = _CLASSIC.match(token)
    if match is None:
        message = f'{token.strip()!r} is no matcher like severity="critical" or team=~"a|b"'
        raise MatcherError(message)
    return _make(match[1], match[2], _unquote_classic(token[match.end() :].strip(_RE2_SPACE)))


def _unquote_classic(raw: str) -> str:
    quoted = raw.startswith('"')
    body = raw[1:] if quoted else raw
    closed, escaped, value = not quoted, False, []
    last = len(body) - 1
    for at, character in enumerate(body):
        if escaped:
            escaped = False
            value.append({"n": "\n", '"': '"', "\\": "\\"}.get(character, "\\" + character))
        elif character == "\\" and len(body[at:].encode()) > 1:
            escaped = True
        elif character == '"':
            if closed or at < last:
                message = "the value has a double quote in it that is not escaped"
                raise MatcherError(message)
            closed = True
        else:
            value.append(character)
    if not closed:
        message = "the double quote of the value is not closed"
        raise MatcherError(message)
    return "".join(value)


def parse_utf8(line: str) -> tuple[Matcher, ...]:
    """The matchers of one line, by the parser that takes any label name.

    Raises:
        MatcherError: it does not take the line.
    """
    tokens = _tokenize(line)
    braced = tokens[0] == ("brace", "{")
    if braced:
        tokens = tokens[1:]
        if tokens[-2:-1] != [("brace", "}")]:
            message = "the opening brace is not closed"
            raise MatcherError(message)
        tokens = tokens[:-2] + tokens[-1:]
    return tuple(_take_utf8(tokens))


def _tokenize(line: str) -> list[tuple[str, str]]:
    tokens: list[tuple[str, str]] = []
    at = 0
    while not tokens or tokens[-1][0] != "end":
        match = _TOKEN.match(line, at)
        if match is None or match.lastgroup is None:
            message = f"{line[at:].strip()[:20]!r} is out of place"
            raise MatcherError(message)
        tokens.append((match.lastgroup, match[match.lastgroup]))
        at = match.end()
    return tokens


def _take_utf8(tokens: list[tuple[str, str]]) -> list[Matcher]:
    matchers, at = [], 0
    while tokens[at][0] != "end":
        if at:
            at = _take_comma(tokens, at)
            if tokens[at][0] == "end":
                break
        kinds = tuple(kind for kind, _ in tokens[at : at + 3])
        if len(kinds) < 3 or kinds[1] != "operator" or {kinds[0], kinds[2]} - {"quoted", "bare"}:  # noqa: PLR2004
            message = "a matcher is a label name, one of = != =~ !~, and a value"
            raise MatcherError(message)
        name, value = (_unquote_go(*tokens[at + offset]) for offset in (0, 2))
        matchers.append(_make(name, tokens[at + 1][1], value))
        at += 3
    return matchers


def _take_comma(tokens: list[tuple[str, str]], at: int) -> int:
    if tokens[at][0] != "comma":
        message = "a comma is missing between two matchers"
        raise MatcherError(message)
    return at + 1


def _unquote_go(kind: str, text: str) -> str:
    """A Go string literal in double quotes, or a bare word."""
    if kind == "bare":
        return text
    body, at, value = text[1:-1], 0, bytearray()
    while at < len(body):
        match = _GO_ESCAPE.match(body, at)
        if match is None:
            message = "a quoted part has an escape that Go does not know"
            raise MatcherError(message)
        value += _decode_escape(match[0])
        at = match.end()
    try:
        return value.decode()
    except UnicodeDecodeError as error:
        message = "a quoted part is no UTF-8"
        raise MatcherError(message) from error


def _decode_escape(text: str) -> bytes:
    if text[0] != "\\":
        return text.encode("utf-8", "surrogatepass")
    kind = text[1]
    if kind in _SHORT_ESCAPES:
        return _SHORT_ESCAPES[kind].encode()
    code = int(text[1:], 8) if kind.isdigit() else int(f"0x{text[2:]}", 0)
    if kind == "x" or kind.isdigit():
        if code > 0xFF:  # noqa: PLR2004 - a byte
            message = "an octal escape is larger than a byte"
            raise MatcherError(message)
        return bytes([code])
    if code > 0x10FFFF or 0xD800 <= code < 0xE000:  # noqa: PLR2004 - what Unicode has
        message = "an escape names no Unicode character"
        raise MatcherError(message)
    return chr(code).encode()


def _make(name: str, operator: str, value: str) -> Matcher:
    matcher = Matcher(name, operator, value)
    if matcher.is_regex:
        try:
            check_anchored(value)
        except RegexError as error:
            message = f"the regular expression of {name} does not compile: {error}"
            raise MatcherError(message) from error
    return matcher
