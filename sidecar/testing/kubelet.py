"""Writes a volume the way the kubelet does, so that what we watch in tests is what pods see.

The order is that of the kubelet's AtomicWriter in Kubernetes 1.34 (pkg/volume/util): timestamped
folder, files, permissions, ``..data_tmp``, rename onto ``..data``, new visible links, stale visible
links removed, old folder removed. Readers of ``..data`` see the old files or the new, never a mix.
"""

from __future__ import annotations

import os
import secrets
import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path, PurePosixPath

from sidecar.clock import SystemClock
from sidecar.core.ports import Clock

DATA = "..data"
DATA_TMP = "..data_tmp"


class AtomicWriter:
    """Owns the content of `folder`, which must exist; keys may nest, as `items:` paths do.

    Like the original it refuses to go on while a ``..data_tmp`` of a killed writer lies there.
    """

    def __init__(self, folder: str | os.PathLike[str], *, clock: Clock | None = None) -> None:
        self._folder = Path(folder)
        self._clock = clock or SystemClock()

    def write(self, files: Mapping[str, bytes | str], *, mode: int = 0o644) -> bool:
        """Make `files` the whole content; False if it is that already, and nothing was touched.

        Raises `ValueError` for a key that the kubelet refuses, `OSError` as the system does.
        """
        payload = {_checked(key): _as_bytes(value) for key, value in files.items()}
        old = self._current()
        if old is not None and _load(old) == payload:
            return False
        stale = _with_parents(_keys(old)) - _with_parents(payload) if old is not None else set()
        new = self._make_generation(payload, mode)
        self._swap(new)
        self._link_visible(payload)
        self._unlink_visible(stale)
        if old is not None:
            shutil.rmtree(old)
        return True

    def _current(self) -> Path | None:
        with suppress(FileNotFoundError):
            return self._folder / (self._folder / DATA).readlink()
        return None

    def _make_generation(self, payload: Mapping[str, bytes], mode: int) -> Path:
        new = self._make_timestamped()
        try:
            for key, value in payload.items():
                path = new / key
                path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
                path.write_bytes(value)
                path.chmod(mode)
        except OSError:
            shutil.rmtree(new)
            raise
        return new

    def _make_timestamped(self) -> Path:
        stamp = time.strftime("..%Y_%m_%d_%H_%M_%S", time.gmtime(self._clock.wall()))
        while True:
            new = self._folder / f"{stamp}.{secrets.randbelow(10**9):09d}"
            with suppress(FileExistsError):
                new.mkdir(mode=0o700)
                # The original makes it private first and opens it in a second step.
                new.chmod(0o755)
                return new

    def _swap(self, new: Path) -> None:
        try:
            (self._folder / DATA_TMP).symlink_to(new.name)
        except OSError:
            shutil.rmtree(new)
            raise
        (self._folder / DATA_TMP).rename(self._folder / DATA)

    def _link_visible(self, payload: Mapping[str, bytes]) -> None:
        for name in dict.fromkeys(PurePosixPath(key).parts[0] for key in payload):
            link = self._folder / name
            if not link.is_symlink():
                link.symlink_to(f"{DATA}/{name}")

    def _unlink_visible(self, stale: set[str]) -> None:
        for name in sorted(stale):
            if "/" not in name:
                (self._folder / name).unlink(missing_ok=True)


def _checked(key: str) -> str:
    parts = PurePosixPath(key).parts
    if not parts or key.startswith(("/", "..")) or ".." in parts or str(PurePosixPath(key)) != key:
        message = f"the kubelet refuses the key {key!r}: it must stay below the folder"
        raise ValueError(message)
    return key


def _as_bytes(value: bytes | str) -> bytes:
    return value.encode() if isinstance(value, str) else value


def _keys(generation: Path) -> Iterator[str]:
    for path in generation.rglob("*"):
        if path.is_file():
            yield path.relative_to(generation).as_posix()


def _load(generation: Path) -> dict[str, bytes]:
    return {key: (generation / key).read_bytes() for key in _keys(generation)}


def _with_parents(keys: Iterator[str] | Mapping[str, bytes]) -> set[str]:
    paths = [PurePosixPath(key) for key in keys]
    return {str(path) for key in paths for path in (key, *key.parents) if path.name}
