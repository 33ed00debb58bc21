"""The edges of the core: what it asks of the world. Adapters implement these, fakes too.

Every call returns or raises within a bounded time. Errors are those of `core.errors`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

from sidecar.core.attempt import AttemptRecord, BridgeStatus, Status
from sidecar.core.bridge import Check, HttpReload, Proof, Selector
from sidecar.core.declared import Declared
from sidecar.core.events import Answer
from sidecar.core.evidence import Ends, Process, Reading
from sidecar.core.report import Report
from sidecar.core.snapshot import Mounted, Snapshot


class Clock(Protocol):
    """Time, so that tests own it."""

    def monotonic(self) -> float:
        """Seconds since boot (CLOCK_BOOTTIME): never go back, and compare with process starts."""

    def wall(self) -> float:
        """Seconds since the epoch, for people only: never compared."""


class Mount(Protocol):
    """The mounted folder as the daemon sees it."""

    def read(self) -> Mounted:
        """Read all files of one generation. Raises `SourceError`."""

    def fence(self) -> str:
        """Name the generation that is on disk now, cheaply. Raises `SourceError`."""


class Cancel(Protocol):
    """Asks a running effect to end early; narrow enough for `threading.Event`."""

    def is_set(self) -> bool:
        """Whether the effect's result is no longer wanted."""


class Validator(Protocol):
    """Judges a candidate."""

    def validate(self, candidate: Snapshot, checks: Sequence[Check], cancel: Cancel) -> Report:
        """Run all `checks` and collect what each says; never raises for bad content."""


Clean = Callable[[Sequence[str], Snapshot], Sequence[str]]
"""Takes the secrets of a content out of sentences that may quote it. Raises `SurehupError`."""


class Processes(Protocol):
    """The processes of the pod (or machine)."""

    def find(self, selector: Selector) -> Process:
        """The one process that `selector` means. Raises `TargetError` with the fix in its text."""

    def send(
        self, process: Process, signal: int, *, sigwait: bool, fence: Callable[[], bool]
    ) -> None:
        """Signal exactly this process, if it can take it and `fence()` still holds just before.

        Order (shared PID namespaces reuse PIDs): open a pidfd, read and match, poll, ask `fence`,
        send by the pidfd, poll. Raises `TargetError`; raises `FenceMovedError` without sending.
        """

    def is_alive(self, process: Process) -> bool:
        """Whether this very process still runs; a zombie does not."""

    def children(self, process: Process, leaving: str) -> frozenset[int]:
        """PIDs of its children whose title does not contain `leaving`. Raises `TargetError`."""


class HeldRoot(Protocol):
    """The file system of one process, held open: what it opens stays the target's to its end.

    Paths mean what they mean to the target, absolute links included; no link leads out of it.
    Descriptors are the caller's to close. `OSError` says what the kernel said.
    """

    @property
    def is_own(self) -> bool:
        """Whether it is our own file system, as on a machine without containers."""

    @property
    def program(self) -> str:
        """The path of the target's program, in its own file system."""

    def is_program(self, name: str) -> bool:
        """Whether a program called `name` is the one that the target runs."""

    def open_program(self) -> int:
        """The program that the target runs, even if its file was replaced. Raises `OSError`."""

    def open(self, path: str) -> int:
        """A regular file, for reading and executing. Raises `OSError`."""

    def open_folder(self, path: str) -> int:
        """A folder, to be passed through only. Raises `OSError`."""

    def has(self, path: str) -> bool:
        """Whether anything is there."""

    def locate(self, descriptor: int) -> str:
        """Where an open file lies, in the target's own file system, behind all links."""

    def is_alive(self) -> bool:
        """Whether the process still runs: what goes wrong after its end tells nothing."""


class TargetRoot(Protocol):
    """The way to the file system of a bridge's target, for validators that live in its image."""

    def hold(self) -> AbstractContextManager[HeldRoot]:
        """Find the target and hold its root for as long as the block lasts.

        Raises `TargetError`: there is none, it ended meanwhile, or its files are closed to us.
        """


class FenceMovedError(Exception):
    """The content on disk changed between judging and signalling; nothing was sent."""


@dataclass(frozen=True, slots=True)
class Observation:
    """What the evidence reads now; `error` says in one sentence why it could not be read."""

    readings: Mapping[str, Reading]
    error: str | None = None


class Observer(Protocol):
    """Reads a daemon's evidence."""

    def observe(self, proof: Proof, process: Process) -> Observation:
        """Read all evidence once, each page over a fresh connection. Never raises."""

    def reload(self, reload: HttpReload, proof: Proof) -> str | None:
        """Ask the daemon to reload by HTTP: ``ok`` or the reason it gave, in one sentence.

        None where no answer came, which says nothing of the reload.
        """


class Journal(Protocol):
    """Small facts that survive a restart of the sidecar (a file on an emptyDir)."""

    def load(self, bridge: str) -> Mapping[str, object] | None:
        """The last entry of this bridge, or None."""

    def save(self, bridge: str, entry: Mapping[str, object]) -> None:
        """Replace the entry atomically. A failure is told once and never stops an attempt."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiAnswer:
    """How the API answered, and the object as it is now, as far as that was told."""

    answer: Answer
    declared: Declared | None = None
    message: str = ""


class ConfigObject(Protocol):
    """The ConfigMap or Secret of one bridge in the API. Never raises for what the API does."""

    def read(self) -> ApiAnswer:
        """The object as it is now; `DONE` without one where there is none."""

    def write(self, marks: Mapping[str, str | None], declared: Declared) -> ApiAnswer:
        """Write our annotations if it still declares what it did.

        After a conflict the answer carries the object as it is now.
        """

    def keep(
        self, declared: Declared, cause: str, protected: Sequence[str]
    ) -> tuple[int | None, str]:
        """Store its content as a revision: the number, or None and why there is none.

        Raises `LostError`.
        """

    def recall(self, digest: str) -> Snapshot | None:
        """The content of the stored revision that the whole `digest` names, as it is mounted.

        Raises `LostError`.
        """

    def restore(self, failed: str, good: str, files: Mapping[str, bytes] | None) -> ApiAnswer:
        """Put the data that `good` names back, where it still is what `failed` names.

        `REFUSED` where somebody else owns the data and would undo it, `CONFLICT` after a newer
        edit.
        """

    def tell(self, record: AttemptRecord, status: Status) -> None:
        """Write the Event of an attempt that ended, once for each content and end."""


class Pod(Protocol):
    """The pod that the sidecar runs in, as the API has it."""

    def nudge(self, digest: str, number: int) -> None:
        """Have its kubelet refresh the mounts soon."""

    def show(self, statuses: Sequence[BridgeStatus]) -> None:
        """Let its condition say what the processes of all bridges run."""

    def count_ends(self, container: str) -> tuple[Ends | None, str]:
        """How often `container` has ended, or, without a name, the only one that is not ours.

        None and why, in one sentence, where that cannot be told; without a sentence it may be told
        by the next question.
        """


class Publisher(Protocol):
    """The shared folder that the sidecar alone writes, in published mode."""

    def publish(self, snapshot: Snapshot) -> None:
        """Make the files of `snapshot` the whole content, in one swap; none if they are it already.

        Raises `PublishError`; readers then still see one content whole, as a rule the old one.
        """


class Keeper(Protocol):
    """The last good content of each bridge, for the way back after a restart of the sidecar."""

    def save(self, bridge: str, snapshot: Snapshot) -> None:
        """Replace the content kept for `bridge`, atomically. A failure is told once; never raises.

        What could not be written is kept for as long as the sidecar runs.
        """

    def load(self, bridge: str) -> Mapping[str, bytes] | None:
        """The files kept for `bridge`; None where there are none, or they came to harm."""
