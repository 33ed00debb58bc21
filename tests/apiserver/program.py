"""One server process of the test cluster: started, looked at, stopped, hurt."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

STOP_TIMEOUT_S = 30.0
POLL_S = 0.05
LOG_SHOWN_CHARS = 3_000


@dataclass(slots=True, kw_only=True)
class Program:
    """A program with its log. It dies with the tests, also where they are killed.

    Two cores and a few objects: a small heap, up to `memory_limit` as Go writes it, is collected
    often and stays small.
    """

    argv: Sequence[str]
    log_path: Path
    memory_limit: str = "400MiB"
    popen: subprocess.Popen[bytes] | None = field(default=None, init=False)

    def start(self) -> None:
        """Start it; `wait` tells when it is ready."""
        env = {**os.environ, "GOMAXPROCS": "2", "GOMEMLIMIT": self.memory_limit}
        with self.log_path.open("ab") as log:
            self.popen = subprocess.Popen(
                ["/usr/bin/setpriv", "--pdeathsig", "KILL", *self.argv],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=env,
            )

    def wait(self, is_ready: Callable[[], bool], *, within_s: float) -> None:
        """Wait until it is ready; fails with its log."""
        deadline_s = time.monotonic() + within_s
        while not is_ready():
            assert self.popen is not None
            assert self.popen.poll() is None, f"{self.name} ended: {self.log}"
            assert time.monotonic() < deadline_s, f"{self.name} is not ready: {self.log}"
            time.sleep(POLL_S)

    @property
    def name(self) -> str:
        """The program's name."""
        return Path(self.argv[0]).name

    @property
    def log(self) -> str:
        """The end of its log."""
        return self.log_path.read_text(errors="replace")[-LOG_SHOWN_CHARS:]

    def kill(self) -> None:
        """End it at once, as a crash would."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """Ask it to end, then insist."""
        self._end(signal.SIGTERM)

    def pause(self) -> None:
        """Let it hang: its kernel answers, it does not."""
        self._send(signal.SIGSTOP)

    def resume(self) -> None:
        """End `pause`."""
        self._send(signal.SIGCONT)

    def _send(self, number: signal.Signals) -> None:
        if self.popen is not None and self.popen.poll() is None:
            self.popen.send_signal(number)

    def _end(self, number: signal.Signals) -> None:
        if self.popen is None:
            return
        self._send(signal.SIGCONT)
        self._send(number)
        try:
            self.popen.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self.popen.kill()
            self.popen.wait(STOP_TIMEOUT_S)
        self.popen = None
