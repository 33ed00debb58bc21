"""Which Alertmanager is meant, and since when it knows what.

Without a version everything that the newest release knows may be used, and only what *every*
release since 0.25 accepts is accepted: the file is then good wherever its fields are known.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

Version = tuple[int, int]

OLDEST: Version = (0, 25)
NEWEST: Version = (0, 34)
_SPELLING = re.compile(r"v?([0-9]{1,4})\.([0-9]{1,4})(?:\.[0-9A-Za-z.+~-]*)?")


@dataclass(frozen=True, slots=True)
class Since:
    """Marks a field of a model: the first release that knows it."""

    version: Version


def since(text: str) -> Since:
    """The mark for `text`, such as ``0.28``."""
    major, _, minor = text.partition(".")
    return Since((int(major), int(minor)))


def parse_version(text: str) -> Version:
    """Major and minor number of ``0.28.1`` or ``v0.28``.

    Raises:
        ValueError: it is no version.
    """
    match = _SPELLING.fullmatch(text.strip())
    if match is None:
        message = f"{text!r} is no version of Alertmanager like 0.28.1"
        raise ValueError(message)
    return int(match[1]), int(match[2])


def spell(version: Version) -> str:
    """``0.28`` of ``(0, 28)``."""
    return f"{version[0]}.{version[1]}"


@dataclass(frozen=True, slots=True)
class Target:
    """The Alertmanager that a file is judged for; `version` None means any since 0.25."""

    version: Version | None = None

    def may_be_before(self, version: Version) -> bool:
        """Whether the target may be older than `version`."""
        return self.version is None or self.version < version

    def may_be_from(self, version: Version) -> bool:
        """Whether the target may be `version` or newer."""
        return self.version is None or self.version >= version

    def knows(self, mark: Version) -> bool:
        """Whether a field of that release may be used."""
        return self.version is None or self.version >= mark
