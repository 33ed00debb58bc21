"""What a chart's values.yaml says of its values: read once, for their schema and their table.

A value is documented by the comment above it. A line ``# @schema {...}`` in that comment is laid
over the JSON schema that follows from the default.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

MARK = "@schema "
DRAFT = "http://json-schema.org/draft-07/schema#"
TYPES = {bool: "boolean", int: "integer", float: "number", str: "string", list: "array"}
WIDEST_DEFAULT_CHARS = 60


@dataclass(frozen=True, slots=True)
class Value:
    """One value, or a group of them (`inner`)."""

    key: str
    default: Any
    text: str
    laid_over: Mapping[str, Any]
    inner: tuple[Value, ...] = ()


def read_values(path: Path) -> tuple[Value, ...]:
    """All values of a chart, in the order of its file."""
    text = path.read_text()
    root = yaml.compose(text, Loader=yaml.SafeLoader)
    assert isinstance(root, yaml.MappingNode)
    return tuple(_read_group(root, yaml.safe_load(text), text.splitlines()))


def _read_group(
    node: yaml.MappingNode, defaults: Mapping[str, Any], lines: list[str]
) -> Iterator[Value]:
    for key_node, value_node in node.value:
        key, default = key_node.value, defaults[key_node.value]
        text, laid_over = _read_comment(lines, key_node.start_mark.line)
        is_group = isinstance(default, dict) and default and "additionalProperties" not in laid_over
        inner = tuple(_read_group(value_node, default, lines)) if is_group else ()
        yield Value(key, default, text, laid_over, inner)


def _read_comment(lines: list[str], line: int) -> tuple[str, dict[str, Any]]:
    words: list[str] = []
    laid_over: dict[str, Any] = {}
    while line > 0 and lines[line - 1].lstrip().startswith("#"):
        line -= 1
        said = lines[line].strip().removeprefix("#").strip()
        if said.startswith(MARK):
            laid_over = yaml.safe_load(said.removeprefix(MARK))
        else:
            words.insert(0, said)
    return " ".join(words), laid_over


def find_undocumented(values: Iterable[Value], path: str = "") -> Iterator[str]:
    """Values that no comment speaks of."""
    for value in values:
        name = f"{path}{value.key}"
        if value.inner:
            yield from find_undocumented(value.inner, f"{name}.")
        elif not value.text:
            yield name


def write_schema(values: Iterable[Value], title: str) -> str:
    """The chart's values.schema.json. As a dependency it is given `global` besides."""
    schema = {"$schema": DRAFT, "title": title, **_describe_group(values)}
    schema["properties"]["global"] = {"type": "object"}
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def _describe_group(values: Iterable[Value]) -> dict[str, Any]:
    properties = {value.key: _describe(value) for value in values}
    return {"type": "object", "additionalProperties": False, "properties": properties}


def _describe(value: Value) -> dict[str, Any]:
    if value.inner:
        return _describe_group(value.inner)
    kind = TYPES.get(type(value.default), "object")
    return {"description": value.text, "type": kind, **value.laid_over}


def write_table(values: Iterable[Value]) -> str:
    """The table of all values for the README."""
    rows = [f"| `{path}` | {_show(value.default)} | {value.text} |" for path, value in flat(values)]
    return "\n".join(["| value | default | meaning |", "|---|---|---|", *rows]) + "\n"


def flat(values: Iterable[Value], path: str = "") -> Iterator[tuple[str, Value]]:
    """The values that are no groups, by their dotted paths."""
    for value in values:
        if value.inner:
            yield from flat(value.inner, f"{path}{value.key}.")
        else:
            yield f"{path}{value.key}", value


def _show(default: object) -> str:
    if default is None or default == "":
        return ""
    text = json.dumps(default, ensure_ascii=False)
    return f"`{text}`" if len(text) <= WIDEST_DEFAULT_CHARS else "see values.yaml"
