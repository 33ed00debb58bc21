"""What every `core.ports.Journal` keeps: the file and the one in memory."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sidecar.core.ports import Journal
from sidecar.tell.journal import FileJournal
from sidecar.testing.journal import MemoryJournal

ENTRY: Mapping[str, object] = {"version": 1, "digest": "b12", "readings": {"gauge": 1.5}}

JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=10,
)


def _make_file(folder: Path) -> Journal:
    return FileJournal(folder / "state", lambda _: None)


def _make_memory(_: Path) -> Journal:
    return MemoryJournal()


@pytest.fixture(params=[_make_file, _make_memory], ids=["file", "memory"])
def journal(request: pytest.FixtureRequest, tmp_path: Path) -> Journal:
    make: Callable[[Path], Journal] = request.param
    return make(tmp_path)


def test_nothing_is_remembered_at_first(journal: Journal) -> None:
    assert journal.load("prometheus") is None


def test_last_entry_is_remembered(journal: Journal) -> None:
    journal.save("prometheus", {"version": 0})
    journal.save("prometheus", ENTRY)
    assert journal.load("prometheus") == ENTRY
    assert journal.load("prometheus") == ENTRY


def test_bridges_are_kept_apart(journal: Journal) -> None:
    names = ["a", "A", "a/b", "a%2Fb", "..", ".", "", "é", "x" * 300, "x" * 301, "a.json", "a.tmp"]
    for name in names:
        journal.save(name, {"name": name})
    assert [journal.load(name) for name in names] == [{"name": name} for name in names]


def test_entry_is_a_copy(journal: Journal) -> None:
    entry: dict[str, object] = {"list": [1]}
    journal.save("prometheus", entry)
    entry["list"] = [2]
    loaded = dict(journal.load("prometheus") or {})
    loaded["list"] = [3]
    assert journal.load("prometheus") == {"list": [1]}


def test_entry_that_is_no_json_leaves_the_last_one(journal: Journal) -> None:
    journal.save("prometheus", ENTRY)
    journal.save("prometheus", {"odd": object()})
    assert journal.load("prometheus") == ENTRY


@settings(
    deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    bridge=st.text(max_size=80),
    entry=st.dictionaries(st.text(max_size=10), JSON_VALUES, max_size=5),
)
def test_any_entry_of_any_bridge_comes_back(
    journal: Journal, bridge: str, entry: dict[str, object]
) -> None:
    journal.save(bridge, entry)
    assert journal.load(bridge) == entry
