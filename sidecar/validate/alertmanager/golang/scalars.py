"""How Alertmanager's YAML library (yaml.v2) reads a scalar: as null, truth, number or text.

It follows YAML 1.1 for words (`yes`, `on`) and Go for numbers, and leaves out base 60.
"""

from __future__ import annotations

import base64
import binascii
import re
from enum import StrEnum

YAML_TAG = "tag:yaml.org,2002:"
_TRUE = frozenset(("y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON"))
_FALSE = frozenset(("n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF"))
_NULL = frozenset(("", "~", "null", "Null", "NULL"))
_INT = re.compile(r"[-+]?(?:0[xX][0-9a-fA-F]+|0[oO]?[0-7]+|0[bB][01]+|0|[1-9][0-9]*)")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_FLOAT_WORD = re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")
_LONGEST_INT = 70
"""64 binary digits with sign and prefix; what is longer is a float, as far as it is a number."""
_INT_MAX, _INT_MIN, _UINT_MAX = (1 << 63) - 1, -(1 << 63), (1 << 64) - 1


class Kind(StrEnum):
    """What a scalar resolves to."""

    NULL = "null"
    BOOL = "boolean"
    INT = "integer"
    FLOAT = "number"
    TEXT = "text"


class BadTagError(ValueError):
    """A tag promises what the value is not; the YAML library refuses the whole file."""


def resolve(text: str, *, tag: str | None, plain: bool) -> tuple[Kind, str]:
    """The kind of a scalar, and its text (decoded where the tag is `!!binary`).

    `plain`: it stands without quotes and tag.

    Raises:
        BadTagError: the explicit tag does not fit.
    """
    if tag is None:
        return (_resolve_plain(text) if plain else Kind.TEXT), text
    if tag == f"{YAML_TAG}binary":
        return Kind.TEXT, _decode(text)
    if tag in {f"{YAML_TAG}{name}" for name in ("bool", "int", "float", "null")}:
        return _resolve_tagged(text, tag.removeprefix(YAML_TAG)), text
    return Kind.TEXT, text


def _resolve_tagged(text: str, name: str) -> Kind:
    kind = _resolve_plain(text)
    if name == "null" and kind is Kind.NULL:
        return kind
    wanted = {"bool": Kind.BOOL, "int": Kind.INT, "float": Kind.FLOAT}.get(name)
    if wanted is Kind.FLOAT and kind is Kind.INT:
        return Kind.FLOAT
    if kind is not wanted:
        message = f"the tag !!{name} does not fit what it stands before, which is a {kind}"
        raise BadTagError(message)
    return kind


def _decode(text: str) -> str:
    try:
        return base64.b64decode("".join(text.split()), validate=True).decode("utf-8", "replace")
    except (binascii.Error, ValueError) as error:
        message = "the value of the tag !!binary is no base64"
        raise BadTagError(message) from error


def _resolve_plain(text: str) -> Kind:
    if text in _NULL:
        return Kind.NULL
    if text in _TRUE or text in _FALSE:
        return Kind.BOOL
    if text[0] in "+-.0123456789":
        return _resolve_number(text)
    return Kind.TEXT


def _resolve_number(text: str) -> Kind:
    if _FLOAT_WORD.fullmatch(text):
        return Kind.FLOAT
    if text[0] == ".":
        return Kind.FLOAT if _FLOAT.fullmatch(text) else Kind.TEXT
    bare = text.replace("_", "")
    if len(bare) <= _LONGEST_INT and _INT.fullmatch(bare) and _fits(bare):
        return Kind.INT
    return Kind.FLOAT if _FLOAT.fullmatch(bare) else Kind.TEXT


def _fits(bare: str) -> bool:
    number = parse_int(bare)
    return _INT_MIN <= number <= (_INT_MAX if bare[0] in "+-" else _UINT_MAX)


def parse_bool(text: str) -> bool:
    """The truth of a text that resolved to `Kind.BOOL`."""
    return text in _TRUE


def parse_int(text: str) -> int:
    """The value of a text that resolved to `Kind.INT`: Go's bases, octal by a leading zero."""
    bare = text.replace("_", "").lower()
    sign = -1 if bare.startswith("-") else 1
    digits = bare.lstrip("+-")
    if len(digits) > 1 and digits[0] == "0" and digits[1].isdigit():
        return sign * int(digits, 8)
    return sign * int(digits, 0)


def parse_float(text: str) -> float:
    """The value of a text that resolved to `Kind.FLOAT`."""
    return float(text.replace("_", "").lower().replace(".inf", "inf").replace(".nan", "nan"))
