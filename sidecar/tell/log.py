"""Log lines: one a phase, for people and for machines, from the standard library's loggers.

Rooms write ``log.info("Attempt ended", extra=fields(bridge=..., outcome=...))``: the message is a
constant that begins with a capital and has no full stop, all that varies is in the fields. Here
that becomes exactly one line, whatever the values contain.
"""

from __future__ import annotations

import json
import logging
import re
import time
from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import TextIO

from sidecar.core.errors import SettingsError
from sidecar.tell.stream import PatientHandler

OURS = "sidecar"
"""Loggers below this name are ours; libraries are heard from warnings on."""

SECRET_KEYS = re.compile(r"(?i)passw|token|secret|authori[sz]ation|credential|api_?key")
USERINFO = re.compile(r"(?<=://)[^/?#\s\"'@]*@")
"""User and password of an address, up to the host."""

UNSAFE = re.compile("[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
"""Controls, line separators, what turns text around on a terminal, halves of characters."""

NAMED_ESCAPES = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}
PLAIN_VALUE = re.compile(r"[^\s\"=]+")
LEVELS = ("debug", "info", "warning", "error")
COLOURS = {"DEBUG": "2", "INFO": "36", "WARNING": "33", "ERROR": "31", "CRITICAL": "1;31"}
MESSAGE_WIDTH = 28
LONGEST_INT_BITS = 1024
"""Python refuses to print integers of thousands of digits."""


class LogFormat(StrEnum):
    """How lines look (`--log-format`)."""

    JSON = "json"
    TEXT = "text"


def fields(**values: object) -> Mapping[str, object]:
    """What varies in a line, for the `extra` of a logger's methods; None values are left out.

    Stable names: `bridge`, `digest`, `pid`, `trigger`, `outcome`, `reason`, `duration_s`.
    """
    return {"fields": {key: value for key, value in values.items() if value is not None}}


def configure(*, format_: LogFormat, level: str, stream: TextIO, no_color: bool = False) -> None:
    """Send all logging of this process to `stream`, in place of any earlier target.

    Colours only where `stream` is a terminal and not `no_color` (the environment's NO_COLOR).
    Raises `SettingsError` for an unknown `level`.
    """
    if level not in LEVELS:
        msg = f"--log-level {level!r} is unknown: use one of {', '.join(LEVELS)}"
        raise SettingsError(msg)
    verbose = level == "debug"
    handler = PatientHandler(stream.fileno())
    if format_ is LogFormat.JSON:
        handler.setFormatter(JsonFormatter(verbose=verbose))
    else:
        colours = stream.isatty() and not no_color
        handler.setFormatter(TextFormatter(verbose=verbose, colours=colours))
    root = logging.getLogger()
    for old in list(root.handlers):
        root.removeHandler(old)
        old.close()
    root.addHandler(handler)
    root.setLevel(logging.WARNING)
    logging.getLogger(OURS).setLevel(level.upper())
    # Its warnings and debug lines quote whole addresses, with the tokens in them.
    logging.getLogger("urllib3").setLevel(logging.CRITICAL)


class JsonFormatter(logging.Formatter):
    """One JSON object a line: `ts`, `level`, `msg`, then the fields.

    `error` holds the type and text of an exception, `traceback` its origin if `verbose`; `logger`
    names the library that speaks, if it is not us.
    """

    def __init__(self, *, verbose: bool = False) -> None:
        super().__init__()
        self._verbose = verbose

    def format(self, record: logging.LogRecord) -> str:
        """Never raises, never more than one line."""
        line = dict(_collect(record, verbose=self._verbose))
        text = json.dumps(line, ensure_ascii=False, default=str)
        return UNSAFE.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


class TextFormatter(logging.Formatter):
    """One line for eyes: time, level, message, then ``key=value``, quoted where needed."""

    def __init__(self, *, verbose: bool = False, colours: bool = False) -> None:
        super().__init__()
        self._verbose = verbose
        self._colours = colours

    def format(self, record: logging.LogRecord) -> str:
        """Never raises, never more than one line."""
        line = dict(_collect(record, verbose=self._verbose))
        ts, message = str(line.pop("ts")), _escape(str(line.pop("msg")))
        level = str(line.pop("level")).upper()
        pairs = [f"{self._paint('2', f'{_escape(key)}=')}{_show(line[key])}" for key in line]
        shown = message.ljust(MESSAGE_WIDTH) if pairs else message
        painted = self._paint(COLOURS.get(level, "0"), level.ljust(7))
        return " ".join([self._paint("2", ts), painted, shown, *pairs])

    def _paint(self, colour: str, text: str) -> str:
        return f"\x1b[{colour}m{text}\x1b[0m" if self._colours else text


def _collect(record: logging.LogRecord, *, verbose: bool) -> Iterator[tuple[str, object]]:
    whole_s = int(record.created)
    stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(whole_s))
    yield "ts", f"{stamp}.{int((record.created - whole_s) * 1000):03d}Z"
    yield "level", record.levelname.lower()
    yield "msg", _mask(_read_message(record))
    if record.name != OURS and not record.name.startswith(f"{OURS}."):
        yield "logger", record.name
    given = getattr(record, "fields", None)
    for key, value in given.items() if isinstance(given, Mapping) else ():
        name = f"{key}_" if key in {"ts", "level", "msg", "logger", "error", "traceback"} else key
        yield str(name), "***" if SECRET_KEYS.search(str(key)) else _plain(value)
    if record.exc_info and record.exc_info[1] is not None:
        error = record.exc_info[1]
        yield "error", _mask(f"{type(error).__name__}: {_stringify(error)}")
        if verbose:
            yield "traceback", _mask(logging.Formatter().formatException(record.exc_info))


def _read_message(record: logging.LogRecord) -> str:
    try:
        return record.getMessage()
    except Exception:  # noqa: BLE001  a wrong placeholder must not cost the line
        return _stringify(record.msg)


def _plain(value: object) -> object:
    """`value` as JSON can say it: numbers as numbers, finite ones at most to the microsecond."""
    match value:
        case None | bool():
            return value
        case int():
            return int(value) if value.bit_length() <= LONGEST_INT_BITS else _stringify(value)
        case float():
            return round(value, 6) if abs(value) < float("inf") else str(value)
        case list() | tuple() | set() | frozenset():
            return [_plain(item) for item in value]
        case _:
            return _mask(_stringify(value))


def _stringify(value: object) -> str:
    try:
        return str(value)
    except Exception:  # noqa: BLE001  a value that cannot speak must not cost the line
        return f"<{type(value).__name__}>"


def _mask(text: str) -> str:
    return USERINFO.sub("***@", text) if "://" in text else text


def _escape(text: str) -> str:
    return UNSAFE.sub(_escape_one, text)


def _escape_one(found: re.Match[str]) -> str:
    return NAMED_ESCAPES.get(found[0], f"\\u{ord(found[0]):04x}")


def _show(value: object) -> str:
    if isinstance(value, list):
        value = ",".join(map(str, value))
    text = str(value).lower() if isinstance(value, bool) else str(value)
    escaped = _escape(text)
    if PLAIN_VALUE.fullmatch(escaped):
        return escaped
    return '"' + escaped.replace('"', '\\"') + '"'
