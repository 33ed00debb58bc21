"""Each record is written into the fake and into a real cluster."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from sidecar.testing.clock import FakeClock
from tests.record.cases import Case, make_fake, open_real


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(wall_s=1_764_000_000.25)


@pytest.fixture
def real(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Case]:
    with open_real(request.getfixturevalue("api_server"), tmp_path / "account") as case:
        yield case


@pytest.fixture(params=[pytest.param("real", marks=pytest.mark.apiserver), "fake"])
def case(request: pytest.FixtureRequest) -> Case:
    if request.param == "fake":
        return make_fake()
    found: Case = request.getfixturevalue("real")
    return found
