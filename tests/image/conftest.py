"""The image of `make image`, for the tests that are told apart by the marker `image`."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.image.unpacked import ARCHIVE, SLOWNESS, Unpacked, unpack

IMAGE_TEST_TIMEOUT_S = 180.0 * SLOWNESS


@pytest.hookimpl(tryfirst=True)  # before the marker is selected by
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Whoever uses the image is for `make imagetest` alone."""
    for item in items:
        here = item.path.is_relative_to(Path(__file__).parent)
        if here and "image" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.image)
            item.add_marker(pytest.mark.timeout(IMAGE_TEST_TIMEOUT_S))


@pytest.fixture(scope="session")
def image() -> Iterator[Unpacked]:
    """The image that `make image` has left, unpacked."""
    assert os.geteuid() == 0, "an image is unpacked and run as root"
    assert ARCHIVE.exists(), f"{ARCHIVE} is not there: make image builds it"
    with unpack(ARCHIVE) as image:
        yield image


@pytest.fixture(scope="module")
def shared() -> Iterator[Path]:
    """A folder that any user may read and write, for what the host and the image share."""
    with tempfile.TemporaryDirectory(prefix="surehup-shared-") as name:
        Path(name).chmod(0o777)
        before = os.umask(0)
        yield Path(name)
        os.umask(before)
