"""Checks TOML by the standard library's parser, and reads the place out of its message."""

from __future__ import annotations

import re
import tomllib

from sidecar.core.report import Finding
from sidecar.validate.decode import NotTextError, decode
from sidecar.validate.text import clean, quote_line, shorten

CHECK = "toml"
_PLACE = re.compile(r"^(.*) \(at (?:line (\d+), column (\d+)|end of document)\)$", re.DOTALL)


def check_toml(key: str, content: bytes) -> list[Finding]:
    """What is wrong with the TOML of `key`: its first error. A byte order mark is allowed."""
    try:
        text = decode(CHECK, key, content).removeprefix("\ufeff")
    except NotTextError as error:
        return [error.finding]
    try:
        tomllib.loads(text)
    except RecursionError:
        message = "is nested too deeply for most parsers"
        return [Finding(check=CHECK, code="depth", file=key, message=message)]
    except tomllib.TOMLDecodeError as error:
        return [_find(key, text, str(error))]
    except ValueError:  # Python's own bound of 4300 digits
        message = "holds a number that is too long for any parser"
        return [Finding(check=CHECK, code="number", file=key, message=message)]
    return []


def _find(key: str, text: str, problem: str) -> Finding:
    match = _PLACE.match(problem)
    said = match[1] if match else problem
    line = column = None
    if match:
        ending = text.rstrip("\n")
        line = int(match[2] or ending.count("\n") + 1)
        column = int(match[3] or len(ending) - ending.rfind("\n"))
    return Finding(
        check=CHECK,
        code="syntax",
        file=key,
        line=line,
        column=column,
        message=f"not valid TOML: {shorten(clean(said[:1].lower() + said[1:]), 200)}",
        excerpt=quote_line(text, line) if line else "",
    )
