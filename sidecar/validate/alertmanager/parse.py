"""From tree to models, with every unknown field and wrong value told, not just the first.

What is wrong is cut out of the tree and the rest is read again, so that the rules can look at it.
"""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches
from typing import get_args

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from sidecar.validate.alertmanager.fields import describe
from sidecar.validate.alertmanager.golang.scalars import Kind
from sidecar.validate.alertmanager.models.base import Block, list_fields
from sidecar.validate.alertmanager.models.config import Config
from sidecar.validate.alertmanager.positions import find, locate
from sidecar.validate.alertmanager.rules.registry import RULES, Fault
from sidecar.validate.alertmanager.rules.structure import UNKNOWN_FIELD, WRONG_KIND
from sidecar.validate.alertmanager.tree import Listing, Node, Path, Place, Scalar, Table

MOST_ROUNDS = 4
_SHOWN_NAME = 60


@dataclass(frozen=True, slots=True)
class Parsed:
    """What could be read, what was wrong, and which places were cut out for it."""

    config: Config
    faults: tuple[tuple[Fault, Place], ...]
    cut: tuple[Path, ...]


def parse(root: Node) -> Parsed:
    """Read `root`, which is changed: what is wrong is taken out."""
    if isinstance(root, Scalar) and root.is_null:
        return Parsed(Config(), (), ())
    if not isinstance(root, Table):
        message = f"the file is {describe(root)}, not a mapping"
        return Parsed(Config(), ((Fault(WRONG_KIND, (), message), root.place),), ((),))
    faults: list[tuple[Fault, Place]] = []
    for _ in range(MOST_ROUNDS):
        try:
            config = Config.model_validate(root)
        except ValidationError as error:
            found = [_read(detail) for detail in error.errors(include_url=False)]
            faults += [(fault, locate(root, fault.path)) for fault in found]
            for fault in found:
                _cut(root, fault.path)
        else:
            return Parsed(config, tuple(faults), tuple(fault.path for fault, _ in faults))
    return Parsed(Config(), tuple(faults), ((),))


def _read(detail: ErrorDetails) -> Fault:
    path: Path = tuple(detail["loc"])
    if detail["type"] == "extra_forbidden":
        return Fault(UNKNOWN_FIELD, path, _say_unknown(path))
    rule = RULES.get(detail["type"], WRONG_KIND)
    message = detail["msg"] if detail["type"] in RULES else "here something else is wanted"
    return Fault(rule, path, _name(path) + message)


def _name(path: Path) -> str:
    key = next((step for step in reversed(path) if isinstance(step, str)), "")
    return f"{key[:_SHOWN_NAME]}: " if key else ""


def _say_unknown(path: Path) -> str:
    name = str(path[-1])
    message = f"there is no field {name[:_SHOWN_NAME]!r} here"
    keys = [fact.key for fact in list_fields(_find_model(path[:-1])).values()]
    near = get_close_matches(name, keys, 1)
    return f"{message}; {near[0]} may be meant" if near else message


def _find_model(path: Path) -> type[Block]:
    """The model that stands at `path`."""
    model: type[Block] = Config
    for step in path:
        for name, fact in list_fields(model).items():
            if fact.key == step:
                model = _find_block(model.model_fields[name].annotation) or model
                break
    return model


def _find_block(annotation: object) -> type[Block] | None:
    if isinstance(annotation, type) and issubclass(annotation, Block):
        return annotation
    inner = (_find_block(part) for part in get_args(annotation))
    return next((block for block in inner if block is not None), None)


def _cut(root: Node, path: Path) -> None:
    """Take the value at `path` out; a list keeps an empty entry instead."""
    parent = find(root, path[:-1])
    step = path[-1] if path else None
    if isinstance(parent, Table) and isinstance(step, str):
        parent.pop(step, None)
    elif isinstance(parent, Listing) and isinstance(step, int) and step < len(parent):
        parent[step] = Scalar(Kind.NULL, "", parent[step].place)
