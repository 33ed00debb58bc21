"""Routes: the tree that leads each alert to a receiver."""

from __future__ import annotations

from collections.abc import Iterator

from sidecar.validate.alertmanager.golang.matchers import CLASSIC_LABEL
from sidecar.validate.alertmanager.models.config import Config, Route
from sidecar.validate.alertmanager.rules.matching import (
    UTF8_SINCE,
    check_labels,
    check_matchers,
    check_regexes,
    read_matchers,
)
from sidecar.validate.alertmanager.rules.registry import Fault, World, checks, define
from sidecar.validate.alertmanager.tree import Path

NO_ROUTE = define(
    "E201",
    "there is no route",
    fix="Add a route with a receiver at the top level.",
    anchor="route",
)
NO_DEFAULT = define(
    "E202",
    "the root route has no receiver",
    fix="Name the receiver for alerts that no other route takes.",
    anchor="route",
)
ROOT_MATCHES = define(
    "E203",
    "the root route has matchers",
    fix="Move them into a child under routes; the root takes every alert.",
    anchor="route",
)
ROOT_INTERVALS = define(
    "E204",
    "the root route has time intervals",
    fix="Move them into a child under routes.",
    anchor="route",
)
ROOT_CONTINUES = define(
    "E205",
    "the root route continues",
    fix="Remove continue: after the root nothing follows.",
    anchor="route",
)
UNDEFINED_RECEIVER = define(
    "E206",
    "a route names a receiver that is not defined",
    fix="Define it under receivers, or correct the name.",
    anchor="route",
)
UNDEFINED_INTERVAL = define(
    "E207",
    "a route names a time interval that is not defined",
    fix="Define it under time_intervals, or correct the name.",
    anchor="time_interval",
)
BAD_LABEL = define(
    "E208",
    "a label name in match or match_re is malformed",
    fix="Use letters, digits and underscores, no digit first.",
    anchor="route",
)
BAD_REGEX = define(
    "E209",
    "a regular expression in match_re does not compile",
    fix="Write it for Go (RE2): no look-around, no back-references.",
    anchor="route",
)
BAD_MATCHER = define(
    "E210",
    "a matcher is malformed",
    fix='Write label="value", with one of = != =~ !~ between them.',
    anchor="matcher-shared",
)
BAD_GROUP_LABEL = define(
    "E211",
    "a label in group_by is malformed",
    fix="Use letters, digits and underscores; any UTF-8 only since Alertmanager 0.27.",
    anchor="route",
)
GROUP_ALL_AND_SOME = define(
    "E212",
    "group_by names '...' and other labels",
    fix="Keep '...' alone (every label) or name labels.",
    anchor="route",
)
GROUP_TWICE = define(
    "E213",
    "group_by names a label twice",
    fix="Remove one of them.",
    anchor="route",
)
ZERO_INTERVAL = define(
    "E214",
    "group_interval or repeat_interval is zero",
    fix="Give a duration, such as 5m and 4h.",
    anchor="route",
)
BAD_ROUTE_LABEL = define(
    "E215",
    "a label that a route attaches has no name",
    fix="Name it.",
    anchor="route",
)


@checks(Config)
def check_root(config: Config, _: Path, __: World) -> Iterator[Fault]:
    """What only the root must and must not have."""
    root, path = config.route, ("route",)
    if root is None:
        yield Fault(NO_ROUTE, (), "there is no route: Alertmanager needs one with a receiver")
        return
    if not root.receiver:
        yield Fault(NO_DEFAULT, path, "the root route names no receiver")
    for name in ("match", "match_re", "matchers"):
        if root.has(name) and (name != "matchers" or read_matchers(root.matchers)):
            yield Fault(ROOT_MATCHES, (*path, name), f"the root route has {name}")
    for name in ("mute_time_intervals", "active_time_intervals"):
        if root.has(name):
            yield Fault(ROOT_INTERVALS, (*path, name), f"the root route has {name}")
    if root.continues:
        yield Fault(ROOT_CONTINUES, (*path, "continue"), "the root route has continue: true")


@checks(Route)
def check_references(route: Route, path: Path, world: World) -> Iterator[Fault]:
    """Names of receivers and time intervals."""
    if route.receiver and route.receiver not in world.receivers:
        message = f"the receiver {route.receiver!r} is not defined"
        yield Fault(UNDEFINED_RECEIVER, (*path, "receiver"), message, at_value=True)
    for key in ("mute_time_intervals", "active_time_intervals"):
        for position, name in enumerate(getattr(route, key)):
            if name not in world.intervals:
                message = f"the time interval {name!r} is not defined"
                yield Fault(UNDEFINED_INTERVAL, (*path, key, position), message)


@checks(Route)
def check_conditions(route: Route, path: Path, world: World) -> Iterator[Fault]:
    """The three ways to match."""
    yield from check_labels(BAD_LABEL, route.match, (*path, "match"))
    yield from check_labels(BAD_LABEL, route.match_re, (*path, "match_re"))
    yield from check_regexes(BAD_REGEX, route.match_re, (*path, "match_re"), world.target)
    yield from check_matchers(BAD_MATCHER, route.matchers, (*path, "matchers"), world.target)


@checks(Route)
def check_grouping(route: Route, path: Path, world: World) -> Iterator[Fault]:
    """`group_by`."""
    seen: set[str] = set()
    strict = world.target.may_be_before(UTF8_SINCE)
    for position, label in enumerate(route.group_by):
        where = (*path, "group_by", position)
        if label == "...":
            if any(other != "..." for other in route.group_by):
                yield Fault(GROUP_ALL_AND_SOME, where, "'...' stands beside other labels")
        elif not label or (strict and not CLASSIC_LABEL.fullmatch(label)):
            yield Fault(BAD_GROUP_LABEL, where, f"{label!r} is no label name")
        elif label in seen:
            yield Fault(GROUP_TWICE, where, f"{label!r} stands in group_by twice")
        seen.add(label)


@checks(Route)
def check_waits(route: Route, path: Path, _: World) -> Iterator[Fault]:
    """Intervals that must not be zero."""
    for key in ("group_interval", "repeat_interval"):
        if getattr(route, key) == 0:
            yield Fault(ZERO_INTERVAL, (*path, key), f"{key} is zero", at_value=True)


@checks(Route)
def check_route_labels(route: Route, path: Path, _: World) -> Iterator[Fault]:
    """Labels that a route attaches: any name but none."""
    if "" in route.labels:
        yield Fault(BAD_ROUTE_LABEL, (*path, "labels"), "a label of this route has no name")
