"""Durations as Prometheus spells them (``1h30m``) and as Go does (``1.5h``)."""

from __future__ import annotations

import re

_LARGEST_NS = (1 << 63) - 1
_PROMETHEUS = re.compile(
    r"(?:([0-9]+)y)?(?:([0-9]+)w)?(?:([0-9]+)d)?(?:([0-9]+)h)?(?:([0-9]+)m)?(?:([0-9]+)s)?(?:([0-9]+)ms)?"
)
_PROMETHEUS_UNITS_S = (31_536_000.0, 604_800.0, 86_400.0, 3600.0, 60.0, 1.0, 0.001)
_GO_PART = re.compile(r"([0-9]*)(\.[0-9]*)?(ns|us|\u00b5s|\u03bcs|ms|s|m|h)")
_GO_UNITS_S = {
    "ns": 1e-9,
    "us": 1e-6,
    "\u00b5s": 1e-6,
    "\u03bcs": 1e-6,
    "ms": 1e-3,
    "s": 1.0,
    "m": 60.0,
    "h": 3600.0,
}


def parse_prometheus(text: str) -> float:
    """Seconds of a Prometheus duration: units from years to milliseconds, each once, falling.

    Raises:
        ValueError: it is none, or longer than 292 years.
    """
    if text == "0":
        return 0.0
    match = _PROMETHEUS.fullmatch(text)
    if match is None or not text:
        message = f"{text!r} is no duration like 30s, 5m or 1h30m"
        raise ValueError(message)
    total_s = sum(
        int(count) * unit_s
        for count, unit_s in zip(match.groups(), _PROMETHEUS_UNITS_S, strict=True)
        if count
    )
    return _bound(total_s, text)


def parse_go(text: str) -> float:
    """Seconds of a Go duration: a sign, then numbers with units from ``ns`` to ``h``.

    Raises:
        ValueError: it is none, or longer than 292 years.
    """
    bare = text[1:] if text[:1] in {"+", "-"} else text
    if bare == "0":
        return 0.0
    total_s, at = 0.0, 0
    while at < len(bare):
        match = _GO_PART.match(bare, at)
        if match is None or match[1] + (match[2] or ".") == ".":
            break
        total_s += float(match[1] + (match[2] or "")) * _GO_UNITS_S[match[3]]
        at = match.end()
    if at < len(bare) or not bare:
        message = f"{text!r} is no duration like 30s, 5m or 1h30m"
        raise ValueError(message)
    return _bound(-total_s if text[0] == "-" else total_s, text)


def _bound(total_s: float, text: str) -> float:
    if abs(total_s) * 1e9 > _LARGEST_NS:
        message = f"{text!r} is longer than the 292 years that fit"
        raise ValueError(message)
    return total_s
