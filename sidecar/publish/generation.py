"""One generation of files, in a folder of its own: built out of sight, and compared."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Mapping
from typing import NoReturn

FOLDER_MODE = 0o755

_LONGEST_NAME = 255  # NAME_MAX of Linux, in bytes

_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
# What somebody put there need not be a file: a FIFO must not block.
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


def find_unfit(files: Mapping[str, bytes]) -> str | None:
    """The first key that is no path of a file below the folder, None if all are.

    The rules are the kubelet's: relative, no ``..`` in it, nothing that begins with ``..``.
    """
    return next((key for key in files if not _is_fit(key) or _parents(key) & files.keys()), None)


def _is_fit(key: str) -> bool:
    try:
        encoded = os.fsencode(key)
    except UnicodeEncodeError:
        return False
    parts = encoded.split(b"/")
    return (
        b"\0" not in encoded
        and not encoded.startswith(b"..")
        and not {b"", b".", b".."} & set(parts)
        and max(map(len, parts)) <= _LONGEST_NAME
    )


def write_generation(
    folder_fd: int, generation: str, files: Mapping[str, bytes], mode: int
) -> None:
    """Fill the new, private folder `generation`, then open it to readers. Raises `OSError`.

    Its folders lose their setgid bit last, as the files take their group by it: in an emptyDir
    with ``fsGroup`` that is what lets another UID read a mode like 0640. Modes are set whatever
    the umask, and before anybody can see the files.
    """
    folders = sorted({folder for key in files for folder in _parents(key)})
    for folder in folders:
        os.mkdir(f"{generation}/{folder}", 0o700, dir_fd=folder_fd)
    for key, content in files.items():
        _write_file(folder_fd, f"{generation}/{key}", content, mode)
    for folder in reversed(folders):
        os.chmod(f"{generation}/{folder}", FOLDER_MODE, dir_fd=folder_fd)
    os.chmod(generation, FOLDER_MODE, dir_fd=folder_fd)


def holds(folder_fd: int, generation: str, files: Mapping[str, bytes], mode: int) -> bool:
    """Whether `generation` is what `write_generation` would make. Raises `OSError`."""
    return set(_keys(folder_fd, generation)) == files.keys() and all(
        _is_file(folder_fd, f"{generation}/{key}", content, mode) for key, content in files.items()
    )


def _parents(key: str) -> set[str]:
    parts = key.split("/")
    return {"/".join(parts[:depth]) for depth in range(1, len(parts))}


def _write_file(folder_fd: int, path: str, content: bytes, mode: int) -> None:
    descriptor = os.open(path, _CREATE, 0o600, dir_fd=folder_fd)
    try:
        left = memoryview(content)
        while left:
            left = left[os.write(descriptor, left) :]
        os.fchmod(descriptor, mode)
    finally:
        os.close(descriptor)


def _keys(folder_fd: int, generation: str) -> Iterator[str]:
    for folder, _, names, _ in os.fwalk(generation, dir_fd=folder_fd, onerror=_raise):
        prefix = folder[len(generation) :].lstrip("/")
        yield from (f"{prefix}/{name}" if prefix else name for name in names)


def _raise(error: OSError) -> NoReturn:
    raise error


def _is_file(folder_fd: int, path: str, content: bytes, mode: int) -> bool:
    status = os.stat(path, dir_fd=folder_fd, follow_symlinks=False)
    if status.st_mode != stat.S_IFREG | mode or status.st_size != len(content):
        return False
    descriptor = os.open(path, _READ, dir_fd=folder_fd)
    try:
        # A byte more than expected shows in the same call that the file ends there.
        return os.read(descriptor, len(content) + 1) == content
    finally:
        os.close(descriptor)
