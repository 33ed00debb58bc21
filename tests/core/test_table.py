"""The table says what the machine does: no more, no less."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import product
from typing import Any

import pytest

from sidecar.core.table import TRANSITIONS
from tests.core import (
    diagram,
    test_api_restarts,
    test_claiming,
    test_crashes,
    test_declared,
    test_machine,
    test_publishing,
    test_restoring,
    test_turns,
    test_turns_in_trouble,
)
from tests.core.bridges import OBSERVED, UNWATCHED

SCENARIOS = (
    test_machine,
    test_declared,
    test_claiming,
    test_crashes,
    test_publishing,
    test_restoring,
    test_api_restarts,
    test_turns,
    test_turns_in_trouble,
)


def expand(test: Callable[..., None]) -> Iterator[dict[str, Any]]:
    """The arguments of every case of a parametrised test."""
    tables: list[list[dict[str, Any]]] = []
    for mark in getattr(test, "pytestmark", []):
        names, values = mark.args
        names = names.split(",") if isinstance(names, str) else names
        rows = [value if len(names) > 1 else (value,) for value in values]
        tables.append([dict(zip(names, row, strict=True)) for row in rows])
    for choice in product(*tables):
        yield {name: value for part in choice for name, value in part.items()}


@pytest.mark.timeout(120)  # all scenarios, once more
@UNWATCHED
def test_the_table_is_exactly_what_all_scenarios_show() -> None:
    for name, test in (entry for module in SCENARIOS for entry in vars(module).items()):
        if name.startswith("test_"):
            for arguments in expand(test):
                test(**arguments)
    assert sorted(OBSERVED - TRANSITIONS) == []
    assert sorted(TRANSITIONS - OBSERVED) == []


def test_every_phase_is_entered_and_left() -> None:
    phases = {before for before, _, _ in TRANSITIONS}
    for phase in phases:
        assert any(b == phase != a for b, _, a in TRANSITIONS), f"{phase} is never left"
        assert phase == "Idle" or any(a == phase != b for b, _, a in TRANSITIONS)


def test_the_documentation_shows_this_table() -> None:
    assert diagram.PAGE.read_text() == diagram.renew(diagram.PAGE.read_text())
