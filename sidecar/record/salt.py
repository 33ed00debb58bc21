"""The pod's own salt for the digests of Secrets: random, private, and kept beside the journal."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from pathlib import Path

from sidecar.private_file import replace_file

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
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        replace_file(path, [salt.encode()])
    except OSError as error:
        tell(
            f"{path} cannot be written ({error.strerror}): name a writable emptyDir by --state-dir"
        )
    return salt
