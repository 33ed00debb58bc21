"""Every real daemon in turn, running."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.daemons.harness import DaemonSpec, Running, running
from tests.daemons.specs import SPECS


@pytest.fixture(params=SPECS, ids=lambda spec: spec.name)
def daemon(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Running]:
    """A daemon with its first good configuration; parametrize it indirectly for fewer."""
    spec: DaemonSpec = request.param
    if not spec.is_installed:
        pytest.skip(f"{spec.program} is not installed")
    with running(spec, tmp_path) as started:
        yield started
