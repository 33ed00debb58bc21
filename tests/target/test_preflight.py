"""What the doctor is told of a target, with the fix where something is wrong."""

from __future__ import annotations

import os
import signal
from collections.abc import Mapping
from pathlib import Path

import pytest

from sidecar.core.bridge import HttpReload, Reload, Selector, SignalReload
from sidecar.target.preflight import Fact, examine_target
from sidecar.target.processes import PodProcesses
from tests.target.puppets import Stage, new_name
from tests.target.trees import app, pause, sidecar, web, write_tree
from tests.target.users import run_as

HUP = SignalReload(number=signal.SIGHUP)

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can start other users")


@pytest.fixture
def unprobed(stage: Stage) -> PodProcesses:
    return PodProcesses(own_pid=stage.start(new_name()).pid, will_signal=False)


def examine(
    processes: PodProcesses, selector: Selector, reload: Reload = HUP
) -> Mapping[str, Fact]:
    return {fact.name: fact for fact in examine_target(processes, selector, reload)}


def test_all_is_well(stage: Stage, unprobed: PodProcesses, name: str) -> None:
    puppet = stage.start(name, "caught")
    facts = examine(unprobed, Selector(process=name))
    assert list(facts) == [
        "shared PID namespace",
        "target process",
        "permission to signal",
        "handler",
        "borrowed validators",
    ]
    assert all(fact.ok and not fact.fix for fact in facts.values())
    assert facts["target process"].detail == f"process {puppet.pid} ({name})"
    assert facts["handler"].detail == "a handler for SIGHUP is installed"
    assert [fact.name for fact in facts.values() if fact.optional] == ["borrowed validators"]


def test_of_an_http_reload_no_signal_is_asked(
    stage: Stage, unprobed: PodProcesses, name: str
) -> None:
    stage.start(name)
    facts = examine(unprobed, Selector(process=name), HttpReload(url="http://127.0.0.1:1/"))
    assert list(facts) == ["shared PID namespace", "target process", "borrowed validators"]


@pytest.mark.parametrize(
    ("habit", "sigwait", "ok", "detail"),
    [
        ("default", False, False, "has no handler for SIGHUP, which would end it"),
        ("default", True, True, "as expected of a program that waits"),
        ("ignored", True, False, "ignores SIGHUP"),
        ("blocked", False, True, "SIGHUP is blocked"),
    ],
)
def test_what_the_process_does_with_the_signal(  # noqa: PLR0913  one row of a table
    stage: Stage,
    unprobed: PodProcesses,
    name: str,
    habit: str,
    detail: str,
    *,
    sigwait: bool,
    ok: bool,
) -> None:
    stage.start(name, habit)
    reload = SignalReload(number=signal.SIGHUP, sigwait=sigwait)
    handler = examine(unprobed, Selector(process=name), reload)["handler"]
    assert handler.ok is ok
    assert detail in handler.detail


@needs_root
def test_another_user_may_neither_signal_nor_read(
    stage: Stage, unprobed: PodProcesses, name: str
) -> None:
    stage.start(name, "caught", uid=65534)
    facts = run_as(65533, lambda: examine(unprobed, Selector(process=name)))
    assert facts["target process"].ok
    assert not facts["permission to signal"].ok
    assert "runAsUser: 65534" in facts["permission to signal"].detail
    assert not facts["borrowed validators"].ok
    assert "runAsUser: 65534 and runAsGroup: 65534" in facts["borrowed validators"].fix


@needs_root
def test_the_same_user_may_signal_but_not_read_who_dropped_root(
    stage: Stage, unprobed: PodProcesses, name: str
) -> None:
    stage.start(name, "caught", uid=65534)
    facts = run_as(65534, lambda: examine(unprobed, Selector(process=name)))
    assert facts["permission to signal"].ok
    assert not facts["borrowed validators"].ok
    assert "although both have UID 65534 and GID 65534" in facts["borrowed validators"].detail
    assert "dropping root later" in facts["borrowed validators"].fix


def test_a_namespace_of_its_own_is_named_with_the_fix(tmp_path: Path) -> None:
    processes = PodProcesses(
        write_tree(tmp_path / "proc", sidecar(1)), own_pid=1, will_signal=False
    )
    facts = examine(processes, Selector(container="app"))
    assert not facts["shared PID namespace"].ok
    assert "shareProcessNamespace: true" in facts["shared PID namespace"].fix
    assert not facts["target process"].ok


def test_of_a_pod_the_containers_are_named(tmp_path: Path) -> None:
    proc = write_tree(tmp_path / "proc", pause(), sidecar(), app(7, "d"), web(8, "e"))
    processes = PodProcesses(proc, own_pid=30, will_signal=False)
    facts = examine(processes, Selector(container="app"), HttpReload(url="http://127.0.0.1:1/"))
    assert facts["shared PID namespace"].detail == (
        "3 other processes can be seen, in containers app, web"
    )
    assert facts["target process"].detail == "process 7 (d) in container app"


def test_a_process_that_ends_meanwhile_is_a_fact_too(tmp_path: Path) -> None:
    proc = write_tree(tmp_path / "proc", pause(), sidecar(), app(2**22 + 7, "d"))
    processes = PodProcesses(proc, own_pid=30, will_signal=False)
    facts = examine(processes, Selector(container="app"))
    assert "ended before it could be signalled" in facts["permission to signal"].detail
    (tmp_path / "proc" / str(2**22 + 7) / "status").unlink()
    facts = examine(processes, Selector(container="app"))
    assert not facts["target process"].ok
