"""A publish that ends at any step, by kill or by failure, and the next one."""

from __future__ import annotations

import errno
import itertools
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from sidecar.clock import SystemClock
from sidecar.core.errors import PublishError
from sidecar.core.snapshot import Snapshot
from sidecar.publish.folder import PublishedFolder
from tests.publish.steps import (
    NEW,
    NEXT,
    OLD,
    OLDER,
    Files,
    assert_tidy,
    at_step,
    generations,
    mounted,
    publish,
    visible,
)

pytestmark = pytest.mark.usefixtures("untraced_children")

ROOT = Path(__file__).parents[2]
KILLER = """
import sys
from pathlib import Path
from tests.publish.steps import kill_at_each_step
kill_at_each_step(Path(sys.argv[1]), sys.argv[2])
"""


def _run(code: str, *args: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", code, *args]
    return subprocess.run(
        command, cwd=ROOT, timeout=25, check=False, capture_output=True, text=True
    )


@pytest.mark.parametrize(
    ("prepared", "old", "least_steps"),
    [("empty", {}, 25), ("old", OLD, 60), ("wreck", OLD, 70), ("new", NEW, 40)],
)
def test_a_kill_at_any_step_leaves_old_or_new_and_the_next_publish_clears_up(
    tmp_path: Path, prepared: str, old: Files, least_steps: int
) -> None:
    done = _run(KILLER, str(tmp_path), prepared)
    assert done.returncode == 0, done.stderr
    folders = sorted(tmp_path.iterdir())
    assert len(folders) >= least_steps
    states = [visible(folder) for folder in folders]
    assert all(state in (old, NEW) for state in states)
    assert states[0] == old
    assert states[-1] == NEW
    for folder, state in zip(folders, states, strict=True):
        is_first = not (folder / "..data").exists()
        assert is_first or mounted(folder) == state
        for number, files in enumerate([NEW, OLD, NEXT]):
            copy = folder.with_name(f"{folder.name}-{number}")
            shutil.copytree(folder, copy, symlinks=True)
            publish(copy, files)
            assert_tidy(copy, files, most_generations=1 if is_first or state == files else 2)


def test_a_kill_in_the_middle_of_a_file_leaves_the_old_content(tmp_path: Path) -> None:
    publish(tmp_path, OLD)
    code = """
import resource, signal, sys
from pathlib import Path
from tests.publish.steps import publish
signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
resource.setrlimit(resource.RLIMIT_FSIZE, (5000, 5000))
resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
publish(Path(sys.argv[1]), {"a.yml": b"new" * 5000})
"""
    assert _run(code, str(tmp_path)).returncode == -signal.SIGXFSZ
    (half,) = generations(tmp_path) - {(tmp_path / "..data").readlink().name}
    assert (tmp_path / half / "a.yml").stat().st_size == 5000
    assert mounted(tmp_path) == visible(tmp_path) == OLD
    publish(tmp_path, NEW)
    assert_tidy(tmp_path, NEW, most_generations=2)


def test_a_failure_at_any_step_leaves_nothing_of_the_new_content(tmp_path: Path) -> None:
    failed: list[str] = []

    def fail(call: str) -> None:
        failed.append(call)
        if call != "close":  # closes also where it fails, which cannot be played here
            raise OSError(errno.EIO, os.strerror(errno.EIO))

    for number in itertools.count(1):
        folder = tmp_path / str(number)
        folder.mkdir()
        publisher = PublishedFolder(str(folder), clock=SystemClock())
        for files in (OLDER, OLD):
            publisher.publish(Snapshot.of(files))
        before = set(folder.iterdir())
        count = len(failed)
        try:
            with at_step(number, fail):
                publisher.publish(Snapshot.of(NEW))
        except PublishError as error:
            assert "check the volume" in error.message  # noqa: PT017 - not each step fails
        state = visible(folder)
        assert state == mounted(folder)
        if state == OLD:
            assert set(folder.iterdir()) <= before
        else:
            assert state == NEW
            assert len(generations(folder)) == 2
        publisher.publish(Snapshot.of(NEW))
        assert_tidy(folder, NEW, most_generations=2)
        if len(failed) == count:
            break
    assert {"mkdir", "open", "write", "fchmod", "chmod", "symlink", "rename", "unlink"} <= {*failed}


def test_an_interrupt_at_any_step_is_no_worse_than_a_kill(tmp_path: Path) -> None:
    def interrupt(_: str) -> None:
        raise KeyboardInterrupt

    for number in itertools.count(1):
        folder = tmp_path / str(number)
        folder.mkdir()
        publish(folder, OLD)
        try:
            with at_step(number, interrupt):
                publish(folder, NEW)
        except KeyboardInterrupt:
            state = visible(folder)
            assert state == mounted(folder)
            assert state in (OLD, NEW)
        else:
            break
        publish(folder, NEW)
        assert_tidy(folder, NEW, most_generations=1 if state == NEW else 2)
    assert number > 30
