"""Whether Go parses a template: balanced actions, known functions, declared variables.

The grammar of `text/template`, without running anything: what a template shows is not judged.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NoReturn

from sidecar.validate.alertmanager.golang.template_tokens import (
    Lexeme,
    TemplateError,
    Token,
    tokenize,
)

_GO_FUNCTION_NAMES = (
    "and call eq ge gt html index js le len lt ne not or print printf println slice urlquery"
)
_FIRST_FUNCTION_NAMES = "toUpper toLower title join match safeHtml reReplaceAll stringSlice"
GO_FUNCTIONS = frozenset(_GO_FUNCTION_NAMES.split())
ALERTMANAGER_FUNCTIONS = frozenset(_FIRST_FUNCTION_NAMES.split())
"""What every release since 0.25 adds."""
NEWER_FUNCTIONS = {
    "trimSpace": (0, 26), "date": (0, 28), "tz": (0, 28), "since": (0, 28),
    "humanizeDuration": (0, 28), "safeUrl": (0, 30), "urlUnescape": (0, 30), "toJson": (0, 30),
    "now": (0, 32), "toDate": (0, 32), "mustToDate": (0, 32), "list": (0, 32), "append": (0, 32),
    "dict": (0, 32), "routeLabels": (0, 34),
}  # fmt: skip
"""What later ones added, with the release."""

_OPERANDS = frozenset(
    (Token.NAME, Token.DOT, Token.NIL, Token.VARIABLE, Token.FIELD, Token.BOOL, Token.NUMBER,
     Token.LEFT, Token.STRING)
)  # fmt: skip
_CONSTANTS = frozenset((Token.DOT, Token.NIL, Token.BOOL, Token.NUMBER, Token.STRING))


def check_template(template: str, functions: Iterable[str]) -> frozenset[str]:
    """Hold `template` against Go's grammar; the names that its ``define`` actions give.

    Raises:
        TemplateError: Go does not parse it.
    """
    parser = _Parser(tokenize(template), frozenset(functions) | GO_FUNCTIONS)
    try:
        return parser.parse()
    except RecursionError:
        message = "it is nested too deeply"
        raise TemplateError(message, 0) from None


class _Parser:
    def __init__(self, lexemes: list[Lexeme], functions: frozenset[str]) -> None:
        self._lexemes = lexemes
        self._functions = functions
        self._at = 0
        self._variables = ["$"]
        self._loops = 0
        self._defined: set[str] = set()

    def parse(self) -> frozenset[str]:
        while self._peek().token is not Token.END:
            if not self._take_define():
                word = self._take_item()
                if word:
                    self._fail(f"{{{{{word}}}}} has nothing to end here")
        return frozenset(self._defined)

    def _peek(self) -> Lexeme:
        return self._lexemes[self._at]

    def _next(self) -> Lexeme:
        lexeme = self._lexemes[self._at]
        self._at += 1
        return lexeme

    def _skip_space(self) -> Lexeme:
        if self._peek().token is Token.SPACE:
            self._at += 1
        return self._peek()

    def _fail(self, message: str, lexeme: Lexeme | None = None) -> NoReturn:
        raise TemplateError(message, (lexeme or self._lexemes[max(self._at - 1, 0)]).offset)

    def _expect(self, token: Token, where: str) -> Lexeme:
        lexeme = self._skip_space()
        if lexeme.token is not token:
            self._fail(f"{lexeme.text or lexeme.token!s} is out of place {where}", lexeme)
        return self._next()

    def _take_define(self) -> bool:
        """A ``define`` at the top level, where alone it may stand."""
        begin = self._at
        if self._next().token is Token.OPEN:
            word = self._skip_space()
            if word.token is Token.KEYWORD and word.text == "define":
                self._at += 1
                name = self._expect(Token.STRING, "after define")
                self._expect(Token.CLOSE, "after the name of a define")
                outer, self._variables, loops, self._loops = self._variables, ["$"], self._loops, 0
                empty = self._take_list("define", ("end",))[1]
                self._variables, self._loops = outer, loops
                self._define(name, empty=empty)
                return True
        self._at = begin
        return False

    def _define(self, name: Lexeme, *, empty: bool) -> None:
        if empty:
            return
        if name.text in self._defined:
            self._fail(f"the template {name.text} is defined twice", name)
        self._defined.add(name.text)

    def _take_list(self, word: str, ends: tuple[str, ...]) -> tuple[str, bool]:
        """Items up to an ``end`` or ``else``; which it was, and whether they were only space."""
        empty = True
        ended = ""
        while not ended:
            lexeme = self._peek()
            if lexeme.token is Token.END:
                self._fail(f"a {{{{{word}}}}} has no {{{{end}}}}")
            ended = self._take_item()
            empty = empty and (
                ended != "" or (lexeme.token is Token.TEXT and not lexeme.text.strip())
            )
        if ended not in ends:
            self._fail(f"{{{{{ended}}}}} is out of place in a {{{{{word}}}}}")
        return ended, empty

    def _take_item(self) -> str:
        """Text or an action; ``end`` or ``else`` where it was one of these."""
        if self._next().token is Token.TEXT:
            return ""
        lexeme = self._skip_space()
        if lexeme.token is not Token.KEYWORD:
            self._take_pipeline("an action", Token.CLOSE)
            return ""
        self._at += 1
        return self._take_keyword(lexeme)

    def _take_keyword(self, lexeme: Lexeme) -> str:
        word = lexeme.text
        if word in {"if", "with", "range"}:
            self._take_control(word)
        elif word in {"template", "block"}:
            self._take_template(word)
        elif word in {"break", "continue"}:
            self._expect(Token.CLOSE, f"after {word}")
            if not self._loops:
                self._fail(f"{{{{{word}}}}} stands outside of a range", lexeme)
        elif word == "end":
            self._expect(Token.CLOSE, "after end")
            return word
        elif word == "else":
            if self._skip_space().text not in {"if", "with"}:
                self._expect(Token.CLOSE, "after else")
            return word
        else:
            self._fail(f"{{{{{word}}}}} may only stand at the top", lexeme)
        return ""

    def _take_control(self, word: str) -> None:
        known = len(self._variables)
        self._take_pipeline(word, Token.CLOSE)
        self._loops += word == "range"
        ended, _ = self._take_list(word, ("end", "else"))
        self._loops -= word == "range"
        if ended == "else":
            chained = self._peek()
            if chained.token is Token.KEYWORD and chained.text in {"if", "with"}:
                if chained.text != word:
                    self._fail(f"{{{{else {chained.text}}}}} is out of place in a {{{{{word}}}}}")
                self._at += 1
                self._take_control(word)
            else:
                self._take_list(word, ("end",))
        del self._variables[known:]

    def _take_template(self, word: str) -> None:
        name = self._expect(Token.STRING, f"after {word}")
        if self._skip_space().token is not Token.CLOSE or word == "block":
            self._take_pipeline(word, Token.CLOSE)
        else:
            self._at += 1
        if word == "block":
            outer, self._variables = self._variables, ["$"]
            empty = self._take_list("block", ("end",))[1]
            self._variables = outer
            self._define(name, empty=empty)

    def _take_pipeline(self, context: str, end: Token) -> None:
        self._take_declaration(context)
        stages = 0
        while True:
            lexeme = self._skip_space()
            if lexeme.token is end:
                self._at += 1
                if not stages:
                    self._fail(f"{context} has no value", lexeme)
                return
            if lexeme.token not in _OPERANDS:
                self._fail(f"{lexeme.text or lexeme.token!s} is out of place in {context}", lexeme)
            self._take_command(stages, end)
            stages += 1

    def _take_declaration(self, context: str) -> None:
        """``$x :=``, ``$x =`` and, in a range, ``$i, $x :=``."""
        begin = self._at
        names: list[str] = []
        while self._skip_space().token is Token.VARIABLE:
            names.append(self._next().text)
            lexeme = self._skip_space()
            if lexeme.token in {Token.DECLARE, Token.ASSIGN}:
                self._at += 1
                self._variables.extend(names)
                return
            if lexeme.token is not Token.COMMA or context != "range" or len(names) > 1:
                break
            self._at += 1
        self._at = begin

    def _check_variable(self, name: str, lexeme: Lexeme) -> None:
        if name not in self._variables:
            self._fail(f"the variable {name} is not declared", lexeme)

    def _take_command(self, stage: int, end: Token) -> None:
        first = self._skip_space()
        operands = 0
        while self._skip_space().token in _OPERANDS:
            self._take_operand()
            operands += 1
            following = self._peek().token
            if following not in {Token.SPACE, Token.PIPE, end}:
                self._fail(f"{self._peek().text or following!s} is out of place", self._peek())
        if stage and first.token in _CONSTANTS:
            self._fail(f"{first.text} cannot take the value of a pipe", first)
        lexeme = self._peek()
        if lexeme.token is Token.PIPE:
            self._at += 1
        elif lexeme.token is not end:
            self._fail(f"{lexeme.text or lexeme.token!s} is out of place", lexeme)

    def _take_operand(self) -> None:
        lexeme = self._next()
        match lexeme.token:
            case Token.NAME if lexeme.text not in self._functions:
                self._fail(f"there is no function {lexeme.text}", lexeme)
            case Token.VARIABLE:
                self._check_variable(lexeme.text, lexeme)
            case Token.LEFT:
                self._take_pipeline("parentheses", Token.RIGHT)
        if self._peek().token is Token.FIELD and lexeme.token in _CONSTANTS:
            self._fail(f"a field cannot follow {lexeme.text}", self._peek())
        while self._peek().token is Token.FIELD:
            self._at += 1
