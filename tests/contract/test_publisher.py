"""What every `core.ports.Publisher` and `core.ports.Keeper` keeps: on a disk and in memory."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sidecar.clock import SystemClock
from sidecar.core.errors import PublishError
from sidecar.core.ports import Keeper, Mount, Publisher
from sidecar.core.snapshot import Snapshot
from sidecar.publish.folder import PublishedFolder
from sidecar.publish.good import GoodStore
from sidecar.testing.clock import FakeClock
from sidecar.testing.mount import FakeMount
from sidecar.testing.publisher import FakePublisher, MemoryKeeper
from sidecar.watch.mount import MountedFolder

FIRST: Mapping[str, bytes] = {"b.yml": b"1", "rules/a_b-c.d": b"\0\xff", "empty": b""}


@dataclass(frozen=True)
class Case:
    """A publisher, the mount that its readers see, and how to break and to mend it."""

    publisher: Publisher
    mount: Mount
    break_it: Callable[[], object]
    mend_it: Callable[[], object]


def _folder(folder: Path) -> Case:
    folder.mkdir()
    foreign = folder / "foreign"
    return Case(
        PublishedFolder(str(folder), clock=SystemClock()),
        MountedFolder(str(folder)),
        foreign.mkdir,
        foreign.rmdir,
    )


def _fake(_: Path) -> Case:
    mount = FakeMount({}, clock=FakeClock())
    fake = FakePublisher(mount)
    trouble = PublishError("The new files do not fit.")
    return Case(fake, mount, lambda: fake.fail_with(trouble), lambda: fake.fail_with(None))


@pytest.fixture(params=[_folder, _fake], ids=["folder", "fake"])
def case(request: pytest.FixtureRequest, tmp_path: Path) -> Case:
    make: Callable[[Path], Case] = request.param
    case = make(tmp_path / "shared")
    case.publisher.publish(Snapshot.of(FIRST))
    return case


@pytest.mark.parametrize("files", [FIRST, {"b.yml": b"2"}, {"c": b"1", "rules": b"now a file"}, {}])
def test_what_is_published_is_the_whole_content(case: Case, files: Mapping[str, bytes]) -> None:
    case.publisher.publish(Snapshot.of(files))
    assert case.mount.read().snapshot == Snapshot.of(files)


def test_each_new_content_moves_the_fence(case: Case) -> None:
    fences = [case.mount.fence()]
    for number in range(20):
        case.publisher.publish(Snapshot.of({"b.yml": b"%d" % (number % 2)}))
        fences.append(case.mount.fence())
    assert len(set(fences)) == 21


def test_the_same_content_moves_nothing(case: Case) -> None:
    before = case.mount.fence()
    case.publisher.publish(Snapshot.of(dict(FIRST)))
    case.publisher.publish(Snapshot.of(FIRST, salt="of a Secret"))
    assert case.mount.fence() == before


def test_a_failure_leaves_the_old_content_and_may_pass(case: Case) -> None:
    before = case.mount.fence()
    case.break_it()
    with pytest.raises(PublishError):
        case.publisher.publish(Snapshot.of({"b.yml": b"2"}))
    case.mend_it()
    assert case.mount.fence() == before
    assert case.mount.read().snapshot == Snapshot.of(FIRST)
    case.publisher.publish(Snapshot.of({"b.yml": b"2"}))
    assert case.mount.read().snapshot == Snapshot.of({"b.yml": b"2"})


def test_content_that_changes_after_it_was_published_is_no_matter(case: Case) -> None:
    files = {"b.yml": b"2"}
    case.publisher.publish(Snapshot.of(files))
    files["b.yml"] = b"3"
    assert case.mount.read().snapshot == Snapshot.of({"b.yml": b"2"})


def _store(folder: Path) -> Keeper:
    def refuse(message: str) -> None:
        raise AssertionError(message)

    return GoodStore(folder / "state", refuse)


def _memory(_: Path) -> Keeper:
    return MemoryKeeper()


@pytest.fixture(params=[_store, _memory], ids=["store", "memory"])
def keeper(request: pytest.FixtureRequest, tmp_path: Path) -> Keeper:
    make: Callable[[Path], Keeper] = request.param
    return make(tmp_path)


def test_nothing_is_kept_at_first(keeper: Keeper) -> None:
    assert keeper.load("prometheus") is None


def test_the_last_content_is_kept(keeper: Keeper) -> None:
    keeper.save("prometheus", Snapshot.of({"old": b"0"}))
    keeper.save("prometheus", Snapshot.of(FIRST))
    assert keeper.load("prometheus") == FIRST
    assert keeper.load("prometheus") == FIRST


def test_content_without_files_is_content(keeper: Keeper) -> None:
    keeper.save("prometheus", Snapshot.of({}))
    assert keeper.load("prometheus") == {}


def test_bridges_are_kept_apart(keeper: Keeper) -> None:
    names = ["a", "A", "a/b", "a%2Fb", "..", "", "é", "x" * 300, "x" * 301, "a.content", "a.tmp"]
    for name in names:
        keeper.save(name, Snapshot.of({"name": name.encode()}))
    assert [keeper.load(name) for name in names] == [{"name": name.encode()} for name in names]


KEYS = st.text(max_size=20) | st.binary(max_size=20).map(os.fsdecode)


@settings(
    deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    bridge=st.text(max_size=80),
    files=st.dictionaries(KEYS, st.binary(max_size=200), max_size=5),
)
def test_any_content_of_any_bridge_comes_back(
    keeper: Keeper, bridge: str, files: dict[str, bytes]
) -> None:
    keeper.save(bridge, Snapshot.of(files))
    assert keeper.load(bridge) == files
