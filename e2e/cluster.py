"""The cluster that the tests run on: one that is given, or one that is made for them.

| variable | meaning |
|---|---|
| KUBECONFIG | take the cluster that it names, as it is |
| CLUSTER | else make one: `kind` (default), or `node`, which is one real node without an engine |
| KIND_CLUSTER_NAME | what the one of kind is called, `surehup` by default: several may run |
| LOAD | with KUBECONFIG: a command that brings the image archives named after it to the nodes |
| IMAGES | with KUBECONFIG: where nodes find the images instead, as registry.example.com/e2e |
"""

from __future__ import annotations

import fcntl
import os
import shlex
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from sidecar.clock import SystemClock
from sidecar.kube.access import from_kubeconfig
from sidecar.kube.client import KubeClient

E2E = Path(__file__).parent
ROOT = E2E.parent
MADE = ("kind", "node")
PREPARE_TIMEOUT_S = 3600.0
"""Cold, everything is compiled first."""
LOAD_TIMEOUT_S = 300.0
PART_TIMEOUT_S = 240.0
KUBECTL_TIMEOUT_S = 120.0
KUBECTL_WAIT = f"--timeout={KUBECTL_TIMEOUT_S - 10:.0f}s"
"""What it is to wait at most, less than it is given: its own words say what was missing."""
CLIENT_DEADLINE_S = 10.0
LOCAL = "localhost"
WITH_CHECKER = "surehup-"


class NoClusterError(Exception):
    """There is no cluster to test on; the text says why."""


@dataclass(slots=True, kw_only=True)
class Cluster:
    """A running cluster.

    `load` is the command that puts image archives into it; None where it finds images itself.
    `part` stops and starts a part of the cluster; None where that is not ours to do.
    """

    kubeconfig: Path
    kubectl_path: str
    load: tuple[str, ...] | None
    part: str | None = None
    registry: str = LOCAL
    _provided: set[str] = field(default_factory=set)

    def kubectl(
        self, *argv: str, stdin: str | None = None, timeout_s: float = KUBECTL_TIMEOUT_S
    ) -> str:
        """What kubectl prints; fails with its own words."""
        done = self.try_kubectl(*argv, stdin=stdin, timeout_s=timeout_s)
        assert done.returncode == 0, f"kubectl {shlex.join(argv)}: {done.stderr}"
        return done.stdout

    def try_kubectl(
        self, *argv: str, stdin: str | None = None, timeout_s: float = KUBECTL_TIMEOUT_S
    ) -> subprocess.CompletedProcess[str]:
        """The same, where a failure is an answer too."""
        return subprocess.run(
            [self.kubectl_path, f"--kubeconfig={self.kubeconfig}", *argv],
            input=stdin,
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
        )

    def client(self) -> KubeClient:
        """An administrator's client, which costs no process a call."""
        access = from_kubeconfig({}, str(self.kubeconfig))
        return KubeClient(access, clock=SystemClock(), deadline_s=CLIENT_DEADLINE_S)

    @contextmanager
    def without(self, part: str) -> Iterator[None]:
        """For a while there is no `kubelet`, or no `kube-apiserver`."""
        if self.part is None:
            pytest.skip(f"{part} of a cluster that was given is not stopped")
        _run(self.part, "stop", part, timeout_s=PART_TIMEOUT_S)
        try:
            yield
        finally:
            _run(self.part, "start", part, timeout_s=PART_TIMEOUT_S)

    def provide(self, *names: str) -> None:
        """See to it that pods can use ``localhost/NAME``.

        That is `surehup`, one of the daemons, or `surehup-DAEMON`, the first with the second's
        checker in it.
        """
        for name in names:
            if self.load is not None and name not in self._provided:
                with one_at_a_time("images"):
                    _run(*self.load, build_image(name), timeout_s=LOAD_TIMEOUT_S)
                self._provided.add(name)


@contextmanager
def one_at_a_time(what: str) -> Iterator[None]:
    """Tests of several processes may need `what` at the same time, and only one can have it."""
    folder = find_cache()
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / f".{what}.users").open("w") as users:
        fcntl.flock(users, fcntl.LOCK_EX)
        yield


def build_image(name: str) -> str:
    """An archive of the image, built where it is missing or outdated."""
    if name == "surehup":
        return _run(str(E2E / "image"), timeout_s=PREPARE_TIMEOUT_S)
    images = find_cache() / "images"
    python = str(ROOT / ".venv" / "bin" / "python")
    if name.startswith(WITH_CHECKER):
        daemon, base = name.removeprefix(WITH_CHECKER), build_image("surehup")
        checkers = ("-m", "e2e.images.checkers", daemon, base, str(images))
        return _run(python, *checkers, timeout_s=PREPARE_TIMEOUT_S)
    daemons = ("-m", "e2e.images.daemons")
    return _run(python, *daemons, name, str(images), timeout_s=PREPARE_TIMEOUT_S)


def find_cluster(environ: Mapping[str, str]) -> Cluster:
    """The cluster that the environment asks for, made and started if need be."""
    given = environ.get("KUBECONFIG", "")
    if given:
        return _take(given, environ)
    made = find_made(environ)
    kubeconfig = _run(str(E2E / made / "up"), timeout_s=PREPARE_TIMEOUT_S)
    return Cluster(
        kubeconfig=Path(kubeconfig),
        kubectl_path=str(find_cache() / "bin" / "kubectl"),
        load=(str(E2E / made / "load"),),
        part=str(E2E / made / "part"),
    )


def is_up(environ: Mapping[str, str]) -> bool:
    """Whether the cluster that would be made is there already."""
    made = find_made(environ)
    own = f"clusters/{find_name(environ)}/kubeconfig" if made == "kind" else "kubeconfig"
    return (find_cache() / made / own).exists()


def end_cluster(environ: Mapping[str, str]) -> None:
    """End a cluster that `find_cluster` has made."""
    _run(str(E2E / find_made(environ) / "down"), timeout_s=LOAD_TIMEOUT_S)


def _take(kubeconfig: str, environ: Mapping[str, str]) -> Cluster:
    kubectl = shutil.which("kubectl") or shutil.which("kubectl", path=str(find_cache() / "bin"))
    if kubectl is None:
        msg = "there is no kubectl to use KUBECONFIG with: e2e/build kubectl makes one"
        raise NoClusterError(msg)
    load = shlex.split(environ.get("LOAD", ""))
    registry = environ.get("IMAGES", LOCAL)
    return Cluster(
        kubeconfig=Path(kubeconfig),
        kubectl_path=kubectl,
        load=tuple(load) or None,
        registry=registry,
    )


def find_made(environ: Mapping[str, str]) -> str:
    """Which kind of cluster is to be made."""
    made = environ.get("CLUSTER", MADE[0])
    if made not in MADE:
        msg = f"CLUSTER={made} is not known: it is one of {', '.join(MADE)}"
        raise NoClusterError(msg)
    return made


def find_name(environ: Mapping[str, str]) -> str:
    """What the cluster is called that is to be made; as in kind/env.sh."""
    return environ.get("KIND_CLUSTER_NAME") or "surehup"


def find_cache() -> Path:
    """Where all that is made stays; as in lib.sh."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "surehup"


def _run(*argv: str, timeout_s: float) -> str:
    """The last line that a script prints; what it says of its progress goes to the terminal."""
    done = subprocess.run(
        argv,
        stdout=subprocess.PIPE,
        stdin=subprocess.DEVNULL,
        cwd=ROOT,
        text=True,
        timeout=timeout_s,
        check=False,
    )
    if done.returncode != 0:
        msg = f"{shlex.join(argv)} ended with {done.returncode}: its last lines above say why"
        raise NoClusterError(msg)
    return done.stdout.strip().rpartition("\n")[2]
