"""Real child processes that do with signals what a test wants, and end with the test.

Each is a Python interpreter with any ``argv[0]``, driven by lines on its standard input.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TypeVar

from sidecar.core.evidence import Process
from sidecar.target.procfs import ProcFs

T = TypeVar("T")

INTERPRETER = str(Path(sys.executable).resolve())
ENVIRONMENT = {"PYTHONHOME": sys.base_prefix, "PATH": os.environ["PATH"]}

SCRIPT = """
import os, signal, sys, threading
uid, habits = int(sys.argv[1]), sys.argv[2:]
heard = 0
def hear(number, frame):
    global heard
    heard += 1
def wait():
    global heard
    while signal.sigwait({signal.SIGHUP}):
        heard += 1
if "caught" in habits:
    signal.signal(signal.SIGHUP, hear)
if "ignored" in habits:
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
if "blocked" in habits or "sigwait" in habits:
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGHUP})
if "sigwait" in habits:
    threading.Thread(target=wait, daemon=True).start()
if uid:
    os.setresgid(uid, uid, uid)
    os.setresuid(uid, uid, uid)
def run(order, *words):
    if order == "heard":
        return heard
    if order == "spawn":
        argv = [words[0], "-S", "-c", "import signal; signal.pause()"]
        return os.posix_spawn('/proc/self/exe', argv, os.environ)
    if order == "rename":
        return open("/proc/self/comm", "w").write(words[0])
print("ready", flush=True)
while line := sys.stdin.readline():
    print(run(*line.rstrip("\\n").split("\\t")), flush=True)
"""


def new_name() -> str:
    """A title that nothing else on this machine has."""
    return f"puppet-{uuid.uuid4().hex[:12]}"


class Puppet:
    """One started process; `order` makes it act and returns its answer."""

    def __init__(
        self, title: str, *habits: str, uid: int = 0, command: Sequence[str] | None = None
    ) -> None:
        argv = [title, "-S", "-c", SCRIPT, str(uid), *habits]
        self._popen = subprocess.Popen(
            command or argv,
            executable=None if command else INTERPRETER,
            env=ENVIRONMENT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        self.pid = self._popen.pid
        if command is None:
            self.wait_ready()

    @classmethod
    def command(cls, program: Path, *habits: str) -> list[str]:
        """A command line that is a puppet, for wrappers; `program` becomes a link to Python."""
        program.symlink_to(INTERPRETER)
        return [str(program), "-S", "-c", SCRIPT, "0", *habits]

    def wait_ready(self) -> None:
        assert self._popen.stdout is not None
        assert self._popen.stdout.readline() == "ready\n"

    @property
    def process(self) -> Process:
        return identify(self.pid)

    def tell(self, *words: str) -> None:
        assert self._popen.stdin is not None
        self._popen.stdin.write("\t".join(words) + "\n")
        self._popen.stdin.flush()

    def order(self, *words: str) -> int:
        self.tell(*words)
        assert self._popen.stdout is not None
        return int(self._popen.stdout.readline())

    def spawn(self, title: str) -> int:
        """A child with that title; amid exec it has none yet."""
        pid = self.order("spawn", title)
        eventually(lambda: ProcFs().argv(pid))
        return pid

    def wait_heard(self, count: int) -> None:
        eventually(lambda: self.order("heard") == count)

    def kill(self) -> None:
        """End it and leave it a zombie, the state in which an uncollected child stays."""
        os.kill(self.pid, signal.SIGKILL)
        os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOWAIT)

    def end(self) -> None:
        """End it with all its children, and collect it."""
        if self._popen.returncode is None:
            with suppress(ProcessLookupError):
                os.killpg(self.pid, signal.SIGKILL)
        self._popen.wait(5)
        for stream in (self._popen.stdin, self._popen.stdout):
            assert stream is not None
            with suppress(BrokenPipeError):
                stream.close()


class Stage:
    """Starts puppets and ends them all."""

    def __init__(self) -> None:
        self._puppets: list[Puppet] = []

    def start(
        self, title: str, *habits: str, uid: int = 0, command: Sequence[str] | None = None
    ) -> Puppet:
        puppet = Puppet(title, *habits, uid=uid, command=command)
        self._puppets.append(puppet)
        return puppet

    def end(self) -> None:
        for puppet in self._puppets:
            puppet.end()


@contextmanager
def open_stage() -> Iterator[Stage]:
    stage = Stage()
    try:
        yield stage
    finally:
        stage.end()


def identify(pid: int) -> Process:
    stat = ProcFs().stat(pid)
    assert stat is not None
    return Process(pid=pid, start_ticks=stat.start_ticks, name=stat.comm)


def eventually(holds: Callable[[], T], within_s: float = 5.0) -> T:
    """The first true answer of `holds`; fails after `within_s`."""
    until_s = time.monotonic() + within_s
    while not (answer := holds()):
        assert time.monotonic() < until_s, f"{holds} did not come true within {within_s} s"
        time.sleep(0.002)
    return answer
