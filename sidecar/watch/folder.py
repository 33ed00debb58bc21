"""Walks and reads one folder whole, within bounds, by descriptors instead of paths.

Below `watch.mount`, which decides which folder that is and whether what was read can be trusted.

Keys are the regular files, by their path relative to the folder; links to files are followed, links
to folders are not (they may lead in circles). Names that begin with ``..`` belong to the kubelet:
no ConfigMap key may begin so. All else counts, also hidden files and what editors leave behind: a
daemon that globs the folder would load those too.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Generator
from contextlib import closing
from dataclasses import dataclass

from sidecar.core.errors import SourceError, SourceTrouble

MAX_BYTES = 16 << 20
"""The API server takes 1 MiB per ConfigMap; sixteen of them projected together still pass."""

MAX_KEYS = 10_000
MAX_DEPTH = 16

_FOLDER_FLAGS = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
# A file that turns into a FIFO between stat and open must not block the reader.
_FILE_FLAGS = os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC


@dataclass(frozen=True, slots=True)
class Listing:
    """The files below a folder with their status, sorted by key; `changed_ns` is the newest ctime.

    The ctime of folders counts too: removing a file leaves no other trace.
    """

    files: tuple[tuple[str, os.stat_result], ...]
    changed_ns: int


def list_files(path: str) -> Listing:
    """Stat all files below the folder `path`.

    Raises `OSError` (its `filename` is the key) and, beyond the bounds, `SourceError`.
    """
    walk = _Walk(path)
    with closing(walk.files()) as files:
        found = sorted((file.key, file.status) for file in files)
    newest_ns = max((status.st_ctime_ns for _, status in found), default=0)
    return Listing(tuple(found), max(newest_ns, walk.folders_changed_ns))


def read_files(path: str) -> dict[str, bytes]:
    """Read all files below the folder `path`, by key.

    Raises `FileNotFoundError` if one vanishes meanwhile, `OSError` for one that cannot be read (its
    `filename` is the key) and, beyond the bounds, `SourceError`.
    """
    contents = {}
    left_bytes = MAX_BYTES
    with closing(_Walk(path).files()) as files:
        for file in files:
            content = _read(file, left_bytes + 1)
            left_bytes -= len(content)
            if left_bytes < 0:
                raise _too_large(path, f"holds more than {MAX_BYTES >> 20} MiB")
            contents[file.key] = content
    return contents


def printable(path: str) -> str:
    """Escape the bytes of a file name that are no UTF-8, which no log could print."""
    return path.encode(errors="backslashreplace").decode()


@dataclass(frozen=True, slots=True)
class _File:
    """A regular file, to be opened as `name` in `folder_fd` while the walk stands there."""

    key: str
    name: str
    folder_fd: int
    status: os.stat_result


class _Walk:
    """One way through a folder: counts what it meets, so that no folder can exhaust memory."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._met = 0
        self.folders_changed_ns = 0

    def files(self) -> Generator[_File]:
        folder_fd = os.open(self._path, _FOLDER_FLAGS)
        try:
            yield from self._files_in(folder_fd, "", depth=0)
        finally:
            os.close(folder_fd)

    def _files_in(self, folder_fd: int, prefix: str, *, depth: int) -> Generator[_File]:
        self.folders_changed_ns = max(self.folders_changed_ns, os.fstat(folder_fd).st_ctime_ns)
        with os.scandir(folder_fd) as entries:
            for entry in entries:
                if entry.name.startswith(".."):
                    continue
                self._met += 1
                if self._met > MAX_KEYS:
                    raise _too_large(self._path, f"holds more than {MAX_KEYS:,} files")
                key = prefix + entry.name
                if entry.is_dir(follow_symlinks=False):
                    yield from self._files_below(folder_fd, entry.name, key, depth=depth + 1)
                elif (status := _status_of_regular(entry)) is not None:
                    yield _File(key, entry.name, folder_fd, status)

    def _files_below(self, parent_fd: int, name: str, key: str, *, depth: int) -> Generator[_File]:
        if depth > MAX_DEPTH:
            raise _too_large(self._path, f"nests deeper than {MAX_DEPTH} folders")
        try:
            folder_fd = os.open(name, _FOLDER_FLAGS | os.O_NOFOLLOW, dir_fd=parent_fd)
        except (FileNotFoundError, NotADirectoryError):
            return  # replaced meanwhile: the fence will tell
        except OSError as error:
            error.filename = key
            raise
        try:
            yield from self._files_in(folder_fd, f"{key}/", depth=depth)
        finally:
            os.close(folder_fd)


def _status_of_regular(entry: os.DirEntry[str]) -> os.stat_result | None:
    """None for what is no file: sockets and the like, dangling or circular links."""
    try:
        status = entry.stat()
    except OSError:
        return None
    return status if stat.S_ISREG(status.st_mode) else None


def _read(file: _File, most_bytes: int) -> bytes:
    try:
        fd = os.open(file.name, _FILE_FLAGS, dir_fd=file.folder_fd)
        try:
            # One byte more than the size shows in the same call that the file ends there.
            return _read_all(fd, min(file.status.st_size + 1, most_bytes), most_bytes)
        finally:
            os.close(fd)
    except OSError as error:
        error.filename = file.key
        raise


def _read_all(fd: int, first_bytes: int, most_bytes: int) -> bytes:
    content = os.read(fd, first_bytes)
    if len(content) < first_bytes:
        return content
    chunks, total = [content], len(content)
    while total < most_bytes and (chunk := os.read(fd, min(1 << 20, most_bytes - total))):
        chunks.append(chunk)
        total += len(chunk)
    return b"".join(chunks)


def _too_large(path: str, what: str) -> SourceError:
    return SourceError(
        SourceTrouble.TOO_LARGE,
        f"The folder {printable(path)} {what}, which no ConfigMap is: point --mount at the folder "
        "that holds the configuration alone.",
    )
