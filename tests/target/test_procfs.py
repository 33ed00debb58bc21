"""The formats of /proc, against any content and against the real thing."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.target.procfs import (
    Container,
    ProcFs,
    Stat,
    parse_cmdline,
    parse_container,
    parse_container_name,
    parse_stat,
    parse_status,
)
from tests.target.puppets import Stage, eventually, new_name

HEX = "0123456789abcdef" * 4
COMMS = st.binary(max_size=15).filter(lambda comm: b"\0" not in comm)
TRICKY = st.sampled_from(
    [b") R 1", b"a) S 0 (b", b"((", b"))", b" ", b"\n) Z 7 ", b"runc:[2:INIT]"]
)
NUMBERS = st.integers(min_value=0, max_value=2**63)


@given(
    pid=NUMBERS,
    comm=COMMS | TRICKY,
    state=st.sampled_from("RSDZTtXI"),
    parent=NUMBERS,
    start=NUMBERS,
)
def test_any_name_leaves_the_other_fields_readable(
    pid: int, comm: bytes, state: str, parent: int, start: int
) -> None:
    tail = f") {state} {parent} 1 1 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 3 0 {start} 99 100\n"
    stat = parse_stat(b"%d (" % pid + comm + tail.encode())
    assert stat == Stat(pid, comm.decode(errors="replace"), state, parent, 3, start)


@given(st.binary(max_size=200))
def test_garbage_is_no_process_and_no_error(content: bytes) -> None:
    parsed = parse_stat(content)
    assert parsed is None or parsed.state
    assert parse_status(content) is None
    assert parse_container_name(content) == ""


@given(
    st.lists(st.text(alphabet=st.characters(exclude_characters="\0", codec="utf-8"), min_size=1))
)
def test_arguments_survive_the_trip_but_for_padding(argv: list[str]) -> None:
    padded = "".join(f"{word}\0" for word in argv).encode() + b"\0\0\0"
    expected = [*argv[:-1], argv[-1].rstrip(" ")] if argv else []
    if expected and not expected[-1]:
        return  # what is only padding is no argument
    assert parse_cmdline(padded) == tuple(expected)


def test_a_title_is_one_argument_without_its_padding() -> None:
    title = "nginx: master process /usr/sbin/nginx -g daemon off;"
    assert parse_cmdline(title.encode() + b"     ") == (title,)


@pytest.mark.parametrize(
    ("cgroup", "key"),
    [
        (f"0::/../{HEX}\n", HEX),
        (f"0::/kubepods.slice/pod.slice/cri-containerd-{HEX}.scope\n", HEX),
        (f"0::/kubepods/besteffort/pod1/{HEX}/init\n", HEX),
        (f"9:pids:/kubepods/pod/{HEX}\n8:cpu:/kubepods/pod/{HEX}\n0::/\n", HEX),
        (f"0::/{'0' * 64}/{HEX}\n", HEX),
    ],
)
def test_a_container_id_is_found_however_the_path_is_spelled(cgroup: str, key: str) -> None:
    assert parse_container(cgroup) == Container(key=key, id=key)


def test_without_an_id_the_whole_text_tells_containers_apart() -> None:
    assert parse_container("0::/\n") == Container(key="0::/\n")
    assert parse_container("0::/user.slice\n").key != parse_container("0::/\n").key


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("/var/lib/kubelet/pods/7c4c/containers/prometheus/1f2e3d4c", "prometheus"),
        ("/pods/7c4c/containers/web-1/0000000a", "web-1"),
        ("/var/lib/docker/containers/1f2e3d4c/hostname", ""),
        ("/var/lib/kubelet/pods/7c4c/volumes/kubernetes.io~configmap/containers", ""),
        ("/", ""),
    ],
)
def test_the_container_name_stands_in_the_source_of_the_termination_log(
    source: str, name: str
) -> None:
    lines = f"1 0 8:1 / / rw - ext4 /dev/vda rw\n2 1 8:1 {source} /tmp/why rw - ext4 /dev/vda rw\n"
    assert parse_container_name(lines.encode()) == name


def test_the_real_thing_says_the_same_as_the_system_calls() -> None:
    procfs = ProcFs()
    stat, status = procfs.stat(os.getpid()), procfs.status(os.getpid())
    assert stat is not None
    assert status is not None
    assert (stat.pid, stat.parent) == (os.getpid(), os.getppid())
    assert (status.real_uid, status.effective_gid) == (os.getuid(), os.getegid())
    assert procfs.executable(os.getpid()) == str(Path(sys.executable).resolve())
    assert os.getpid() in procfs.pids()
    assert procfs.cgroup(os.getpid()) == Path("/proc/self/cgroup").read_text()
    assert procfs.container_name(1) == procfs.container_name(os.getpid())


def test_a_process_that_is_not_there_reads_as_nothing() -> None:
    procfs, pid = ProcFs(), 2**22 + 1
    assert procfs.stat(pid) is None
    assert procfs.status(pid) is None
    assert procfs.argv(pid) == ()
    assert procfs.cgroup(pid) == procfs.container_name(pid) == procfs.executable(pid) == ""


def test_a_process_that_ends_while_it_is_read_reads_as_nothing(tmp_path: Path) -> None:
    (tmp_path / "7" / "stat").mkdir(parents=True)
    (tmp_path / "7" / "mountinfo").mkdir()
    procfs = ProcFs(str(tmp_path))
    assert procfs.stat(7) is None  # reading fails after opening, as with ESRCH
    assert procfs.container_name(7) == ""


def test_a_zombie_has_ended_and_reads_without_arguments(stage: Stage, name: str) -> None:
    puppet = stage.start(name)
    puppet.kill()
    stat = ProcFs().stat(puppet.pid)
    assert stat is not None
    assert stat.has_ended
    assert ProcFs().argv(puppet.pid) == ()
    assert ProcFs().container_name(puppet.pid) == ""


def test_a_process_whose_main_thread_alone_ended_still_runs(stage: Stage) -> None:
    script = (
        "import ctypes, threading, signal\n"
        "threading.Thread(target=threading.Event().wait).start()\n"
        "print('ready', flush=True)\n"
        "ctypes.CDLL(None).pthread_exit(None)\n"
    )
    puppet = stage.start(new_name(), command=[sys.executable, "-I", "-c", script])
    puppet.wait_ready()

    def main_thread_ended() -> Stat | None:
        stat = ProcFs().stat(puppet.pid)
        return stat if stat is not None and stat.state == "Z" else None

    stat = eventually(main_thread_ended)
    assert stat is not None
    assert not stat.has_ended
