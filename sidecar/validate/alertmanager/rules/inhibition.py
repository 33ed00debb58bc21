"""Inhibition: which alerts keep others quiet."""

from __future__ import annotations

from collections.abc import Iterator

from sidecar.validate.alertmanager.golang.matchers import CLASSIC_LABEL
from sidecar.validate.alertmanager.models.config import InhibitRule
from sidecar.validate.alertmanager.rules.matching import (
    check_labels,
    check_matchers,
    check_regexes,
    read_matchers,
)
from sidecar.validate.alertmanager.rules.registry import Fault, World, checks, define
from sidecar.validate.alertmanager.tree import Path

UTF8_EQUAL_SINCE = (0, 28)

BAD_LABEL = define(
    "E401",
    "a label name in an inhibition rule is malformed",
    fix="Use letters, digits and underscores, no digit first.",
    anchor="inhibit_rule",
)
BAD_REGEX = define(
    "E402",
    "a regular expression in an inhibition rule does not compile",
    fix="Write it for Go (RE2): no look-around, no back-references.",
    anchor="inhibit_rule",
)
BAD_MATCHER = define(
    "E403",
    "a matcher in an inhibition rule is malformed",
    fix='Write label="value", with one of = != =~ !~ between them.',
    anchor="matcher-shared",
)
BAD_EQUAL = define(
    "E404",
    "a label in equal is malformed",
    fix="Use letters, digits and underscores; any UTF-8 only since Alertmanager 0.28.",
    anchor="inhibit_rule",
)
NO_SOURCE = define(
    "W405",
    "an inhibition rule has no source matchers",
    why="Every firing alert then silences its targets.",
    fix="Say in source_matchers which alerts keep others quiet.",
    anchor="inhibit_rule",
)
NO_TARGET = define(
    "W406",
    "an inhibition rule has no target matchers",
    why="Its source then silences every other alert.",
    fix="Say in target_matchers which alerts are kept quiet.",
    anchor="inhibit_rule",
)
NO_EQUAL = define(
    "W407",
    "an inhibition rule has no equal labels",
    why="One source alert anywhere silences all targets everywhere, of other clusters too.",
    fix="List in equal the labels that source and target must share.",
    anchor="inhibit_rule",
)
SELF_INHIBITION = define(
    "W408",
    "source and target of an inhibition rule are the same",
    why="Alerts that match both sides inhibit nothing, so the rule does nothing.",
    fix="Make the target narrower or different.",
    anchor="inhibit_rule",
)


@checks(InhibitRule)
def check_sides(rule: InhibitRule, path: Path, world: World) -> Iterator[Fault]:
    """Label names, expressions and matchers of source and target."""
    for side in ("source", "target"):
        labels, regexes, lines = (
            (f"{side}_match", getattr(rule, f"{side}_match")),
            (f"{side}_match_re", getattr(rule, f"{side}_match_re")),
            (f"{side}_matchers", getattr(rule, f"{side}_matchers")),
        )
        yield from check_labels(BAD_LABEL, labels[1], (*path, labels[0]))
        yield from check_labels(BAD_LABEL, regexes[1], (*path, regexes[0]))
        yield from check_regexes(BAD_REGEX, regexes[1], (*path, regexes[0]), world.target)
        yield from check_matchers(BAD_MATCHER, lines[1], (*path, lines[0]), world.target)


@checks(InhibitRule)
def check_equal(rule: InhibitRule, path: Path, world: World) -> Iterator[Fault]:
    """Label names in `equal`."""
    strict = world.target.may_be_before(UTF8_EQUAL_SINCE)
    for position, label in enumerate(rule.equal):
        if label is None:
            continue
        if not label or (strict and not CLASSIC_LABEL.fullmatch(label)):
            yield Fault(BAD_EQUAL, (*path, "equal", position), f"{label!r} is no label name")


@checks(InhibitRule)
def check_scope(rule: InhibitRule, path: Path, _: World) -> Iterator[Fault]:
    """Rules that silence more than is meant, or nothing."""
    has_source, has_target = (
        any(rule.has(f"{side}_{kind}") for kind in ("match", "match_re", "matchers"))
        for side in ("source", "target")
    )
    if not has_source:
        yield Fault(NO_SOURCE, path, "this rule has no source matchers: every alert is a source")
    if not has_target:
        yield Fault(NO_TARGET, path, "this rule has no target matchers: every alert is a target")
    if not rule.equal:
        message = "this rule has no equal labels: one source silences targets everywhere"
        yield Fault(NO_EQUAL, path, message)
    source, target = (
        read_matchers(lines) for lines in (rule.source_matchers, rule.target_matchers)
    )
    old = any(rule.has(name) for name in ("source_match", "source_match_re"))
    old = old or any(rule.has(name) for name in ("target_match", "target_match_re"))
    if source and source == target and not old:
        yield Fault(SELF_INHIBITION, path, "source and target of this rule are the same")
