"""The masters of real daemons, among their workers."""

from __future__ import annotations

import os
import signal
import socket
from contextlib import suppress
from pathlib import Path

import pytest

from sidecar.core.bridge import Selector
from sidecar.core.errors import TargetError, TargetTrouble
from sidecar.core.evidence import Process
from sidecar.target.processes import PodProcesses
from tests.target.puppets import Puppet, Stage, eventually

NGINX = """
daemon off; worker_processes 2; pid {folder}/pid; error_log {folder}/error.log;
events {{}}
http {{
  access_log off; client_body_temp_path {folder}/b; proxy_temp_path {folder}/p;
  fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
  server {{ listen 127.0.0.1:{port}; }}
}}
"""
HAPROXY = """
defaults
  mode http
  timeout connect 1s
  timeout client 1s
  timeout server 1s
frontend f
  bind 127.0.0.1:{port}
"""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def send(processes: PodProcesses, selector: Selector) -> None:
    process = processes.find(selector)
    processes.send(process, signal.SIGHUP, sigwait=False, fence=lambda: True)


def write_config(folder: Path, template: str, name: str) -> Path:
    folder.chmod(0o755)
    path = folder / name
    path.write_text(template.format(folder=folder, port=free_port()))
    return path


def start_nginx(stage: Stage, folder: Path) -> Puppet:
    config = write_config(folder, NGINX, "nginx.conf")
    command = ["nginx", "-c", str(config), "-p", str(folder), "-e", str(folder / "error.log")]
    return stage.start("", command=command)


def test_nginx_replaces_the_children_of_its_master(
    stage: Stage, processes: PodProcesses, tmp_path: Path
) -> None:
    nginx = start_nginx(stage, tmp_path)
    selector = Selector(process=f"nginx: master process nginx -c {tmp_path}.*")
    process = find_soon(processes, selector)
    assert (process.pid, process.name) == (nginx.pid, "nginx")
    workers = wait_children(processes, process, 2)
    send(processes, selector)
    eventually(lambda: _are_new(processes.children(process, "shutting down"), workers))


def test_an_nginx_worker_does_not_pass_for_its_master(
    stage: Stage, processes: PodProcesses, tmp_path: Path
) -> None:
    nginx = start_nginx(stage, tmp_path)
    master = find_soon(processes, Selector(pid=nginx.pid, process="nginx: master.*"))
    worker = min(wait_children(processes, master, 2))
    worker_selector = Selector(pid=worker, process="nginx: worker process")
    assert find_soon(processes, worker_selector).pid == worker
    with pytest.raises(TargetError) as error:
        processes.find(Selector(pid=worker, process="nginx: master.*"))
    assert error.value.trouble is TargetTrouble.ABSENT


def test_haproxy_replaces_its_worker(stage: Stage, processes: PodProcesses, tmp_path: Path) -> None:
    program = tmp_path / f"haproxy-{os.getpid()}"
    program.symlink_to("/usr/sbin/haproxy")
    config = write_config(tmp_path, HAPROXY, "haproxy.cfg")
    haproxy = stage.start("", command=[str(program), "-W", "-f", str(config)])
    selector = Selector(process=program.name)
    master = find_soon(processes, selector)
    assert master.pid == haproxy.pid
    workers = wait_children(processes, master, 1)

    def replaces_its_worker() -> bool:
        """The master takes, and loses, signals while it starts: only a baseline tells its end."""
        send_if_ready(processes, selector)
        return _are_new(processes.children(master, ""), workers)

    eventually(replaces_its_worker)
    assert processes.find(selector).is_same(master)


def test_prometheus_is_found_by_its_program_although_argv0_differs(
    stage: Stage, processes: PodProcesses, tmp_path: Path
) -> None:
    config = tmp_path / "prometheus.yml"
    config.write_text("{}")
    prometheus = [
        "/usr/bin/prometheus",
        f"--config.file={config}",
        f"--storage.tsdb.path={tmp_path}",
        f"--web.listen-address=127.0.0.1:{free_port()}",
        "--log.level=error",
    ]
    puppet = stage.start("", command=["bash", "-c", 'exec -a other "$@"', "bash", *prometheus])
    for pattern in ("other", "/usr/bin/prometheus", "prometheus"):
        process = find_soon(processes, Selector(pid=puppet.pid, process=pattern))
        assert (process.pid, process.name) == (puppet.pid, "other")


def find_soon(processes: PodProcesses, selector: Selector) -> Process:
    def find() -> Process | None:
        with suppress(TargetError):
            return processes.find(selector)
        return None

    process = eventually(find)
    assert process is not None
    return process


def wait_children(processes: PodProcesses, process: Process, count: int) -> frozenset[int]:
    eventually(lambda: len(processes.children(process, "")) == count)
    return processes.children(process, "")


def send_if_ready(processes: PodProcesses, selector: Selector) -> None:
    """Refused while the handler is not there yet, which is what keeps a young daemon alive."""
    with suppress(TargetError):
        send(processes, selector)


def _are_new(children: frozenset[int], before: frozenset[int]) -> bool:
    return bool(children) and not children & before
