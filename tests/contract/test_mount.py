"""What every `core.ports.Mount` keeps: the real folder in both layouts, and the fake."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from sidecar.clock import SystemClock
from sidecar.core.errors import SourceError, SourceTrouble
from sidecar.core.ports import Mount
from sidecar.core.snapshot import Snapshot
from sidecar.testing.kubelet import AtomicWriter
from sidecar.testing.mount import FakeMount
from sidecar.watch.mount import MountedFolder

FIRST: Mapping[str, bytes] = {"b.yml": b"1", "a_b-c.d": b"\0\xff", "empty": b""}


@dataclass(frozen=True)
class Case:
    """A mount that holds `FIRST`, how to change it, and how to take it away."""

    mount: Mount
    write: Callable[[Mapping[str, bytes]], object]
    lose: Callable[[], object]


def _kubelet(folder: Path) -> Case:
    writer = AtomicWriter(folder)
    return Case(MountedFolder(str(folder)), writer.write, lambda: folder.rename(f"{folder}.gone"))


def _plain(folder: Path) -> Case:
    def write(files: Mapping[str, bytes]) -> None:
        for stale in folder.iterdir():
            if stale.name not in files:
                stale.unlink()
        for key, content in files.items():
            (folder / key).write_bytes(content)

    return Case(MountedFolder(str(folder)), write, lambda: folder.rename(f"{folder}.gone"))


def _fake(folder: Path) -> Case:
    # The fake counts from its clock's zero, so give it the one that real mounts count from.
    fake = FakeMount({}, clock=_BootClock())
    missing = SourceError(SourceTrouble.MISSING, f"The folder {folder} does not exist.")
    return Case(fake, fake.write, lambda: fake.fail_with(missing))


class _BootClock(SystemClock):
    def monotonic(self) -> float:
        return time.clock_gettime(time.CLOCK_BOOTTIME)


@pytest.fixture(params=[_kubelet, _plain, _fake], ids=["kubelet", "plain", "fake"])
def case(request: pytest.FixtureRequest, tmp_path: Path) -> Case:
    folder = tmp_path / "mount"
    folder.mkdir()
    make: Callable[[Path], Case] = request.param
    case = make(folder)
    case.write(FIRST)
    return case


def test_a_read_gives_all_files_under_their_digest(case: Case) -> None:
    mounted = case.mount.read()
    assert mounted.snapshot == Snapshot.of(FIRST)


def test_the_fence_of_a_read_is_the_fence_on_disk(case: Case) -> None:
    assert case.mount.read().fence == case.mount.fence()


def test_nothing_moves_while_nothing_changes(case: Case) -> None:
    first, second = case.mount.read(), case.mount.read()
    assert second.snapshot == first.snapshot
    assert second.fence == first.fence
    assert second.since_s == pytest.approx(first.since_s, abs=0.01)


@pytest.mark.parametrize(
    "files",
    [
        {**FIRST, "b.yml": b"2"},
        {**FIRST, "new": b""},
        {"b.yml": b"1"},
        {},
    ],
    ids=["changed", "added", "removed", "emptied"],
)
def test_other_content_is_read_under_another_fence(case: Case, files: Mapping[str, bytes]) -> None:
    before = case.mount.read()
    case.write(files)
    after = case.mount.read()
    assert after.snapshot == Snapshot.of(files)
    assert after.fence != before.fence


def test_content_that_comes_back_has_its_digest_again_but_a_fence_of_its_own(case: Case) -> None:
    first = case.mount.read()
    case.write({"b.yml": b"2"})
    second = case.mount.read()
    case.write(FIRST)
    third = case.mount.read()
    assert third.snapshot == first.snapshot
    assert len({first.fence, second.fence, third.fence}) == 3


def test_a_generation_is_dated_between_the_moments_around_its_write(case: Case) -> None:
    # File times have the resolution of the kernel's tick.
    tick_s = 0.02
    before_s = time.clock_gettime(time.CLOCK_BOOTTIME)
    case.write({"b.yml": b"2"})
    after_s = time.clock_gettime(time.CLOCK_BOOTTIME)
    assert before_s - tick_s <= case.mount.read().since_s <= after_s + tick_s


def test_a_lost_mount_is_a_source_error_of_one_sentence(case: Case) -> None:
    case.lose()
    for ask in (case.mount.read, case.mount.fence):
        with pytest.raises(SourceError, match=r"^The folder .* does not exist.*\.$") as raised:
            ask()
        assert raised.value.trouble is SourceTrouble.MISSING
