"""Histories spend a third of their time in `dataclasses.replace`: here is one made for each class.

It does the same for frozen classes with slots and nothing to check, which those of the core are,
and leaves all others to the original.
"""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Callable
from typing import Any

ROOMS = ("sidecar.core.", "sidecar.testing.", "tests.sim.")

Setter = Callable[[object, Any], None]
_made: dict[type[object], Callable[..., object]] = {}


def install() -> None:
    """Have every module that takes part in a history use it, for the rest of this process."""
    for name, module in list(sys.modules.items()):
        if name.startswith(ROOMS) and getattr(module, "replace", None) is dataclasses.replace:
            module.replace = replace  # type: ignore[attr-defined]


def replace(old: object, /, **changes: object) -> object:
    """As `dataclasses.replace`."""
    kind = type(old)
    if kind not in _made:
        _made[kind] = _make_replace(kind)
    return _made[kind](old, **changes)


def _make_replace(kind: type[Any]) -> Callable[..., object]:
    slots = "__slots__" in vars(kind)
    if not slots or hasattr(kind, "__post_init__") or not all(f.init for f in _list(kind)):
        return dataclasses.replace
    setters: dict[str, Setter] = {f.name: vars(kind)[f.name].__set__ for f in _list(kind)}
    names = {f"set_{name}": setter for name, setter in setters.items()}
    scope: dict[str, Any] = {**names, "make": object.__new__, "kind": kind, "setters": setters}
    copies = "\n".join(f"    set_{name}(new, old.{name})" for name in setters)
    source = f"""
def replace(old, **changes):
    new = make(kind)
{copies}
    for name, value in changes.items():
        setters[name](new, value)
    return new
"""
    exec(source, scope)  # noqa: S102  of the names of fields alone
    made: Callable[..., object] = scope["replace"]
    return made


def _list(kind: type[Any]) -> tuple[dataclasses.Field[Any], ...]:
    return dataclasses.fields(kind)
