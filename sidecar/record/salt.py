"""The pod's own salt for the digests of Secrets: random, private, and kept beside the journal."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable
from pathlib import Path

SALT_BYTES = 16
_FILE = "salt"


def keep_salt(folder: Path, tell: Callable[[str], None]) -> str:
    """The salt in `folder`, made at first.

    Where it cannot be kept a new one is made: content of before is then known by other names, and
    is decided anew by what is seen.
    """
    path = folder / _FILE
    try:
        salt = path.read_text(encoding="ascii")
        if len(salt) == 2 * SALT_BYTES:
            return salt
    except FileNotFoundError:
        pass
    except (OSError, ValueError) as error:
        tell(f"{path} cannot be read ({error}): a new salt is made")
    salt = secrets.token_hex(SALT_BYTES)
    fresh = path.with_suffix(".tmp")
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(salt)
        fresh.replace(path)
    except OSError as error:
        tell(
            f"{path} cannot be written ({error.strerror}): name a writable emptyDir by --state-dir"
        )
    return salt
