"""The mounted folder as the daemon sees it: one generation at a time, never a mix of two.

First stage of the journey. In a kubelet volume the link ``..data`` names the generation, and its
swap is atomic; a plain folder has no such name, so one is made of what the file system tells of
every file. Either way a read counts only if the fence stood still around it: the kubelet removes
the old generation file by file right after the swap.
"""

from __future__ import annotations

import hashlib
import os
import stat
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from sidecar.core.errors import SourceError, SourceTrouble
from sidecar.core.snapshot import Mounted, Snapshot
from sidecar.watch.folder import Listing, list_files, printable, read_files
from sidecar.watch.subpath import find_subpaths, read_mountinfo

_DATA = "..data"
_READ_TRIES = 10


def read_boot_offset_s() -> float:
    """How far the wall clock is ahead of the time since boot, now."""
    return time.clock_gettime(time.CLOCK_REALTIME) - time.clock_gettime(time.CLOCK_BOOTTIME)


@dataclass(frozen=True, slots=True)
class _Generation:
    """What is on disk now: its name, its newest ctime, and where ``..data`` points, if anywhere."""

    fence: str
    changed_ns: int
    target: str | None = None


class MountedFolder:
    """Implements `core.ports.Mount` over the folder `path`, which need not exist yet.

    `read_mountinfo` gives the text of ``/proc/self/mountinfo``, `boot_offset_s` turns file times
    into seconds since boot. `name_files` makes the snapshot: of files that a mapping selects, or by
    a salted digest.
    """

    def __init__(
        self,
        path: str,
        *,
        read_mountinfo: Callable[[], str] = read_mountinfo,
        boot_offset_s: Callable[[], float] = read_boot_offset_s,
        name_files: Callable[[Mapping[str, bytes]], Snapshot] = Snapshot.of,
    ) -> None:
        self.path = str(Path(path).absolute())
        self._read_mountinfo = read_mountinfo
        self._boot_offset_s = boot_offset_s
        self._name_files = name_files

    @property
    def paths(self) -> tuple[str, ...]:
        """The folder whose changes count."""
        return (self.path,)

    def fence(self) -> str:
        """Name the generation that is on disk now. Raises `SourceError`.

        Costs two calls in a kubelet volume, one stat per file in a plain folder.
        """
        return self._locate().fence

    def is_swapped(self) -> bool:
        """Whether writers swap the whole folder at once, so that no file can be half-written.

        Raises `SourceError`.
        """
        try:
            return self._locate_swapped() is not None
        except OSError as error:
            raise self._explain(error) from error

    def read(self) -> Mounted:
        """Read all files of one generation. Raises `SourceError`."""
        for _ in range(_READ_TRIES):
            generation = self._locate()
            files = self._read_files(generation)
            if self.fence() != generation.fence:
                continue
            if files is not None:
                self._refuse_subpaths(generation)
                since_s = generation.changed_ns / 1e9 - self._boot_offset_s()
                return Mounted(self._name_files(files), generation.fence, since_s)
            if generation.target is not None:
                raise self._explain_dangling(generation.target)
        raise SourceError(
            SourceTrouble.UNSTEADY,
            f"The files in {self._shown} changed each of the {_READ_TRIES} times they were read: "
            "find what keeps writing there and let it write to another folder.",
        )

    @property
    def _shown(self) -> str:
        return printable(self.path)

    def _locate(self) -> _Generation:
        try:
            return self._locate_swapped() or self._locate_plain()
        except OSError as error:
            raise self._explain(error) from error

    def _locate_swapped(self) -> _Generation | None:
        """Read the link by one descriptor: its target and its times are of the same swap."""
        flags = os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC
        try:
            link_fd = os.open(f"{self.path}/{_DATA}", flags)
        except FileNotFoundError:
            return None
        try:
            status = os.fstat(link_fd)
            if not stat.S_ISLNK(status.st_mode):
                return None
            target = os.readlink("", dir_fd=link_fd)
        finally:
            os.close(link_fd)
        # The mtime, as fsGroup makes the kubelet chown the link at each sync. The ctime says since
        # when it is there: the rename sets it last, so a younger process saw no older files.
        fence = f"{printable(target)}:{status.st_ino}:{status.st_mtime_ns}"
        return _Generation(fence, status.st_ctime_ns, target)

    def _locate_plain(self) -> _Generation:
        listing = list_files(self.path)
        return _Generation(f"plain:{_digest(listing)}", listing.changed_ns)

    def _read_files(self, generation: _Generation) -> dict[str, bytes] | None:
        """None if something vanished on the way."""
        try:
            return read_files(str(Path(self.path, generation.target or "")))
        except FileNotFoundError:
            return None
        except OSError as error:
            raise self._explain(error) from error

    def _refuse_subpaths(self, generation: _Generation) -> None:
        if generation.target is None:
            points = find_subpaths(self._read_mountinfo(), os.path.realpath(self.path))
            if points:
                raise _refuse_subpath(points[0])

    def _explain(self, error: OSError) -> SourceError:
        match error:
            case FileNotFoundError():
                return SourceError(
                    SourceTrouble.MISSING,
                    f"The folder {self._shown} does not exist: mount the ConfigMap there in the "
                    "sidecar too (volumeMounts), or correct --mount.",
                )
            case NotADirectoryError():
                return self._explain_file()
        what = self._shown
        if isinstance(error.filename, str):
            what = printable(str(Path(self.path, error.filename)))
        if isinstance(error, PermissionError):
            return SourceError(
                SourceTrouble.UNREADABLE,
                f"UID {os.geteuid()} and GID {os.getegid()} may not read {what}: set defaultMode "
                "0444 on the volume, or give the sidecar the runAsUser or fsGroup that may.",
            )
        return SourceError(
            SourceTrouble.UNREADABLE,
            f"{what} cannot be read ({error.strerror}): check the volume and its node.",
        )

    def _explain_file(self) -> SourceError:
        real = os.path.realpath(self.path)
        if real in find_subpaths(self._read_mountinfo(), real):
            return _refuse_subpath(real)
        return SourceError(
            SourceTrouble.UNREADABLE,
            f"{self._shown} is not a folder: give --mount the folder that holds the files.",
        )

    def _explain_dangling(self, target: str) -> SourceError:
        return SourceError(
            SourceTrouble.MISSING,
            f"{self._shown}/{_DATA} points at {printable(target)}, of which something is gone: the "
            "kubelet writes it anew when the ConfigMap changes, else recreate the pod.",
        )


def _digest(listing: Listing) -> str:
    whole = hashlib.sha256()
    for key, status in listing.files:
        whole.update(os.fsencode(key))
        marks = (status.st_dev, status.st_ino, status.st_size)
        times = (status.st_mtime_ns, status.st_ctime_ns)
        whole.update(f"\0{marks}{times}\n".encode())
    return whole.hexdigest()[:32]


def _refuse_subpath(point: str) -> SourceError:
    return SourceError(
        SourceTrouble.SUBPATH,
        f"{printable(point)} is a subPath mount, which the kubelet never updates: mount the whole "
        "volume as a folder (no subPath) in the sidecar and in the main container.",
    )
