"""Runs one program with every bound that the kernel offers, and comes back in bounded time.

Used for the validators that users name (`command`) and for our own children (`child`). The program
gets its own session, so that a timeout ends its descendants too; its output goes through one pipe
of which the end is kept; a descendant that escapes and holds the pipe open is not waited for.

Memory is bounded by RLIMIT_DATA, not RLIMIT_AS: Go reserves address space far beyond its use, so
that promtool needs more than 512 MiB of RLIMIT_AS to start at all but only 128 MiB of RLIMIT_DATA
(measured with Debian 12's promtool, amtool and vmalert).

Limits are set from outside, right after the start: `preexec_fn` may deadlock in a process with
threads. That the program dies with us (PR_SET_PDEATHSIG) can only be said from inside, so that
util-linux's `setpriv` says it where it is installed, for about 1 ms; a Python wrapper would take
6 ms. Elsewhere the end of our container ends the program too. (The kernel means the end of the
starting *thread*, which waits here for the program anyway.)
"""

from __future__ import annotations

import contextlib
import functools
import os
import resource
import select
import shutil
import signal
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum, auto
from pathlib import Path

from sidecar.core.ports import Cancel, Clock

OUTPUT_BYTES = 64 << 10
FILE_BYTES = 64 << 20
LOOK_S = 0.02
"""How often cancellation is looked for; exit and output wake at once."""
REAP_S = 5.0
"""How long a killed program may take to vanish: only one stuck in the kernel takes longer."""
PRIVATE_PREFIX = "SUREHUP_"
ELF_HEAD_BYTES = 20
CANNOT_EXECUTE_CODES = frozenset({126, 127})


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """What a program may take: `timeout_s` of wall time, `memory_bytes` of private memory."""

    timeout_s: float
    memory_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Streams:
    """Where a program reads and writes, as file descriptors.

    Without `answer`, standard output is kept beside standard error as `Ended.output`. `kept` are
    further descriptors that the program finds open, under the same numbers.
    """

    request: int = subprocess.DEVNULL
    answer: int | None = None
    kept: tuple[int, ...] = ()


class How(Enum):
    """How a program ended."""

    EXITED = auto()
    KILLED = auto()
    TIMED_OUT = auto()
    CANCELLED = auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """The end of a program. `code` is the exit code, or the signal's number if it was killed.

    `output` is the end of what it wrote, at most `OUTPUT_BYTES`.
    """

    how: How
    code: int = 0
    output: str = ""

    @property
    def signal_name(self) -> str:
        """The signal that killed it, as people write it."""
        names = {known.value: known.name for known in signal.Signals}
        return names.get(self.code, f"signal {self.code}")


class CannotStartError(Exception):
    """The program could not be executed; the text says why, as the kernel puts it."""


@dataclass(slots=True)
class Tail:
    """The last `OUTPUT_BYTES` of a stream, however much went through."""

    _bytes: bytearray = field(default_factory=bytearray)

    def read(self, pipe: int) -> bool:
        """Take what one read gives; False once there is nothing (more) to read."""
        try:
            chunk = os.read(pipe, OUTPUT_BYTES)
        except BlockingIOError:
            return False
        self._bytes += chunk
        del self._bytes[:-OUTPUT_BYTES]
        return bool(chunk)

    def text(self) -> str:
        """All that was kept; what is no UTF-8 is replaced."""
        return self._bytes.decode("utf-8", "replace")


def run_program(
    argv: Sequence[str],
    *,
    bounds: Bounds,
    clock: Clock,
    cancel: Cancel,
    folder: str = "/",
    streams: Streams = Streams(),
) -> Ended:
    """Run `argv` in `folder` without a shell, within `bounds`, and say how it ended.

    The first of `argv` is the program's path: nothing is searched for.

    Raises:
        CannotStartError: it cannot be executed.
    """
    deadline_s = clock.monotonic() + bounds.timeout_s
    launcher = find_launcher() if _is_surely_executable(argv[0]) else ()
    tail = Tail()
    try:
        with _started([*launcher, *argv], folder, streams, bounds) as (child, pipe):
            try:
                how = _attend(child.pid, pipe, tail, _Patience(deadline_s, clock, cancel))
            finally:
                _end_group(child)
            for _ in range(2):  # what the pipe still holds, not what an escaped writer adds
                tail.read(pipe)
    except OSError as error:
        raise CannotStartError(error.strerror or str(error)) from error
    return _sum_up(how, child.returncode, tail.text(), launcher)


def _sum_up(how: How, returncode: int | None, output: str, launcher: Sequence[str]) -> Ended:
    if how is not How.EXITED or returncode is None:
        return Ended(how=how, output=output)
    if returncode < 0:
        return Ended(how=How.KILLED, code=-returncode, output=output)
    refused = launcher and output.startswith("setpriv: failed to execute")
    if refused and returncode in CANNOT_EXECUTE_CODES:
        raise CannotStartError(output.strip().rpartition(": ")[2])
    return Ended(how=How.EXITED, code=returncode, output=output)


@contextlib.contextmanager
def _started(
    argv: Sequence[str], folder: str, streams: Streams, bounds: Bounds
) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    reading, writing = os.pipe2(os.O_CLOEXEC)
    os.set_blocking(reading, False)
    try:
        try:
            child = subprocess.Popen(
                argv,
                stdin=streams.request,
                stdout=writing if streams.answer is None else streams.answer,
                stderr=writing,
                cwd=folder,
                pass_fds=streams.kept,
                env=_environment(os.environ, bounds),
                start_new_session=True,
            )
        finally:
            os.close(writing)
        _bound(child.pid, bounds)
        yield child, reading
    finally:
        os.close(reading)


@dataclass(frozen=True, slots=True)
class _Patience:
    """How long something is waited for."""

    deadline_s: float
    clock: Clock
    cancel: Cancel

    def left_s(self) -> float:
        """The time that remains."""
        return self.deadline_s - self.clock.monotonic()


def _attend(pid: int, pipe: int, tail: Tail, patience: _Patience) -> How:
    """Collect output until the process ends, or may not go on."""
    pidfd = os.pidfd_open(pid)
    try:
        poll = select.poll()
        poll.register(pidfd, select.POLLIN)
        poll.register(pipe, select.POLLIN)
        while (left_s := patience.left_s()) > 0:
            if patience.cancel.is_set():
                return How.CANCELLED
            ready = [fd for fd, _ in poll.poll(1000 * min(left_s, LOOK_S))]
            if pipe in ready and not tail.read(pipe):
                poll.unregister(pipe)
            if pidfd in ready:
                return How.EXITED
        return How.TIMED_OUT
    finally:
        os.close(pidfd)


def _end_group(child: subprocess.Popen[bytes]) -> None:
    """End what is left of the session. The child is not reaped before, so its number is its own."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(child.pid, signal.SIGKILL)
    with contextlib.suppress(subprocess.TimeoutExpired):
        child.wait(REAP_S)


def _bound(pid: int, bounds: Bounds) -> None:
    """Limit a process that has just begun, and offer it to the kernel when memory runs out."""
    cpu_s = int(bounds.timeout_s * (os.cpu_count() or 1)) + 2
    limits = {
        resource.RLIMIT_DATA: bounds.memory_bytes,
        resource.RLIMIT_CPU: cpu_s,
        resource.RLIMIT_FSIZE: FILE_BYTES,
        resource.RLIMIT_CORE: 0,
    }
    with contextlib.suppress(OSError):  # gone already, or a setuid program that is not ours
        for kind, most in limits.items():
            _, hard = resource.prlimit(pid, kind)
            allowed = most if hard == resource.RLIM_INFINITY else min(most, hard)
            resource.prlimit(pid, kind, (allowed, allowed))
        Path(f"/proc/{pid}/oom_score_adj").write_text("1000", "ascii")


def _environment(ours: Mapping[str, str], bounds: Bounds) -> dict[str, str]:
    """Our environment less our own settings, in one language, with Go told of its bound."""
    kept = {name: value for name, value in ours.items() if not name.startswith(PRIVATE_PREFIX)}
    go = {"GOMEMLIMIT": f"{bounds.memory_bytes * 3 // 4}B"}
    return go | kept | {"LC_ALL": "C.UTF-8"}


def _is_surely_executable(program: str) -> bool:
    """Whether the kernel can execute this file, as far as its head tells.

    `setpriv` hands what it cannot execute to a shell (as execvp does), which would then judge in
    its stead: a binary for another machine must get the kernel's own answer.
    """
    try:
        with Path(program).open("rb") as theirs, Path("/proc/self/exe").open("rb") as ours:
            head, own = theirs.read(ELF_HEAD_BYTES), ours.read(ELF_HEAD_BYTES)
    except OSError:
        return False
    return head.startswith(b"#!") or _machine(head) == _machine(own)


def _machine(head: bytes) -> bytes:
    """Magic number, word size and instruction set of an ELF file."""
    return head[:5] + head[18:20]


@functools.cache
def find_launcher() -> tuple[str, ...]:
    """What to put before a program so that it dies with us; nothing where `setpriv` cannot."""
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        return ()
    launcher = (setpriv, "--pdeathsig", "KILL")
    try:
        tried = subprocess.run(
            [*launcher, setpriv, "--version"], capture_output=True, timeout=REAP_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return ()
    return launcher if tried.returncode == 0 else ()
