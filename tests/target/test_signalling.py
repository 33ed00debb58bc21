"""Signals to real processes: exactly the right one, and only if it can take it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from sidecar.core.bridge import Selector
from sidecar.core.errors import ExitCode, TargetError, TargetTrouble
from sidecar.core.evidence import Process
from sidecar.target.handles import has_ended, hold, may_signal
from sidecar.target.processes import PodProcesses
from sidecar.target.procfs import Status
from sidecar.target.refusals import refuse_unpermitted
from tests.target.puppets import Puppet, Stage, eventually, new_name
from tests.target.users import run_as

NS_LAST_PID = Path("/proc/sys/kernel/ns_last_pid")
TARGET_UID, SIDECAR_UID = 65534, 65533

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can start other users")


def send(
    processes: PodProcesses,
    process: Process,
    *,
    sigwait: bool = False,
    fence: Callable[[], bool] = lambda: True,
) -> None:
    processes.send(process, signal.SIGHUP, sigwait=sigwait, fence=fence)


def refuse(processes: PodProcesses, process: Process) -> TargetError:
    with pytest.raises(TargetError) as error:
        send(processes, process)
    return error.value


def test_a_blocked_signal_is_sent_because_somebody_may_wait_for_it(
    stage: Stage, processes: PodProcesses, name: str
) -> None:
    puppet = stage.start(name, "blocked")
    send(processes, puppet.process)
    assert processes.is_alive(puppet.process)


def test_a_thread_that_waits_for_the_signal_gets_it(
    stage: Stage, processes: PodProcesses, name: str
) -> None:
    puppet = stage.start(name, "sigwait")
    send(processes, puppet.process)
    puppet.wait_heard(1)


def test_a_process_without_handler_gets_the_signal_if_it_is_said_to_wait(
    stage: Stage, processes: PodProcesses, name: str
) -> None:
    puppet = stage.start(name)
    message = refuse(processes, puppet.process).message
    assert "has no handler for SIGHUP, which would end it" in message
    send(processes, puppet.process, sigwait=True)
    eventually(lambda: not processes.is_alive(puppet.process))


def test_nohup_alone_is_refused_but_not_under_a_handler(
    stage: Stage, processes: PodProcesses, name: str, tmp_path: Path
) -> None:
    deaf = stage.start("", command=["nohup", *Puppet.command(tmp_path / f"{name}-deaf")])
    deaf.wait_ready()
    assert refuse(processes, deaf.process).trouble is TargetTrouble.IGNORED
    keen = stage.start("", command=["nohup", *Puppet.command(tmp_path / name, "caught")])
    keen.wait_ready()
    send(processes, processes.find(Selector(process=name)))
    keen.wait_heard(1)


def test_a_trap_of_the_shell_is_inherited_by_the_daemon(
    stage: Stage, processes: PodProcesses, name: str, tmp_path: Path
) -> None:
    command = Puppet.command(tmp_path / name)
    puppet = stage.start("", command=["sh", "-c", 'trap "" HUP; exec "$@"', "sh", *command])
    puppet.wait_ready()
    error = refuse(processes, processes.find(Selector(process=name)))
    assert error.trouble is TargetTrouble.IGNORED
    assert "trap '' SIGHUP" in error.message


WRAPPERS = {
    "shell": ["sh", "-c", '"$@"; true', "sh"],
    "exec": ["sh", "-c", 'exec "$@"', "sh"],
    "tini": ["tini", "-s", "--"],
    "dumb-init": ["dumb-init", "--single-child"],
    "dumb-init and shell": ["dumb-init", "--single-child", "sh", "-c", '"$@"; true', "sh"],
}


@pytest.mark.parametrize("wrapper", WRAPPERS.values(), ids=WRAPPERS)
def test_the_daemon_is_found_and_signalled_under_its_wrapper(
    stage: Stage, processes: PodProcesses, name: str, tmp_path: Path, wrapper: list[str]
) -> None:
    puppet = stage.start("", command=[*wrapper, *Puppet.command(tmp_path / name, "caught")])
    puppet.wait_ready()
    process = processes.find(Selector(process=name))
    send(processes, process)
    puppet.wait_heard(1)
    assert processes.is_alive(puppet.process)
    assert process.name == name


def test_an_init_without_handlers_forwards_what_it_waits_for(
    stage: Stage, processes: PodProcesses, name: str, tmp_path: Path
) -> None:
    command = ["tini", "-s", "--", *Puppet.command(tmp_path / name, "caught")]
    puppet = stage.start("", command=command)
    puppet.wait_ready()
    assert refuse(processes, puppet.process).trouble is TargetTrouble.UNHANDLED
    send(processes, puppet.process, sigwait=True)
    puppet.wait_heard(1)


def test_an_exec_keeps_the_process_but_not_what_it_can_take(
    stage: Stage, processes: PodProcesses, name: str, tmp_path: Path
) -> None:
    command = ["sh", "-c", 'read line; exec "$@"', "sh"]
    puppet = stage.start("", command=[*command, *Puppet.command(tmp_path / name, "caught")])
    before = processes.find(Selector(pid=puppet.pid))
    assert refuse(processes, before).trouble is TargetTrouble.UNHANDLED
    puppet.tell("go")
    puppet.wait_ready()
    assert processes.find(Selector(process=name)).is_same(before)
    send(processes, before)
    puppet.wait_heard(1)


def test_the_fence_is_asked_once_and_last(stage: Stage, processes: PodProcesses, name: str) -> None:
    puppet = stage.start(name, "caught")
    heard_at_fence = []

    def fence() -> bool:
        heard_at_fence.append(puppet.order("heard"))
        return True

    send(processes, puppet.process, fence=fence)
    puppet.wait_heard(1)
    assert heard_at_fence == [0]


def test_a_process_that_is_collected_at_the_fence_got_nothing(
    stage: Stage, processes: PodProcesses, name: str
) -> None:
    puppet = stage.start(name, "caught")
    process = puppet.process

    def fence() -> bool:
        puppet.end()
        return True

    with pytest.raises(TargetError) as error:
        send(processes, process, fence=fence)
    assert error.value.trouble is TargetTrouble.GONE
    assert "nothing was sent" in error.value.message


def test_a_process_that_ends_at_the_fence_is_left_to_the_next_look(
    stage: Stage, processes: PodProcesses, name: str
) -> None:
    puppet = stage.start(name, "caught")
    process = puppet.process

    def fence() -> bool:
        puppet.kill()
        return True

    send(processes, process, fence=fence)
    assert not processes.is_alive(process)


def reuse_pid(stage: Stage, pid: int) -> Puppet | None:
    """A new process with a PID that was free; None where others keep taking it."""
    for _ in range(50):
        NS_LAST_PID.write_text(str(pid - 1))
        puppet = stage.start(new_name(), "caught")
        if puppet.pid == pid:
            return puppet
        puppet.end()
    return None


@pytest.mark.skipif(not os.access(NS_LAST_PID, os.W_OK), reason="PIDs cannot be chosen here")
def test_a_reused_pid_is_another_process(stage: Stage, processes: PodProcesses, name: str) -> None:
    first = stage.start(name, "caught")
    old = first.process
    first.end()
    again = reuse_pid(stage, old.pid)
    if again is None:
        pytest.skip("the PID was taken by others each time")
    eventually(lambda: again.process.start_ticks != old.start_ticks)
    assert refuse(processes, old).trouble is TargetTrouble.GONE
    assert not processes.is_alive(old)
    with pytest.raises(TargetError):
        processes.children(old, "")
    with pytest.raises(TargetError):
        processes.inspect(old)
    assert again.order("heard") == 0


@needs_root
def test_another_user_is_refused_with_both_users_and_the_fix(
    stage: Stage, processes: PodProcesses, name: str
) -> None:
    puppet = stage.start(name, "caught", uid=TARGET_UID)
    selector = Selector(process=name)
    with pytest.raises(TargetError) as error:
        run_as(SIDECAR_UID, lambda: processes.find(selector))
    assert error.value.trouble is TargetTrouble.PERMISSION
    assert error.value.exit_code is ExitCode.PERMISSION
    assert "runs as UID 65534 and surehup as UID 65533" in error.value.message
    assert "runAsUser: 65534" in error.value.message
    with pytest.raises(TargetError) as error:
        run_as(SIDECAR_UID, lambda: send(processes, puppet.process))
    assert error.value.trouble is TargetTrouble.PERMISSION
    assert puppet.order("heard") == 0


@needs_root
def test_the_same_user_needs_nothing_else(stage: Stage, processes: PodProcesses, name: str) -> None:
    puppet = stage.start(name, "caught", uid=TARGET_UID)

    def find_and_send() -> None:
        send(processes, processes.find(Selector(process=name)))

    run_as(TARGET_UID, find_and_send)
    puppet.wait_heard(1)


@needs_root
def test_an_http_reload_needs_no_permission(stage: Stage, name: str) -> None:
    puppet = stage.start(name, "caught", uid=TARGET_UID)
    processes = PodProcesses(own_pid=stage.start(new_name()).pid, will_signal=False)
    process = run_as(SIDECAR_UID, lambda: processes.find(Selector(process=name)))
    assert process.is_same(puppet.process)


def test_equal_users_point_to_a_security_module() -> None:
    status = Status(
        real_uid=1000,
        effective_uid=0,
        saved_uid=0,
        effective_gid=0,
        blocked=0,
        ignored=0,
        caught=1,
    )
    for own_uid in (0, 1000):
        message = refuse_unpermitted(7, "d", target=status, own_uid=own_uid).message
        assert f"both run as UID {own_uid}" in message
        assert "appArmorProfile" in message


def test_a_refusal_by_one_that_ended_meanwhile_is_its_end(processes: PodProcesses) -> None:
    gone = Process(pid=2**22 + 7, start_ticks=1)
    assert processes._refuse_unpermitted(gone).trouble is TargetTrouble.GONE


def test_one_that_was_collected_refuses_nothing(stage: Stage, name: str) -> None:
    puppet = stage.start(name)
    with hold(puppet.pid) as pidfd:
        assert not has_ended(pidfd)
        puppet.kill()
        assert has_ended(pidfd)
        assert may_signal(pidfd)
        puppet.end()
        assert has_ended(pidfd)
        assert may_signal(pidfd)


PROBE = """
import os, sys
from sidecar.core.bridge import Selector
from sidecar.core.errors import TargetError
from sidecar.target.processes import PodProcesses
os.setresgid(65533, 65533, 65533)
os.setresuid(65533, 65533, 65533)
try:
    PodProcesses().find(Selector(pid=int(sys.argv[1])))
except TargetError as error:
    sys.exit(f"{error.trouble}: {error.message}")
"""


@needs_root
def test_a_whole_process_of_another_user_is_told_the_same(stage: Stage, name: str) -> None:
    puppet = stage.start(name, "caught", uid=TARGET_UID)
    command = [sys.executable, "-c", PROBE, str(puppet.pid)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=10, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith(f"permission: the kernel refuses signals to process {puppet.pid}")
    assert "UID 65534 and surehup as UID 65533" in done.stderr


def test_a_thread_is_no_process(stage: Stage, processes: PodProcesses, name: str) -> None:
    puppet = stage.start(name, "sigwait")
    threads = {int(path.name) for path in Path(f"/proc/{puppet.pid}/task").iterdir()}
    (thread,) = threads - {puppet.pid}
    with pytest.raises(TargetError) as error:
        processes.find(Selector(pid=thread))
    assert error.value.trouble is TargetTrouble.ABSENT
    posing = Process(pid=thread, start_ticks=puppet.process.start_ticks)
    assert "gives no handle" in refuse(processes, posing).message


def test_a_container_amid_its_start_gets_nothing_although_go_shows_a_handler(
    stage: Stage, processes: PodProcesses, name: str
) -> None:
    puppet = stage.start(name, "caught")
    process = processes.find(Selector(process=name))
    puppet.order("rename", "runc:[2:INIT]")
    assert refuse(processes, process).trouble is TargetTrouble.STARTING
    with pytest.raises(TargetError, match="still starting"):
        processes.find(Selector(pid=puppet.pid))


def test_signals_without_a_name_have_their_number(
    stage: Stage, processes: PodProcesses, name: str
) -> None:
    puppet = stage.start(name)
    with pytest.raises(TargetError, match="no handler for signal 40"):
        processes.send(puppet.process, 40, sigwait=False, fence=lambda: True)


def test_the_own_children_are_no_targets(name: str, stage: Stage) -> None:
    puppet = stage.start(name, "caught")
    with pytest.raises(TargetError) as error:
        PodProcesses().find(Selector(process=name))
    assert error.value.trouble is TargetTrouble.ABSENT
    assert PodProcesses().find(Selector(pid=puppet.pid)).is_same(puppet.process)
