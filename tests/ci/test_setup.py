"""`.ci/setup` on machines that lack something, played by stubs of the programs that it calls."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

SETUP = Path(__file__).parents[2] / ".ci" / "setup"
TOOLS = frozenset(
    {
        *("prometheus", "promtool", "amtool", "prometheus-alertmanager"),
        *("prometheus-blackbox-exporter", "nats-server", "haproxy", "nginx", "victoria-metrics"),
        *("vmagent", "tini", "dumb-init", "openssl", "setpriv", "unshare", "mount", "lua5.3"),
    }
)
IN_PLACE = """
mount -t tmpfs none /usr/sbin; user="$1" folder="$2"; shift 2
setpriv --reuid "$user" --clear-groups env -i PATH="$folder/bin" "$@"
code=$?; echo /usr/sbin/* >"$folder/left"; exit $code
"""

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="plays root and others")


@dataclass(frozen=True)
class Machine:
    """A checkout in `folder`, on whose path are the few basic programs and stubs."""

    folder: Path

    def add(self, program: str, script: str = "exit 0") -> None:
        """A stub that notes how it was called, then runs `script`."""
        stub = self.folder / "bin" / program
        call = f'echo "{program} $*" >>"{self.folder}/calls"'
        stub.write_text(f"#!/bin/sh\n{call}\n{script}\n")
        stub.chmod(0o755)

    def run(self, *arguments: str, user: int = 0, **variables: str) -> tuple[int, str]:
        """Exit code and error output of `.ci/setup`, run with an empty /usr/sbin."""
        unshare = shutil.which("unshare")
        assert unshare is not None
        ended = subprocess.run(
            [
                *(unshare, "--mount", "sh", "-c", IN_PLACE),
                *("sh", str(user), str(self.folder)),
                *(f"{name}={value}" for name, value in variables.items()),
                *(str(self.folder / ".ci" / "setup"), *arguments),
            ],
            capture_output=True,
            text=True,
            timeout=20,
            check=False,
        )
        return ended.returncode, ended.stderr

    @property
    def calls(self) -> list[str]:
        """How the stubs were called."""
        path = self.folder / "calls"
        return path.read_text().splitlines() if path.exists() else []


@pytest.fixture
def machine() -> Iterator[Machine]:
    with tempfile.TemporaryDirectory() as name:  # pytest's own is closed to other users
        folder = Path(name)
        folder.chmod(0o755)
        (folder / ".ci").mkdir()
        (folder / "bin").mkdir()
        shutil.copy(SETUP, folder / ".ci" / "setup")
        for program in ("sh", "dirname", "id", "rm", "chmod", "cat", "grep"):
            found = shutil.which(program)
            assert found is not None
            (folder / "bin" / program).symlink_to(found)
        yield Machine(folder)


def test_nothing_is_done_where_nothing_is_missing(machine: Machine) -> None:
    for tool in TOOLS:
        machine.add(tool)
    assert machine.run("tools") == (0, "")
    assert machine.calls == []


def test_only_what_is_missing_is_installed_once(machine: Machine) -> None:
    for tool in TOOLS:
        if not tool.startswith("prom") and tool != "amtool":
            machine.add(tool)
    machine.add("apt-get")
    code, said = machine.run("tools")
    assert code == 0
    assert "installing prometheus prometheus-alertmanager prometheus-blackbox-exporter" in said
    update, install = machine.calls
    assert update.endswith(" update")
    assert install.endswith(
        " install prometheus prometheus-alertmanager prometheus-blackbox-exporter"
    )


def test_clusters_need_packages_of_their_own(machine: Machine) -> None:
    for tool in ("buildah", "ip", "iptables", "openssl", "gcc", "pkg-config", "flock", "setsid"):
        machine.add(tool)
    machine.add("apt-get")
    code, _ = machine.run("cluster")
    assert code == 0
    # Files that stand for packages are looked for on the machine itself.
    installed = machine.calls[-1].partition(" install ")[2].split()
    assert {"podman", "mmdebstrap"} <= set(installed)
    assert not {"buildah", "gcc", "util-linux"} & set(installed)


@pytest.mark.parametrize("code", [0, 7])
def test_services_are_not_started_and_nothing_of_that_is_left(machine: Machine, code: int) -> None:
    look = '/bin/sh /usr/sbin/policy-rc.d; echo "policy $?" >>calls'
    machine.add("apt-get", f"{look}; exit {code}")
    assert machine.run("debs", "tini")[0] == code
    assert "policy 101" in machine.calls
    assert (machine.folder / "left").read_text() == "/usr/sbin/*\n"


def test_without_the_right_to_install_the_command_is_said(machine: Machine) -> None:
    machine.add("apt-get")
    code, said = machine.run("tools", user=65534)
    assert code == 1
    assert f"run this as root, then try again: {machine.folder}/.ci/setup debs prometheus" in said
    assert machine.calls == []


def test_sudo_is_used_where_it_asks_nothing(machine: Machine) -> None:
    (machine.folder / "calls").touch()
    (machine.folder / "calls").chmod(0o666)
    machine.add("apt-get")
    machine.add("sudo")
    code, _ = machine.run("tools", user=65534)
    assert code == 0
    assert machine.calls[0] == "sudo -n true"
    assert machine.calls[1].startswith("sudo -n ")
    assert ".ci/setup debs prometheus " in machine.calls[1]


def test_other_distributions_are_told_what_to_install(machine: Machine) -> None:
    code, said = machine.run("tools")
    assert code == 1
    assert "this is no Debian" in said
    assert "nats-server haproxy nginx-light victoria-metrics" in said


def test_unsuitable_python_is_named(machine: Machine) -> None:
    machine.add("python2", "exit 1")
    assert machine.run("python", PYTHON="python2") == (
        1,
        "setup: PYTHON=python2 is no Python from 3.11 on\n",
    )


def test_newest_suitable_python_is_chosen(machine: Machine) -> None:
    machine.add("python3.14", "exit 1")
    machine.add("python3.12", 'test "$2" != venv')
    machine.add("python3.11")
    code, _ = machine.run("python")
    assert code != 0  # the stub makes no environment
    assert machine.calls[-1] == "python3.12 -m venv .venv"


def test_what_debian_splits_off_is_installed(machine: Machine) -> None:
    machine.add("apt-get")
    machine.add("python3", 'case "$2" in *ensurepip* | venv) exit 1 ;; esac')
    assert machine.run("python")[0] != 0
    assert any(call.endswith(" install python3-venv") for call in machine.calls)


def test_machine_without_python_gets_one(machine: Machine) -> None:
    python = machine.folder / "bin" / "python3"
    machine.add("later", 'test "$2" != venv')
    stub = machine.folder / "bin" / "later"
    machine.add(
        "apt-get", f'case "$*" in *install*) cat "{stub}" >"{python}"; chmod 755 "{python}" ;; esac'
    )
    assert machine.run("python")[0] != 0
    assert any(call.endswith(" install python3 python3-venv") for call in machine.calls)
    assert machine.calls[-1] == "later -m venv .venv"


OLD, RECENT = "go version go1.20.14 linux/amd64", "go version go1.21.0 linux/amd64"


def test_go_that_can_fetch_the_right_one_is_enough(machine: Machine) -> None:
    machine.add("go", f"echo {RECENT}")
    assert machine.run("go") == (0, "")
    assert machine.calls == ["go version"]


@pytest.mark.parametrize("said", [OLD, None], ids=["too old", "none"])
def test_machine_without_go_gets_the_pinned_one(machine: Machine, said: str | None) -> None:
    if said is not None:
        machine.add("go", f"echo {said}")
    (machine.folder / ".venv" / "bin").mkdir(parents=True)
    machine.add("python")
    (machine.folder / "bin" / "python").rename(machine.folder / ".venv" / "bin" / "python")
    code, _ = machine.run("go", GO=f"{machine.folder}/bin/go")
    assert code == 0
    assert machine.calls[-1].endswith(" --require-hashes --requirement .ci/lock-go.txt")


def test_wrong_use_shows_the_right_one(machine: Machine) -> None:
    assert machine.run() == (
        3,
        "setup: usage: .ci/setup python | tools | go | cluster | debs NAME...\n",
    )
