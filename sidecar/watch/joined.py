"""Several mounted folders as one source: a configuration, and certificates that it names.

Only together do they make what the daemon loads. Nothing swaps them at one instant, so a change of
one is read once none of them has moved for a while.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from sidecar.core.errors import SourceError, SourceTrouble
from sidecar.core.snapshot import Mounted, Snapshot
from sidecar.watch.folder import printable
from sidecar.watch.mount import MountedFolder

_TRIES = 10


class JoinedFolders:
    """Implements `core.ports.Mount` over `main` and, by the prefix of their keys, `others`."""

    def __init__(
        self,
        main: MountedFolder,
        others: Mapping[str, MountedFolder],
        *,
        name_files: Callable[[Mapping[str, bytes]], Snapshot] = Snapshot.of,
    ) -> None:
        self.path = main.path
        self._folders = {"": main, **others}
        self._name_files = name_files

    @property
    def paths(self) -> tuple[str, ...]:
        """All folders whose changes count."""
        return tuple(folder.path for folder in self._folders.values())

    def fence(self) -> str:
        """Name the generations of all folders. Raises `SourceError`."""
        return "\n".join(folder.fence() for folder in self._folders.values())

    def is_swapped(self) -> bool:
        """Never: a change of one may be followed by one of another that belongs to it."""
        return False

    def read(self) -> Mounted:
        """Read the files of all folders, none of which moved meanwhile. Raises `SourceError`."""
        for _ in range(_TRIES):
            parts = {prefix: folder.read() for prefix, folder in self._folders.items()}
            fence = "\n".join(part.fence for part in parts.values())
            if fence == self.fence():
                since_s = max(part.since_s for part in parts.values())
                return Mounted(self._name_files(_join(parts)), fence, since_s)
        raise SourceError(
            SourceTrouble.UNSTEADY,
            f"The folders {', '.join(map(printable, self.paths))} changed each of the {_TRIES} "
            "times they were read: find what keeps writing there and let it write elsewhere.",
        )

    def read_others(self) -> dict[str, bytes]:
        """The files of all but the main folder, as far as they can be read."""
        parts = {}
        for prefix, folder in self._folders.items():
            try:
                parts.update({prefix: folder.read()} if prefix else {})
            except SourceError:
                continue  # the watcher says so
        return _join(parts)


def _join(parts: Mapping[str, Mounted]) -> dict[str, bytes]:
    return {
        f"{prefix}{key}": content
        for prefix, part in parts.items()
        for key, content in part.snapshot.files.items()
    }
