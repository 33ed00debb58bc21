"""Every command of the image, and the sidecar with the API, beside a real Prometheus.

Under the strictest settings: another user than root, no capability, none to be gained, a read-only
root. Whatever was pruned from the packages would be missed here.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path

import pytest

from sidecar.cli.commands import COMMANDS
from sidecar.kube.access import ACCOUNT_DIR
from tests.apiserver.server import CONFIG_MAP, ApiServer
from tests.cluster import pods
from tests.cluster.pods import PROMETHEUS_KIND, Pod, running_pod, set_stage
from tests.daemons.sidecars import Sidecar, beside
from tests.image.unpacked import OTHER_MACHINE, USER, Unpacked

MOST_RSS_MB = 60.0
"""Measured: 46 to 51 with the API, on Python 3.11."""
MOST_START_S = 8.0
"""Measured: 0.7, and up to 3.7 on a busy machine."""
AS_USER = """\
#!/bin/bash
exec setpriv --reuid={user} --regid={user} --clear-groups --no-new-privs --bounding-set=-all \\
    bash -c 'exec -a "$0" {program} "$@"' "$0" "$@"
"""


@pytest.fixture(scope="module")
def pod(api_server: ApiServer, image: Unpacked, shared: Path) -> Iterator[Pod]:
    """Prometheus and the image's `surehup run`, as one user, beside a real API server."""
    daemon = shared / "prometheus-as-user"
    daemon.write_text(AS_USER.format(user=USER, program=shutil.which("prometheus")))
    daemon.chmod(0o755)
    kind = replace(PROMETHEUS_KIND, spec=replace(PROMETHEUS_KIND.spec, program=str(daemon)))
    program = [*image.jail(list_binds(shared)), "surehup"]

    def jailed(
        *flags: str, folder: Path, environ: Mapping[str, str], **_: object
    ) -> AbstractContextManager[Sidecar]:
        return beside(*flags, folder=folder, environ=environ, program=program)

    with pytest.MonkeyPatch.context() as patch, set_stage(api_server, shared) as stage:
        patch.setattr(pods, "beside", jailed)
        account = api_server.write_account(
            shared / "account", api_server.mint_token(stage.namespace)
        )
        (account / "namespace").write_text(stage.namespace)
        (shared / "web-0" / "sidecar" / "state").mkdir(parents=True)  # the emptyDir of a pod
        environ = {**image.environ, **api_server.environ}
        with running_pod(stage, kind=kind, environ=environ) as pod:
            pod.wait_marks(lambda marks: marks.get("status") == "Applied")
            yield pod


def list_binds(shared: Path) -> dict[Path, str]:
    """What a pod mounts: its folders, and the account's token."""
    return {shared: str(shared), shared / "account": ACCOUNT_DIR}


def read_status(pod: Pod) -> dict[str, str]:
    text = Path(f"/proc/{pod.sidecar.process.pid}/status").read_text("ascii")
    fields = (line.partition(":") for line in text.splitlines())
    return {name: value.strip() for name, _, value in fields}


def test_it_runs_with_no_rights_at_all(pod: Pod) -> None:
    status = read_status(pod)
    assert set(status["Uid"].split()) == set(status["Gid"].split()) == {str(USER)}
    assert status["Groups"] == ""
    assert int(status["CapEff"], 16) == int(status["CapBnd"], 16) == 0
    assert status["NoNewPrivs"] == "1"
    mounts = Path(f"/proc/{pod.sidecar.process.pid}/mounts").read_text("ascii")
    (root,) = (line.split()[3] for line in mounts.splitlines() if line.split()[1] == "/")
    assert "ro" in root.split(",")


def test_a_good_edit_is_proven(pod: Pod) -> None:
    reloads = pod.reloads
    good = pod.apply()
    assert pod.shows(good)
    assert pod.reloads == reloads + 1


@pytest.mark.skipif(bool(OTHER_MACHINE), reason="it borrows a promtool of this machine")
def test_a_bad_edit_signals_nobody(pod: Pod) -> None:
    good = pod.apply()
    reloads = pod.reloads
    marks = pod.settle(pod.put(pod.broken()), "Rejected")
    assert "promtool" in marks["message"] or "not a valid duration" in marks["message"]
    assert pod.reloads == reloads
    assert pod.shows(good)
    pod.apply()
    assert pod.reloads == reloads + 1


@pytest.mark.skipif(bool(OTHER_MACHINE), reason="an emulator is neither small nor soon")
def test_it_is_small_and_starts_soon(pod: Pod) -> None:
    pod.sidecar.stop()
    started_s = time.monotonic()
    pod.sidecar.start()
    pod.sidecar.wait_for(lambda seen: seen["status"] == "Applied", within_s=MOST_START_S)
    start_s = time.monotonic() - started_s
    rss_mb = int(read_status(pod)["VmRSS"].split()[0]) / 1024
    print(f"start to Applied {start_s:.2f} s, RSS {rss_mb:.1f} MB")  # noqa: T201  for -s
    assert rss_mb <= MOST_RSS_MB


def list_calls(pod: Pod) -> dict[str, tuple[tuple[str, ...], int, str]]:
    """Each command: how it is called, its exit code, and a word that it says."""
    here = (CONFIG_MAP, "-n", pod.stage.namespace)
    process = f"--process={pod.daemon.spec.program}"
    url = f"--metrics-url=http://127.0.0.1:{pod.daemon.place.port}/metrics"
    folder = str(pod.daemon.folder)
    return {
        "demo": (("--bundled",), 0, "applied"),
        "reload": (("--preset=prometheus", f"--mount={folder}", process, url), 0, ""),
        "check": (("--preset=prometheus", "--no-commands", folder), 0, ""),
        "find": ((process,), 0, str(pod.daemon.pid)),
        "status": (here, 0, "Applied"),
        "wait": (here, 0, ""),
        "history": (here, 0, "1"),
        "diff": (here, 0, ""),
        "rollback": ((*here, "--no-wait"), 0, ""),
        "pause": (here, 0, ""),
        "resume": (here, 0, ""),
        "retry": ((*here, "--no-wait"), 0, ""),
        "doctor": (("--preset=prometheus", f"--mount={folder}", process, url), 0, ""),
        "presets": ((), 0, "prometheus"),
    }


@pytest.mark.parametrize("name", [entry.name for entry in COMMANDS if entry.name != "run"])
def test_every_command_works(pod: Pod, image: Unpacked, shared: Path, name: str) -> None:
    arguments, code, word = list_calls(pod)[name]
    for folder in ("tmp", "run"):
        (shared / folder).mkdir(exist_ok=True)
    # `docker run --tmpfs /tmp --tmpfs /run/surehup`, or a pod's emptyDirs; the lower mounts first.
    binds = {shared / "tmp": "/tmp", shared / "run": "/run/surehup", **list_binds(shared)}  # noqa: S108
    done = image.run("surehup", name, *arguments, binds=binds, environ=pod.stage.server.environ)
    assert done.returncode == code, done.stdout + done.stderr
    assert word in done.stdout


@pytest.mark.parametrize("name", [entry.name for entry in COMMANDS if entry.name != "run"])
def test_every_command_explains_itself(image: Unpacked, name: str) -> None:
    done = image.run("surehup", name, "--help")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"usage: surehup {name}")


def test_as_kubectls_plugin(image: Unpacked) -> None:
    done = image.run("kubectl-surehup", "status", "--help")
    assert done.stdout.startswith("usage: kubectl surehup status")
