"""The demo's stage: a folder as the kubelet keeps it, a daemon over it, and a sidecar beside it."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from queue import Empty, SimpleQueue

from sidecar.clock import SystemClock
from sidecar.core.errors import SurehupError
from sidecar.core.ports import Clock
from sidecar.demo.daemons import DemoDaemon, Files, fetch
from sidecar.testing.kubelet import AtomicWriter

START_TIMEOUT_S = 20.0
VERDICT_TIMEOUT_S = 20.0
STOP_TIMEOUT_S = 5.0
POLL_S = 0.05


@dataclass(frozen=True, slots=True)
class Heard:
    """One line of the sidecar's log, and how long after the last edit it was read."""

    after_s: float
    line: Mapping[str, object]


@dataclass(kw_only=True)
class Stage:
    """Everything that runs while the demo plays."""

    daemon: DemoDaemon
    writer: AtomicWriter
    folder: Path
    port: int
    sidecar_port: int
    clock: Clock
    process: subprocess.Popen[bytes]
    lines: SimpleQueue[tuple[float, Mapping[str, object]]] = field(default_factory=SimpleQueue)
    edited_s: float = 0.0

    def edit(self, files: Files) -> None:
        """Update the folder as the kubelet does."""
        self.edited_s = self.clock.monotonic()
        self.writer.write(files)

    def follow(self) -> Iterator[Heard]:
        """The sidecar's lines to the end of its attempt. Raises `SurehupError` if none comes."""
        until_s = self.clock.monotonic() + VERDICT_TIMEOUT_S
        while True:
            try:
                left_s = max(until_s - self.clock.monotonic(), 0)
                at_s, line = self.lines.get(timeout=left_s)
            except Empty:
                msg = f"the sidecar came to no verdict within {VERDICT_TIMEOUT_S:g}s"
                raise SurehupError(msg) from None
            yield Heard(at_s - self.edited_s, line)
            if line.get("msg") == "Attempt ended":
                return

    def says(self) -> str:
        """What the daemon itself says that it runs."""
        return self.daemon.says(self.port)

    def is_alive(self) -> bool:
        """Whether the daemon is still the process that was started."""
        return self.process.poll() is None

    def count_signals(self) -> int:
        """How many signals the sidecar has sent, by its own metrics."""
        page = fetch(f"http://127.0.0.1:{self.sidecar_port}/metrics")
        values = [line for line in page.splitlines() if line.startswith("surehup_signals_total{")]
        return int(sum(float(line.rpartition(" ")[2]) for line in values))


@contextmanager
def set_stage(daemon: DemoDaemon, first: Files) -> Iterator[Stage]:
    """Start the daemon and the sidecar; end both, and remove every trace."""
    clock = SystemClock()
    with ExitStack() as stack:
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="surehup-demo-")))
        folder = scratch / "config"
        folder.mkdir()
        writer = AtomicWriter(folder)
        writer.write(first)
        port, sidecar_port = _find_free_ports()
        process = stack.enter_context(_running(daemon.argv(folder, scratch, port), scratch))
        _wait_until_up(daemon, port, clock, scratch)
        stage = Stage(
            daemon=daemon,
            writer=writer,
            folder=folder,
            port=port,
            sidecar_port=sidecar_port,
            clock=clock,
            process=process,
        )
        stage.edited_s = clock.monotonic()
        flags = [
            *daemon.flags(folder, port, process.pid),
            f"--listen=127.0.0.1:{sidecar_port}",
            f"--state-dir={scratch}/state",
            "--log-format=json",
            "--debounce=100ms",
            "--deadline=2s",
        ]
        stack.enter_context(_sidecar(flags, stage))
        yield stage


def _find_free_ports() -> tuple[int, int]:
    with socket.socket() as one, socket.socket() as other:
        for taken in (one, other):
            taken.bind(("127.0.0.1", 0))
        return one.getsockname()[1], other.getsockname()[1]


@contextmanager
def _running(argv: list[str], scratch: Path) -> Iterator[subprocess.Popen[bytes]]:
    with (scratch / "daemon.log").open("wb") as log:
        process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    try:
        yield process
    finally:
        _end(process)


def _wait_until_up(daemon: DemoDaemon, port: int, clock: Clock, scratch: Path) -> None:
    until_s = clock.monotonic() + START_TIMEOUT_S
    pause = threading.Event()
    while clock.monotonic() < until_s:
        try:
            daemon.says(port)
        except (OSError, ValueError, LookupError, StopIteration):
            pause.wait(POLL_S)
        else:
            return
    log = (scratch / "daemon.log").read_text("utf-8", "replace").strip().splitlines()
    last = log[-1] if log else "it said nothing"
    msg = f"{daemon.title} did not come up within {START_TIMEOUT_S:g}s: {last}"
    raise SurehupError(msg)


@contextmanager
def _sidecar(flags: list[str], stage: Stage) -> Iterator[None]:
    environ = {name: value for name, value in os.environ.items() if "SUREHUP" not in name}
    process = subprocess.Popen(
        [sys.executable, "-m", "sidecar", "run", *flags],
        stdin=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        env=environ,
    )
    reader = threading.Thread(target=_read_lines, args=[process, stage], daemon=True)
    reader.start()
    try:
        yield
    finally:
        _end(process)
        reader.join(STOP_TIMEOUT_S)


def _read_lines(process: subprocess.Popen[bytes], stage: Stage) -> None:
    if process.stderr is None:
        return
    with process.stderr as stream:
        for raw in stream:
            at_s = stage.clock.monotonic()
            try:
                line = json.loads(raw)
            except ValueError:
                line = {"msg": raw.decode("utf-8", "replace").strip(), "level": "error"}
            stage.lines.put((at_s, line))


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(STOP_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
