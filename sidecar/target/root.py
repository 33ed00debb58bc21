"""The target's own file system (`core.ports.TargetRoot`), for validators that live in its image.

A path under `/proc/PID/root` is a trap: absolute symbolic links in it lead out, into the sidecar's
own files, silently (Debian's loader is such a link). So paths are resolved by `openat2` with
RESOLVE_IN_ROOT below a descriptor of that root, and used as descriptors: those also stay valid and
the same when the target ends and its PID is reused.
"""

from __future__ import annotations

import ctypes
import errno
import os
import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager

from sidecar.core.bridge import Selector
from sidecar.core.errors import TargetError, TargetTrouble
from sidecar.core.evidence import Process
from sidecar.target.access import explain_closed
from sidecar.target.handles import has_ended, open_pidfd
from sidecar.target.processes import PodProcesses

SYS_OPENAT2 = 437
"""The same on x86-64 and arm64, as all system calls since Linux 5.1."""
RESOLVE_IN_ROOT = 0x10
MOST_TRIES = 16
"""The kernel answers EAGAIN when anything on the machine was renamed while it followed ``..``."""

_FILE_FLAGS = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK
_FOLDER_FLAGS = os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC
_DELETED = " (deleted)"
_C = ctypes.CDLL(None, use_errno=True)


class _How(ctypes.Structure):
    """`struct open_how` of linux/openat2.h."""

    _fields_ = (
        ("flags", ctypes.c_uint64),
        ("mode", ctypes.c_uint64),
        ("resolve", ctypes.c_uint64),
    )


def open_in_root(root: int, path: str, flags: int) -> int:
    """Open `path` as a process would whose root folder is `root`. Raises `OSError`."""
    how = _How(flags=flags, resolve=RESOLVE_IN_ROOT)
    for _ in range(MOST_TRIES):
        opened = _C.syscall(
            ctypes.c_long(SYS_OPENAT2),
            ctypes.c_long(root),
            ctypes.c_char_p(os.fsencode(path)),
            ctypes.byref(how),
            ctypes.c_size_t(ctypes.sizeof(how)),
        )
        if opened >= 0:
            return int(opened)
        if ctypes.get_errno() not in {errno.EAGAIN, errno.EINTR}:
            break
    number = ctypes.get_errno()
    raise OSError(number, os.strerror(number), path)


class ProcessRoot:
    """The root of the process that `selector` means; implements `core.ports.TargetRoot`.

    `own_pid` is the process whose kin is never matched, as of `PodProcesses`.
    """

    def __init__(self, selector: Selector, *, own_pid: int | None = None) -> None:
        self._selector = selector
        self._processes = PodProcesses(own_pid=own_pid, will_signal=False)

    @contextmanager
    def hold(self) -> Iterator[HeldProcessRoot]:
        """Find the target and hold its root for as long as the block lasts.

        Raises `TargetError`: GONE while it was opened, PERMISSION with the reason and the fix if
        its files are closed to us, and whatever finding it raises.
        """
        process = self._processes.find(self._selector)
        pidfd = _open_pidfd(process)
        try:
            root = self._open_root(process)
            try:
                yield self._make_held(process, pidfd, root)
            finally:
                os.close(root)
        finally:
            os.close(pidfd)

    def _open_root(self, process: Process) -> int:
        try:
            return os.open(f"/proc/{process.pid}/root", _FOLDER_FLAGS)
        except OSError as error:
            raise self._refuse(process, error) from error

    def _make_held(self, process: Process, pidfd: int, root: int) -> HeldProcessRoot:
        """Only now, with root and pidfd in hand, is it sure that both are of this process."""
        try:
            program = _read_link(f"/proc/{process.pid}/exe")
            namespace = _read_link(f"/proc/{process.pid}/ns/mnt")
        except OSError as error:
            raise self._refuse(process, error) from error
        if not self._processes.is_alive(process):
            raise _refuse_gone(process)
        return HeldProcessRoot(
            process,
            pidfd=pidfd,
            root=root,
            program=program,
            is_own=namespace == _read_link("/proc/self/ns/mnt") and _is_our_root(root),
            pattern=self._selector.process,
        )

    def _refuse(self, process: Process, error: OSError) -> TargetError:
        if not isinstance(error, PermissionError):
            return _refuse_gone(process)
        try:
            status = self._processes.inspect(process)
        except TargetError:
            return _refuse_gone(process)
        closed = explain_closed(status)
        return TargetError(
            TargetTrouble.PERMISSION,
            f"the files of process {process.pid} ({process.name}) are closed to surehup "
            f"{closed.why}; {closed.fix}",
        )


class HeldProcessRoot:
    """Implements `core.ports.HeldRoot`; made by `ProcessRoot.hold`.

    `pattern` is what the selector says of the program: two names that it fits mean the same daemon,
    as ``blackbox_exporter`` and ``prometheus-blackbox-exporter`` do.
    """

    def __init__(
        self,
        process: Process,
        *,
        pidfd: int,
        root: int,
        program: str,
        is_own: bool,
        pattern: str,
    ) -> None:
        self._process = process
        self._pidfd = pidfd
        self._root = root
        self._place = _read_link(f"/proc/self/fd/{root}").rstrip("/")
        self._program = self._strip(program)
        self._is_own = is_own
        self._pattern = re.compile(pattern) if pattern else None

    @property
    def is_own(self) -> bool:
        """Whether it is our own file system: the same folder in the same mount namespace."""
        return self._is_own

    @property
    def program(self) -> str:
        """The path of the target's program, in its own file system."""
        return self._program

    def is_program(self, name: str) -> bool:
        """Whether a program called `name` is the one that the target runs."""
        running = self._program.rpartition("/")[2]
        return name == running or (
            self._pattern is not None
            and self._pattern.fullmatch(name) is not None
            and self._pattern.fullmatch(running) is not None
        )

    def open_program(self) -> int:
        """The program that the target runs, even if its file was replaced. Raises `OSError`."""
        return os.open(f"/proc/{self._process.pid}/exe", _FILE_FLAGS)

    def open(self, path: str) -> int:
        """A regular file, for reading and executing. Raises `OSError`."""
        opened = open_in_root(self._root, path, _FILE_FLAGS)
        if not stat.S_ISREG(os.fstat(opened).st_mode):
            os.close(opened)
            raise OSError(errno.EINVAL, "it is no regular file", path)
        return opened

    def open_folder(self, path: str) -> int:
        """A folder, to be passed through only. Raises `OSError`."""
        return open_in_root(self._root, path, _FOLDER_FLAGS)

    def has(self, path: str) -> bool:
        """Whether anything is there."""
        try:
            os.close(open_in_root(self._root, path, os.O_PATH | os.O_CLOEXEC))
        except OSError:
            return False
        return True

    def locate(self, descriptor: int) -> str:
        """Where an open file lies, in the target's own file system, behind all links."""
        return self._strip(_read_link(f"/proc/self/fd/{descriptor}"))

    def is_alive(self) -> bool:
        """Whether the process still runs: what goes wrong after its end tells nothing."""
        return not has_ended(self._pidfd)

    def _strip(self, path: str) -> str:
        """The kernel spells paths from the top of the mount namespace; a root may lie below it."""
        return path.removeprefix(self._place).removesuffix(_DELETED)


def _open_pidfd(process: Process) -> int:
    try:
        return open_pidfd(process.pid)
    except TargetError as error:
        if error.trouble is TargetTrouble.GONE:
            raise _refuse_gone(process) from error
        raise


def _refuse_gone(process: Process) -> TargetError:
    return TargetError(
        TargetTrouble.GONE,
        f"process {process.pid} ({process.name}) ended while its files were opened",
    )


def _is_our_root(root: int) -> bool:
    return os.path.samestat(os.fstat(root), os.stat("/"))  # noqa: PTH116  beside fstat


def _read_link(path: str) -> str:
    """What a link says that is no path for `Path`: ``mnt:[4026531840]``, ``/x (deleted)``."""
    return os.readlink(path)  # noqa: PTH115
