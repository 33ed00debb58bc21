"""What lies in a published folder: the kubelet's AtomicWriter layout, and nothing else.

``..data`` is a link to the generation in force, ``..YYYY_MM_DD_HH_MM_SS.N`` are generations, and
every first path component of a key has a visible link through ``..data`` (Kubernetes,
pkg/volume/util/atomic_writer.go). All of it is looked at without following a link.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass

DATA = "..data"
DATA_TMP = "..data_tmp"

_GENERATION = re.compile(r"\.\.[0-9]{4}(?:_[0-9]{2}){5}\.[0-9]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """The entries of the folder by what they are.

    `current` is the generation in force, None where ``..data`` is absent or dangles. `swapping`:
    a writer was killed between making ``..data_tmp`` and renaming it.
    """

    current: str | None
    generations: frozenset[str]
    links: frozenset[str]
    swapping: bool


class ForeignEntryError(Exception):
    """Something in the folder is not of this layout; the text is its name."""


def survey(folder_fd: int) -> Layout:
    """Look at the folder. Raises `ForeignEntryError`, and `OSError` as the system does."""
    current, swapping = None, False
    generations, links = set(), set()
    with os.scandir(folder_fd) as entries:
        for entry in entries:
            name = entry.name
            target = os.readlink(name, dir_fd=folder_fd) if entry.is_symlink() else None
            if target is None and entry.is_dir() and _GENERATION.fullmatch(name):
                generations.add(name)
            elif target is not None and name == DATA and _GENERATION.fullmatch(target):
                current = target
            elif target is not None and name == DATA_TMP:
                swapping = True
            elif target is not None and target == link_target(name):
                links.add(name)
            else:
                raise ForeignEntryError(name)
    return Layout(
        current=current if current in generations else None,
        generations=frozenset(generations),
        links=frozenset(links),
        swapping=swapping,
    )


def link_target(name: str) -> str:
    """Where the visible link `name` leads: relative, as each container may mount elsewhere."""
    return f"{DATA}/{name}"
