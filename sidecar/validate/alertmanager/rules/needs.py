"""Two questions that most rules ask: is one of these fields there, and not two of them?"""

from __future__ import annotations

from collections.abc import Iterator

from sidecar.validate.alertmanager.models.base import Block, list_fields
from sidecar.validate.alertmanager.rules.registry import Fault, Rule, name_fields
from sidecar.validate.alertmanager.tree import Path

Names = tuple[str, ...]


def forbid_both(rule: Rule, block: Block, path: Path, names: Names) -> Iterator[Fault]:
    """A fault at the second of `names` that is set."""
    given = [name for name in names if block.has(name)]
    if len(given) > 1:
        keys = _keys(block, tuple(given))
        yield Fault(
            rule, (*path, keys[1]), f"{keys[0]} and {keys[1]} are both set: only one may be"
        )


def require_one(rule: Rule, block: Block, path: Path, names: Names) -> Iterator[Fault]:
    """A fault at the block where none of `names` is set."""
    if not any(block.has(name) for name in names):
        yield Fault(rule, path, f"{name_fields(_keys(block, names))} is missing or empty")


def _keys(block: Block, names: Names) -> Names:
    facts = list_fields(type(block))
    return tuple(facts[name].key for name in names)
