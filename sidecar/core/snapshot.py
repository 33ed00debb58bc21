"""The content of one source at one instant, and the digest that names it.

First stage of the journey: `watch` produces snapshots, the machine compares their digests.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

SHORT_DIGEST_CHARS = 12


def digest_of(files: Mapping[str, bytes], *, salt: str | None = None) -> str:
    r"""Name the content: the same from the API object, the mounted folder and a Helm template.

    The sha256 hex of the lines ``KEY:sha256hex(VALUE)\n``, keys sorted bytewise. Of a Secret a
    random `salt` is hashed in as the first line, so that no guess can be tested against a digest.
    Keys that are no valid UTF-8 come surrogate-escaped, as `os.fsdecode` gives them.
    """
    whole = hashlib.sha256()
    if salt is not None:
        whole.update(f"{salt}\n".encode())
    for key, value in sorted((_key_bytes(key), value) for key, value in files.items()):
        whole.update(key + b":" + hashlib.sha256(value).hexdigest().encode() + b"\n")
    return whole.hexdigest()


def short(digest: str) -> str:
    """The 12 hex digits that people read; annotations carry the digest whole."""
    return digest[:SHORT_DIGEST_CHARS]


def _key_bytes(key: str) -> bytes:
    return key.encode("utf-8", "surrogateescape")


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Files of one source at one instant: key to bytes, named by their digest."""

    files: Mapping[str, bytes] = field(repr=False)
    digest: str

    @classmethod
    def of(cls, files: Mapping[str, bytes], *, salt: str | None = None) -> Snapshot:
        """Freeze `files` and compute their digest."""
        return cls(MappingProxyType(dict(files)), digest_of(files, salt=salt))

    @property
    def short(self) -> str:
        """The digest as people read it."""
        return short(self.digest)


START_MARGIN_S = 0.1
"""By how much a start must be later than its content: process starts come in ticks of 10 ms, file
times in ticks of 4 ms, and a container's start time is that of its runtime's fork."""


@dataclass(frozen=True, slots=True)
class Mounted:
    """What the mount carries now.

    `fence` names the generation on disk: it differs after every swap of ``..data`` and after every
    write into a plain folder. `since_s` is when that generation came to be, in seconds since boot
    (CLOCK_BOOTTIME), so that it compares with a process's start.
    """

    snapshot: Snapshot
    fence: str
    since_s: float

    def was_there_at(self, started_s: float) -> bool:
        """Whether a process that started then has read this generation."""
        return started_s > self.since_s + START_MARGIN_S
