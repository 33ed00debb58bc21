"""Runs real daemons for tests: on free loopback ports, over folders written as the kubelet does.

    with running(PROMETHEUS, tmp_path) as daemon:
        before = daemon.baseline()
        daemon.write(daemon.valid(1))
        daemon.signal()
        daemon.judge(before)

A `DaemonSpec` says how one daemon is started and configured and what it shows of a reload; the
table of them is `specs.SPECS`. Every wait is bounded and fails with the daemon's log.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from sidecar.clock import SystemClock
from sidecar.confirm import EvidenceReader
from sidecar.core.bridge import Noop, OnInvalid, Proof
from sidecar.core.evidence import Evidence, Process, Sample
from sidecar.core.snapshot import Snapshot
from sidecar.core.verdict import (
    Judgement,
    Predictions,
    Verdict,
    find_unready,
    judge,
    predict_digests,
)
from sidecar.testing.kubelet import AtomicWriter
from tests.daemons.processes import find_children, find_free_port, find_process

Files = Mapping[str, str]

ROOT = Path(__file__).parents[2]
START_TIMEOUT_S = 15.0
STOP_TIMEOUT_S = 5.0
WITHIN_S = 5.0
POLL_S = 0.01
LOG_SHOWN_CHARS = 3_000
TICK_S = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where one daemon lives: its mounted folder, a folder to write in, two ports of its own."""

    folder: Path
    scratch: Path
    port: int
    other_port: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DaemonSpec:
    """One daemon: how it is started and configured, and what it shows of a reload.

    `valid(place, n)` makes a different good configuration for every n, `invalid` one that it
    refuses at reload. `process` is a selector's regular expression. `validators` are argvs with
    ``{dir}``. `url` holds ``{port}`` or ``{other_port}``. `refusal` matches the log line of a
    refused reload, `heard` that of one that found nothing new (where nothing else shows it).
    `on_unchanged`, `on_valid`, `on_invalid` name the evidence that moves then.
    """

    name: str
    program: str
    argv: Callable[[Place], Sequence[str]]
    valid: Callable[[Place, int], Files]
    invalid: Callable[[Place], Files]
    url: str
    process: str
    groups: tuple[tuple[Evidence, ...], ...]
    refusal: str
    heard: str = ""
    validators: tuple[tuple[str, ...], ...] = ()
    signal: signal.Signals = signal.SIGHUP
    cache_s: float = 0.0
    agree: int = 1
    noop: Noop = Noop.MOVES
    invalid_does: OnInvalid = OnInvalid.KEEPS
    deadline_s: float = 5.0
    on_unchanged: frozenset[str] = frozenset()
    on_valid: frozenset[str] = frozenset()
    on_invalid: frozenset[str] = frozenset()

    @property
    def is_installed(self) -> bool:
        """Whether the program is on this machine."""
        return shutil.which(self.program) is not None

    def prove(self, place: Place) -> Proof:
        """How a reload is proven at `place`."""
        return Proof(
            groups=self.groups,
            url=self.url.format(port=place.port, other_port=place.other_port),
            cache_s=self.cache_s,
            agree=self.agree,
            noop=self.noop,
            on_invalid=self.invalid_does,
            deadline_s=self.deadline_s,
        )


@dataclass(slots=True, kw_only=True)
class Running:
    """A daemon under test; `running` makes one."""

    spec: DaemonSpec
    place: Place
    popen: subprocess.Popen[bytes] | None = None
    reader: EvidenceReader = field(
        default_factory=lambda: EvidenceReader(find_children, SystemClock())
    )

    @property
    def proof(self) -> Proof:
        """How a reload of it is proven."""
        return self.spec.prove(self.place)

    @property
    def metrics_url(self) -> str:
        """The page that its evidence is read from."""
        return self.proof.url

    @property
    def folder(self) -> Path:
        """The mounted folder."""
        return self.place.folder

    @property
    def pid(self) -> int:
        """The process that takes the signal."""
        assert self.popen is not None, f"{self.spec.name} was not started"
        return self.popen.pid

    @property
    def process(self) -> Process | None:
        """The same with its identity, or None once it has ended."""
        return find_process(self.pid, self.spec.name)

    @property
    def log_path(self) -> Path:
        """Where its standard output and error go."""
        return self.place.scratch / "log"

    @property
    def log(self) -> str:
        """All that it wrote there."""
        return self.log_path.read_text(errors="replace")

    def valid(self, n: int) -> Files:
        """The n-th good configuration; all are different."""
        return self.spec.valid(self.place, n)

    def invalid(self) -> Files:
        """A configuration that it refuses."""
        return self.spec.invalid(self.place)

    def write(self, files: Files) -> None:
        """Change the mounted folder as the kubelet does."""
        AtomicWriter(self.folder).write(files)

    def signal(self) -> None:
        """Send the raw reload signal."""
        os.kill(self.pid, self.spec.signal)

    def predict(self, files: Files) -> Predictions:
        """What its digest evidence will read once it runs `files`."""
        encoded = {key: text.encode() for key, text in files.items()}
        return predict_digests(self.proof, Snapshot.of(encoded))

    def observe(self) -> Sample:
        """One look at its process and evidence."""
        taken_s = time.monotonic()
        process = self.process
        if process is None:
            return Sample(taken_s=taken_s, trouble="the process is gone", readings={})
        seen = self.reader.observe(self.proof, process)
        return Sample(taken_s=taken_s, process=process, error=seen.error, readings=seen.readings)

    def baseline(self) -> Sample:
        """A good look that every later event can be told from.

        The last event before it is then further back than the page may be old and than the
        coarsest clock can tell.
        """
        settled_s = time.monotonic()
        if self.proof.cache_s or self.proof.resolution_s:
            settled_s += max(self.proof.cache_s, self.proof.resolution_s) + TICK_S
        return self.eventually(
            lambda sample: sample.taken_s >= settled_s and find_unready(self.proof, sample) is None
        )

    def eventually(self, holds: Callable[[Sample], bool], *, within_s: float = WITHIN_S) -> Sample:
        """The first look that `holds`."""
        last: list[Sample] = []

        def look() -> bool:
            last[:] = [self.observe()]
            return holds(last[0])

        self._wait(look, lambda: f"the last look was {last}", within_s)
        return last[0]

    def judge(
        self,
        before: Sample,
        predictions: Predictions | None = None,
        *,
        within_s: float = WITHIN_S,
    ) -> Judgement:
        """The first verdict that is more than "wait", or the last "wait"."""
        end = time.monotonic() + within_s
        while True:
            judgement = judge(self.proof, before, self.observe(), predictions or {})
            if judgement.verdict is not Verdict.WAIT or time.monotonic() >= end:
                return judgement
            time.sleep(POLL_S)

    def wait_for_log(self, pattern: str, *, since: int = 0, within_s: float = WITHIN_S) -> None:
        """Wait until what it logged after the first `since` characters matches `pattern`."""
        self._wait(
            lambda: re.search(pattern, self.log[since:]) is not None,
            lambda: f"nothing logged matches {pattern!r}",
            within_s,
        )

    def start(self) -> None:
        """Start it and wait for its first good look."""
        with self.log_path.open("ab") as log:
            self.popen = subprocess.Popen(
                [shutil.which(self.spec.program) or self.spec.program, *self.spec.argv(self.place)],
                cwd=self.place.scratch,
                env={**os.environ, "HOME": str(self.place.scratch), "PYTHONPATH": str(ROOT)},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self._wait(
            lambda: find_unready(self.proof, self.observe()) is None or self.process is None,
            lambda: f"it shows nothing: {self.observe()}",
            START_TIMEOUT_S,
        )
        assert self.process is not None, f"{self.spec.name} ended at once{self._tail()}"

    def stop(self) -> None:
        """End it and all that it started."""
        if self.popen is None:
            return
        self.popen.terminate()
        with suppress(subprocess.TimeoutExpired):
            self.popen.wait(STOP_TIMEOUT_S)
        with suppress(ProcessLookupError):
            os.killpg(self.popen.pid, signal.SIGKILL)
        self.popen.wait(STOP_TIMEOUT_S)

    def restart(self) -> None:
        """End it and start it anew at the same place, as the kubelet does with a container."""
        self.stop()
        self.start()

    def _wait(self, holds: Callable[[], bool], what: Callable[[], str], within_s: float) -> None:
        end = time.monotonic() + within_s
        while not holds():
            assert time.monotonic() < end, f"{self.spec.name}: {what()}{self._tail()}"
            time.sleep(POLL_S)

    def _tail(self) -> str:
        return f"\n{self.log[-LOG_SHOWN_CHARS:]}"


@contextmanager
def running(spec: DaemonSpec, folder: Path, *, files: Files | None = None) -> Iterator[Running]:
    """Run `spec` below `folder` with `files`, by default its first good configuration."""
    place = Place(
        folder=folder / "mount",
        scratch=folder / "scratch",
        port=find_free_port(),
        other_port=find_free_port(),
    )
    place.folder.mkdir()
    place.scratch.mkdir()
    daemon = Running(spec=spec, place=place)
    daemon.write(daemon.valid(0) if files is None else files)
    try:
        daemon.start()
        yield daemon
    finally:
        daemon.stop()
