"""Writes docs/settings.md from the models and the table of flags, so that it cannot be wrong.

python -m sidecar.settings.reference > docs/settings.md
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from enum import Enum
from types import UnionType
from typing import Annotated, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from sidecar.presets.fields import Kind, write_duration
from sidecar.presets.problems import find_inner
from sidecar.settings.flags import CONFIG, FLAGS, Flag
from sidecar.settings.model import FileShape, write_address

INTRO = """\
# Settings

Written by `python -m sidecar.settings.reference`; change the program, not this page.

A flag beats its environment variable, which beats the settings file, which beats the preset, which
beats the default. What a preset knows is shown by `surehup presets NAME`. Unknown fields, wrong
types and contradictions end the start with exit code 3; all are told at once, each with its place.

Durations are written as `500ms`, `5s`, `1m` or `1m30s`, sizes as `256Mi` or `1Gi`, signals as
`SIGHUP`, and `on` is a word, not a boolean.

Lists are never merged: a `validate` or `evidence` of your own replaces the preset's. What must not
be empty (`refuseEmpty`) is kept apart for that reason. A daemon that ends or stops serving when it
is told to load invalid content needs a `command` or `schema` in `validate` that is not `optional`.

In a ConfigMap's name a missing namespace is the pod's own: POD_NAMESPACE, or that of its service
account.
"""
FLAGS_INTRO = """\
## Flags

Flags other than those of the sidecar itself are about one bridge: the only one in the file, or the
one that they make. `--validate` may be given again; its variable holds one command a line. A
variable that looks like a misspelt one is refused.

| flag | variable | field |
|---|---|---|"""
FILE_INTRO = """\

## The settings file
"""
TYPES = {str: "text", int: "number", bool: "`true` or `false`"}


def render_reference() -> str:
    """The whole page."""
    lines = [INTRO, FLAGS_INTRO, *map(_render_flag, (*FLAGS, CONFIG)), FILE_INTRO]
    for title, model in _list_sections(FileShape, "the file"):
        lines += _render_section(title, model)
    return "\n".join(lines).rstrip() + "\n"


def _render_flag(flag: Flag) -> str:
    option = flag.option if flag.switch else f"{flag.option} {flag.metavar}"
    field = f"`{'.'.join(flag.path)}`" if flag.path else ""
    return _render_row((f"`{option}`", f"`{flag.variable}`", field))


def _render_row(cells: tuple[str, ...]) -> str:
    escaped = (cell.replace("|", "\\|") for cell in cells)
    return f"| {' | '.join(escaped)} |"


def _list_sections(model: type[BaseModel], title: str) -> Iterator[tuple[str, type[BaseModel]]]:
    yield title, model
    for name, field in model.model_fields.items():
        inner = find_inner(field.annotation)
        if inner is not None:
            yield from _list_sections(inner, _join(title, field.alias or name, field))


def _join(title: str, name: str, field: FieldInfo) -> str:
    many = "[]" * str(field.annotation).count("list[")
    return f"{name}{many}" if title == "the file" else f"{title}.{name}{many}"


def _render_section(title: str, model: type[BaseModel]) -> Iterator[str]:
    yield f"### {title}" if title == "the file" else f"### `{title}`"
    yield ""
    yield " ".join((model.__doc__ or "").split())
    yield ""
    yield "| field | type | default | meaning |"
    yield "|---|---|---|---|"
    for name in sorted(model.model_fields, key=lambda name: name not in model.__annotations__):
        field = model.model_fields[name]
        cells = (
            f"`{field.alias or name}`",
            _describe(field.annotation, tuple(field.metadata)),
            _show_default(field),
            field.description or "",
        )
        yield _render_row(cells)
    yield ""


def _describe(annotation: object, metadata: tuple[object, ...] = ()) -> str:
    """The type as a person would say it."""
    for mark in metadata:
        if isinstance(mark, Kind):
            return mark.name
    origin, inner = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _describe(inner[0], inner[1:])
    if origin in {Union, UnionType}:
        return " or ".join(_describe(part) for part in inner if part is not type(None))
    if origin is list:
        return f"list of {_describe(inner[0])}"
    if origin is dict:
        return "mapping"
    if origin is Literal:
        return _list_words(inner)
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return _list_words(tuple(member.value for member in annotation))
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return "mapping, see below"
    return TYPES[annotation] if isinstance(annotation, type) else str(annotation)


def _list_words(words: tuple[object, ...]) -> str:
    return ", ".join(f"`{json.dumps(word) if word is True else word}`" for word in words)


def _show_default(field: FieldInfo) -> str:
    kinds = [mark.name for mark in field.metadata if isinstance(mark, Kind)]
    value = field.default
    if field.is_required():
        return "required"
    if isinstance(field.json_schema_extra, dict) and "otherwise" in field.json_schema_extra:
        return _quote(str(field.json_schema_extra["otherwise"]))
    if value is None or value == "" or isinstance(value, BaseModel):
        return ""
    if "duration" in kinds:
        return f"`{write_duration(value)}`"
    if "address" in kinds:
        return f"`{write_address(value)}`"
    return _quote(value if isinstance(value, str) else json.dumps(value))


def _quote(text: str) -> str:
    return text if "`" in text else f"`{text}`"


if __name__ == "__main__":
    sys.stdout.write(render_reference())
