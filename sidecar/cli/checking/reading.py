"""Reads the files below a folder, or standard input, within bounds."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import BinaryIO

from sidecar.core.errors import SettingsError

MOST_BYTES = 10 << 20
"""Of one file, and of standard input: ten times what a ConfigMap can hold."""

MOST_AROUND_BYTES = 16 << 20
MOST_AROUND_FILES = 2_000
MOST_FILES = 100_000
DATA = "..data"
_BINARY_PROBE_BYTES = 8_000
_CHART = "Chart.yaml"
_TEMPLATES = "templates"
_FLAGS = os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
"""A FIFO must not block the reader."""


@dataclass(slots=True)
class Notes:
    """Collects what was skipped, for the report."""

    lines: list[str] = field(default_factory=list)

    def add(self, text: str) -> None:
        """Remember one sentence."""
        self.lines.append(text)


def is_volume(folder: str) -> bool:
    """Whether the kubelet (or published mode) swaps this folder whole."""
    return Path(folder, DATA).is_symlink()


def list_files(
    folder: str, *, exclude: tuple[str, ...], notes: Notes
) -> Iterator[tuple[str, bool]]:
    """Files below `folder`, and volumes (True), sorted; links to folders are not followed.

    Left out: hidden folders, what `exclude` matches, and the templates of Helm charts, which are no
    YAML before they are rendered.

    Raises:
        SettingsError: there are more than `MOST_FILES`.
    """
    count = 0
    for root, folders, names in os.walk(folder, onerror=lambda error: _note_error(error, notes)):
        if root != folder and is_volume(root):
            folders.clear()
            yield root, True
            continue
        if _CHART in names and _TEMPLATES in folders:
            folders.remove(_TEMPLATES)
            where = _spell(root, _TEMPLATES)
            notes.add(f"{where} was skipped: pipe helm template into surehup check -")
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            path = _spell(root, name)
            if is_excluded(path, exclude):
                continue
            count += 1
            if count > MOST_FILES:
                message = f"{folder} holds more than {MOST_FILES:,} files: name fewer, or --exclude"
                raise SettingsError(message)
            yield path, False


def _spell(root: str, name: str) -> str:
    """A path as the user began it, so that tools find it; not more than its name for ``.``."""
    return os.path.join(root, name).removeprefix("./")  # noqa: PTH118 - pathlib spells anew


def is_excluded(path: str, exclude: tuple[str, ...]) -> bool:
    """Whether a glob of `--exclude` matches the path or its end."""
    return any(fnmatchcase(path, glob) or fnmatchcase(path, f"*/{glob}") for glob in exclude)


def _note_error(error: OSError, notes: Notes) -> None:
    notes.add(f"{error.filename} was skipped: {error.strerror}")


def read_file(path: str, notes: Notes, *, wanted: bool = False) -> bytes | None:
    """The content; None (and a note) for what is no text file or too large.

    Raises:
        SettingsError: it cannot be read, and `wanted` tells that it was named by the user.
    """
    try:
        fd = os.open(path, _FLAGS)
        with os.fdopen(fd, "rb") as file:
            if not stat.S_ISREG(os.fstat(fd).st_mode):
                notes.add(f"{path} was skipped: it is no regular file")
                return None
            content = file.read(MOST_BYTES + 1)
    except OSError as error:
        if wanted:
            message = f"{path} cannot be read ({error.strerror}): correct the path or its rights"
            raise SettingsError(message) from error
        notes.add(f"{path} was skipped: {error.strerror}")
        return None
    return _keep_text(path, content, notes)


def _keep_text(path: str, content: bytes, notes: Notes) -> bytes | None:
    if len(content) > MOST_BYTES:
        notes.add(f"{path} was skipped: it is larger than {MOST_BYTES >> 20} MiB")
        return None
    if is_binary(content):
        notes.add(f"{path} was skipped: it is binary")
        return None
    return content


def is_binary(content: bytes) -> bool:
    """Whether it holds a NUL byte near its beginning, as git decides it; UTF-16 is text here."""
    head = content[:_BINARY_PROBE_BYTES]
    return b"\0" in head and not head.startswith((b"\xff\xfe", b"\xfe\xff"))


def read_input(stream: BinaryIO) -> bytes:
    """All of standard input.

    Raises:
        SettingsError: it is larger than `MOST_BYTES`, or empty, as after a command that failed.
    """
    content = stream.read(MOST_BYTES + 1)
    if not content.strip():
        message = "standard input is empty: has the command before it in the pipe failed?"
        raise SettingsError(message)
    if len(content) > MOST_BYTES:
        message = f"standard input is larger than {MOST_BYTES >> 20} MiB: check it in parts"
        raise SettingsError(message)
    return content


def read_around(folder: str, *, exclude: tuple[str, ...], notes: Notes) -> dict[str, bytes]:
    """The files below `folder` by relative path, for programs that open them.

    Beyond the bounds it is no configuration folder (a home, a whole disk): then nothing.
    """
    found: dict[str, bytes] = {}
    left_bytes = MOST_AROUND_BYTES
    for path, is_a_volume in list_files(folder, exclude=exclude, notes=Notes()):
        if is_a_volume:
            continue
        content = read_file(path, Notes())
        if content is None:
            continue
        left_bytes -= len(content)
        if left_bytes < 0 or len(found) >= MOST_AROUND_FILES:
            notes.add(f"{folder} is large: its files were not given to the daemon's own program")
            return {}
        found[os.path.relpath(path, folder)] = content
    return found
