"""Hands on each new generation of the mounted folder, as soon as it is there.

The truth is a poll of the fence, each second and nearly free; inotify only wakes that poll early.
So whatever ends inotify silently (limits, permissions, overflow, an unmount, a replaced folder, a
remote file system) costs a second and is never an edit lost.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass

from sidecar.core.errors import SourceError
from sidecar.core.snapshot import Mounted
from sidecar.watch.folder import printable
from sidecar.watch.inotify import InotifyGroup, explain
from sidecar.watch.joined import JoinedFolders
from sidecar.watch.mount import MountedFolder

_MOST_POLLS_BETWEEN_READS = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """The waits of the watcher, in seconds.

    `poll_s` between two looks. In a plain folder a change counts once nothing has moved for
    `quiet_s`, or after `quiet_most_s` in any case. `retry_inotify_s` between two tries to get
    inotify where it was refused.
    """

    poll_s: float = 1.0
    quiet_s: float = 0.05
    quiet_most_s: float = 1.0
    retry_inotify_s: float = 180.0


class MountWatcher:
    """Watches `mount` in a thread of its own, from `start` to `stop`; all callbacks run in it.

    `on_change` gets the first generation and every later one, also with unchanged content; after a
    trouble the current one once more. Between two looks several may pass: the newest is handed on.
    `on_trouble` gets each trouble once, when it begins. `tell` gets sentences for the log, once per
    occurrence. `on_crash` gets an exception that nobody foresaw; the thread has ended then.
    """

    def __init__(
        self,
        mount: MountedFolder | JoinedFolders,
        *,
        on_change: Callable[[Mounted], None],
        on_trouble: Callable[[SourceError], None],
        on_crash: Callable[[Exception], None],
        tell: Callable[[str], None],
        pace: Pace = Pace(),
    ) -> None:
        self._mount = mount
        self._on_change = on_change
        self._on_trouble = on_trouble
        self._on_crash = on_crash
        self._tell = tell
        self._pace = pace
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="surehup-watch", daemon=True)
        self._inotify = InotifyGroup(mount.paths, self._wake.set)
        self._inotify_refused = ""
        self._polls_to_arm = 0
        self._seen: str | None = None
        self._trouble: str | None = None
        self._unreadable: str | None = None
        self._reads_failed = 0
        self._polls_to_read = 0

    def start(self) -> None:
        """Begin; the first `on_change` or `on_trouble` follows at once."""
        self._thread.start()

    def stop(self, timeout_s: float = 5.0) -> bool:
        """End; False if a callback has kept the thread busy for `timeout_s`."""
        self._stopping.set()
        self._wake.set()
        if self._thread.ident is not None and self._thread is not threading.current_thread():
            self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def _run(self) -> None:
        try:
            self._watch()
        except Exception as crash:  # noqa: BLE001 - whatever it is, the loop must hear that nobody watches
            self._on_crash(crash)
        finally:
            self._inotify.close()

    def _watch(self) -> None:
        announced = True
        while not self._stopping.is_set():
            self._arm()
            self._look(announced=announced)
            announced = self._wake.wait(self._pace.poll_s)
            self._wake.clear()

    def _arm(self) -> None:
        if self._polls_to_arm > 0:
            self._polls_to_arm -= 1
            return
        try:
            self._inotify.arm()
        except (FileNotFoundError, NotADirectoryError):
            return  # the look says so
        except OSError as error:
            self._polls_to_arm = int(self._pace.retry_inotify_s / self._pace.poll_s)
            message = explain(error, printable(self._mount.path), self._pace.poll_s)
            if message != self._inotify_refused:
                self._inotify_refused = message
                self._tell(message)
        else:
            if self._inotify_refused:
                self._inotify_refused = ""
                self._tell(f"Changes of {printable(self._mount.path)} are seen at once again.")

    def _look(self, *, announced: bool) -> None:
        try:
            fence = self._mount.fence()
            if fence == self._seen or not self._is_worth_reading(fence):
                return
            if not announced and not self._wake.is_set():
                # The poll found what inotify did not see: the watch is dead or deaf.
                self._inotify.disarm()
            # Once more, as the folder may have come since: what follows the read must be announced.
            self._arm()
            mounted = self._read(fence)
        except SourceError as error:
            self._seen = None
            if error.message != self._trouble:
                self._trouble = error.message
                self._on_trouble(error)
            return
        self._seen = mounted.fence
        self._trouble = self._unreadable = None
        self._reads_failed = self._polls_to_read = 0
        self._on_change(mounted)

    def _is_worth_reading(self, fence: str) -> bool:
        """What could not be read is tried again ever more rarely, until it changes."""
        if fence != self._unreadable:
            self._reads_failed = self._polls_to_read = 0
        self._polls_to_read -= 1
        return self._polls_to_read < 0

    def _read(self, fence: str) -> Mounted:
        if not self._mount.is_swapped():
            self._settle(fence)
        try:
            return self._mount.read()
        except SourceError:
            self._unreadable = fence
            self._polls_to_read = min(2**self._reads_failed, _MOST_POLLS_BETWEEN_READS)
            self._reads_failed += 1
            raise

    def _settle(self, fence: str) -> None:
        """Let whoever writes file by file finish."""
        for _ in range(int(self._pace.quiet_most_s / self._pace.quiet_s)):
            if self._stopping.wait(self._pace.quiet_s):
                return
            before, fence = fence, self._mount.fence()
            if fence == before:
                return
