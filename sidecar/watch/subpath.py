"""Recognises subPath mounts: the kubelet never updates them, so watching one is waiting in vain.

A subPath of a ConfigMap is a bind of the resolved file, so the fourth field of its line in
``/proc/self/mountinfo`` still names the generation it was taken from (``..2026_11_24_20_02_03.1/``)
or the kubelet's ``volume-subpaths`` folder.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path

_GENERATION = re.compile(r"/\.\.\d{4}(_\d\d){5}\.\d+(/|$)")
_OCTAL = re.compile(r"\\([0-7]{3})")


def read_mountinfo(path: str = "/proc/self/mountinfo") -> str:
    """The mounts of this process, as the kernel lists them; empty where /proc does not show it."""
    try:
        return Path(path).read_text(encoding="utf-8", errors="surrogateescape")
    except OSError:
        return ""


def find_subpaths(
    mountinfo: str, folder: str, *, is_folder: Callable[[str], bool] = os.path.isdir
) -> list[str]:
    """The mount points at or below `folder` that no update will ever reach.

    A *folder* out of ``volume-subpaths`` is alive (a subPath of an emptyDir or a disk): only one
    taken from a generation is frozen. `folder` is absolute and free of links.
    """
    frozen = []
    for line in mountinfo.splitlines():
        fields = line.split(" ")
        root, point = _unescape(fields[3]), _unescape(fields[4])
        if point != folder and not point.startswith(f"{folder.rstrip('/')}/"):
            continue
        if _GENERATION.search(root) or ("/volume-subpaths/" in root and not is_folder(point)):
            frozen.append(point)
    return sorted(frozen)


def _unescape(field: str) -> str:
    return _OCTAL.sub(lambda match: chr(int(match[1], 8)), field)
