"""The last good content of each bridge, for the way back: one private file each, on an emptyDir.

Beside the journal, which names that content by its digest alone. The file is a line of JSON, which
says whose content it is and how long each file, and then the files themselves: a megabyte of bytes
needs no encoding that costs another.
"""

from __future__ import annotations

import hashlib
import json
import os
import stat
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import quote

from sidecar.core.snapshot import Snapshot, digest_of
from sidecar.private_file import replace_file

VERSION = 1
MOST_HEAD_BYTES = 8 << 20
"""Ten thousand keys, which is as many as `watch` reads, at their longest and escaped."""

MOST_BYTES = 16 << 20
"""As much as `watch` reads."""

_LONGEST_NAME = 200
_READ_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


class GoodStore:
    """Implements `core.ports.Keeper` in `folder`, which is made if it is missing.

    `tell` hears, once for each cause, what could not be read or written and what follows from it.
    Where nothing can be written, contents live in memory, as long as this process does.
    """

    def __init__(self, folder: Path, tell: Callable[[str], None]) -> None:
        self._folder = folder
        self._tell = tell
        self._told: set[tuple[object, ...]] = set()
        self._unsaved: dict[str, Mapping[str, bytes]] = {}

    def save(self, bridge: str, snapshot: Snapshot) -> None:
        """Replace the content kept for `bridge` atomically; never raises."""
        path = self._folder / _name_file(bridge)
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            _replace(path, bridge, snapshot.files)
        except OSError as error:
            self._unsaved[bridge] = snapshot.files
            reason = error.strerror or str(error)
            self._tell_once(("save", error.errno), f"{path} cannot be written ({reason})")
        else:
            self._unsaved.pop(bridge, None)

    def load(self, bridge: str) -> Mapping[str, bytes] | None:
        """The files kept for `bridge`; None where there are none, or they came to harm."""
        if bridge in self._unsaved:
            return self._unsaved[bridge]
        path = self._folder / _name_file(bridge)
        try:
            return _read(path, bridge)
        except FileNotFoundError:
            return None
        except OSError as error:
            reason = error.strerror or str(error)
            self._tell_once(("load", bridge, error.errno), f"{path} cannot be read ({reason})")
        except _DamagedError as error:
            self._tell_once(("damaged", bridge), f"{path} is damaged ({error})")
        return None

    def _tell_once(self, cause: tuple[object, ...], message: str) -> None:
        if cause not in self._told:
            self._told.add(cause)
            self._tell(
                f"{message}: after a restart surehup has no last good content to go back to until"
                " the next is proven; mount a writable emptyDir and name it with --state-dir"
            )


class _DamagedError(Exception):
    """The file is not what was written; the text says what is wrong with it."""


def _name_file(bridge: str) -> str:
    """A file name of its own for each bridge, whatever its name contains."""
    quoted = quote(bridge, safe="", errors="surrogatepass")
    if len(quoted) > _LONGEST_NAME:
        quoted = hashlib.sha256(quoted.encode()).hexdigest()
    return f"good-{quoted}.content"


def _replace(path: Path, bridge: str, files: Mapping[str, bytes]) -> None:
    head = {
        "good": VERSION,
        "bridge": bridge,
        "digest": digest_of(files),
        "files": [[key, len(content)] for key, content in files.items()],
    }
    replace_file(path, [json.dumps(head).encode(), b"\n", *files.values()])


def _read(path: Path, bridge: str) -> Mapping[str, bytes]:
    descriptor = os.open(path, _READ_FLAGS)
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            reason = "not a regular file"
            raise _DamagedError(reason)
        with open(descriptor, "rb", closefd=False) as file:
            return _parse(file, bridge)
    finally:
        os.close(descriptor)


def _parse(file: BinaryIO, bridge: str) -> Mapping[str, bytes]:
    digest, sizes = _parse_head(file.readline(MOST_HEAD_BYTES), bridge)
    if sum(size for _, size in sizes) > MOST_BYTES:
        reason = f"over {MOST_BYTES} bytes"
        raise _DamagedError(reason)
    files = {key: file.read(size) for key, size in sizes}
    if file.read(1) or not _is_named(digest, files):
        reason = "other bytes than were written"
        raise _DamagedError(reason)
    return files


def _is_named(digest: str, files: Mapping[str, bytes]) -> bool:
    try:
        return digest_of(files) == digest
    except UnicodeEncodeError:
        return False  # a key that no file system gave


def _parse_head(line: bytes, bridge: str) -> tuple[str, list[tuple[str, int]]]:
    try:
        head: Any = json.loads(line)
    except (ValueError, RecursionError):
        head = None
    match head:
        case {"good": int(version), "bridge": str(owner), "digest": str(digest), "files": [*sizes]}:
            if version == VERSION and owner == bridge and all(map(_is_size, sizes)):
                return digest, [(key, size) for key, size in sizes]
    reason = "not of this version and bridge"
    raise _DamagedError(reason)


def _is_size(entry: object) -> bool:
    match entry:
        case [str(), int(size)]:
            return size >= 0
    return False
