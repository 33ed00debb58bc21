"""Runs a program of the target's image from here, without a copy of it in the sidecar's.

Works with the target's UID and GID and nothing else: no capability, no chroot, no namespace. What
is static is executed as it is. What is dynamic is executed by its own loader with its own
libraries: otherwise the kernel would take the sidecar's, silently. Everything is named by
descriptors (``/proc/self/fd/N``), because paths below ``/proc/PID/root`` lead out of it at
absolute links.

The program runs with the sidecar's files, and that is what lets it see the candidate. So what it
misses may be a file of its own image: `find_missing` tells.
"""

from __future__ import annotations

import os
import platform
import re
import shutil
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from sidecar.core.errors import SurehupError, TargetError, TargetTrouble
from sidecar.core.ports import HeldRoot, TargetRoot
from sidecar.validate.elf import CannotReadElfError, Elf, read_elf

SEARCHED = ("/usr/local/bin", "/usr/bin", "/bin", "/usr/local/sbin", "/usr/sbin", "/sbin", "/")
"""Where images keep programs, besides the folder of the daemon's own."""

MUSL, GLIBC = "ld-musl-", "ld-linux-"
_LIBRARIES = ("/usr/local/lib", "/lib64", "/usr/lib64", "/lib", "/usr/lib")
_PASSING = frozenset({TargetTrouble.GONE, TargetTrouble.STARTING, TargetTrouble.ZOMBIE})
_ABSENCE = re.compile(
    r"no such file|not found|cannot (?:open|read|stat|access|load)|can't open|unable to"
    r"|(?:could|does|did) not|failed|denied|read-only",
    re.IGNORECASE,
)
_PATH = re.compile(r"(?<![\w./:-])/[\w.+@%=-]+(?:/[\w.+@%=-]+)*")


class CannotBorrowError(Exception):
    """The target's program cannot be run from here; the text says why, empty if there is no need.

    `passing`: the reason is not the setup, so that another try may succeed.
    """

    def __init__(self, why: str = "", *, passing: bool = False) -> None:
        super().__init__(why)
        self.passing = passing


@dataclass(frozen=True, slots=True, kw_only=True)
class Loan:
    """A program that can be run: `argv` comes before its arguments, `kept` must stay open for it.

    `names` says which path each descriptor in its output means; `root` is None for our own.
    """

    argv: tuple[str, ...]
    kept: tuple[int, ...] = ()
    names: Mapping[str, str] = field(default_factory=dict)
    root: HeldRoot | None = None

    @property
    def is_lost(self) -> bool:
        """Whether the target ended meanwhile, so that a failure tells nothing of the candidate."""
        return self.root is not None and not self.root.is_alive()

    def translate(self, output: str) -> str:
        """`output` with the paths that people know."""
        for name in sorted(self.names, key=len, reverse=True):
            output = output.replace(name, self.names[name])
        return output


@contextmanager
def borrow(target: TargetRoot, asked: str) -> Iterator[Loan]:
    """The target's program `asked`, for as long as the block lasts.

    Raises:
        CannotBorrowError: it cannot be run from here.
    """
    with ExitStack() as stack:
        try:
            root = stack.enter_context(target.hold())
        except TargetError as error:
            passing = error.trouble in _PASSING
            raise CannotBorrowError(error.message, passing=passing) from error
        except SurehupError as error:
            raise CannotBorrowError(error.message) from error
        if root.is_own and shutil.which(asked) is not None:
            raise CannotBorrowError
        try:
            loan = _make_loan(root, asked, stack)
        except (OSError, CannotReadElfError, _MissingError) as error:
            why = error.strerror if isinstance(error, OSError) else str(error)
            message = f"{asked} of the daemon's image {why}"
            raise CannotBorrowError(message, passing=not root.is_alive()) from error
        yield loan


def find_missing(loan: Loan, output: str, folder: str) -> str | None:
    """A file that the program missed here and that lies in the target, so not in the candidate."""
    for line in output.splitlines() if loan.root else ():
        if not _ABSENCE.search(line):
            continue
        for match in _PATH.finditer(line):
            path = match[0].rstrip(".")
            if not path.startswith((folder, "/proc/")) and _is_only_there(path, loan.root):
                return path
    return None


def _is_only_there(path: str, root: HeldRoot | None) -> bool:
    return root is not None and not os.path.lexists(path) and root.has(path)


class _MissingError(Exception):
    """The image has not what is needed; the text is the second half of a sentence."""


def _make_loan(root: HeldRoot, asked: str, stack: ExitStack) -> Loan:
    program = _find(root, asked, stack)
    path = root.locate(program)
    if root.is_own:
        return Loan(argv=(path,))
    if not os.access(_name(program), os.X_OK):
        message = f"may not be executed by UID {os.geteuid()} ({path})"
        raise _MissingError(message)
    elf = read_elf(program)
    names = {_name(program): path}
    if not elf.loader:
        return Loan(argv=(_name(program),), kept=(program,), names=names, root=root)
    loader = _open_loader(root, elf.loader, stack)
    folders = _open_folders(root, elf, path, stack)
    options = () if MUSL in elf.loader else ("--inhibit-cache",)
    return Loan(
        argv=(
            _name(loader),
            *options,
            "--library-path",
            ":".join(_name(folder) for folder in folders),
            _name(program),
        ),
        kept=(program, loader, *folders),
        names=names | {_name(opened): root.locate(opened) for opened in (loader, *folders)},
        root=root,
    )


def _find(root: HeldRoot, asked: str, stack: ExitStack) -> int:
    """The daemon's own name means the program that runs, whatever lies at its path by now."""
    name = PurePosixPath(asked).name
    if asked == name and root.is_program(name):
        return _keep(root.open_program(), stack)
    beside = str(PurePosixPath(root.program).parent)
    folders = (beside, *SEARCHED) if asked == name else ("",)
    for folder in dict.fromkeys(folders):
        try:
            return _keep(root.open(f"{folder}/{asked}" if folder else asked), stack)
        except (FileNotFoundError, NotADirectoryError):
            continue
    message = f"is not there (neither in {beside} nor where programs usually are)"
    raise _MissingError(message)


def _open_loader(root: HeldRoot, path: str, stack: ExitStack) -> int:
    if not PurePosixPath(path).name.startswith((MUSL, GLIBC)):
        message = (
            f"wants the loader {path}, and only those of glibc and musl can be told about files"
        )
        raise _MissingError(message)
    try:
        return _keep(root.open(path), stack)
    except OSError as error:
        message = f"wants the loader {path}, which cannot be opened there ({error.strerror})"
        raise _MissingError(message) from error


def _open_folders(root: HeldRoot, elf: Elf, program: str, stack: ExitStack) -> list[int]:
    """Where its libraries may be, in the order of the loader's own search; each folder once."""
    origin = str(PurePosixPath(program).parent)
    own = [re.sub(r"\$ORIGIN|\$\{ORIGIN\}", origin, folder) for folder in elf.folders]
    triplet = f"{platform.machine()}-linux-gnu"
    multiarch = [f"{folder}/{triplet}" for folder in ("/usr/local/lib", "/lib", "/usr/lib")]
    beside = str(PurePosixPath(elf.loader).parent)
    opened: dict[tuple[int, int], int] = {}
    for folder in (*own, *multiarch, *_LIBRARIES, beside):
        if not folder.startswith("/") or "$" in folder:
            continue
        try:
            descriptor = root.open_folder(folder)
        except OSError:
            continue
        _keep(descriptor, stack)
        status = os.fstat(descriptor)
        opened.setdefault((status.st_dev, status.st_ino), descriptor)
    return list(opened.values())


def _keep(descriptor: int, stack: ExitStack) -> int:
    stack.callback(os.close, descriptor)
    return descriptor


def _name(descriptor: int) -> str:
    return str(Path("/proc/self/fd", str(descriptor)))
