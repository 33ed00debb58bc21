"""Turns what a page says into the one value that the verdict compares, by the evidence's role."""

from __future__ import annotations

import json
import math
import re
from datetime import datetime

from sidecar.confirm.exposition import find_series
from sidecar.confirm.trouble import GarbledError
from sidecar.core.evidence import JsonField, Reading, Role, Series
from sidecar.core.prediction import canonical

COUNTERS = frozenset({Role.SUCCESS_COUNTER, Role.FAILURE_COUNTER})
TIMES = frozenset({Role.SUCCESS_TIMESTAMP, Role.ATTEMPT_TIMESTAMP})
NUMBERS = COUNTERS | TIMES | {Role.OK_GAUGE}

_RFC3339 = re.compile(
    r"(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d:\d\d)(\.\d+)?([Zz]|[+-]\d\d:\d\d)", re.ASCII
)


def read_series(page: bytes, series: Series, role: Role) -> Reading | None:
    """What the page shows of `series`, or None. Raises `GarbledError`.

    Several lines may match: counters are summed, of other numbers the smallest is taken (all must
    be good), of texts every different one counts. `NaN` is how an exporter says "no value".
    """
    wanted = dict(series.labels).items()
    values = [
        line.value for line in find_series(page, series.metric) if wanted <= line.labels.items()
    ]
    if not values:
        return None
    if role in NUMBERS or role is Role.GENERATION:
        return _combine([float(value) for value in values], role)
    return ",".join(sorted({canonical(value) for value in values}))


def _combine(numbers: list[float], role: Role) -> Reading | None:
    if any(math.isnan(number) for number in numbers):
        return None
    if role is Role.GENERATION:
        return frozenset(int(number) for number in numbers if math.isfinite(number))
    return math.fsum(numbers) if role in COUNTERS else min(numbers)


def parse_json(page: bytes) -> object:
    """The page as data. Raises `GarbledError`."""
    try:
        return json.loads(page)
    except (ValueError, RecursionError) as error:
        msg = "the page is no JSON, check the path"
        raise GarbledError(msg) from error


def read_field(data: object, field: JsonField, role: Role) -> Reading | None:
    """What stands at the field's dotted path, or None. Raises `GarbledError`.

    Times written as RFC 3339 (NATS's `config_load_time`, with nanoseconds) become seconds since
    the epoch: exact to a quarter of a microsecond, far finer than two reloads can follow.
    """
    value = _descend(data, field.field)
    if value is None:
        return None
    if role in NUMBERS or role is Role.GENERATION:
        return _combine([_to_number(value, field.field)], role)
    return _to_text(value)


def _descend(data: object, path: str) -> object:
    for step in path.split("."):
        if isinstance(data, dict):
            data = data.get(step)
        elif isinstance(data, list) and step.isdecimal() and int(step) < len(data):
            data = data[int(step)]
        else:
            return None
    return data


def _to_number(value: object, field: str) -> float:
    if isinstance(value, bool | int | float):
        try:
            return float(value)
        except OverflowError:
            return math.inf
    if isinstance(value, str):
        try:
            time = _RFC3339.fullmatch(value)
            return float(value) if time is None else _to_seconds(*time.groups())
        except ValueError:
            pass
    msg = f"the field {field} is neither a number nor a time, check its name"
    raise GarbledError(msg)


def _to_seconds(date: str, clock: str, fraction: str | None, zone: str) -> float:
    zone = "+00:00" if zone in "Zz" else zone
    return datetime.fromisoformat(f"{date}T{clock}{zone}").timestamp() + float(fraction or 0)


def _to_text(value: object) -> str:
    if isinstance(value, str):
        return value
    text = json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return canonical(text)
