"""The commands as a person runs them, with a kubeconfig, on a real API server."""

from __future__ import annotations

import base64
import json
import os
import pty
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import pytest
import yaml

from sidecar.cli import main
from sidecar.core.snapshot import digest_of
from sidecar.kube import access
from sidecar.kube.objects import list_managers
from sidecar.kube.ports import CONFIG_MAPS, SECRETS, Ref
from tests.apiserver.clients import make_admin_client, make_pod_client
from tests.apiserver.server import CONFIG_MAP, ApiServer
from tests.cli.clusters import Stage
from tests.daemons.processes import find_free_port

BIN = Path(sys.executable).parent
TIMEOUT_S = 30.0
PASSWORD = "hunter2"  # noqa: S105  the one that nobody may read
ONE, TWO, BAD = "one: 1\n", "two: 2\n", "bad: [\n"


@dataclass(frozen=True)
class Shell:
    """A person's shell: its home, and a kubeconfig."""

    server: ApiServer
    namespace: str
    home: Path
    kubeconfig: Path
    environ: Mapping[str, str] = field(default_factory=dict)

    @property
    def variables(self) -> dict[str, str]:
        path = f"{BIN}:{self.server.bin_dir}:{os.environ['PATH']}"
        kubeconfig = {"KUBECONFIG": str(self.kubeconfig)}
        return {"PATH": path, "HOME": str(self.home), **kubeconfig, **self.environ}

    def start(self, *argv: str, program: str = "surehup") -> subprocess.Popen[str]:
        return subprocess.Popen(
            [program, *argv],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=self.variables,
            cwd=self.home,
        )

    def run(self, *argv: str, program: str = "surehup") -> subprocess.CompletedProcess[str]:
        process = self.start(*argv, program=program)
        out, err = process.communicate(timeout=TIMEOUT_S)
        assert "Traceback" not in err
        return subprocess.CompletedProcess(argv, process.returncode, out, err)

    def here(self, *argv: str) -> subprocess.CompletedProcess[str]:
        return self.run(*argv, "-n", self.namespace)

    def see(self, *argv: str, **environ: str) -> str:
        """The output on a terminal."""
        leader, follower = pty.openpty()
        process = subprocess.Popen(
            ["surehup", *argv, "-n", self.namespace],
            stdin=subprocess.DEVNULL,
            stdout=follower,
            stderr=subprocess.DEVNULL,
            env={**self.variables, "TERM": "xterm", **environ},
            cwd=self.home,
        )
        os.close(follower)
        shown = b""
        try:
            while chunk := os.read(leader, 4096):
                shown += chunk
        except OSError:  # how a terminal ends
            pass
        finally:
            os.close(leader)
            process.wait(TIMEOUT_S)
        return shown.decode()


@pytest.fixture
def stage(api_server: ApiServer, tmp_path: Path) -> Iterator[Stage]:
    """The shipped Role's sidecar, and an administrator who edits."""
    namespace = api_server.make_namespace()
    pod = make_pod_client(api_server, namespace, tmp_path / "account")
    admin = make_admin_client(api_server)
    yield Stage(api=pod, editor=admin, namespace=namespace)
    pod.close()
    admin.close()


@pytest.fixture
def shell(api_server: ApiServer, stage: Stage, tmp_path: Path) -> Shell:
    return Shell(api_server, stage.namespace, tmp_path, api_server.kubeconfig)


@pytest.fixture
def account_shell(shell: Shell) -> Shell:
    """Of somebody with no more rights than the sidecar's."""
    user = {"token": shell.server.mint_token(shell.namespace)}
    path = shell.server.pki.write_kubeconfig(
        shell.home / "account.kubeconfig", server=shell.server.url, user=user
    )
    return Shell(shell.server, shell.namespace, shell.home, path)


def put(shell: Shell, text: str, manager: str = "editor") -> None:
    """Edit as GitOps tools do."""
    manifest = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": CONFIG_MAP},
        "data": {"a.yml": text},
    }
    argv = ("apply", "--server-side", "--force-conflicts", f"--field-manager={manager}", "-f-")
    shell.server.kubectl(*argv, namespace=shell.namespace, stdin=json.dumps(manifest))


def digest(text: str) -> str:
    return digest_of({"a.yml": text.encode()})


def read_data(stage: Stage) -> object:
    return stage.read(CONFIG_MAP)["data"]


def test_a_persons_day(shell: Shell, stage: Stage) -> None:
    """Look, wait for an edit that fails, see what changed, and go back."""
    put(shell, ONE)
    stage.apply(CONFIG_MAP, cause="edited by editor")
    put(shell, TWO)
    stage.apply(CONFIG_MAP, cause="edited by editor")

    done = shell.here("status")
    assert (done.returncode, done.stderr) == (0, "")
    row = re.split(r" {3,}", done.stdout.splitlines()[1])
    assert row[:4] == [CONFIG_MAP, "Applied", digest(TWO)[:12], "2"]
    done = shell.here("wait", CONFIG_MAP)
    assert done.returncode == 0

    put(shell, BAD)
    waiting = shell.start("wait", f"{shell.namespace}/{CONFIG_MAP}")
    assert waiting.stderr is not None
    assert waiting.stderr.readline().startswith("waiting: Pending: edited since")
    stage.say(CONFIG_MAP, status="Reloading")
    stage.say(CONFIG_MAP, status="RolledBack", message="a.yml: line 1: refused")
    out, _ = waiting.communicate(timeout=TIMEOUT_S)
    assert waiting.returncode == 5
    assert out == (
        f"ConfigMap {shell.namespace}/{CONFIG_MAP} {digest(BAD)[:12]} RolledBack:"
        " a.yml: line 1: refused\n"
    )

    done = shell.here("diff", CONFIG_MAP)
    assert done.returncode == 1
    assert done.stdout.endswith("@@ -1 +1 @@\n-two: 2\n+bad: [\n")
    done = shell.here("history", CONFIG_MAP)
    assert [line.split()[0] for line in done.stdout.splitlines()] == ["REVISION", "*", "1"]

    back = shell.start("rollback", CONFIG_MAP, "-n", shell.namespace)
    assert back.stdout is not None
    assert "holds the content of revision 2" in back.stdout.readline()
    assert read_data(stage) == {"a.yml": TWO}
    stage.apply(CONFIG_MAP)
    out, err = back.communicate(timeout=TIMEOUT_S)
    assert (back.returncode, "Applied: 1/1 proven" in out) == (0, True), err
    assert "surehup" in list_managers(stage.read(CONFIG_MAP))
    assert shell.here("diff", CONFIG_MAP, "1", "2").returncode == 1


@pytest.mark.parametrize(
    ("status", "code"),
    [("Applied", 0), ("Rejected", 4), ("Failed", 5), ("RolledBack", 5), ("Unconfirmed", 6)],
)
def test_scripts_read_the_exit_code(shell: Shell, stage: Stage, status: str, code: int) -> None:
    put(shell, ONE)
    stage.say(CONFIG_MAP, status=status)
    assert shell.here("wait", CONFIG_MAP).returncode == code


def test_a_wait_has_an_end(shell: Shell) -> None:
    put(shell, ONE)
    done = shell.here("wait", CONFIG_MAP, "--timeout", "1s")
    assert (done.returncode, done.stdout) == (8, "")
    assert "has no verdict after 1s: -: no sidecar has written on it" in done.stderr
    assert shell.here("wait", "nobody").returncode == 1


def test_a_wait_outlives_the_api_server(shell: Shell, stage: Stage) -> None:
    put(shell, ONE)
    waiting = shell.start("wait", CONFIG_MAP, "-n", shell.namespace)
    assert waiting.stderr is not None
    waiting.stderr.readline()
    shell.server.restart()
    stage.say(CONFIG_MAP, status="Applied", message="after the restart")
    out, err = waiting.communicate(timeout=TIMEOUT_S)
    assert (waiting.returncode, "after the restart" in out) == (0, True), err


def test_all_namespaces(shell: Shell, stage: Stage, account_shell: Shell) -> None:
    put(shell, ONE)
    stage.apply(CONFIG_MAP)
    other = shell.server.make_namespace()
    shell.server.kubectl("create", "configmap", "bare", namespace=other)
    done = shell.run("status", "-A")
    head, *rows = [re.split(r" {3,}", line) for line in done.stdout.splitlines()]
    assert head[:2] == ["NAMESPACE", "NAME"]
    assert [shell.namespace, CONFIG_MAP, "Applied"] in [row[:3] for row in rows]
    assert "bare" not in done.stdout
    refused = account_shell.run("status", "-A")
    assert refused.returncode == 2
    assert "ask for a ClusterRole with the rule" in refused.stderr
    assert "resources [configmaps] verbs [list]" in refused.stderr


def test_the_kubectl_plugin(shell: Shell, stage: Stage) -> None:
    put(shell, ONE)
    stage.apply(CONFIG_MAP)
    done = shell.run("surehup", "status", "-n", shell.namespace, program="kubectl")
    assert (done.returncode, done.stderr) == (0, "")
    assert CONFIG_MAP in done.stdout
    stage.say(CONFIG_MAP, status="Rejected")
    done = shell.run("surehup", "wait", CONFIG_MAP, "-n", shell.namespace, program="kubectl")
    assert done.returncode == 4
    done = shell.run("surehup", "wait", "--help", program="kubectl")
    assert done.stdout.startswith("usage: kubectl surehup wait")


def test_the_sidecars_own_role_is_enough_for_one(account_shell: Shell, stage: Stage) -> None:
    put(account_shell, ONE)
    stage.apply(CONFIG_MAP)
    for argv in (
        ("status", CONFIG_MAP),
        ("wait", CONFIG_MAP),
        ("history", CONFIG_MAP),
        ("diff", CONFIG_MAP),
        ("pause", CONFIG_MAP),
        ("resume", CONFIG_MAP),
        ("retry", CONFIG_MAP, "--no-wait"),
    ):
        done = account_shell.here(*argv)
        assert (done.returncode, done.stderr) == (0, ""), argv
    done = account_shell.here("status")
    assert done.returncode == 2
    assert f"may not list configmaps in namespace {stage.namespace}" in done.stderr
    assert "or name one ConfigMap" in done.stderr
    done = account_shell.here("status", "secret/key")
    assert done.returncode == 2
    assert 'apiGroups [""] resources [secrets] resourceNames [key] verbs [get]' in done.stderr


def test_in_a_pod_its_account_is_used(
    shell: Shell,
    stage: Stage,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    put(shell, ONE)
    stage.apply(CONFIG_MAP)
    folder = shell.home / "account"
    (folder / "namespace").write_text(stage.namespace)
    monkeypatch.delenv("KUBECONFIG", raising=False)
    monkeypatch.setenv("HOME", str(shell.home))
    for name, value in shell.server.environ.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(access, "in_cluster", partial(access.in_cluster, folder=str(folder)))
    assert main(["status", CONFIG_MAP]) == 0
    assert "Applied" in capsys.readouterr().out
    assert main(["status", CONFIG_MAP, "-n", "default"]) == 2
    assert "system:serviceaccount:" in capsys.readouterr().err


def test_who_may_only_read_is_told_what_to_grant(account_shell: Shell, stage: Stage) -> None:
    put(account_shell, ONE)
    stage.apply(CONFIG_MAP)
    patch = json.dumps([{"op": "replace", "path": "/rules/0/verbs", "value": ["get", "list"]}])
    account_shell.server.kubectl(
        "patch", "role", "surehup", "--type=json", f"-p={patch}", namespace=stage.namespace
    )
    done = account_shell.here("pause", CONFIG_MAP)
    assert done.returncode == 2
    rule = f'apiGroups [""] resources [configmaps] resourceNames [{CONFIG_MAP}] verbs [patch]'
    assert rule in done.stderr
    assert done.stderr.count("\n") == 1
    put(account_shell, TWO)
    done = account_shell.here("wait", CONFIG_MAP)
    assert done.returncode == 2
    assert "verbs [watch]" in done.stderr


def test_wishes_are_written_by_a_manager_that_flux_leaves(shell: Shell, stage: Stage) -> None:
    put(shell, ONE)
    stage.say(CONFIG_MAP, status="Rejected", message="no")
    assert shell.here("pause", CONFIG_MAP).returncode == 0
    managed = stage.read(CONFIG_MAP)["metadata"]["managedFields"]
    (entry,) = [entry for entry in managed if "surehup.dev/paused" in json.dumps(entry)]
    assert entry["manager"] == "surehup"
    assert shell.here("retry", CONFIG_MAP).returncode == 1
    assert shell.here("resume", CONFIG_MAP).returncode == 0
    trying = shell.start("retry", CONFIG_MAP, "-n", shell.namespace)
    assert trying.stdout is not None
    trying.stdout.readline()
    requested = stage.read(CONFIG_MAP)["metadata"]["annotations"]["surehup.dev/requested"]
    stage.say(CONFIG_MAP, status="Unconfirmed", message="silence", handled=requested)
    assert trying.communicate(timeout=TIMEOUT_S)[0].endswith("Unconfirmed: silence\n")
    assert trying.returncode == 6


def test_a_rollback_that_helm_would_undo(shell: Shell, stage: Stage) -> None:
    put(shell, ONE, manager="helm")
    stage.apply(CONFIG_MAP)
    put(shell, BAD, manager="helm")
    done = shell.here("rollback", CONFIG_MAP)
    assert done.returncode == 1
    assert "belongs to Helm, which would undo this" in done.stderr
    assert read_data(stage) == {"a.yml": BAD}
    done = shell.here("rollback", CONFIG_MAP, "--force", "--no-wait")
    assert (done.returncode, read_data(stage)) == (0, {"a.yml": ONE})


def test_a_rollback_of_what_cannot_change(shell: Shell, stage: Stage) -> None:
    put(shell, ONE)
    stage.apply(CONFIG_MAP)
    put(shell, TWO)
    patch = json.dumps({"immutable": True})
    shell.server.kubectl("patch", "configmap", CONFIG_MAP, "-p", patch, namespace=shell.namespace)
    done = shell.here("rollback", CONFIG_MAP)
    assert done.returncode == 1
    assert "is immutable" in done.stderr


def test_a_mebibyte_comes_back_to_the_byte(shell: Shell, stage: Stage) -> None:
    text = "ü<\u2028\t" * ((1 << 20) // 8)
    binary = base64.b64encode(bytes(range(256))).decode()
    stage.make(CONFIG_MAP, data={"big": text}, binaryData={"bin": binary})
    whole = stage.apply(CONFIG_MAP)
    stage.editor.patch(
        Ref(CONFIG_MAPS, stage.namespace, CONFIG_MAP),
        {"data": {"big": "small"}, "binaryData": None},
    )
    done = shell.here("rollback", CONFIG_MAP, "--no-wait")
    assert done.returncode == 0, done.stderr
    assert stage.digest(CONFIG_MAP) == whole


def test_colours_are_for_terminals(shell: Shell, stage: Stage) -> None:
    put(shell, ONE)
    stage.apply(CONFIG_MAP)
    put(shell, "steered: \x1b[2J\n")
    assert "\x1b[31m-one: 1\x1b[0m" in shell.see("diff", CONFIG_MAP)
    plain = shell.see("diff", CONFIG_MAP, NO_COLOR="1")
    assert "-one: 1" in plain
    assert "\x1b" not in plain
    done = shell.here("diff", CONFIG_MAP)
    assert "\x1b[2J" in done.stdout
    assert "\x1b[3" not in done.stdout


def test_a_secret_never_shows(shell: Shell, stage: Stage) -> None:
    value = base64.b64encode(PASSWORD.encode()).decode()
    metadata = {"annotations": {"surehup.dev/salt": "5a17c0de"}}
    stage.make("key", kind=SECRETS, data={"pw": value}, metadata=metadata)
    admin = Stage(api=stage.editor, editor=stage.editor, namespace=stage.namespace)
    admin.apply("key", of=SECRETS)
    path = shell.home / "secret.yaml"
    document = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "key"},
        "stringData": {"pw": "another"},
    }
    path.write_text(yaml.safe_dump(document))
    shown = ""
    for argv, code in (
        (("status", "secret/key", "-o", "yaml"), 0),
        (("wait", "secret/key"), 0),
        (("history", "secret/key", "-o", "json"), 0),
        (("diff", "secret/key", str(path)), 1),
        (("diff", "secret/key", "1", str(path)), 1),
        (("rollback", "secret/key"), 1),
    ):
        done = shell.here(*argv)
        assert done.returncode == code, done.stderr
        shown += done.stdout + done.stderr
    leaks = (PASSWORD, value, "another", digest_of({"pw": PASSWORD.encode()})[:12])
    assert not [leak for leak in leaks if leak in shown]
    assert admin.digest("key", SECRETS)[:13] not in shown
    assert "<masked, changed>" in shown


def test_a_wrong_context_and_a_server_that_is_away(shell: Shell) -> None:
    done = shell.run("status", "--context", "production")
    assert done.returncode == 3
    assert "production" in done.stderr
    assert done.stderr.count("\n") == 1
    away = shell.server.pki.write_kubeconfig(
        shell.home / "away.kubeconfig", server=f"https://127.0.0.1:{find_free_port()}", user={}
    )
    for command in ("status", "wait", "pause"):
        done = shell.run(command, CONFIG_MAP, "--kubeconfig", str(away))
        assert done.returncode == 7
        assert "refuses connections: is it up" in done.stderr
    nobody = shell.server.pki.write_kubeconfig(
        shell.home / "nobody.kubeconfig", server=shell.server.url, user={"token": "expired"}
    )
    done = shell.run("wait", CONFIG_MAP, "--kubeconfig", str(nobody))
    assert done.returncode == 2
    assert "does not know who asks" in done.stderr
