"""Good practice: what Alertmanager accepts and its owner regrets."""

from __future__ import annotations

from collections.abc import Iterator

from sidecar.validate.alertmanager.models.base import list_fields
from sidecar.validate.alertmanager.models.chat import TeamsConfig
from sidecar.validate.alertmanager.models.config import Config, InhibitRule, Receiver, Route
from sidecar.validate.alertmanager.rules.matching import read_matchers
from sidecar.validate.alertmanager.rules.registry import Fault, World, checks, define
from sidecar.validate.alertmanager.tree import Path

DEFAULT_GROUP_INTERVAL_S = 300.0

UNUSED_RECEIVER = define(
    "W901",
    "a receiver is never used",
    why="No route leads to it: often a route is missing or names another one.",
    fix="Route to it, or remove it.",
    anchor="receiver",
)
UNUSED_INTERVAL = define(
    "W902",
    "a time interval is never used",
    why="No route is muted or active by it.",
    fix="Name it in a route, or remove it.",
    anchor="time_interval",
)
OLD_INTERVALS = define(
    "I903",
    "mute_time_intervals stands at the top level",
    why="It is deprecated in favour of time_intervals, which mean the same.",
    fix="Rename it to time_intervals; the field of routes keeps its name.",
    anchor="time_interval",
)
OLD_MATCHING = define(
    "I904",
    "match, match_re or their inhibition twins are used",
    why="They are deprecated in favour of matchers.",
    fix='Write matchers: [label="value", other=~"a|b"].',
    anchor="matcher-shared",
)
SILENT_RECEIVER = define(
    "I905",
    "a receiver tells nobody",
    why="Alerts routed to it vanish, which may well be meant.",
    fix="Add a configuration such as email_configs, unless it is meant as a sink.",
    anchor="receiver",
)
SHORT_REPEAT = define(
    "W906",
    "repeat_interval is shorter than group_interval",
    why="Groups are only looked at every group_interval, so repetitions come later than written.",
    fix="Make repeat_interval a multiple of group_interval.",
    anchor="route",
)
UNREACHABLE = define(
    "W907",
    "a route can never be reached",
    why="An earlier sibling takes every alert that it would take, and does not continue.",
    fix="Move it before that sibling, or set continue: true there.",
    anchor="route",
)
NO_GROUPING = define(
    "I908",
    "no route groups alerts",
    why="All alerts of a receiver become one notification.",
    fix="Set group_by at the root, for instance to [alertname, cluster].",
    anchor="route",
)
RETIRED_TEAMS = define(
    "W909",
    "msteams_configs is used",
    why="Microsoft has retired the connectors behind it.",
    fix="Use msteamsv2_configs with a workflow (Alertmanager 0.28 or newer).",
    anchor="msteams_config",
)


@checks(Config)
def check_usage(config: Config, _: Path, __: World) -> Iterator[Fault]:
    """Receivers and intervals that no route names."""
    receivers: set[str] = set()
    intervals: set[str] = set()
    grouped = False
    pending = [config.route]
    while pending:
        route = pending.pop()
        if route is None:
            continue
        receivers.add(route.receiver)
        intervals.update(route.mute_time_intervals, route.active_time_intervals)
        grouped = grouped or bool(route.group_by)
        pending.extend(route.routes)
    for position, receiver in enumerate(config.receivers):
        if receiver is not None and receiver.name and receiver.name not in receivers:
            message = f"no route leads to the receiver {receiver.name!r}"
            yield Fault(UNUSED_RECEIVER, ("receivers", position, "name"), message)
    for key in ("mute_time_intervals", "time_intervals"):
        for position, named in enumerate(getattr(config, key)):
            if named is not None and named.name and named.name not in intervals:
                message = f"no route uses the time interval {named.name!r}"
                yield Fault(UNUSED_INTERVAL, (key, position, "name"), message)
    if config.mute_time_intervals:
        message = "mute_time_intervals is deprecated at the top level"
        yield Fault(OLD_INTERVALS, ("mute_time_intervals",), message)
    if config.route is not None and not grouped:
        yield Fault(NO_GROUPING, ("route",), "no route has group_by")


@checks(Route, InhibitRule)
def check_matching(block: Route | InhibitRule, path: Path, _: World) -> Iterator[Fault]:
    """The old ways to match."""
    for name in list_fields(type(block)):
        if name.endswith(("match", "match_re")) and block.has(name):
            yield Fault(OLD_MATCHING, (*path, name), f"{name} is deprecated: use matchers")


@checks(Receiver)
def check_silence(receiver: Receiver, path: Path, _: World) -> Iterator[Fault]:
    """Receivers without any configuration."""
    if not any(receiver.has(name) for name in list_fields(Receiver) if name.endswith("_configs")):
        yield Fault(SILENT_RECEIVER, path, f"the receiver {receiver.name!r} tells nobody")


@checks(Config)
def check_intervals(config: Config, _: Path, __: World) -> Iterator[Fault]:
    """Repetition against grouping, with what routes inherit."""
    pending: list[tuple[Route | None, Path, float, float | None]] = [
        (config.route, ("route",), DEFAULT_GROUP_INTERVAL_S, None)
    ]
    while pending:
        route, path, group_s, repeat_s = pending.pop()
        if route is None:
            continue
        group_s = route.group_interval if route.group_interval is not None else group_s
        repeat_s = route.repeat_interval if route.repeat_interval is not None else repeat_s
        own = route.repeat_interval is not None or route.group_interval is not None
        if own and repeat_s is not None and 0 < repeat_s < group_s:
            key = "repeat_interval" if route.repeat_interval is not None else "group_interval"
            message = "repeat_interval is shorter than group_interval"
            yield Fault(SHORT_REPEAT, (*path, key), message)
        pending.extend(
            (child, (*path, "routes", position), group_s, repeat_s)
            for position, child in enumerate(route.routes)
        )


@checks(Route)
def check_reach(route: Route, path: Path, _: World) -> Iterator[Fault]:
    """Children behind a sibling that takes everything, or the very same alerts."""
    taken: set[object] = set()
    closed = False
    for position, child in enumerate(route.routes):
        if child is None:
            continue
        condition = _read_condition(child)
        if closed or (condition is not None and condition in taken):
            message = "an earlier sibling takes every alert of this route and does not continue"
            yield Fault(UNREACHABLE, (*path, "routes", position), message)
        if condition is not None and not child.continues:
            taken.add(condition)
            closed = closed or not any(condition)


def _read_condition(route: Route) -> tuple[object, ...] | None:
    """What a route matches, in a form that can be compared; None where it cannot be read."""
    matchers = read_matchers(route.matchers)
    if matchers is None:
        return None
    return matchers, frozenset(route.match.items()), frozenset(route.match_re.items())


@checks(TeamsConfig)
def check_teams(_: TeamsConfig, path: Path, __: World) -> Iterator[Fault]:
    """Connectors that are gone."""
    yield Fault(RETIRED_TEAMS, path, "Microsoft has retired what msteams_configs posts to")
