"""The copies that histories make are those that `dataclasses.replace` makes."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from random import Random
from types import ModuleType

import pytest

from sidecar.core.state import State, Waiting, begin
from tests.sim import swift
from tests.sim.nature import draw_nature

BRIDGE = draw_nature(Random(1), Random(2)).bridge  # noqa: S311


def test_copies_with_changes() -> None:
    state = begin(BRIDGE)
    phase = Waiting(since_s=1.0)

    changed = swift.replace(state, blocked="why", phase=phase)

    assert changed == dataclasses.replace(state, blocked="why", phase=phase)
    assert state == begin(BRIDGE)


def test_refuses_what_is_no_field() -> None:
    with pytest.raises(TypeError, match="colour"):
        swift.replace(begin(BRIDGE), colour="red")


@dataclass(frozen=True, slots=True)
class Checked:
    number: int

    def __post_init__(self) -> None:
        if self.number < 0:
            raise ValueError(self.number)


def test_copies_are_of_the_same_class_and_as_frozen() -> None:
    copy = swift.replace(begin(BRIDGE), blocked="why")

    assert type(copy) is State
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(copy, "blocked", "because")  # noqa: B010  what types forbid is tried here


def test_leaves_what_is_checked_to_the_original() -> None:
    with pytest.raises(ValueError, match="-1"):
        swift.replace(Checked(1), number=-1)


def test_takes_the_place_of_the_original_only(monkeypatch: pytest.MonkeyPatch) -> None:
    original, other = ModuleType("sidecar.core.one"), ModuleType("sidecar.core.two")
    original.replace = dataclasses.replace  # type: ignore[attr-defined]
    other.replace = str.replace  # type: ignore[attr-defined]
    monkeypatch.setattr("sys.modules", {m.__name__: m for m in (original, other)})

    swift.install()

    assert (original.replace, other.replace) == (swift.replace, str.replace)
