"""Every parser of foreign bytes: no crash, no hang, no blow-up; a little of `make fuzz`."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.fuzz.corpus import load_inputs
from tests.fuzz.examination import examine
from tests.fuzz.inputs import inputs
from tests.fuzz.parsers import PARSERS, clear

EXAMPLES = 80
LITTLE = settings(
    max_examples=EXAMPLES,
    deadline=None,
    database=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)


@pytest.fixture(autouse=True, scope="module")
def _clean() -> Iterator[None]:
    yield
    clear()


@pytest.mark.parametrize("name", PARSERS)
def test_what_was_found_before_stays_mended(name: str) -> None:
    contents = load_inputs(name)
    assert len(contents) >= 2
    for content in contents:
        examine(PARSERS[name], content)


@pytest.mark.timeout(120)
@pytest.mark.parametrize("name", PARSERS)
def test_made_inputs(name: str) -> None:
    seen = set()

    @LITTLE
    @given(inputs(name))
    def feed(content: bytes) -> None:
        seen.add(content)
        examine(PARSERS[name], content)

    feed()
    assert len(seen) > EXAMPLES / 4


@given(st.sampled_from(sorted(PARSERS)))
@settings(max_examples=len(PARSERS), deadline=None, database=None)
def test_nothing_is_fine_too(name: str) -> None:
    examine(PARSERS[name], b"")
