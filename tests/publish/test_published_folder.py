"""What the published folder looks like, and that it is what the kubelet would make."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from sidecar.clock import SystemClock
from sidecar.core.snapshot import Snapshot
from sidecar.publish.folder import PublishedFolder
from sidecar.testing.clock import FakeClock
from sidecar.testing.kubelet import AtomicWriter
from tests.publish.steps import (
    GENERATION,
    NEW,
    NEXT,
    OLD,
    OLDER,
    Files,
    assert_tidy,
    generations,
    mounted,
    publish,
    visible,
)


@contextmanager
def _umask(mask: int) -> Iterator[None]:
    before = os.umask(mask)
    try:
        yield
    finally:
        os.umask(before)


def _mode(path: Path) -> int:
    return path.stat().st_mode & 0o7777


def _describe(folder: Path) -> list[tuple[str, str]]:
    """Every entry below `folder` and what it is, generations under one name, the old one aside."""
    current = (folder / "..data").readlink().name
    told = []
    for path in folder.rglob("*"):
        name = str(path.relative_to(folder))
        if path.is_symlink():
            told.append((name, f"-> {GENERATION.sub('..TS', str(path.readlink()))}"))
        elif name.partition("/")[0] == current:
            content = path.read_bytes().hex() if path.is_file() else "folder"
            told.append((name.replace(current, "..TS"), f"{path.stat().st_mode:o} {content}"))
    return sorted(told)


def test_the_layout_is_the_kubelets_after_each_of_many_updates(tmp_path: Path) -> None:
    ours, theirs = tmp_path / "ours", tmp_path / "theirs"
    ours.mkdir()
    theirs.mkdir()
    publisher = PublishedFolder(str(ours), clock=SystemClock())
    kubelet = AtomicWriter(theirs)
    contents: list[Files] = [OLDER, OLD, NEW, NEW, {}, NEXT, {"next/a": b"1"}, OLD, {"gone/b": b""}]
    for files in contents:
        publisher.publish(Snapshot.of(files))
        kubelet.write(files)
        assert _describe(ours) == _describe(theirs)
        assert visible(ours) == visible(theirs) == mounted(ours) == files


def test_what_the_kubelets_writer_left_is_taken_over(tmp_path: Path) -> None:
    AtomicWriter(tmp_path).write(OLD)
    (tmp_path / "..data_tmp").symlink_to("stops the kubelet's writer")
    publish(tmp_path, NEW)
    assert_tidy(tmp_path, NEW, most_generations=2)


def test_generations_are_named_by_the_wall_clock_and_never_alike(tmp_path: Path) -> None:
    clock = FakeClock(wall_s=1_795_550_523.5)
    publisher = PublishedFolder(str(tmp_path), clock=clock)
    for files in (OLD, NEW):
        publisher.publish(Snapshot.of(files))
    assert all(name.startswith("..2026_11_24_20_02_03.") for name in generations(tmp_path))
    assert len(generations(tmp_path)) == 2


def test_a_name_that_is_taken_is_not_used_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    publisher = PublishedFolder(str(tmp_path), clock=FakeClock(wall_s=0))
    drawn = iter([b"\0\0\0\1", b"\0\0\0\1", b"\0\0\0\2"])
    monkeypatch.setattr(os, "urandom", lambda _: next(drawn))
    for files in (OLD, NEW):
        publisher.publish(Snapshot.of(files))
    assert generations(tmp_path) == {f"..1970_01_01_00_00_00.{n:010d}" for n in (1, 2)}


@pytest.mark.parametrize("mask", [0o000, 0o022, 0o077])
@pytest.mark.parametrize("mode", [0o644, 0o640, 0o600, 0o440])
def test_modes_are_as_asked_whatever_the_umask(tmp_path: Path, mask: int, mode: int) -> None:
    with _umask(mask):
        PublishedFolder(str(tmp_path), clock=SystemClock(), mode=mode).publish(Snapshot.of(OLD))
    data = (tmp_path / "..data").resolve()
    assert {_mode(data / key) for key in OLD} == {mode}
    assert {_mode(folder) for folder in (data, data / "rules", data / "rules/deep")} == {0o755}


def test_files_take_the_group_of_an_fsgroup_volume(tmp_path: Path) -> None:
    group = 54_321 if os.geteuid() == 0 else os.getegid()
    os.chown(tmp_path, -1, group)
    tmp_path.chmod(0o2777)
    PublishedFolder(str(tmp_path), clock=SystemClock(), mode=0o640).publish(Snapshot.of(OLD))
    data = (tmp_path / "..data").resolve()
    assert {(data / key).stat().st_gid for key in OLD} == {group}
    assert {_mode(data / key) for key in OLD} == {0o640}


def test_another_mode_is_another_generation(tmp_path: Path) -> None:
    publish(tmp_path, OLD)
    PublishedFolder(str(tmp_path), clock=SystemClock(), mode=0o600).publish(Snapshot.of(OLD))
    assert _mode(tmp_path / "a.yml") == 0o600
    assert_tidy(tmp_path, OLD, most_generations=2)


def _rewrite(path: Path) -> None:
    path.write_bytes(b"OLD" * 1000)


def _replace_by_link(path: Path) -> None:
    path.rename(path.with_name("..kept"))
    path.symlink_to("..kept")


def _replace_by_fifo(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def _add_beside(path: Path) -> None:
    path.with_name("stray.yml").write_bytes(b"")


def _close(path: Path) -> None:
    path.chmod(0)


@pytest.mark.parametrize(
    "damage", [_rewrite, Path.unlink, _replace_by_link, _replace_by_fifo, _add_beside, _close]
)
def test_a_generation_that_came_to_harm_is_written_anew(
    tmp_path: Path, damage: Callable[[Path], object]
) -> None:
    publish(tmp_path, OLD)
    damage((tmp_path / "..data").resolve() / "a.yml")
    publish(tmp_path, OLD)
    assert_tidy(tmp_path, OLD, most_generations=2)


def test_a_generation_that_is_gone_is_written_anew(tmp_path: Path) -> None:
    publish(tmp_path, OLD)
    shutil.rmtree((tmp_path / "..data").resolve())
    publish(tmp_path, OLD)
    assert_tidy(tmp_path, OLD, most_generations=1)


def test_links_that_came_to_harm_are_mended_without_a_swap(tmp_path: Path) -> None:
    publish(tmp_path, OLD)
    before = (tmp_path / "..data").readlink()
    (tmp_path / "a.yml").unlink()
    (tmp_path / "stale").symlink_to("..data/stale")
    publish(tmp_path, OLD)
    assert (tmp_path / "..data").readlink() == before
    assert_tidy(tmp_path, OLD, most_generations=1)


def test_names_that_are_no_text_and_a_mebibyte_come_through(tmp_path: Path) -> None:
    names = ["\udcff\udcfe.yml", "sp ace", "new\nline", "-rf", ".hidden", "a..", "é" * 127]
    files = {name: bytes(range(256)) for name in names}
    files |= {"deep/" * 15 + "a": b"1", "big": os.urandom(1 << 20)}
    publish(tmp_path, files)
    assert_tidy(tmp_path, files, most_generations=1)


def test_only_the_generation_before_is_kept_however_many_follow(tmp_path: Path) -> None:
    publisher = PublishedFolder(str(tmp_path), clock=SystemClock())
    for number in range(20):
        publisher.publish(Snapshot.of({"a": b"%d" % number}))
    assert_tidy(tmp_path, {"a": b"19"}, most_generations=2)
    assert re.fullmatch(r"\.\.\d{4}(_\d\d){5}\.\d{10}", (tmp_path / "..data").readlink().name)


def test_no_descriptor_stays_open(tmp_path: Path) -> None:
    publish(tmp_path, OLD)
    before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - the descriptor of the listing counts
    for files in (NEW, NEW, OLD):
        publish(tmp_path, files)
    assert len(os.listdir("/proc/self/fd")) <= before  # noqa: PTH208
