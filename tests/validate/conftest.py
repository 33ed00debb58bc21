"""A validator with a private scratch folder, and no leftovers of any kind."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.validate.judge import Judge


@pytest.fixture
def scratch(tmp_path: Path) -> Iterator[Path]:
    """A folder that must be empty again afterwards."""
    folder = tmp_path / "scratch"
    folder.mkdir()
    yield folder
    assert list(folder.iterdir()) == []


@pytest.fixture
def judge(scratch: Path) -> Judge:
    return Judge(scratch)


@pytest.fixture(autouse=True)
def nothing_is_left_open() -> Iterator[None]:
    """No file descriptor and no child outlives a test."""
    before = set(os.listdir("/proc/self/fd"))  # noqa: PTH208 - names only
    yield
    assert set(os.listdir("/proc/self/fd")) <= before  # noqa: PTH208 - names only
    with pytest.raises(ChildProcessError):
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG)
