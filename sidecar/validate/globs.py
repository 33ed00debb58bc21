"""Which keys a check means."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase


def pick(files: Mapping[str, bytes], globs: Sequence[str]) -> dict[str, bytes]:
    """The files whose key matches one of `globs` (``*`` also matches a slash), sorted by key."""
    return {
        key: files[key] for key in sorted(files) if any(fnmatchcase(key, glob) for glob in globs)
    }
