"""Lays a candidate out as files, for programs that read files, and takes them away again.

Absolute paths in a configuration mean the mounted folder, that is the *old* content: promtool then
judges old rules, or finds none, and says "valid" (measured). So references to the mount that name
files of the candidate are turned towards the candidate; what lies elsewhere under the mount (other
volumes, secrets) is left alone.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from itertools import islice
from pathlib import Path

from sidecar.core.bridge import Companion

MOST_PATTERNS = 1000
"""Different ones in a file; each is tried with every key."""

_GLOB = re.compile(r"[*?\[]")
_REFERENCE_END = rb"[^\s\"'`,;<>(){}\[\]]+"


class UnsafeKeyError(Exception):
    """A key that is no plain relative path: it would be written outside of the folder."""

    def __init__(self, key: str) -> None:
        super().__init__(key)
        self.key = key


@contextlib.contextmanager
def laid_out(
    files: Mapping[str, bytes],
    *,
    parent: str,
    mount: str,
    companions: Sequence[Companion] = (),
) -> Iterator[Path]:
    """A private folder (0700) below `parent` that holds `files` (0600) and is removed afterwards.

    `mount` is where the daemon sees the source; empty where it does not. `companions` are its other
    folders.

    Raises:
        UnsafeKeyError: a key points outside; nothing was written.
        OSError: the folder cannot be written.
    """
    for key in files:
        _refuse_escape(key)
    folder = Path(tempfile.mkdtemp(prefix="surehup-check-", dir=parent))
    try:
        for key, content in files.items():
            turned = turn_references(content, files, mount=mount, folder=folder)
            for other in companions:
                own = {name.removeprefix(other.prefix): b"" for name in files}
                place = folder / other.prefix.rstrip("/")
                turned = turn_references(turned, own, mount=other.mount, folder=place)
            _write(folder / key, turned)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _refuse_escape(key: str) -> None:
    parts = key.split("/")
    if "\0" in key or any(part in {"", ".", ".."} for part in parts):
        raise UnsafeKeyError(key)


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    opened = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(opened, "wb") as file:
        file.write(content)


def turn_references(
    content: bytes, files: Mapping[str, bytes], *, mount: str, folder: Path
) -> bytes:
    """`content` with paths of candidate files (or globs that match some) led into `folder`."""
    if not mount or os.fsencode(mount) not in content:
        return content
    root = re.escape(os.fsencode(mount.rstrip("/")))
    reference = re.compile(rb"(?<![\w./-])" + root + rb"/+(" + _REFERENCE_END + rb")")
    names = {os.fsdecode(match[1]) for match in reference.finditer(content)}
    patterns = islice((name for name in names if _GLOB.search(name)), MOST_PATTERNS)
    known = names & files.keys()
    known |= {name for name in patterns if any(fnmatchcase(key, name) for key in files)}

    def turn(match: re.Match[bytes]) -> bytes:
        name = os.fsdecode(match[1])
        return os.fsencode(f"{folder}/{name}") if name in known else match[0]

    return reference.sub(turn, content)
