"""How single values are written in presets and in the settings file, and what they become.

Every parser raises `ValueError` with a sentence that says what was wrong and how to write it.
"""

from __future__ import annotations

import re
import shlex
import signal as signals
from difflib import get_close_matches
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import BeforeValidator, PlainSerializer

_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h)", re.ASCII)
_UNIT_S = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
_SIZE = re.compile(r"(\d+)(Ki|Mi|Gi)?", re.ASCII)
_SIZE_BYTES = {None: 1, "Ki": 1 << 10, "Mi": 1 << 20, "Gi": 1 << 30}
_UNSTOPPABLE = frozenset({signals.SIGKILL, signals.SIGSTOP})
_PLACEHOLDER = re.compile(r"\{(?:dir|file)\b[^{}]*\}?")
_GOOD_PLACEHOLDER = re.compile(r"\{(?:dir|file|file:[^{}]+)\}")


class Kind:
    """Names a spelling in the settings reference."""

    def __init__(self, name: str) -> None:
        self.name = name


def suggest(word: str, known: list[str]) -> str:
    """``; did you mean 'x'?`` where something known is close, else nothing."""
    close = get_close_matches(word, known, n=1)
    return f"; did you mean {close[0]!r}?" if close else ""


def parse_duration(value: object) -> float:
    """Seconds of ``500ms``, ``5s``, ``1.5m``, ``1h``, ``1m30s``; 0 needs no unit."""
    if value == 0 and not isinstance(value, bool):
        return 0.0
    text = str(value).strip()
    parts = _DURATION.findall(text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        if text == "0":
            return 0.0
        fix = f"{text}s" if text.isdecimal() else "500ms, 5s or 1m"
        msg = f"{value!r} is no duration: write {fix}"
        raise ValueError(msg)
    return round(sum(float(number) * _UNIT_S[unit] for number, unit in parts), 6)


def write_duration(seconds: float) -> str:
    """Spell seconds as the settings file does."""
    if seconds and seconds < 1:
        return f"{_write_number(seconds * 1000)}ms"
    if seconds and seconds % 60 == 0:
        return f"{_write_number(seconds / 60)}m"
    return f"{_write_number(seconds)}s"


def _write_number(number: float) -> str:
    return f"{number:.6f}".rstrip("0").rstrip(".")


def parse_positive_duration(value: object) -> float:
    """A duration that is longer than nothing."""
    seconds = parse_duration(value)
    if seconds <= 0:
        msg = "must be longer than 0"
        raise ValueError(msg)
    return seconds


def parse_size(value: object) -> int:
    """Bytes of ``256Mi``, ``1Gi``."""
    parts = _SIZE.fullmatch(str(value).strip())
    if parts is None or int(parts[1]) == 0:
        msg = f"{value!r} is no size: write 256Mi or 1Gi"
        raise ValueError(msg)
    return int(parts[1]) * _SIZE_BYTES[parts[2]]


def write_size(count: int) -> str:
    """Spell bytes as the settings file does."""
    fitting = (unit for unit in ("Gi", "Mi", "Ki") if count % _SIZE_BYTES[unit] == 0)
    unit = next(fitting, None)
    return f"{count // _SIZE_BYTES[unit]}{unit or ''}"


def parse_signal(value: object) -> int:
    """The number of ``SIGHUP``, ``HUP``, ``hup`` or ``1``. Refuses what no process can handle."""
    text = str(value).strip().upper()
    name = text if text.startswith("SIG") else f"SIG{text}"
    found = getattr(signals, name, None)
    if isinstance(found, signals.Signals):
        number = int(found)
    elif text.isdecimal() and int(text) in signals.valid_signals():
        number = int(text)
    else:
        names = [] if text.isdecimal() else sorted(signal.name for signal in signals.Signals)
        msg = f"{value!r} is no signal{suggest(name, names) or ': write SIGHUP'}"
        raise ValueError(msg)
    if number in _UNSTOPPABLE:
        msg = f"{signals.Signals(number).name} ends or stops every process and reloads none"
        raise ValueError(msg)
    return number


def write_signal(number: int) -> str:
    """``SIGHUP`` for 1."""
    try:
        return signals.Signals(number).name
    except ValueError:
        return str(number)


def parse_regex(value: object) -> str:
    """A regular expression that compiles."""
    if not isinstance(value, str):
        msg = "must be text"
        raise ValueError(msg)  # noqa: TRY004  pydantic collects ValueErrors only
    try:
        re.compile(value)
    except re.error as error:
        msg = f"{value!r} is no regular expression ({error})"
        raise ValueError(msg) from error
    return value


def parse_url(value: object) -> str:
    """An ``http`` or ``https`` address. Says nothing of its inside, where secrets may hide."""
    text = str(value)
    try:
        parts = urlsplit(text)
        port_fits = parts.port is None or parts.port > 0
    except ValueError:
        parts, port_fits = urlsplit(""), False
    if parts.scheme not in {"http", "https"} or not parts.hostname or not port_fits:
        msg = "is no HTTP address: write http://HOST:PORT/PATH"
        raise ValueError(msg)
    return text


def parse_place(value: object) -> str:
    """An address, or a path beside the metrics."""
    if isinstance(value, str) and value.startswith("/"):
        return value
    return parse_url(value)


def mask_url(url: str) -> str:
    """`url` without user, password and query: tokens hide there."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    shown = parts._replace(netloc=f"***@{host}" if "@" in parts.netloc else host)
    return shown._replace(query="***" if parts.query else "", fragment="").geturl()


def parse_secret_path(value: object) -> str:
    """Names and globs, joined by dots."""
    if not isinstance(value, str) or not re.fullmatch(r"[^\s.]+(\.[^\s.]+)*", value):
        msg = f"{value!r} is no path of names: write slack_configs.api_url, or api_* for all such"
        raise ValueError(msg)
    return value


def parse_command(value: object) -> list[str]:
    """A program and its arguments, as a list or as one line with shell quoting.

    Placeholders are ``{dir}``, ``{file:KEY}`` and ``{file}`` (the bridge's `file`); other braces
    are the program's own.
    """
    if isinstance(value, str):
        try:
            value = shlex.split(value)
        except ValueError as error:
            msg = f"cannot be split into words ({error}): close every quote"
            raise ValueError(msg) from error
    if not isinstance(value, list) or not all(isinstance(word, str) for word in value):
        msg = 'must be a list of texts like [promtool, check, config, "{dir}/prometheus.yml"]'
        raise ValueError(msg)
    if not value or not value[0]:
        msg = "names no program"
        raise ValueError(msg)
    for word in value:
        for found in _PLACEHOLDER.findall(word):
            if not _GOOD_PLACEHOLDER.fullmatch(found):
                msg = f"{found!r} is no placeholder: write {{dir}} or {{file:KEY}}"
                raise ValueError(msg)
    return value


_as_duration = PlainSerializer(write_duration, when_used="unless-none")
_as_url = PlainSerializer(mask_url, when_used="unless-none")

Duration = Annotated[float, BeforeValidator(parse_duration), _as_duration, Kind("duration")]
PositiveDuration = Annotated[
    float, BeforeValidator(parse_positive_duration), _as_duration, Kind("duration")
]
Size = Annotated[int, BeforeValidator(parse_size), PlainSerializer(write_size), Kind("size")]
Signal = Annotated[
    int, BeforeValidator(parse_signal), PlainSerializer(write_signal), Kind("signal")
]
Regex = Annotated[str, BeforeValidator(parse_regex), Kind("regular expression")]
Url = Annotated[str, BeforeValidator(parse_url), _as_url, Kind("URL")]
Place = Annotated[str, BeforeValidator(parse_place), _as_url, Kind("URL or path")]
CommandLine = Annotated[list[str], BeforeValidator(parse_command), Kind("command")]
SecretPath = Annotated[str, BeforeValidator(parse_secret_path), Kind("path")]
