"""What pydantic finds wrong, in our words: where, what, and what was probably meant."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from sidecar.presets.fields import suggest

Path = tuple[str | int, ...]

_WANTED = {
    "string_type": "text",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "list_type": "a list",
    "dict_type": "a mapping",
    "model_type": "a mapping",
}


@dataclass(frozen=True, slots=True)
class Problem:
    """Something wrong at `path`, said so that it can follow ``PATH: ``."""

    path: Path
    message: str


def write_path(path: Path) -> str:
    """``bridges[0].confirm.deadline``."""
    words = [f"[{part}]" if isinstance(part, int) else f".{part}" for part in path]
    return "".join(words).removeprefix(".")


def explain(error: ValidationError, model: type[BaseModel], at: Path = ()) -> Iterator[Problem]:
    """Each of pydantic's complaints about a value for `model` that stands at `at`."""
    for details in error.errors(include_url=False):
        path = tuple(details["loc"])
        yield Problem((*at, *path), _say(details, model, path))


def _say(details: ErrorDetails, model: type[BaseModel], path: Path) -> str:
    kind, given = details["type"], details["input"]
    if kind in _WANTED:
        return f"must be {_WANTED[kind]}, not {_describe(given)}"
    match kind:
        case "missing":
            return "is missing"
        case "extra_forbidden":
            known = list_fields(find_model(model, path[:-1]))
            return f"unknown field{suggest(str(path[-1]), known) or f'; known are {_join(known)}'}"
        case "enum" | "literal_error":
            wanted = str(details["ctx"]["expected"])
            known = [word.strip("'") for word in wanted.replace(" or ", ", ").split(", ")]
            return f"{given!r} is none of {_join(known)}{suggest(str(given), known)}"
        case "value_error":
            return str(details["ctx"]["error"])
        case "string_too_short" | "too_short":
            return "must not be empty"
        case "greater_than" | "greater_than_equal" | "less_than_equal":
            return details["msg"].replace("Input should be", f"{given!r} must be")
        case _:
            return details["msg"][:1].lower() + details["msg"][1:]


def _describe(given: object) -> str:
    match given:
        case None:
            return "nothing"
        case dict():
            return "a mapping"
        case list():
            return "a list"
        case _:
            return repr(given)


def _join(words: list[str]) -> str:
    return ", ".join(words)


def list_fields(model: type[BaseModel]) -> list[str]:
    """The fields of `model`, as users spell them."""
    return [field.alias or name for name, field in model.model_fields.items()]


def find_model(model: type[BaseModel], path: Path) -> type[BaseModel]:
    """The model that `path` leads to, from `model` on."""
    for step in path:
        if isinstance(step, str):
            for name, field in model.model_fields.items():
                if step in {field.alias, name}:
                    model = find_inner(field.annotation) or model
    return model


def find_inner(annotation: object) -> type[BaseModel] | None:
    """The model inside of an annotation like ``list[Model] | None``, if any."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    inner = (find_inner(part) for part in get_args(annotation))
    return next((found for found in inner if found is not None), None)
