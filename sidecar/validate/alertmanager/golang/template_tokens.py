"""Cuts a Go template into text and the tokens of its actions (the lexer of `text/template`)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum


class TemplateError(ValueError):
    """Go does not parse the template; `offset` is where, in characters."""

    def __init__(self, message: str, offset: int) -> None:
        super().__init__(message)
        self.offset = offset


class Token(StrEnum):
    """Kinds of tokens."""

    TEXT = "text"
    OPEN = "{{"
    CLOSE = "}}"
    SPACE = "space"
    KEYWORD = "keyword"
    NAME = "name"
    FIELD = "field"
    VARIABLE = "variable"
    NUMBER = "number"
    STRING = "string"
    BOOL = "bool"
    NIL = "nil"
    DOT = "."
    PIPE = "|"
    COMMA = ","
    DECLARE = ":="
    ASSIGN = "="
    LEFT = "("
    RIGHT = ")"
    END = "end of the template"


@dataclass(frozen=True, slots=True)
class Lexeme:
    """A token with its text and place."""

    token: Token
    text: str
    offset: int


_KEYWORD_NAMES = "block break continue define else end if range template with"
KEYWORDS = frozenset(_KEYWORD_NAMES.split())
_NUMBER = (
    r"[-+]?(?:0[xX][0-9a-fA-F_]+|0[oO][0-7_]+|0[bB][01_]+|[0-9][0-9_]*\.?[0-9_]*|\.[0-9][0-9_]*)"
    r"(?:[eEpP][-+]?[0-9]+)?i?"
)
_ACTION = re.compile(
    rf"""
    (?P<space>[ \t\r\n]+)
    |(?P<string>"(?:[^"\\\n]|\\[^\n])*"|`[^`]*`)
    |(?P<char>'(?:[^'\\\n]|\\[^\n])*')
    |(?P<number>{_NUMBER})
    |(?P<field>\.\w+)
    |(?P<dot>\.)
    |(?P<variable>\$\w*)
    |(?P<name>[^\W\d]\w*)
    |(?P<declare>:=)|(?P<assign>=)|(?P<pipe>\|)|(?P<comma>,)|(?P<left>\()|(?P<right>\))
    """,
    re.VERBOSE,
)
_KINDS = {
    "space": Token.SPACE, "string": Token.STRING, "char": Token.NUMBER, "number": Token.NUMBER,
    "field": Token.FIELD, "dot": Token.DOT, "variable": Token.VARIABLE, "declare": Token.DECLARE,
    "assign": Token.ASSIGN, "pipe": Token.PIPE, "comma": Token.COMMA, "left": Token.LEFT,
    "right": Token.RIGHT,
}  # fmt: skip
_ESCAPE = r"\\(?:[abfnrtv\\]|x[0-9a-fA-F]{2}|[0-3][0-7]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8})"
_QUOTED = re.compile(rf"""`[^`]*`|"(?:[^"\\\n]|\\"|{_ESCAPE})*"|'(?:[^'\\\n]|\\'|{_ESCAPE})'""")
_LIKE_OCTAL = re.compile(r"[-+]?0[0-9_]+")
_ENDS_A_WORD = re.compile(r"[ \t\r\n.,|:)(=]|-?\}\}|\Z")
_WORDS = (Token.FIELD, Token.VARIABLE, Token.NAME, Token.KEYWORD, Token.BOOL, Token.NIL)
_COMMENT = re.compile(r"\{\{(?:-[ \t\r\n]+)?/\*(?s:.*?)\*/(?:[ \t\r\n]+-)?\}\}")
_COMMENT_BEGIN = re.compile(r"\{\{(?:-[ \t\r\n]+)?/\*")


def tokenize(template: str) -> list[Lexeme]:
    """All tokens of `template`, ended by one of kind `Token.END`.

    Raises:
        TemplateError: something is not closed, or a character is out of place.
    """
    lexemes: list[Lexeme] = []
    at = 0
    while (begin := template.find("{{", at)) >= 0:
        if begin > at:
            lexemes.append(Lexeme(Token.TEXT, template[at:begin], at))
        if _COMMENT_BEGIN.match(template, begin):
            comment = _COMMENT.match(template, begin)
            if comment is None:
                message = "a comment is not closed by */}}"
                raise TemplateError(message, begin)
            at = comment.end()
        else:
            at = _tokenize_action(template, begin, lexemes)
    if at < len(template):
        lexemes.append(Lexeme(Token.TEXT, template[at:], at))
    lexemes.append(Lexeme(Token.END, "", len(template)))
    return lexemes


def _tokenize_action(template: str, begin: int, lexemes: list[Lexeme]) -> int:
    lexemes.append(Lexeme(Token.OPEN, "{{", begin))
    at = begin + 2
    if template[at : at + 1] == "-" and template[at + 1 : at + 2] in set(" \t\r\n"):
        at += 1
    depth = 0
    while not _closes(template, at):
        lexeme = _next(template, at, begin)
        depth += (lexeme.token is Token.LEFT) - (lexeme.token is Token.RIGHT)
        if depth < 0:
            message = "a closing parenthesis has no opening one"
            raise TemplateError(message, at)
        lexemes.append(lexeme)
        at += len(lexeme.text)
    if depth:
        message = "a parenthesis is not closed"
        raise TemplateError(message, at)
    lexemes.append(Lexeme(Token.CLOSE, "}}", at))
    return template.index("}}", at) + 2


def _closes(template: str, at: int) -> bool:
    if template.startswith("}}", at):
        return True
    return template[at - 1] in " \t\r\n" and template.startswith("-}}", at)


def _next(template: str, at: int, begin: int) -> Lexeme:
    match = _ACTION.match(template, at)
    if match is None or match.lastgroup is None:
        rest = template[at : at + 1]
        message = (
            "an action is not closed by }}"
            if not rest
            else f"{rest!r} is out of place in an action"
        )
        if rest in {'"', "`", "'"}:
            message = "a quote is not closed"
        raise TemplateError(message, at if rest else begin)
    kind, text = match.lastgroup, match[0]
    token = _name_token(text) if kind == "name" else _KINDS[kind]
    if token in _WORDS and not _ENDS_A_WORD.match(template, match.end()):
        message = f"{template[match.end()]!r} is out of place after {text!r}"
        raise TemplateError(message, match.end())
    if token is Token.NUMBER and (template[match.end() : match.end() + 1] + " ")[0].isalnum():
        message = "a number is misspelt"
        raise TemplateError(message, at)
    if kind in {"string", "char"} and not _QUOTED.fullmatch(text):
        message = f"{text[:20]} has an escape that Go does not know, or is not one character"
        raise TemplateError(message, at)
    if _LIKE_OCTAL.fullmatch(text) and token is Token.NUMBER and set(text) & {"8", "9"}:
        message = f"{text} begins with 0 and is no octal number"
        raise TemplateError(message, at)
    return Lexeme(token, text, at)


def _name_token(text: str) -> Token:
    if text in KEYWORDS:
        return Token.KEYWORD
    if text in {"true", "false"}:
        return Token.BOOL
    return Token.NIL if text == "nil" else Token.NAME
