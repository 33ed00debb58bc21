"""Time intervals: names, times, days, months, years, places."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from sidecar.validate.alertmanager.golang.times import (
    is_zone,
    knows_zones,
    parse_days_of_month,
    parse_months,
    parse_time,
    parse_weekdays,
    parse_years,
)
from sidecar.validate.alertmanager.models.config import Config
from sidecar.validate.alertmanager.models.intervals import NamedIntervals, TimeInterval, TimeRange
from sidecar.validate.alertmanager.rules.registry import Fault, Rule, World, checks, define
from sidecar.validate.alertmanager.tree import Path

ANCHOR = "time_interval"
MONTHS_IN_YEAR = 12

NO_NAME = define("E501", "a time interval has no name", fix="Give it one.", anchor=ANCHOR)
NAME_TWICE = define(
    "E502",
    "two time intervals have the same name",
    fix="Rename one; mute_time_intervals and time_intervals share their names.",
    anchor=ANCHOR,
)
HALF_RANGE = define(
    "E503",
    "a time range lacks its start or end",
    fix="Give start_time and end_time.",
    anchor=ANCHOR,
)
BAD_TIME = define(
    "E504",
    "a time of the day is malformed",
    fix="Write hours and minutes in two digits each, quoted: '09:00', at most '24:00'.",
    anchor=ANCHOR,
)
EMPTY_RANGE = define(
    "E505",
    "a time range ends before it begins",
    fix="Write two ranges for a night: one up to 24:00, one from 00:00.",
    anchor=ANCHOR,
)
BAD_WEEKDAY = define(
    "E506",
    "a weekday range is malformed",
    fix="Write full English names, Sunday first: monday:friday.",
    anchor=ANCHOR,
)
BAD_DAY = define(
    "E507",
    "a day of the month is malformed",
    fix="Write 1 to 31, or -1 to -31 from the end, quoted: '1:5', '-3:-1'.",
    anchor=ANCHOR,
)
BAD_MONTH = define(
    "E508",
    "a month range is malformed",
    fix="Write full English names or numbers: january:march, '1:3'.",
    anchor=ANCHOR,
)
BAD_YEAR = define(
    "E509",
    "a year range is malformed",
    fix="Write numbers: '2024:2026'.",
    anchor=ANCHOR,
)
BAD_ZONE = define(
    "E510",
    "a time zone is unknown",
    fix="Write a name of the IANA database, such as Europe/London, or UTC.",
    anchor=ANCHOR,
)
NO_SUCH_MONTH = define(
    "W511",
    "a month number is outside of 1 to 12",
    why="Alertmanager takes it, and the interval never holds in such a month.",
    fix="Write 1 to 12.",
    anchor=ANCHOR,
)
ALWAYS = define(
    "W512",
    "a time interval has no limits",
    why="It always holds: a route that it mutes is muted for good.",
    fix="Give it times, weekdays, days_of_month, months or years.",
    anchor=ANCHOR,
)
UNCHECKED_ZONE = define(
    "I513",
    "a time zone could not be checked",
    why="This machine has no time zone database, so that only Alertmanager can tell.",
    fix="Install tzdata beside the validator to have names checked.",
    anchor=ANCHOR,
)

_PARTS: tuple[tuple[str, Rule, Callable[[str], tuple[int, int]]], ...] = (
    ("weekdays", BAD_WEEKDAY, parse_weekdays),
    ("days_of_month", BAD_DAY, parse_days_of_month),
    ("months", BAD_MONTH, parse_months),
    ("years", BAD_YEAR, parse_years),
)


@checks(NamedIntervals)
def check_name(named: NamedIntervals, path: Path, _: World) -> Iterator[Fault]:
    """A name is needed."""
    if not named.name:
        yield Fault(NO_NAME, path, "this time interval has no name")


@checks(Config)
def check_names(config: Config, _: Path, __: World) -> Iterator[Fault]:
    """Names are unique over both lists."""
    seen: set[str] = set()
    for key in ("mute_time_intervals", "time_intervals"):
        for position, named in enumerate(getattr(config, key)):
            name = named.name if named is not None else ""
            if name in seen:
                message = f"the time interval {name!r} is defined twice"
                yield Fault(NAME_TWICE, (key, position, "name"), message, at_value=True)
            seen.add(name)


@checks(TimeRange)
def check_range(times: TimeRange, path: Path, _: World) -> Iterator[Fault]:
    """Both times are there, well formed and in order."""
    if not times.start_time or not times.end_time:
        yield Fault(HALF_RANGE, path, "start_time and end_time must both be given")
        return
    minutes = []
    for key in ("start_time", "end_time"):
        try:
            minutes.append(parse_time(getattr(times, key)))
        except ValueError as error:
            yield Fault(BAD_TIME, (*path, key), str(error), at_value=True)
    if len(minutes) > 1 and minutes[0] >= minutes[1]:
        message = f"{times.start_time} is not before {times.end_time}"
        yield Fault(EMPTY_RANGE, path, message)


@checks(TimeInterval)
def check_parts(interval: TimeInterval, path: Path, _: World) -> Iterator[Fault]:
    """Weekdays, days, months and years."""
    for key, rule, parse in _PARTS:
        for position, text in enumerate(getattr(interval, key)):
            where = (*path, key, position)
            if text is None:
                continue
            try:
                begin, end = parse(text)
            except ValueError as error:
                yield Fault(rule, where, str(error))
            else:
                if key == "months" and not 1 <= begin <= end <= MONTHS_IN_YEAR:
                    yield Fault(NO_SUCH_MONTH, where, f"{text!r} is outside of 1 to 12")
    if not any(interval.has(key) for key in ("times", *(part[0] for part in _PARTS))):
        yield Fault(ALWAYS, path, "this time interval has no limits: it always holds")


@checks(TimeInterval)
def check_zone(interval: TimeInterval, path: Path, _: World) -> Iterator[Fault]:
    """The place whose clock counts."""
    zone = interval.location
    if zone is None or is_zone(zone):
        return
    where = (*path, "location")
    if knows_zones():
        yield Fault(BAD_ZONE, where, f"there is no time zone {zone!r}", at_value=True)
    else:
        yield Fault(UNCHECKED_ZONE, where, f"the time zone {zone!r} could not be checked")
