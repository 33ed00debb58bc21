"""Remembers small facts across restarts of the sidecar: one JSON file a bridge, on an emptyDir.

Written before each trigger is pulled, so that a restarted sidecar goes on where its predecessor
ended instead of signalling twice.
"""

from __future__ import annotations

import hashlib
import json
import os
import stat
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sidecar.private_file import replace_file

VERSION = 1
MOST_BYTES = 1 << 20
LONGEST_NAME = 200
READ_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


class FileJournal:
    """Implements `core.ports.Journal` in `folder`, which is made if it is missing.

    `tell` hears, once for each cause, what could not be read or written and what follows from it.
    Where nothing can be written, entries live in memory, as long as this process does.
    """

    def __init__(self, folder: Path, tell: Callable[[str], None]) -> None:
        self._folder = folder
        self._tell = tell
        self._told: set[tuple[object, ...]] = set()
        self._unsaved: dict[str, str] = {}

    def load(self, bridge: str) -> Mapping[str, object] | None:
        """The last entry of `bridge`; None where there is none, or none that can be understood."""
        unsaved = self._unsaved.get(bridge)
        if unsaved is not None:
            return _parse(unsaved, bridge)
        path = self._folder / _name_file(bridge)
        try:
            return _parse(_read(path), bridge)
        except FileNotFoundError:
            return None
        except OSError as error:
            reason = error.strerror or str(error)
            self._tell_once(("load", bridge, error.errno), f"{path} cannot be read ({reason})")
        except ValueError as error:
            self._tell_once(("parse", bridge), f"{path} is no journal of this version ({error})")
        return None

    def save(self, bridge: str, entry: Mapping[str, object]) -> None:
        """Replace the entry of `bridge` atomically; never raises."""
        envelope = {"journal": VERSION, "bridge": bridge, "entry": entry}
        try:
            text = json.dumps(envelope, ensure_ascii=True)
        except (TypeError, ValueError) as error:
            self._tell_once(("dump", bridge), f"The entry of {bridge} is no JSON ({error})")
            return
        path = self._folder / _name_file(bridge)
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            replace_file(path, [text.encode()])
        except OSError as error:
            self._unsaved[bridge] = text
            reason = error.strerror or str(error)
            self._tell_once(("save", error.errno), f"{path} cannot be written ({reason})")
        else:
            self._unsaved.pop(bridge, None)

    def _tell_once(self, cause: tuple[object, ...], message: str) -> None:
        if cause not in self._told:
            self._told.add(cause)
            self._tell(
                f"{message}: a restart of surehup decides anew from what it sees;"
                f" mount a writable emptyDir and name it with --state-dir"
            )


def _name_file(bridge: str) -> str:
    """A file name of its own for each bridge, whatever its name contains."""
    quoted = quote(bridge, safe="", errors="surrogatepass")
    if len(quoted) > LONGEST_NAME:
        quoted = hashlib.sha256(quoted.encode()).hexdigest()
    return f"bridge-{quoted}.json"


def _read(path: Path) -> str:
    descriptor = os.open(path, READ_FLAGS)
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            msg = "not a regular file"
            raise ValueError(msg)
        with open(descriptor, "rb", closefd=False) as file:
            data = file.read(MOST_BYTES + 1)
    finally:
        os.close(descriptor)
    if len(data) > MOST_BYTES:
        msg = f"over {MOST_BYTES} bytes"
        raise ValueError(msg)
    return data.decode()


def _parse(text: str, bridge: str) -> Mapping[str, object]:
    try:
        envelope: Any = json.loads(text)
    except RecursionError:
        msg = "nested too deeply"
        raise ValueError(msg) from None
    if not isinstance(envelope, dict) or envelope.get("journal") != VERSION:
        msg = "another format"
        raise ValueError(msg)
    entry = envelope.get("entry")
    if envelope.get("bridge") != bridge or not isinstance(entry, dict):
        msg = "another bridge's"
        raise ValueError(msg)
    return entry
