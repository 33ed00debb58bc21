"""Reads of an ELF file what decides how it can be run: its loader and where its libraries lie.

Only what the two platforms of the image need: 64 bit, little-endian, x86-64 and arm64. The file is
foreign, so every number in it may be wrong.
"""

from __future__ import annotations

import os
import platform
import struct
from collections.abc import Iterator
from dataclasses import dataclass

MACHINES = {"x86_64": 62, "aarch64": 183}
"""EM_X86_64 and EM_AARCH64 by the kernel's names of machines."""

PT_LOAD, PT_DYNAMIC, PT_INTERP = 1, 2, 3
DT_NULL, DT_STRTAB, DT_RPATH, DT_RUNPATH = 0, 5, 15, 29

_HEADER = struct.Struct("<16sHHIQQQIHHHHHH")
_SEGMENT = struct.Struct("<IIQQQQQQ")
_DYNAMIC = struct.Struct("<qQ")
_IDENT_64_LITTLE = b"\x7fELF\x02\x01"
MOST_SEGMENTS = 256
MOST_DYNAMIC_BYTES = 1 << 16
MOST_PATH_BYTES = 4096


class CannotReadElfError(Exception):
    """It is no program that could be run; the text is the second half of a sentence."""


@dataclass(frozen=True, slots=True)
class Elf:
    """A program. `loader` is empty where it needs none; `folders` are its RPATH and RUNPATH."""

    loader: str
    folders: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Segment:
    kind: int
    offset: int
    address: int
    size: int


def read_elf(descriptor: int) -> Elf:
    """Read the program that `descriptor` is open on.

    Raises:
        CannotReadElfError: it is a script, of another machine, or broken.
        OSError: it cannot be read.
    """
    head = os.pread(descriptor, _HEADER.size, 0)
    if head.startswith(b"#!"):
        message = "is a script, whose interpreter would be looked for in the sidecar"
        raise CannotReadElfError(message)
    if not head.startswith(b"\x7fELF"):
        message = "is no program that Linux executes"
        raise CannotReadElfError(message)
    try:
        segments = list(_read_segments(descriptor, head))
        loader = next((found for found in segments if found.kind == PT_INTERP), None)
        if loader is None:
            return Elf("")
        path = _read(descriptor, loader.offset, min(loader.size, MOST_PATH_BYTES))
        return Elf(_decode(path), tuple(_read_folders(descriptor, segments)))
    except (struct.error, OverflowError) as error:
        message = "is a broken program file"
        raise CannotReadElfError(message) from error


def _read_segments(descriptor: int, head: bytes) -> Iterator[_Segment]:
    fields = _HEADER.unpack(head)
    ident, machine, start, size, count = fields[0], fields[2], fields[5], fields[9], fields[10]
    if not ident.startswith(_IDENT_64_LITTLE) or machine != MACHINES.get(platform.machine()):
        message = f"is built for another machine than {platform.machine()}"
        raise CannotReadElfError(message)
    for number in range(min(count, MOST_SEGMENTS)):
        content = _read(descriptor, start + number * size, _SEGMENT.size)
        kind, _, offset, address, _, stored, _, _ = _SEGMENT.unpack(content)
        yield _Segment(kind, offset, address, stored)


def _read_folders(descriptor: int, segments: list[_Segment]) -> Iterator[str]:
    """The texts stand in a table that is told by its address in memory, not in the file."""
    dynamic = next((found for found in segments if found.kind == PT_DYNAMIC), None)
    if dynamic is None:
        return
    content = _read(descriptor, dynamic.offset, min(dynamic.size, MOST_DYNAMIC_BYTES))
    entries = list(_read_entries(content))
    strings = next((value for tag, value in entries if tag == DT_STRTAB), 0)
    for segment in segments:
        inside = strings - segment.address
        if segment.kind == PT_LOAD and 0 <= inside < segment.size:
            for tag, value in entries:
                if tag in {DT_RPATH, DT_RUNPATH}:
                    start = segment.offset + inside + value
                    yield from _decode(_read(descriptor, start, MOST_PATH_BYTES)).split(":")


def _read_entries(content: bytes) -> Iterator[tuple[int, int]]:
    whole = len(content) - len(content) % _DYNAMIC.size
    for tag, value in _DYNAMIC.iter_unpack(content[:whole]):
        if tag == DT_NULL:
            return
        yield tag, value


def _read(descriptor: int, offset: int, size: int) -> bytes:
    try:
        return os.pread(descriptor, size, offset)
    except OSError as error:  # an offset beyond what any file has
        message = "is a broken program file"
        raise CannotReadElfError(message) from error


def _decode(text: bytes) -> str:
    return os.fsdecode(text.partition(b"\0")[0])
