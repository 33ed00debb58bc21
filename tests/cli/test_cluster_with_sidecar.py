"""The commands with a real sidecar, a real daemon and a real API server: all ends of the wire."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from sidecar.kube.objects import read_files
from sidecar.kube.ports import Json
from tests.apiserver.clients import make_admin_client
from tests.apiserver.server import CONFIG_MAP, ApiServer
from tests.cli.clusters import Stage
from tests.daemons.harness import Files, Running, running
from tests.daemons.sidecars import beside
from tests.daemons.specs import PROMETHEUS

TIMEOUT_S = 40.0


@dataclass
class Bed:
    """A pod, as far as files and processes go; the test is its kubelet."""

    stage: Stage
    daemon: Running
    environ: Mapping[str, str]

    def edit(self, files: Files) -> None:
        """Edit the ConfigMap, and let the kubelet mount it."""
        self.stage.edit(files, CONFIG_MAP)
        self.mount()

    def mount(self) -> None:
        """Mount what the ConfigMap holds."""
        content: Json = self.stage.read(CONFIG_MAP)
        self.daemon.write({key: body.decode() for key, body in read_files(content).items()})

    def run(self, *argv: str) -> tuple[int, str]:
        """A command's exit code, and what it printed."""
        done = subprocess.run(
            [str(Path(sys.executable).parent / "surehup"), *argv, "-n", self.stage.namespace],
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
            check=False,
            env={**os.environ, **self.environ},
        )
        assert "Traceback" not in done.stderr
        return done.returncode, done.stdout + done.stderr


@pytest.fixture
def bed(api_server: ApiServer, tmp_path: Path) -> Iterator[Bed]:
    if not PROMETHEUS.is_installed:
        pytest.skip(f"{PROMETHEUS.program} is not installed")
    namespace = api_server.make_namespace()
    admin = make_admin_client(api_server)
    stage = Stage(api=admin, editor=admin, namespace=namespace)
    environ = {"KUBECONFIG": str(api_server.kubeconfig)}
    with running(PROMETHEUS, tmp_path) as daemon:
        stage.make(CONFIG_MAP, data=dict(daemon.valid(0)))
        flags = (
            "--preset=prometheus",
            f"--configmap={namespace}/{CONFIG_MAP}",
            f"--mount={daemon.folder}",
            f"--pid={daemon.pid}",
            f"--metrics-url={daemon.metrics_url}",
        )
        with beside(*flags, folder=tmp_path / "sidecar", environ=environ):
            yield Bed(stage, daemon, environ)
    admin.close()


def test_the_sidecar_answers_what_people_ask(bed: Bed) -> None:
    """Applied, rejected, tried again, rolled back, paused and resumed."""
    valid = bed.daemon.valid
    code, said = bed.run("wait", CONFIG_MAP)
    assert (code, "Applied" in said) == (0, True), said

    bed.edit(valid(1))
    code, said = bed.run("wait", CONFIG_MAP)
    assert (code, "Applied" in said) == (0, True), said

    bed.edit({"prometheus.yml": "global: [\n"})
    code, said = bed.run("wait", CONFIG_MAP)
    assert (code, "Rejected" in said) == (4, True), said
    code, said = bed.run("diff", CONFIG_MAP)
    assert (code, "+global: [" in said) == (1, True), said
    code, said = bed.run("retry", CONFIG_MAP)
    assert (code, "Rejected" in said) == (4, True), said

    code, said = bed.run("rollback", CONFIG_MAP, "--no-wait")
    assert (code, "revision 2" in said) == (0, True), said
    bed.mount()
    code, said = bed.run("wait", CONFIG_MAP)
    assert (code, "Applied" in said) == (0, True), said
    assert bed.run("diff", CONFIG_MAP) == (0, "")

    assert bed.run("pause", CONFIG_MAP)[0] == 0
    bed.edit(valid(2))
    code, said = bed.run("wait", CONFIG_MAP, "--timeout", "2s")
    assert (code, "Paused" in said) == (8, True), said
    assert bed.run("resume", CONFIG_MAP)[0] == 0
    code, said = bed.run("wait", CONFIG_MAP)
    assert (code, "Applied" in said) == (0, True), said
    code, said = bed.run("history", CONFIG_MAP)
    assert said.splitlines()[1].startswith("* 3"), said
