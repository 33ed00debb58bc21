"""Runs `surehup run` for tests as it runs in a pod: a process of its own, asked by HTTP.

    with beside("--preset=prometheus", f"--mount={folder}", folder=tmp_path) as sidecar:
        sidecar.wait_for(shows("Applied", digest))

Every wait is bounded and fails with the sidecar's own log. Leaving the block ends the process and
holds that it never wrote a traceback.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import ProxyHandler, Request, build_opener

from sidecar.core.snapshot import Snapshot
from sidecar.testing.kubelet import AtomicWriter
from tests.daemons.harness import ROOT, Files
from tests.daemons.processes import find_free_port

PYTHON = (sys.executable, "-m", "sidecar")
START_TIMEOUT_S = 15.0
STOP_TIMEOUT_S = 5.0
WITHIN_S = 10.0
POLL_S = 0.01
PAGE_TIMEOUT_S = 5.0
LOG_SHOWN_CHARS = 4_000

UNTRACED: Mapping[str, str] = {"COVERAGE_PROCESS_CONFIG": ""}
"""For the environment of a sidecar that others go the same ways as: coverage doubles what it costs
to start an interpreter, and the sidecar starts one for each of its checks."""

Status = Mapping[str, Any]
"""One bridge, as `/status` shows it."""


def digest_of(files: Files) -> str:
    """The digest of `files`, as the sidecar names them."""
    return Snapshot.of({key: text.encode() for key, text in files.items()}).digest


def swap_unchanged(folder: Path) -> None:
    """Put a new generation with the same content on disk, as a relisting kubelet may."""
    data = folder / "..data"
    old = folder / data.readlink()
    files = {path.name: path.read_bytes() for path in old.iterdir()}
    new = folder / f"{old.name}x"
    new.mkdir()
    for name, content in files.items():
        (new / name).write_bytes(content)
    (folder / "..data_tmp").symlink_to(new.name)
    (folder / "..data_tmp").rename(data)
    for name in files:
        (old / name).unlink()
    old.rmdir()


def fetch(url: str, *, method: str = "GET") -> str:
    """The text of a loopback page, whatever its status code. Raises `OSError`."""
    opener = build_opener(ProxyHandler({}))
    try:
        with opener.open(Request(url, method=method), timeout=PAGE_TIMEOUT_S) as page:  # noqa: S310  loopback
            return str(page.read().decode("utf-8", "replace"))
    except HTTPError as error:
        with error:
            return error.read().decode("utf-8", "replace")


def sample(page: str, series: str) -> float:
    """The sum of the samples on a metrics page whose name and labels start with `series`."""
    lines = (line.rpartition(" ") for line in page.splitlines() if line.startswith(series))
    return sum(float(value) for _, _, value in lines)


@dataclass(slots=True, kw_only=True)
class Sidecar:
    """A sidecar under test; `beside` makes one."""

    argv: Sequence[str]
    folder: Path
    port: int
    environ: Mapping[str, str] = field(default_factory=dict)
    popen: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Where it answers."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def log_path(self) -> Path:
        """Where its standard error goes."""
        return self.folder / "surehup.log"

    @property
    def log(self) -> str:
        """All that it wrote, over all its lives."""
        return self.log_path.read_text(errors="replace")

    @property
    def process(self) -> subprocess.Popen[bytes]:
        """The process, which must have been started."""
        assert self.popen is not None, "the sidecar was not started"
        return self.popen

    def start(self) -> None:
        """Start it; returns at once."""
        inherited = {name: text for name, text in os.environ.items() if "SUREHUP" not in name}
        with self.log_path.open("ab") as log:
            self.popen = subprocess.Popen(
                self.argv,
                cwd=self.folder,
                env={**inherited, "PYTHONPATH": str(ROOT), **self.environ},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    def status(self) -> Status | None:
        """Its one bridge, or None while it does not answer."""
        with suppress(URLError, OSError, ValueError, LookupError):
            document = json.loads(fetch(f"{self.url}/status"))
            bridge: Status = document["bridges"][0]
            return bridge
        return None

    def metric(self, series: str) -> float:
        """The sum of its own samples that start with `series`."""
        return sample(fetch(f"{self.url}/metrics"), series)

    @property
    def signals(self) -> int:
        """How many signals this life of it has sent."""
        return int(self.metric("surehup_signals_total{"))

    def ask(self) -> Mapping[str, Any]:
        """Ask it for a reload and wait for the answer."""
        answer: Mapping[str, Any] = json.loads(fetch(f"{self.url}/-/reload", method="POST"))
        return answer

    def wait_for(self, holds: Callable[[Status], bool], *, within_s: float = WITHIN_S) -> Status:
        """The first status that `holds`."""
        last: Status | None = None
        end_s = time.monotonic() + within_s
        while time.monotonic() < end_s:
            last = self.status()
            if last is not None and holds(last):
                return last
            assert self.process.poll() is None, f"it ended ({self.process.returncode}){self.tail}"
            time.sleep(POLL_S)
        msg = f"the last status was {json.dumps(last, indent=1)}{self.tail}"
        raise AssertionError(msg)

    def settle(self, files: Files, status: str, *, within_s: float = WITHIN_S) -> Status:
        """Wait until it says `status` of `files`."""
        digest = digest_of(files)
        return self.wait_for(
            lambda seen: (seen["observed"], seen["status"]) == (digest, status), within_s=within_s
        )

    def wait_for_log(self, text: str, *, within_s: float = WITHIN_S) -> None:
        """Wait until its log contains `text`."""
        end_s = time.monotonic() + within_s
        while text not in self.log:
            assert time.monotonic() < end_s, f"nothing logged contains {text!r}{self.tail}"
            time.sleep(POLL_S)

    def wait_for_end(self, *, within_s: float = WITHIN_S) -> int:
        """Wait until it ends; its exit code."""
        return self.process.wait(within_s)

    def send(self, number: signal.Signals) -> None:
        """Send it a signal."""
        self.process.send_signal(number)

    def kill(self) -> None:
        """End it as the kernel does when memory runs out."""
        self.process.kill()
        self.process.wait(STOP_TIMEOUT_S)

    def stop(self) -> None:
        """End it, whatever it does."""
        if self.popen is None or self.popen.poll() is not None:
            return
        self.popen.terminate()
        try:
            self.popen.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self.kill()

    @property
    def tail(self) -> str:
        """The end of its log, to say why something failed."""
        return f"\n{self.log[-LOG_SHOWN_CHARS:]}"


def sidecar_flags(folder: Path, port: int) -> list[str]:
    """What every sidecar of the tests is given."""
    return [
        f"--listen=127.0.0.1:{port}",
        f"--state-dir={folder}/state",
        "--log-format=json",
        "--debounce=100ms",
    ]


@contextmanager
def beside(
    *flags: str,
    folder: Path,
    program: Sequence[str] = PYTHON,
    environ: Mapping[str, str] | None = None,
) -> Iterator[Sidecar]:
    """Run a sidecar with `flags`, its state and log below `folder`."""
    folder.mkdir(exist_ok=True)
    port = find_free_port()
    argv = [*program, "run", *sidecar_flags(folder, port), *flags]
    sidecar = Sidecar(argv=argv, folder=folder, port=port, environ=environ or {})
    sidecar.start()
    try:
        yield sidecar
    finally:
        sidecar.stop()
    assert "Traceback" not in sidecar.log, sidecar.tail


def write(folder: Path, files: Files) -> str:
    """Write `files` as the kubelet does; their digest."""
    AtomicWriter(folder).write(files)
    return digest_of(files)
