"""Puppets that end with their test, and proof that nothing is left behind."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from sidecar.target.processes import PodProcesses
from tests.target.puppets import Stage, new_name, open_stage


def _descriptors() -> set[str]:
    return {path.name for path in Path("/proc/self/fd").iterdir()}


@pytest.fixture(autouse=True)
def _nothing_left() -> Iterator[None]:
    descriptors, threads = _descriptors(), threading.active_count()
    yield  # what tests before left may end meanwhile
    assert _descriptors() <= descriptors
    assert threading.active_count() <= threads


@pytest.fixture
def stage(_nothing_left: None) -> Iterator[Stage]:
    with open_stage() as stage:
        yield stage


@pytest.fixture
def processes(stage: Stage) -> PodProcesses:
    """As a sidecar sees the stage that is a sibling of the puppets, not their parent."""
    return PodProcesses(own_pid=stage.start(new_name()).pid)


@pytest.fixture
def name() -> str:
    return new_name()
