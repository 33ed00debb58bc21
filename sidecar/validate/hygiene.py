"""Generic checks of any daemon's files: what parses well and is hardly ever meant.

The rules are a table, like those of single daemons; docs/check.md lists them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain, islice

import yaml

from sidecar.core.bridge import Language
from sidecar.core.report import Finding, Severity
from sidecar.validate.decode import NotTextError, decode
from sidecar.validate.text import quote_line

CHECK = "generic"
MOST_FINDINGS = 20
"""A file; beyond that it is of another kind than the rules have in mind."""

_LINK = "https://yaml.org/spec/1.2.2/#103-core-schema"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One rule. `pattern` is looked for in lines, or must match plain YAML values as a whole."""

    code: str
    severity: Severity
    message: str
    fix: str
    pattern: re.Pattern[str]
    link: str = ""


LINE_RULES = (
    Rule(
        code="GC001",
        severity=Severity.ERROR,
        message="a conflict marker was left behind by a merge",
        fix="resolve the conflict",
        pattern=re.compile(r"^(?:<{7}|>{7})(?: |$)"),
        link="https://git-scm.com/docs/git-merge#_how_conflicts_are_presented",
    ),
    Rule(
        code="GC002",
        severity=Severity.WARNING,
        message="a Helm expression was not rendered",
        fix="check the output of helm template instead",
        pattern=re.compile(r'\{\{-?\s*(?:\.(?:Values|Release|Chart|Capabilities)\b|include ")'),
        link="https://helm.sh/docs/chart_template_guide/",
    ),
    Rule(
        code="GC003",
        severity=Severity.WARNING,
        message="an invisible character or a typographic quote stands here, as text editors write",
        fix="type it anew as a plain blank or quote",
        pattern=re.compile(
            "[\u00a0\u200b-\u200d\u2060]|(?<!^)\ufeff|(?:[:=]|^ *-) *[\u201c-\u201f]"
        ),
    ),
)
VALUE_RULES = (
    Rule(
        code="GC004",
        severity=Severity.INFO,
        message="this is a boolean to YAML 1.1 and a text to YAML 1.2",
        fix="write true or false, or put it into quotes",
        pattern=re.compile(r"yes|no|on|off|y|n", re.IGNORECASE),
        link=_LINK,
    ),
    Rule(
        code="GC005",
        severity=Severity.INFO,
        message="this number is octal to YAML 1.1 and decimal to YAML 1.2",
        fix="write 0o17 or 15, or put it into quotes",
        pattern=re.compile(r"0[0-7]+"),
        link=_LINK,
    ),
    Rule(
        code="GC006",
        severity=Severity.INFO,
        message="this is a number to base 60 to YAML 1.1 and a text to YAML 1.2",
        fix="put it into quotes",
        pattern=re.compile(r"[1-9]\d*(?::[0-5]?\d)+"),
        link=_LINK,
    ),
)
PRACTICE = frozenset(rule.code for rule in (*LINE_RULES[1:], *VALUE_RULES))
"""Codes that a permissive mode takes a step less seriously."""


TITLES = {rule.code: rule.message for rule in (*LINE_RULES, *VALUE_RULES)}


def check_hygiene(key: str, content: bytes, language: Language | None) -> list[Finding]:
    """What is suspicious in `key`; nothing for what is no text."""
    try:
        text = decode(CHECK, key, content)
    except NotTextError:
        return []
    values = _check_values(key, text) if language is Language.YAML else ()
    return list(islice(chain(_check_lines(key, text), values), MOST_FINDINGS))


def _check_lines(key: str, text: str) -> Iterator[Finding]:
    for number, line in enumerate(text.split("\n"), start=1):
        for rule in LINE_RULES:
            match = rule.pattern.search(line)
            if match:
                yield _find(rule, key, text, (number, match.end()))


def _check_values(key: str, text: str) -> Iterator[Finding]:
    """Plain scalars that two versions of YAML read in two ways; keys (``on:``) are left alone."""
    try:
        for event in _list_values(text):
            for rule in VALUE_RULES:
                if rule.pattern.fullmatch(event.value) and event.start_mark:
                    place = (event.start_mark.line + 1, event.start_mark.column + 1)
                    yield _find(rule, key, text, place)
    except yaml.YAMLError:
        return  # the syntax check says so


def _list_values(text: str) -> Iterator[yaml.ScalarEvent]:
    """The plain, untagged scalars that are no keys."""
    open_mappings: list[bool | None] = []  # whether a key comes next; None in a sequence
    for event in yaml.parse(text, Loader=yaml.CSafeLoader):
        if isinstance(event, yaml.CollectionEndEvent):
            open_mappings.pop()
        if not isinstance(event, yaml.NodeEvent | yaml.CollectionEndEvent):
            continue
        is_key = bool(open_mappings and open_mappings[-1])
        if isinstance(event, yaml.CollectionStartEvent):
            open_mappings.append(True if isinstance(event, yaml.MappingStartEvent) else None)
            continue
        if open_mappings and open_mappings[-1] is not None:
            open_mappings[-1] = not is_key
        if isinstance(event, yaml.ScalarEvent) and not (is_key or event.style or event.tag):
            yield event


def _find(rule: Rule, key: str, text: str, place: tuple[int, int]) -> Finding:
    return Finding(
        check=CHECK,
        code=rule.code,
        severity=rule.severity,
        file=key,
        line=place[0],
        column=place[1],
        message=rule.message,
        suggestion=rule.fix,
        link=rule.link,
        excerpt=quote_line(text, place[0]),
    )
