"""A file system of its own for one test."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

MakeVolume = Callable[[str], Path]


@pytest.fixture
def volume(tmp_path: Path) -> Iterator[MakeVolume]:
    """Mounts a tmpfs with the given options, as an emptyDir of medium Memory is one."""
    point = tmp_path / "volume"

    def make(options: str) -> Path:
        point.mkdir()
        command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(point)]
        done = subprocess.run(command, check=False, timeout=10, capture_output=True, text=True)
        if done.returncode != 0:
            pytest.skip(f"may not mount here: {done.stderr.strip()}")
        return point

    yield make
    if point.is_mount():
        subprocess.run(["umount", "--lazy", str(point)], check=True, timeout=10)
