"""The types of single fields: how Alertmanager's YAML library fills strings, numbers and URLs.

They are laxer than pydantic's (any scalar is a text, ``0x10`` is a number, null is the zero value)
and stricter (a URL, a duration). Their errors carry the code of the rule that is broken.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, NoReturn, TypeVar

from pydantic import BeforeValidator
from pydantic_core import PydanticCustomError

from sidecar.validate.alertmanager.golang.addresses import (
    SECRET_TOKEN,
    parse_url,
    parse_web_url,
    split_host_port,
)
from sidecar.validate.alertmanager.golang.durations import parse_go, parse_prometheus
from sidecar.validate.alertmanager.golang.scalars import Kind, parse_bool, parse_float, parse_int
from sidecar.validate.alertmanager.tree import Listing, Node, Scalar, Table

T = TypeVar("T")
Parsed = TypeVar("Parsed")

_INT_BITS, _UINT_BITS = 63, 64


class SecretMark:
    """Marks fields whose values are secrets: never quoted, and better kept in a file."""


SECRET = SecretMark()


def refuse(code: str, text: str) -> NoReturn:
    """Raise the error that `models` turn into a finding of rule `code`."""
    raise PydanticCustomError(code, "{text}", {"text": text})


def describe(node: object) -> str:
    """What kind of thing stands there, in words."""
    if isinstance(node, Scalar):
        return "nothing" if node.is_empty else f"a {node.kind}".replace("a integer", "an integer")
    return "a list" if isinstance(node, Listing) else "a mapping"


def _take_scalar(node: object, wanted: str) -> Scalar:
    if not isinstance(node, Scalar):
        refuse("E103", f"here {wanted} is wanted, not {describe(node)}")
    return node


def _read_text(node: object) -> str:
    scalar = _take_scalar(node, "a text")
    return "" if scalar.is_empty else scalar.text


def _read_bool(node: object) -> bool:
    scalar = _take_scalar(node, "true or false")
    if scalar.is_empty:
        return False
    if scalar.kind is not Kind.BOOL:
        refuse("E103", f"here true or false is wanted, not {describe(scalar)}")
    return parse_bool(scalar.text)


def _read_whole(scalar: Scalar, low: int, high: int) -> int:
    if scalar.is_empty:
        return 0
    if scalar.kind is Kind.INT:
        number = parse_int(scalar.text)
    elif scalar.kind is Kind.FLOAT and (exact := parse_float(scalar.text)) <= high:
        number = int(max(exact, low))  # Go asks only whether a fraction is too large
    else:
        refuse("E103", f"here a whole number is wanted, not {describe(scalar)}")
    if not low <= number <= high:
        refuse("E103", "this number is out of range")
    return number


def _read_int(node: object) -> int:
    low, high = -(1 << _INT_BITS), (1 << _INT_BITS) - 1
    return _read_whole(_take_scalar(node, "a whole number"), low, high)


def _read_uint(node: object) -> int:
    return _read_whole(_take_scalar(node, "a whole number"), 0, (1 << _UINT_BITS) - 1)


def _read_float(node: object) -> float:
    scalar = _take_scalar(node, "a number")
    if scalar.is_empty:
        return 0.0
    if scalar.kind is Kind.INT:
        return float(parse_int(scalar.text))
    if scalar.kind is not Kind.FLOAT:
        refuse("E103", f"here a number is wanted, not {describe(scalar)}")
    return parse_float(scalar.text)


def _parse(code: str, parse: Callable[[str], Parsed], text: str) -> Parsed:
    try:
        return parse(text)
    except ValueError as error:
        refuse(code, str(error))


def _read_duration(node: object) -> float:
    scalar = _take_scalar(node, "a duration")
    return 0.0 if scalar.is_null else _parse("E105", parse_prometheus, _read_text(scalar))


def _read_go_duration(node: object) -> float:
    """Whole numbers are nanoseconds here."""
    scalar = _take_scalar(node, "a duration")
    if scalar.kind in {Kind.INT, Kind.FLOAT}:
        return _read_int(scalar) / 1e9
    return _read_text_duration(scalar)


def _read_text_duration(node: object) -> float:
    scalar = _take_scalar(node, "a duration")
    return 0.0 if scalar.is_empty else _parse("E105", parse_go, scalar.text)


def _read_web_url(node: object) -> str:
    text = _read_text(node)
    _parse("E106", parse_web_url, text)
    return text


def _read_secret_url(node: object) -> str:
    return SECRET_TOKEN if _read_text(node) == SECRET_TOKEN else _read_web_url(node)


def _read_any_url(node: object) -> str:
    text = _read_text(node)
    _parse("E106", parse_url, text)
    return text


def _read_host_port(node: object) -> str:
    text = _read_text(node)
    if text:
        _parse("E107", split_host_port, text)
    return text


def _read_list(node: object) -> list[Node]:
    if isinstance(node, Scalar) and node.is_empty:
        return []
    if not isinstance(node, Listing):
        refuse("E103", f"here a list is wanted, not {describe(node)}")
    return node


def _read_map(node: object) -> dict[str, Node]:
    if isinstance(node, Scalar) and node.is_empty:
        return {}
    if not isinstance(node, Table):
        refuse("E103", f"here a mapping is wanted, not {describe(node)}")
    return node


def _drop_null(node: object) -> object:
    return None if isinstance(node, Scalar) and node.is_null else node


def _read_block(node: object) -> object:
    if isinstance(node, Scalar) and node.is_empty:
        return None if node.is_null else Table(node.place)
    if not isinstance(node, Table):
        refuse("E103", f"here a mapping is wanted, not {describe(node)}")
    return node


Text = Annotated[str, BeforeValidator(_read_text)]
Secret = Annotated[str, BeforeValidator(_read_text), SECRET]
Flag = Annotated[bool, BeforeValidator(_read_bool)]
Whole = Annotated[int, BeforeValidator(_read_int)]
Count = Annotated[int, BeforeValidator(_read_uint)]
Number = Annotated[float, BeforeValidator(_read_float)]
Duration = Annotated[float, BeforeValidator(_read_duration)]
GoDuration = Annotated[float, BeforeValidator(_read_go_duration)]
TextDuration = Annotated[float, BeforeValidator(_read_text_duration)]
HostPort = Annotated[str, BeforeValidator(_read_host_port)]
Optional = Annotated[T | None, BeforeValidator(_drop_null)]
"""A value that null takes away again."""
WebUrl = Optional[Annotated[str, BeforeValidator(_read_web_url)]]
SecretUrl = Annotated[Optional[Annotated[str, BeforeValidator(_read_secret_url)]], SECRET]
OptionalSecret = Annotated[Optional[Secret], SECRET]
AnyUrl = Optional[Annotated[str, BeforeValidator(_read_any_url)]]
Maybe = Annotated[T | None, BeforeValidator(_read_block)]
"""A block that may be absent."""
Several = Annotated[tuple[T, ...], BeforeValidator(_read_list)]
Mapped = Annotated[dict[str, T], BeforeValidator(_read_map)]
Texts = Several[Text]
TextMap = Mapped[Text]
Anything = Any
"""What Alertmanager takes as it stands."""
