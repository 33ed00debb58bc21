"""What routes and inhibition rules share: label names, regular expressions, matchers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from sidecar.validate.alertmanager.golang.matchers import (
    CLASSIC_LABEL,
    Matcher,
    MatcherError,
    parse_classic,
    parse_utf8,
)
from sidecar.validate.alertmanager.golang.regex import check_anchored
from sidecar.validate.alertmanager.golang.regex_cursor import RegexError
from sidecar.validate.alertmanager.rules.registry import Fault, Rule, define
from sidecar.validate.alertmanager.tree import Path
from sidecar.validate.alertmanager.versions import Target

UTF8_SINCE = (0, 27)
ANGLE_NAMES_SINCE = (0, 28)
"""The first release that was built with a Go that knows ``(?<name>…)``."""

AMBIGUOUS = define(
    "W216",
    "a matcher is only understood by the classic parser",
    why="Alertmanager since 0.27 falls back to its old parser for it and will drop that one day.",
    fix='Put the value in double quotes: team=~"a|b".',
    anchor="matcher-shared",
)
DISAGREEMENT = define(
    "W217",
    "a matcher means different things to the classic and the UTF-8 parser",
    why="Alertmanager takes the classic meaning today and the other one once that parser is gone.",
    fix="Escape backslashes as \\\\\\\\ so that both read the same.",
    anchor="matcher-shared",
)


def check_labels(rule: Rule, labels: Mapping[str, object], path: Path) -> Iterator[Fault]:
    """Label names that are keys of a mapping."""
    for name in labels:
        if not CLASSIC_LABEL.fullmatch(name):
            message = f"{name!r} is no label name: letters, digits and underscores only"
            yield Fault(rule, (*path, name), message)


def check_regexes(
    rule: Rule, regexes: Mapping[str, str | None], path: Path, target: Target
) -> Iterator[Fault]:
    """Regular expressions that are values of a mapping."""
    for name, pattern in regexes.items():
        problem = _find_problem(pattern, target)
        if problem:
            message = f"the regular expression of {name} does not compile: {problem}"
            yield Fault(rule, (*path, name), message, at_value=True)


def _find_problem(pattern: str | None, target: Target) -> str:
    if pattern is None:
        return "there is none"
    try:
        check_anchored(pattern, angle_names=not target.may_be_before(ANGLE_NAMES_SINCE))
    except RegexError as error:
        return str(error)
    return ""


def check_matchers(
    rule: Rule, lines: tuple[str, ...], path: Path, target: Target
) -> Iterator[Fault]:
    """Lines of matchers, by the parsers that the target has."""
    for position, line in enumerate(lines):
        where = (*path, position)
        try:
            classic = parse_classic(line)
        except MatcherError as error:
            if target.may_be_before(UTF8_SINCE) or not _is_utf8(line):
                yield Fault(rule, where, str(error), at_value=True)
            continue
        if target.may_be_from(UTF8_SINCE):
            yield from _compare(line, classic, where)


def _is_utf8(line: str) -> bool:
    try:
        parse_utf8(line)
    except MatcherError:
        return False
    return True


def _compare(line: str, classic: tuple[Matcher, ...], where: Path) -> Iterator[Fault]:
    try:
        modern = parse_utf8(line)
    except MatcherError as error:
        message = f"the UTF-8 parser of matchers does not take this: {error}"
        yield Fault(AMBIGUOUS, where, message, at_value=True)
        return
    if modern != classic:
        message = "the classic and the UTF-8 parser read this matcher differently"
        yield Fault(DISAGREEMENT, where, message, at_value=True)


def read_matchers(lines: tuple[str, ...]) -> frozenset[Matcher] | None:
    """The matchers of several lines, by whichever parser takes them; None where none does."""
    found: set[Matcher] = set()
    for line in lines:
        try:
            found.update(parse_classic(line))
        except MatcherError:
            try:
                found.update(parse_utf8(line))
            except MatcherError:
                return None
    return frozenset(found)
