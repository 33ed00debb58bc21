"""Wakes the watcher the moment a folder changes: the accelerator beside the poll, never the truth.

Uses watchdog's inotify reader itself, one layer below its `Observer`. That layer reports a watch
that died, which the observer swallows; needs one thread instead of three; and does not hold back
the first half of a rename, which now and then delays the observer by half a second.
"""

from __future__ import annotations

import errno
import logging
import os
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

from watchdog.observers.inotify_c import (
    CallbackId,
    InotifyConstants,
    InotifyEvent,
    InotifyFD,
    Mask,
    WatchDescriptor,
)

_STOP_TIMEOUT_S = 2.0
_CALLBACK = CallbackId(1)
_MASK = Mask(
    InotifyConstants.IN_CREATE
    | InotifyConstants.IN_MOVE
    | InotifyConstants.IN_DELETE
    | InotifyConstants.IN_MODIFY
    | InotifyConstants.IN_CLOSE_WRITE
    | InotifyConstants.IN_ATTRIB
    | InotifyConstants.IN_DELETE_SELF
    | InotifyConstants.IN_MOVE_SELF
    | InotifyConstants.IN_ONLYDIR
)


class InotifyGroup:
    """Calls `wake` when one of `folders` changes; each is watched as `Inotify` does."""

    def __init__(self, folders: Sequence[str], wake: Callable[[], None]) -> None:
        self._members = [Inotify(folder, wake) for folder in folders]

    def arm(self) -> None:
        """See to it that all folders are watched. Raises `OSError` of the first that is not."""
        for member in self._members:
            member.arm()

    def disarm(self) -> None:
        """Watch none until they are armed again."""
        for member in self._members:
            member.disarm()

    def close(self) -> None:
        """End all watches."""
        for member in self._members:
            member.close()


class Inotify:
    """Calls `wake` from a thread of its own when `folder` changes, itself and not what lies deeper.

    A kubelet volume wakes by the move onto ``..data`` and by visible links coming and going; the
    rest of what begins with ``..`` is the kubelet's own work before and after that.
    """

    def __init__(self, folder: str, wake: Callable[[], None]) -> None:
        self._folder = Path(folder)
        self._wake = wake
        self._reader: _Reader | None = None
        self._descriptor: WatchDescriptor | None = None
        self._watched: tuple[int, int] | None = None

    def arm(self) -> None:
        """See to it that the folder that is there now is watched; nearly free if it is already.

        Raises `OSError`: EMFILE when no instance is to be had, ENOSPC when no watch is, EACCES
        when the folder may not be listed, ENOENT when there is none.
        """
        status = self._folder.stat()
        identity = (status.st_dev, status.st_ino)
        if self._watched == identity:
            return
        self.disarm()
        # The kernel wants read permission as well, but watchdog passes over its EACCES.
        os.close(os.open(self._folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC))
        self._reader = self._reader or _open_reader()
        path = os.fsencode(self._folder)
        self._descriptor = self._reader.add_callback(path, _MASK, self, _CALLBACK)
        self._watched = identity

    def disarm(self) -> None:
        """Drop the watch, so that the next `arm` makes a new one."""
        self._watched = None
        if self._reader is not None and self._descriptor is not None:
            self._reader.remove_callbacks([(self._descriptor, _CALLBACK)])
        self._descriptor = None

    def close(self) -> None:
        """End the thread and give all descriptors back."""
        self._watched = self._descriptor = None
        if self._reader is not None:
            self._reader.release()
        self._reader = None

    def on_event(self, event: InotifyEvent) -> None:
        """Part of watchdog's `WatchCallback`."""
        if event.name == b"..data" or not event.name.startswith(b".."):
            self._wake()

    def on_watch_deleted(self, wd: WatchDescriptor) -> None:
        """Part of watchdog's `WatchCallback`: the folder was removed or unmounted."""
        if wd == self._descriptor:
            self._watched = None
        self._wake()

    def on_queue_overflow(self) -> None:
        """Part of watchdog's `WatchCallback`: events were lost."""
        self._wake()


def explain(error: OSError, folder: str, poll_s: float) -> str:
    """Say why `Inotify.arm` failed, what holds meanwhile and what to do."""
    match error.errno:
        case errno.EMFILE:
            why = (
                f"UID {os.geteuid()} has used up its inotify instances on this node (all pods of a "
                "UID share them): raise fs.inotify.max_user_instances there or use another UID"
            )
        case errno.ENOSPC:
            why = (
                f"UID {os.geteuid()} has used up its inotify watches on this node (all pods of a "
                "UID share them): raise fs.inotify.max_user_watches there or use another UID"
            )
        case errno.EACCES:
            why = f"UID {os.geteuid()} may not list it: give the folder read permission"
        case _:
            why = f"inotify says: {error.strerror}"
    return (
        f"Changes of {folder} are looked for each {poll_s:g} s instead of seen at once, as {why}."
    )


class _Reader(InotifyFD):
    """Closes its descriptors once and always: watchdog's own keeps them if stopped very early."""

    def __init__(self) -> None:
        super().__init__()
        self.name = "surehup-inotify"
        self._released = threading.Lock()

    def release(self) -> None:
        """Stop the thread and close what it left open."""
        self.stop()
        self.join(_STOP_TIMEOUT_S)
        if not self.is_alive():
            self._close_resources()

    def _close_resources(self) -> None:
        if self._released.acquire(blocking=False):
            super()._close_resources()


def _open_reader() -> _Reader:
    # watchdog writes a DEBUG line per event.
    logging.getLogger("watchdog").setLevel(logging.WARNING)
    reader = _Reader()
    reader.start()
    return reader
