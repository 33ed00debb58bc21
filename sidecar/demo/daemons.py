"""The daemons that the demo can reload: a real Prometheus where there is one, else our own."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.request import ProxyHandler, build_opener

FETCH_TIMEOUT_S = 2.0

Files = Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoDaemon:
    """One daemon as the demo needs it.

    `argv` is made for a folder, a scratch folder and a port; `flags` (of ``surehup run``) for the
    folder, the port and the daemon's PID.
    `good(n)` is a valid configuration, `broken` one that validators refuse, `refused` one that only
    the daemon itself refuses. `says` asks the daemon what it runs, and finds a word of ours in it.
    """

    title: str
    argv: Callable[[Path, Path, int], list[str]]
    flags: Callable[[Path, int, int], list[str]]
    good: Callable[[int], Files]
    broken: Files
    refused: Files
    says: Callable[[int], str]


def choose_daemon(*, bundled: bool) -> DemoDaemon:
    """Prometheus, if it is installed and not declined."""
    prometheus = None if bundled else shutil.which("prometheus")
    return _prometheus(prometheus) if prometheus else _bundled()


def fetch(url: str) -> str:
    """The text of a loopback page. Raises `OSError`."""
    with build_opener(ProxyHandler({})).open(url, timeout=FETCH_TIMEOUT_S) as page:
        return str(page.read().decode("utf-8", "replace"))


def _prometheus(program: str) -> DemoDaemon:
    told = subprocess.run([program, "--version"], capture_output=True, text=True, check=False)
    found = re.search(r"version (\d[\d.]*)", told.stdout + told.stderr)

    def says(port: int) -> str:
        page = json.loads(fetch(f"http://127.0.0.1:{port}/api/v1/status/config"))
        lines = str(page["data"]["yaml"]).splitlines()
        return next(line.strip() for line in lines if "scrape_interval" in line)

    return DemoDaemon(
        title=f"Prometheus {found[1]}" if found else "Prometheus",
        argv=lambda folder, scratch, port: [
            program,
            f"--config.file={folder}/prometheus.yml",
            f"--storage.tsdb.path={scratch}/tsdb",
            f"--web.listen-address=127.0.0.1:{port}",
        ],
        flags=lambda folder, port, pid: [
            "--preset=prometheus",
            f"--mount={folder}",
            f"--pid={pid}",
            f"--metrics-url=http://127.0.0.1:{port}/metrics",
        ],
        good=lambda n: {"prometheus.yml": f"global:\n  scrape_interval: {n}s\n"},
        broken={"prometheus.yml": "global:\n  scrape_interval: every now and then\n"},
        refused={"prometheus.yml": "global:\n  query_log_file: /no/such/folder/queries.log\n"},
        says=says,
    )


def _bundled() -> DemoDaemon:
    program = [sys.executable, "-m", "sidecar.testing.daemon"]

    def says(port: int) -> str:
        lines = fetch(f"http://127.0.0.1:{port}/config").splitlines()
        return next(line.strip() for line in lines if line.startswith("interval"))

    def write_settings(folder: Path, port: int, pid: int) -> list[str]:
        settings = folder.parent / "surehup.yaml"
        text = BUNDLED_SETTINGS.format(folder=folder, port=port, pid=pid, program=program[0])
        settings.write_text(text, "utf-8")
        return [f"--config={settings}"]

    return DemoDaemon(
        title="the bundled daemon (Prometheus is not installed here)",
        argv=lambda folder, _scratch, port: [
            *program,
            f"--config={folder}/daemon.yml",
            f"--listen=127.0.0.1:{port}",
            "--refuse-when=moody",
        ],
        flags=write_settings,
        good=lambda n: {"daemon.yml": f"interval: {n}s\n"},
        broken={"daemon.yml": "interval: every now and then\ncolour: red\n"},
        refused={"daemon.yml": "interval: 5s\nmessage: moody\n"},
        says=says,
    )


BUNDLED_SETTINGS = """\
bridges:
- name: daemon
  source: {{mount: {folder}}}
  validate:
  - syntax: yaml
  - command: [{program}, -m, sidecar.testing.daemon, --check, --config, "{{file:daemon.yml}}"]
  target: {{pid: {pid}}}
  confirm:
    url: http://127.0.0.1:{port}/metrics
    evidence:
    - - {{role: ok_gauge, metric: demo_config_last_reload_successful}}
      - {{role: success_timestamp, metric: demo_config_last_reload_success_timestamp_seconds}}
"""
