"""Times, ranges and time zones of Alertmanager's time intervals."""

from __future__ import annotations

import re
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

_TIME = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])|(24):(00)")
_INTEGER = re.compile(r"[-+]?[0-9]+")
WEEKDAYS = ("sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday")
MONTHS = (
    "january", "february", "march", "april", "may", "june", "july",
    "august", "september", "october", "november", "december",
)  # fmt: skip


def parse_time(text: str) -> int:
    """Minutes of the day of ``HH:MM``, at most ``24:00``.

    Raises:
        ValueError: it is none.
    """
    match = _TIME.fullmatch(text)
    if match is None:
        message = f"{text!r} is no time like 09:00, in two digits each"
        raise ValueError(message)
    hour, minute = (part for part in match.groups() if part is not None)
    return int(hour) * 60 + int(minute)


def parse_weekdays(text: str) -> tuple[int, int]:
    """First and last day of ``monday:friday`` or ``sunday``, 0 being Sunday.

    Raises:
        ValueError: a name is unknown or the range runs backwards.
    """
    begin, end = (_look_up(name, WEEKDAYS, text) for name in _split(text))
    if begin > end:
        message = f"{text!r} runs backwards: weeks begin on Sunday here, so use two ranges"
        raise ValueError(message)
    return begin, end


def parse_months(text: str) -> tuple[int, int]:
    """First and last month of ``january:march`` or ``1:3``.

    Alertmanager itself does not hold numbers against 1 to 12; a rule warns of them.

    Raises:
        ValueError: a name is unknown or the range runs backwards.
    """
    begin, end = (
        MONTHS.index(name) + 1 if name in MONTHS else _number(name, text) for name in _split(text)
    )
    if begin > end:
        message = f"{text!r} runs backwards: use two ranges"
        raise ValueError(message)
    return begin, end


def parse_years(text: str) -> tuple[int, int]:
    """First and last year of ``2024:2026`` or ``2024``.

    Raises:
        ValueError: it is no number or runs backwards.
    """
    begin, end = (_number(name, text) for name in _split(text))
    if begin > end:
        message = f"{text!r} runs backwards"
        raise ValueError(message)
    return begin, end


def parse_days_of_month(text: str) -> tuple[int, int]:
    """First and last day of ``1:5`` or ``-3:-1``, negative ones counting from the month's end.

    Raises:
        ValueError: a day is outside of 1 to 31, or the range is always empty.
    """
    begin, end = (_number(name, text) for name in _split(text))
    if not all(1 <= abs(day) <= 31 for day in (begin, end)):  # noqa: PLR2004 - days of a month
        message = f"{text!r} has a day outside of 1 to 31 (or -1 to -31)"
        raise ValueError(message)
    if begin < 0 < end:
        message = f"{text!r} begins at the month's end, so its end must be negative too"
        raise ValueError(message)
    shortest = 28
    if (begin if begin > 0 else shortest + begin) > (end if end > 0 else shortest + end):
        message = f"{text!r} ends before it begins"
        raise ValueError(message)
    return begin, end


def _split(text: str) -> tuple[str, str]:
    parts = text.lower().split(":")
    if len(parts) > 2:  # noqa: PLR2004 - begin and end
        message = f"{text!r} is no range like first:last"
        raise ValueError(message)
    return parts[0], parts[-1]


def _look_up(name: str, names: tuple[str, ...], text: str) -> int:
    if name not in names:
        message = f"{text!r} names no day: write {', '.join(names)} in full"
        raise ValueError(message)
    return names.index(name)


def _number(name: str, text: str) -> int:
    if not _INTEGER.fullmatch(name) or abs(int(name[:20])) >= 1 << 63:
        message = f"{text!r} is no number and no name that is known here"
        raise ValueError(message)
    return int(name)


def knows_zones() -> bool:
    """Whether this machine has a time zone database at all."""
    try:
        ZoneInfo("Europe/London")
    except (ZoneInfoNotFoundError, OSError):
        return False
    return True


def is_zone(name: str) -> bool:
    """Whether Go's `time.LoadLocation` would find the zone."""
    if name in {"", "UTC", "Local"}:
        return True
    if ".." in name or name[0] in "/\\":
        return False
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, OSError, ValueError):
        return False
    return True
