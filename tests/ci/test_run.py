"""`.ci/run` with a `make` that only says what it was asked for."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

RUN = Path(__file__).parents[2] / ".ci" / "run"
BESIDE = ["charts", "sim", "type"]
"""Run beside the tests in a cluster."""

STAGES = [
    "setup",
    "lint",
    "docs",
    "test",
    "apitest",
    "imagetest",
    "e2e",
    "gates",
]
MAKE = """#!/bin/sh
echo "$*" >>calls
case "$1" in
test) echo "7 passed in 1.00s" ;;
apitest) echo "5 passed in 2.00s" ;;
*) echo "nothing to say" ;;
esac
test "$1" != "$FAILING"
"""


def _run(folder: Path, failing: str = "") -> subprocess.CompletedProcess[str]:
    (folder / ".ci").mkdir()
    (folder / "bin").mkdir()
    shutil.copy(RUN, folder / ".ci" / "run")
    make = folder / "bin" / "make"
    make.write_text(MAKE)
    make.chmod(0o755)
    return subprocess.run(
        [str(folder / ".ci" / "run")],
        env={"PATH": f"{folder / 'bin'}:{os.environ['PATH']}", "FAILING": failing},
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )


def read_calls(folder: Path) -> list[str]:
    """What `make` was asked for, in this order."""
    return [call.split()[0] for call in (folder / "calls").read_text().splitlines()]


def test_everything_is_held_to_its_rules_and_the_tests_have_the_last_word(tmp_path: Path) -> None:
    ended = _run(tmp_path)
    assert ended.returncode == 0
    calls = read_calls(tmp_path)
    assert sorted(call for call in calls if call in BESIDE) == BESIDE
    assert [call for call in calls if call not in BESIDE] == STAGES
    said = ended.stdout.splitlines()
    assert said[-1] == "7 passed in 1.00s"
    assert "5 passed in 2.00s" in said


@pytest.mark.parametrize("failing", STAGES)
def test_nothing_that_fails_is_passed_over(tmp_path: Path, failing: str) -> None:
    assert _run(tmp_path, failing).returncode != 0
    assert [call for call in read_calls(tmp_path) if call not in BESIDE][-1] == failing


@pytest.mark.parametrize("failing", BESIDE)
def test_nothing_that_fails_beside_is_passed_over(tmp_path: Path, failing: str) -> None:
    assert _run(tmp_path, failing).returncode != 0
    assert "gates" not in read_calls(tmp_path)
