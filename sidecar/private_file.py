"""Files that only this user may read, replaced whole or not at all.

A rename makes it atomic; fsync is left out, as a crash of the container keeps the kernel's page
cache, and a crash of the node ends the pod with its emptyDir.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

_FLAGS = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


def replace_file(path: Path, parts: Iterable[bytes]) -> None:
    """Have `path` hold `parts`, one after another. Raises `OSError`, and leaves what was there."""
    fresh = path.with_suffix(".tmp")
    # What a killed predecessor left may have other modes, be no file, or be held open by somebody.
    fresh.unlink(missing_ok=True)
    try:
        with os.fdopen(os.open(fresh, _FLAGS, 0o600), "wb") as file:
            file.writelines(parts)
        fresh.replace(path)
    except OSError:
        fresh.unlink(missing_ok=True)
        raise
