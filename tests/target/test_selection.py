"""Which process is meant, in the process trees that pods really have."""

from __future__ import annotations

from pathlib import Path

import pytest

from sidecar.core.bridge import Selector
from sidecar.core.errors import SettingsError, TargetError, TargetTrouble
from sidecar.core.evidence import Process
from sidecar.target.processes import PodProcesses
from tests.target.trees import WEB, Entry, app, pause, sibling, sidecar, web, write_tree

SH = "/bin/sh"
MASTER = "nginx: master process /usr/sbin/nginx"
WORKER = "nginx: worker process"


class Pod:
    """A pod with the sidecar (PID 30) and pause in it."""

    def __init__(self, root: Path) -> None:
        self._root = root / "proc"

    def __call__(self, *entries: Entry) -> PodProcesses:
        return self.bare(pause(), sidecar(), *entries)

    def bare(self, *entries: Entry, own_pid: int = 30) -> PodProcesses:
        proc = write_tree(self._root, *entries)
        return PodProcesses(proc, own_pid=own_pid, will_signal=False)


@pytest.fixture
def pod(tmp_path: Path) -> Pod:
    return Pod(tmp_path)


def find(processes: PodProcesses, process: str = "", container: str = "") -> Process:
    return processes.find(Selector(process=process, container=container))


def refuse(
    processes: PodProcesses, trouble: TargetTrouble, selector: Selector | None = None
) -> str:
    with pytest.raises(TargetError) as error:
        processes.find(selector or Selector(container="app"))
    assert error.value.trouble is trouble
    assert "\n" not in error.value.message
    return error.value.message


MAIN_IS = {
    "a daemon that hides its arguments": (7, [app(7, comm="d")]),
    "the daemon itself": (
        7,
        [app(7, "/bin/prometheus", "--config.file=/x")],
    ),
    "a shell that became it by exec": (7, [app(7, "prometheus")]),
    "a shell around it": (8, [app(7, SH, "-c", "d; true"), app(8, "d", parent=7)]),
    "tini": (8, [app(7, "/sbin/tini", "--", "d"), app(8, "d", parent=7)]),
    "tini -s of Docker": (8, [app(7, "/sbin/docker-init", "--", "d"), app(8, "d", parent=7)]),
    "dumb-init around a shell": (
        9,
        [app(7, "dumb-init", "x"), app(8, SH, "x", parent=7), app(9, "d", parent=8)],
    ),
    "a script, named so by the kernel": (
        8,
        [app(7, SH, "/entrypoint.sh", comm="entrypoint.sh"), app(8, "d", parent=7)],
    ),
    "a login shell": (8, [app(7, "-bash", comm="bash"), app(8, "d", parent=7)]),
    "supervisord, whose program is Python": (
        8,
        [
            app(7, "/usr/bin/python3", "/usr/bin/supervisord", comm="supervisord"),
            app(8, "d", parent=7),
        ],
    ),
    "a master with workers": (
        7,
        [app(7, MASTER), app(8, WORKER, parent=7), app(9, WORKER, parent=7)],
    ),
    "older than exec sessions and probes": (
        20,
        [app(20, "d", start=500), app(9, SH, start=900), app(10, "d", start=901)],
    ),
    "older than an exec session that is about to start": (
        7,
        [app(7, "d"), app(9, "runc", "init", comm="runc:[2:INIT]")],
    ),
    "the first of equals in time": (7, [app(8, "probe", start=70), app(7, "d", start=70)]),
    "beside orphans": (7, [app(7, "d"), app(9, "helper", parent=1)]),
    "a shell whose daemon went to the background": (
        9,
        [app(7, SH, "run.sh", comm="run.sh"), app(9, "d", parent=1)],
    ),
    "a shell with a zombie": (
        9,
        [app(7, SH, "x"), app(8, comm="setup", parent=7, state="Z"), app(9, "d", parent=7)],
    ),
    "a shell that starts another program now": (
        9,
        [
            app(7, SH, "x"),
            app(8, "runc", "init", parent=7, comm="runc:[2:INIT]"),
            app(9, "d", parent=7),
        ],
    ),
    "seen from the node, below a shim": (
        7,
        [app(7, "d", parent=1), app(8, "exec", parent=1)],
    ),
}


@pytest.mark.parametrize(("pid", "tree"), MAIN_IS.values(), ids=MAIN_IS)
def test_the_main_process_of_a_container(pod: Pod, pid: int, tree: list[Entry]) -> None:
    process = find(pod(*tree, web(50, "other")), container="app")
    assert process.pid == pid
    assert process.container == "app"


TWO_UNDER = {
    "a shell": (7, [app(7, SH, "-c", "d & tail"), app(8, "d", parent=7), app(9, "tail", parent=7)]),
    "supervisord": (
        7,
        [
            app(7, "python3", "/usr/bin/supervisord", comm="supervisord"),
            app(8, "d", parent=7),
            app(9, SH, parent=7),
            app(10, "e", parent=9),
        ],
    ),
    "a shell and pause": (7, [app(7, SH), app(8, "tail", parent=7), app(9, "nginx", parent=1)]),
    "a shell and an orphaned shell": (
        7,
        [app(7, SH), app(8, "d", parent=7), app(9, SH, parent=1), app(10, "e", parent=9)],
    ),
}


@pytest.mark.parametrize(("wrapper", "tree"), TWO_UNDER.values(), ids=TWO_UNDER)
def test_two_programs_under_a_wrapper_are_refused(
    pod: Pod, wrapper: int, tree: list[Entry]
) -> None:
    message = refuse(pod(*tree), TargetTrouble.AMBIGUOUS)
    assert message.startswith(f"{wrapper} (")
    assert "runs 2 processes" in message
    assert "--process REGEX or --pid PID" in message


def test_a_wrapper_that_runs_nothing_is_no_target(pod: Pod) -> None:
    message = refuse(pod(app(7, SH, "/x.sh")), TargetTrouble.ABSENT)
    assert "--process REGEX" in message


def test_a_container_amid_its_start_is_told(pod: Pod) -> None:
    init = app(7, "runc", "init", comm="runc:[2:INIT]")
    refuse(pod(init), TargetTrouble.STARTING)


def test_a_container_whose_mounts_are_not_there_yet_is_starting(pod: Pod) -> None:
    init = app(7, "runc", "init", comm="runc:[1:CHILD]", container="")
    processes = pod(init, web(8, "d"))
    refuse(processes, TargetTrouble.STARTING)
    refuse(processes, TargetTrouble.STARTING, Selector(container="app", process="d"))
    refuse(processes, TargetTrouble.STARTING, Selector(process="e"))
    assert find(processes, "d").pid == 8


def test_only_a_start_in_another_container_is_absence(pod: Pod) -> None:
    init = web(7, "runc", "init", comm="runc:[2:INIT]")
    refuse(pod(init), TargetTrouble.ABSENT)


@pytest.mark.parametrize(
    ("cgroup", "trouble"),
    [("0::/\n", TargetTrouble.ABSENT), (sibling(WEB), TargetTrouble.STARTING)],
)
def test_on_a_machine_only_starts_of_containers_count(
    pod: Pod, cgroup: str, trouble: TargetTrouble
) -> None:
    init = Entry(pid=7, argv=("runc", "init"), comm="runc:[2:INIT]", cgroup=cgroup)
    processes = pod.bare(Entry(pid=1, argv=("init",)), Entry(pid=30, argv=("surehup",)), init)
    refuse(processes, trouble, Selector(process="d"))


def test_a_container_of_a_zombie_alone_is_told(pod: Pod) -> None:
    message = refuse(pod(app(7, comm="d", state="Z")), TargetTrouble.ZOMBIE)
    assert "7 (d in container app)" in message


def test_a_zombie_is_known_by_its_whole_name(pod: Pod) -> None:
    processes = pod(app(7, comm="nginx", state="Z", container=""))
    refuse(processes, TargetTrouble.ZOMBIE, Selector(process="nginx"))
    refuse(processes, TargetTrouble.ZOMBIE, Selector(process="nginx", container="app"))
    refuse(processes, TargetTrouble.ABSENT, Selector(process="ngin"))
    refuse(processes, TargetTrouble.ZOMBIE, Selector(pid=7))


@pytest.mark.parametrize("pattern", ["nginx", "/usr/sbin/nginx", "nginx: master process.*"])
def test_a_pattern_fits_title_program_and_their_base_names(pod: Pod, pattern: str) -> None:
    processes = pod(app(7, MASTER, exe="/usr/sbin/nginx"), app(8, WORKER, parent=7))
    process = find(processes, pattern)
    assert (process.pid, process.name) == (7, "nginx")


def test_a_pattern_fits_a_program_that_was_replaced_on_disk(pod: Pod) -> None:
    assert find(pod(app(7, "x", exe="/bin/d (deleted)")), "/bin/d").pid == 7


@pytest.mark.parametrize("pattern", ["prometheus-aler", "prometheus", "alertmanager"])
def test_a_name_that_the_kernel_cut_is_no_match(pod: Pod, pattern: str) -> None:
    processes = pod(app(7, "/bin/prometheus-alertmanager"))
    refuse(processes, TargetTrouble.ABSENT, Selector(process=pattern))


def test_of_master_and_worker_the_master_is_meant(pod: Pod) -> None:
    processes = pod(
        app(7, "haproxy", "-W", "-f", "/x"),
        app(8, "haproxy", "-sf", "5", parent=7),
        app(9, "haproxy", "-sf", "5", parent=7),
    )
    assert find(processes, "haproxy").pid == 7
    assert find(processes, "haproxy", "app").pid == 7


def test_the_same_program_in_two_containers_needs_the_container(pod: Pod) -> None:
    processes = pod(app(7, "nginx"), web(8, "nginx", "-g", "x"))
    message = refuse(processes, TargetTrouble.AMBIGUOUS, Selector(process="nginx"))
    assert "7 (nginx in container app), 8 (nginx in container web)" in message
    assert "--container NAME" in message
    assert find(processes, "nginx", "web").pid == 8


def test_siblings_with_one_name_need_a_pid(pod: Pod) -> None:
    processes = pod(
        app(7, "supervisord"), app(8, "d", parent=7), app(9, SH, parent=7), app(10, "d", parent=9)
    )
    selector = Selector(process="d", container="app")
    message = refuse(processes, TargetTrouble.AMBIGUOUS, selector)
    assert "--pid PID" in message
    assert "--container" not in message.partition(";")[2]
    assert processes.find(Selector(pid=10)).pid == 10


def test_long_lists_are_cut_and_secrets_left_out(pod: Pod) -> None:
    daemons = [app(pid, "d", "--password=hunter2") for pid in range(100, 125)]
    message = refuse(pod(*daemons), TargetTrouble.AMBIGUOUS, Selector(process="d"))
    assert "hunter2" not in message
    assert "and 15 more" in message
    assert "109 (d in container app)" in message
    assert "110 (" not in message


def test_titles_that_would_break_a_line_are_defused(pod: Pod) -> None:
    daemons = [app(pid, "x" * 200 + "\n", "\x1b[31m") for pid in (7, 8)]
    message = refuse(pod(*daemons), TargetTrouble.AMBIGUOUS, Selector(process="(?s)x.*"))
    assert "x" * 80 not in message
    assert message.isprintable()


def test_the_own_container_is_never_matched(pod: Pod) -> None:
    processes = pod(sidecar(31, argv=("promtool",)), app(7, "prometheus"))
    message = refuse(processes, TargetTrouble.ABSENT, Selector(process="promtool"))
    assert "only the sidecar's own fit (31 (promtool in container surehup))" in message
    message = refuse(processes, TargetTrouble.ABSENT, Selector(container="surehup"))
    assert "the sidecar's own container" in message
    assert processes.find(Selector(pid=31)).pid == 31


def test_another_container_is_not_our_own_though_all_share_a_cgroup(pod: Pod) -> None:
    processes = pod(app(7, "d", cgroup="0::/\n"))
    assert find(processes, "d").pid == 7
    assert find(processes, container="app").pid == 7


def test_on_a_machine_with_one_cgroup_only_the_own_kin_is_hidden(pod: Pod) -> None:
    processes = pod.bare(
        Entry(pid=1, argv=("init",)),
        Entry(pid=10, argv=("bash", "-c", "d"), parent=1),
        Entry(pid=30, argv=("surehup",), parent=10),
        Entry(pid=31, argv=("d", "--check"), parent=30),
        Entry(pid=32, argv=("e",), parent=31),
        Entry(pid=40, argv=("d",), parent=10),
    )
    assert find(processes, "d").pid == 40
    for own in ("e", "bash", "surehup", "init"):
        message = refuse(processes, TargetTrouble.ABSENT, Selector(process=own))
        assert "sidecar's own fit" in message


def test_containers_of_a_node_are_told_apart_by_their_full_paths(pod: Pod) -> None:
    path = "/kubepods/besteffort/pod7c4c/"
    own, other = (f"9:pids:{path}{digit * 64}\n0::/\n" for digit in "12")
    processes = pod.bare(
        Entry(pid=1, argv=("/pause",), cgroup=f"9:pids:{path}{'3' * 64}\n"),
        Entry(pid=30, argv=("surehup",), cgroup=own),
        Entry(pid=31, argv=("d",), cgroup=own),
        Entry(pid=40, argv=("d",), cgroup=other),
    )
    assert find(processes, "d").pid == 40


@pytest.mark.parametrize("selector", [Selector(container="app"), Selector(process="d")])
def test_an_unshared_namespace_is_named_with_its_fix(pod: Pod, selector: Selector) -> None:
    processes = pod.bare(sidecar(1, argv=("tini",)), sidecar(30, parent=1), sidecar(31, parent=30))
    message = refuse(processes, TargetTrouble.ABSENT, selector)
    assert "shareProcessNamespace: true" in message
    assert "own processes" in message


def test_alone_in_a_container_that_is_not_of_a_pod(pod: Pod) -> None:
    processes = pod.bare(Entry(pid=1, argv=("surehup",)), own_pid=1)
    message = refuse(processes, TargetTrouble.ABSENT, Selector(process="d"))
    assert "shareProcessNamespace: true" in message
    assert "own processes" in message


def test_absence_names_what_is_there(pod: Pod) -> None:
    processes = pod(app(7, "d"), web(8, "e"))
    message = refuse(processes, TargetTrouble.ABSENT, Selector(process="f", container="app"))
    assert message.startswith("no process fits --process 'f' --container app")
    assert "other processes can be seen, in containers app, web" in message
    assert "argv[0]" in message
    message = refuse(processes, TargetTrouble.ABSENT, Selector(container="db"))
    assert "check the container's name" in message


def test_absence_beside_pause_alone(pod: Pod) -> None:
    message = refuse(pod(), TargetTrouble.ABSENT)
    assert "other processes can be seen; " in message


@pytest.mark.parametrize(
    ("selector", "why"),
    [
        (Selector(pid=99), "is not visible"),
        (Selector(pid=30), "is the sidecar itself"),
        (Selector(pid=8, container="app"), "is 8 (e in container web), not in container app"),
        (Selector(pid=8, process="d"), "which 'd' does not fit"),
    ],
)
def test_a_pid_that_is_not_what_was_meant(pod: Pod, selector: Selector, why: str) -> None:
    assert why in refuse(pod(app(7, "d"), web(8, "e")), TargetTrouble.ABSENT, selector)


def test_a_pid_amid_its_start(pod: Pod) -> None:
    init = app(7, "runc", "init", comm="runc:[2:INIT]", caught="ffffffffffffffff")
    refuse(pod(init), TargetTrouble.STARTING, Selector(pid=7))


def test_a_process_is_named_by_what_people_call_it(pod: Pod) -> None:
    processes = pod(app(7, "", comm="nameless"), app(8, "postgres: checkpointer"))
    assert processes.find(Selector(pid=7)).name == "nameless"
    process = processes.find(Selector(pid=8))
    assert process.name == "postgres"
    assert (process.start_ticks, process.started_s) == (80, 0.8)


def test_one_long_mount_table_per_container_is_read(pod: Pod, tmp_path: Path) -> None:
    processes = pod(app(7, SH), app(8, "d", parent=7), app(9, SH, "-l", parent=7))
    for pid in (8, 9):
        (tmp_path / "proc" / str(pid) / "mountinfo").unlink()
    assert find(processes, container="app").pid == 8


@pytest.mark.parametrize("selector", [Selector(), Selector(process="(")])
def test_a_selector_that_says_nothing_is_an_error_of_settings(pod: Pod, selector: Selector) -> None:
    with pytest.raises(SettingsError, match="--process"):
        pod(app(7, "d")).find(selector)


def test_without_a_proc_file_system_the_reason_is_told(tmp_path: Path) -> None:
    processes = PodProcesses(str(tmp_path / "nowhere"), own_pid=1)
    message = refuse(processes, TargetTrouble.ABSENT)
    assert "nowhere" in message
