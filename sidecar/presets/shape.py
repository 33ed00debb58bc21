"""What all shapes of presets and settings have in common, and how one fills another."""

from __future__ import annotations

from typing import TypeVar

from pydantic import BaseModel, ConfigDict, JsonValue
from pydantic.alias_generators import to_camel


class Shape(BaseModel):
    """Fields in camelCase, and none besides."""

    model_config = ConfigDict(alias_generator=to_camel, extra="forbid", frozen=True)


def otherwise(value: str) -> dict[str, JsonValue]:
    """What holds where neither user nor preset say anything, for the settings reference."""
    return {"otherwise": value}


ShapeT = TypeVar("ShapeT", bound=Shape)


def fill(own: ShapeT, known: Shape, *, but: frozenset[str] = frozenset()) -> ShapeT:
    """`own`, with what it leaves out (or gives as null) taken from `known`, except fields `but`."""
    names = (type(own).model_fields.keys() & type(known).model_fields.keys()) - but
    missing = {name: getattr(known, name) for name in names if getattr(own, name) is None}
    return own.model_copy(update=missing)


def refuse_unless_one(shape: Shape, names: tuple[str, ...]) -> None:
    """Raise `ValueError` unless exactly one of the fields `names` is given."""
    given = [name for name in names if getattr(shape, name) is not None]
    if len(given) != 1:
        fields = type(shape).model_fields
        spelled = [fields[name].alias or name for name in names]
        told = f"not {len(given)}" if given else "not none"
        msg = f"must have one of {', '.join(spelled)}, {told}"
        raise ValueError(msg)
