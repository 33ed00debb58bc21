"""Which of the files at hand a path in the configuration means, as Go's filepath has it."""

from __future__ import annotations

import posixpath
import re
from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase

_MAGIC = re.compile(r"[*?\[\\]")


def is_pattern(path: str) -> bool:
    """Whether it has wildcards."""
    return _MAGIC.search(path) is not None


def match(pattern: str, path: str) -> bool:
    """As Go's filepath.Match: a wildcard never matches a slash, and ``**`` is ``*``."""
    pieces, names = pattern.split("/"), path.split("/")
    return len(pieces) == len(names) and all(
        fnmatchcase(name, piece.replace("[^", "[!"))
        for piece, name in zip(pieces, names, strict=True)
    )


@dataclass(frozen=True, slots=True)
class Folder:
    """The files at hand: `keys` relative to `mount`, `base` is the main file's folder in it.

    `is_flat`: they are the keys of an object, which hold no folders.
    """

    keys: Collection[str]
    base: str = ""
    mount: str = ""
    is_flat: bool = False

    def locate(self, path: str) -> str | None:
        """`path` as a key (or a pattern of keys); None for one that leads elsewhere."""
        if posixpath.isabs(path):
            mount = self.mount.rstrip("/")
            if not mount or not posixpath.normpath(path).startswith(f"{mount}/"):
                return None
            return posixpath.normpath(path)[len(mount) + 1 :]
        inside = posixpath.normpath(posixpath.join(self.base, path))
        return None if inside.startswith("../") else inside

    def find(self, path: str) -> list[str] | None:
        """The files that `path` means; None for what lies elsewhere and cannot be judged."""
        located = self.locate(path)
        if located is None:
            return None
        return [key for key in self.keys if key == located or match(located, key)]


def infer_mount(paths: Iterable[str], keys: Collection[str]) -> str:
    """Where the files are probably mounted: the folder in which most paths name files at hand."""
    votes = Counter(
        posixpath.dirname(path)
        for path in paths
        if posixpath.isabs(path) and posixpath.basename(path) in keys
    )
    return votes.most_common(1)[0][0] if votes else ""
