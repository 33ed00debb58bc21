"""What all models share, and a way to visit each of them with its path."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from pydantic import BaseModel, ConfigDict

from sidecar.validate.alertmanager.fields import SecretMark
from sidecar.validate.alertmanager.tree import Path
from sidecar.validate.alertmanager.versions import Since, Version


class Block(BaseModel):
    """One mapping of the file. Unknown fields are refused, as Alertmanager refuses them."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    def has(self, name: str) -> bool:
        """Whether the field stands in the file and is not empty."""
        return bool(getattr(self, name))


@dataclass(frozen=True, slots=True)
class FieldFacts:
    """What the validator knows of one field beyond its type."""

    name: str
    key: str
    since: Version | None
    is_secret: bool


@cache
def list_fields(model: type[BaseModel]) -> dict[str, FieldFacts]:
    """The fields of a model by their Python name."""
    facts = {}
    for name, info in model.model_fields.items():
        marks = [mark.version for mark in info.metadata if isinstance(mark, Since)]
        facts[name] = FieldFacts(
            name=name,
            key=info.alias or name,
            since=marks[0] if marks else None,
            is_secret=any(isinstance(mark, SecretMark) for mark in info.metadata),
        )
    return facts


def walk(block: Block, path: Path = ()) -> Iterator[tuple[Path, Block]]:
    """`block` and every block in it, outer ones first, with where they stand."""
    yield path, block
    facts = list_fields(type(block))
    for name in block.model_fields_set:
        yield from _walk_value(getattr(block, name), (*path, facts[name].key))


def _walk_value(value: object, path: Path) -> Iterator[tuple[Path, Block]]:
    if isinstance(value, Block):
        yield from walk(value, path)
    elif isinstance(value, tuple):
        for position, entry in enumerate(value):
            if isinstance(entry, Block):
                yield from walk(entry, (*path, position))
    elif isinstance(value, dict):
        for key, entry in value.items():
            if isinstance(entry, Block):
                yield from walk(entry, (*path, key))
