"""A small daemon that reloads on SIGHUP and shows it, well or badly: for the demo and the tests.

A real process with a real handler and real metrics, whose flags are the habits that daemons were
seen to have: torn and cached pages, merged signals, times that move on failure, death by a bad
file. Its configuration is lines of ``key: value``; an unknown key or a line without one is refused.

    python -m sidecar.testing.daemon --config FILE --listen 127.0.0.1:9999
"""

from __future__ import annotations

import argparse
import signal
import sys
import threading
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from queue import Empty, SimpleQueue
from types import FrameType

from sidecar.clock import SystemClock
from sidecar.testing.daemon_pages import (
    STYLES,
    Shown,
    listen,
    make_handler,
    render_metrics,
    render_status,
)

TICK_S = 0.05
KEYS = frozenset({"message", "color", "interval", "workers"})


class RefusedError(Exception):
    """The configuration cannot be loaded; the text says where and why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Habits:
    """How this daemon behaves. Times are seconds.

    `delay`: a reload takes so long. `torn`: so long passes between gauge and timestamp. `cache`:
    the metrics page may be so old. `slow_start`: no handler and no page before that.
    """

    style: str = "prometheus"
    refuse_when: str = ""
    delay: float = 0.0
    torn: float = 0.0
    cache: float = 0.0
    slow_start: float = 0.0
    lies: str = ""
    dies: bool = False
    ignores: bool = False
    coalesces: bool = False


def parse_config(content: bytes, refuse_when: str = "") -> dict[str, str]:
    """Read ``key: value`` lines. Raises `RefusedError` that names the line."""
    settings: dict[str, str] = {}
    for number, line in enumerate(content.decode("utf-8", "replace").splitlines(), start=1):
        text = line.partition("#")[0].strip()
        key, colon, value = text.partition(":")
        if refuse_when and refuse_when in line:
            reason = f"line {number}: refused, it contains {refuse_when!r}"
        elif not text:
            continue
        elif not colon:
            reason = f"line {number}: expected 'key: value'"
        elif key not in KEYS:
            reason = f"line {number}: unknown key {key!r}, known are {', '.join(sorted(KEYS))}"
        else:
            settings[key] = value.strip()
            continue
        raise RefusedError(reason)
    if not settings:
        reason = "line 1: no key is set"
        raise RefusedError(reason)
    return settings


@dataclass(slots=True)
class Ask:
    """A reload wanted by signal, or by HTTP with somebody waiting for the `reply`."""

    reply: SimpleQueue[str] | None = None


@dataclass(slots=True)
class Daemon:
    """The daemon: one thread that reloads, others that answer HTTP."""

    config: Path
    habits: Habits
    shown: Shown = field(default_factory=Shown)
    inbox: SimpleQueue[Ask | None] = field(default_factory=SimpleQueue)
    clock: SystemClock = field(default_factory=SystemClock)
    lock: threading.Lock = field(default_factory=threading.Lock)
    page: tuple[float, bytes] | None = None
    signals: int = 0

    def start(self) -> None:
        """Load for the first time. Raises `RefusedError`."""
        _pass(self.habits.slow_start)
        content = self._read()
        self.shown = replace(self.shown, content=content, loaded_s=self.clock.wall())
        signal.signal(signal.SIGHUP, self._hear)
        signal.signal(signal.SIGTERM, lambda *_: self.inbox.put(None))

    def _hear(self, _signal: int, _frame: FrameType | None) -> None:
        self.signals += 1
        if not self.habits.ignores:
            self.inbox.put(Ask())

    def serve(self) -> int:
        """Reload when asked, until SIGTERM (0) or a fatal configuration (1)."""
        while True:
            asks = [self._take()]
            while self.habits.coalesces and not self.inbox.empty():
                asks.append(self.inbox.get())
            if None in asks:
                return 0
            outcome = self._reload()
            for ask in asks:
                if ask is not None and ask.reply is not None:
                    ask.reply.put(outcome)
            if outcome and self.habits.dies:
                return 1

    def _take(self) -> Ask | None:
        """The next thing to do. Wakes at times, for handlers only run while Python code does.

        A signal that comes just before a wait begins does not end it.
        """
        while True:
            with suppress(Empty):
                return self.inbox.get(timeout=TICK_S)

    def _reload(self) -> str:
        _pass(self.habits.delay)
        try:
            content = self._read()
        except RefusedError as refused:
            _say(f"reload refused: {refused}")
            self._show_failure()
            return str(refused)
        self._show(ok=True, reloads=self.shown.reloads + 1)
        _pass(self.habits.torn)
        self._show(loaded_s=self.clock.wall(), content=content)
        _say("reloaded")
        return ""

    def _read(self) -> bytes:
        try:
            content = self.config.read_bytes()
        except OSError as error:
            reason = f"{self.config}: {error.strerror}"
            raise RefusedError(reason) from error
        parse_config(content, self.habits.refuse_when)
        return content

    def _show_failure(self) -> None:
        lies = self.habits.lies
        self._show(ok=lies == "success", failures=self.shown.failures + 1)
        _pass(self.habits.torn)
        if lies:
            self._show(loaded_s=self.clock.wall())

    def _show(self, **changes: float | bytes) -> None:
        self.shown = replace(self.shown, **changes)  # type: ignore[arg-type]  # fields of Shown

    def metrics(self) -> bytes:
        """The metrics page, as old as the habit allows."""
        with self.lock:
            now_s = self.clock.monotonic()
            if self.page is None or now_s - self.page[0] >= self.habits.cache:
                self.page = (now_s, render_metrics(self.shown, self.habits.style, self.signals))
            return self.page[1]

    def respond(self, method: str, path: str) -> tuple[int, bytes]:
        """Answer one HTTP request: its status and body."""
        match method, path:
            case "GET", "/metrics":
                return 200, self.metrics()
            case "GET", "/status":
                return 200, render_status(self.shown)
            case "GET", "/config":
                return 200, self.shown.content
            case "POST", "/-/reload":
                return self.reload_by_http()
            case _:
                return 404, b"not found\n"

    def reload_by_http(self) -> tuple[int, bytes]:
        """Status and body of ``POST /-/reload``, once the reload is done."""
        reply: SimpleQueue[str] = SimpleQueue()
        self.inbox.put(Ask(reply))
        reason = reply.get()
        return (500, f"failed to reload: {reason}\n".encode()) if reason else (200, b"")


def _pass(seconds: float) -> None:
    if seconds:
        threading.Event().wait(seconds)


def _say(line: str) -> None:
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()


def read_arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m sidecar.testing.daemon", description=__doc__)
    parser.add_argument("--config", type=Path, required=True)
    parser.add_argument("--listen", default="127.0.0.1:0")
    parser.add_argument("--check", action="store_true", help="validate the file and end")
    parser.add_argument("--style", choices=STYLES)
    parser.add_argument("--refuse-when", metavar="TEXT", help="refuse files that contain TEXT")
    for name in ("delay", "torn", "cache", "slow-start"):
        parser.add_argument(f"--{name}", type=float, metavar="SECONDS")
    parser.add_argument("--lies", choices=("timestamp", "success"), help="what moves on failure")
    for name in ("dies", "ignores", "coalesces"):
        parser.add_argument(f"--{name}", action="store_true", default=None)
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the daemon, or check its file: 0 valid, 1 refused."""
    arguments = vars(read_arguments(argv))
    config, address, check = (arguments.pop(name) for name in ("config", "listen", "check"))
    habits = Habits(**{name: value for name, value in arguments.items() if value is not None})
    daemon = Daemon(config, habits)
    try:
        if check:
            parse_config(config.read_bytes(), habits.refuse_when)
            return 0
        daemon.start()
    except (RefusedError, OSError) as error:
        _say(f"{config}: {error}")
        return 1
    with listen(address, make_handler(daemon.respond)) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        _say(f"listening on {':'.join(str(part) for part in server.server_address[:2])}")
        outcome = daemon.serve()
        server.shutdown()
    return outcome


if __name__ == "__main__":
    sys.exit(main())
