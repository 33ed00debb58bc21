"""Histories spend a third of their time in `dataclasses.replace`: here is one made for each use.

It does the same for frozen classes with slots and nothing to check, which those of the core are,
and leaves all others to the original.
"""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Callable
from typing import Any

from sidecar.core import claim
from tests.sim.memo import remember

ROOMS = ("sidecar.core.", "sidecar.testing.", "tests.sim.")

_made: dict[tuple[type[object], tuple[str, ...]], Callable[..., object]] = {}


def install(put: Callable[[object, str, object], None] = setattr) -> None:
    """Have every module that takes part in a history use it, for the rest of this process.

    Or for as long as what `put` puts in place stays there, as that of pytest's `monkeypatch`.
    """
    _exchange(put, "replace", dataclasses.replace, replace)
    _exchange(put, "write_from_s", claim.write_from_s, remember(claim.write_from_s))


def _exchange(
    put: Callable[[object, str, object], None], name: str, old: object, new: object
) -> None:
    for room, module in list(sys.modules.items()):
        if room.startswith(ROOMS) and getattr(module, name, None) is old:
            put(module, name, new)


def replace(old: object, /, **changes: object) -> object:
    """As `dataclasses.replace`."""
    use = (type(old), tuple(changes))
    made = _made.get(use)
    if made is None:
        made = _made[use] = _make_replace(*use)
    return made(old, **changes)


def _make_replace(kind: type[Any], changed: tuple[str, ...]) -> Callable[..., object]:
    """One for these changes of this class.

    A frozen object can be filled only through descriptors, and slowly: so a twin is filled that is
    not frozen, and has the same slots, and is then told that it is the other.
    """
    names = [f.name for f in dataclasses.fields(kind)]
    if not _is_plain(kind) or not set(changed) <= set(names):
        return dataclasses.replace
    twin = type(kind.__name__, (), {"__slots__": names})
    fills = "".join(f"    new.{n} = {n if n in changed else f'old.{n}'}\n" for n in names)
    source = f"""
def replace(old, {", ".join(changed)}):
    new = twin()
{fills}
    new.__class__ = kind
    return new
"""
    scope: dict[str, Any] = {"twin": twin, "kind": kind}
    exec(source, scope)  # noqa: S102  of the names of fields alone
    made: Callable[..., object] = scope["replace"]
    return made


def _is_plain(kind: type[Any]) -> bool:
    """Whether nothing but its fields makes an object of this class."""
    every = all(field.init for field in dataclasses.fields(kind))
    return "__slots__" in vars(kind) and not hasattr(kind, "__post_init__") and every
