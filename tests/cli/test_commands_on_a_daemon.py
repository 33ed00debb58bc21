"""`find`, `reload` and `doctor` beside a running daemon, as a person at a shell sees them."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from sidecar.demo.daemons import fetch
from tests.daemons.harness import ROOT, Running, running
from tests.daemons.specs import demo

pytestmark = pytest.mark.timeout(60)

SETTINGS = """\
bridges:
- name: demo
  source: {{mount: {folder}}}
  validate: [{{syntax: yaml}}]
  target: {{pid: {pid}}}
  confirm:
    url: {url}
    deadline: 1s
    evidence:
    - - {{role: ok_gauge, metric: demo_config_last_reload_successful}}
      - {{role: success_timestamp, metric: demo_config_last_reload_success_timestamp_seconds}}
"""


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Running]:
    with running(demo("--refuse-when", "moody"), tmp_path) as started:
        yield started


def surehup(*argv: str) -> subprocess.CompletedProcess[str]:
    environ = {name: text for name, text in os.environ.items() if "SUREHUP" not in name}
    return subprocess.run(
        [sys.executable, "-m", "sidecar", *argv],
        cwd=ROOT,
        env={**environ, "NO_COLOR": "1"},
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )


def settings_of(daemon: Running) -> str:
    file = daemon.place.scratch / "surehup.yaml"
    file.write_text(
        SETTINGS.format(folder=daemon.folder, pid=daemon.pid, url=daemon.metrics_url), "utf-8"
    )
    return f"--config={file}"


def signals_of(daemon: Running) -> str:
    lines = fetch(daemon.metrics_url).splitlines()
    return next(line.split()[1] for line in lines if line.startswith("demo_signals_received"))


def test_find_prints_the_pid_first(daemon: Running) -> None:
    done = surehup("find", "-p", str(daemon.pid))
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.split()[0] == str(daemon.pid)


def test_find_says_verbosely_what_it_looked_at(daemon: Running) -> None:
    done = surehup("find", "-v", "-p", str(daemon.pid))
    assert "ok    handler: a handler for SIGHUP is installed" in done.stdout
    assert done.stdout.splitlines()[-1].startswith(str(daemon.pid))


def test_find_of_nothing_is_one_sentence_and_exit_1() -> None:
    done = surehup("find", "-n", "no-such-daemon")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("surehup: no process fits --process 'no\\\\-such\\\\-daemon'")


def test_reload_signals_once_and_confirms(daemon: Running) -> None:
    done = surehup("reload", settings_of(daemon))
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"applied: {daemon.pid} ")
    assert signals_of(daemon) == "1"


def test_reload_of_invalid_content_signals_nobody(daemon: Running) -> None:
    daemon.write({"demo.conf": "x\n", "other.yml": "a: [\n"})
    done = surehup("reload", settings_of(daemon))
    assert done.returncode == 4
    assert done.stdout.startswith(f"rejected: {daemon.pid} ")
    assert "other.yml:1:5" in done.stderr
    assert signals_of(daemon) == "0"


def test_reload_that_the_daemon_refuses_has_failed(daemon: Running) -> None:
    daemon.write({"demo.conf": "message: moody\n"})
    done = surehup("reload", settings_of(daemon))
    assert done.returncode == 5
    assert "fell to 0" in done.stdout


def test_a_second_refusal_is_unconfirmed(daemon: Running) -> None:
    daemon.write({"demo.conf": "message: moody\n"})
    surehup("reload", settings_of(daemon))
    done = surehup("reload", settings_of(daemon))
    assert done.returncode == 6
    assert "no proof within 1s" in done.stdout


def test_reload_dry_run_only_looks(daemon: Running) -> None:
    done = surehup("reload", "-d", "-v", settings_of(daemon))
    assert done.returncode == 0, done.stderr
    assert "content: valid" in done.stdout
    assert "demo_config_last_reload_successful 1" in done.stdout
    assert f"would be told to reload: {daemon.pid}" in done.stdout
    assert signals_of(daemon) == "0"


def test_reload_dry_run_judges_the_content(daemon: Running) -> None:
    daemon.write({"other.yml": "a: [\n"})
    assert surehup("reload", "-d", settings_of(daemon)).returncode == 4


def test_reload_without_reachable_evidence_is_blocked_and_signals_nobody(daemon: Running) -> None:
    done = surehup("reload", settings_of(daemon), "--metrics-url=http://127.0.0.1:1/metrics")
    assert done.returncode == 1
    assert "refuses connections" in done.stdout
    assert signals_of(daemon) == "0"


def test_doctor_finds_all_in_order(daemon: Running, tmp_path: Path) -> None:
    done = surehup("doctor", settings_of(daemon), f"--state-dir={tmp_path}")
    assert done.returncode == 0, done.stdout
    assert "is updated by the kubelet: 1 keys" in done.stdout
    assert done.stdout.splitlines()[-1].endswith("facts looked at, 0 to mend")


def test_doctor_names_each_fix(daemon: Running, tmp_path: Path) -> None:
    done = surehup(
        "doctor",
        settings_of(daemon),
        f"--mount={tmp_path}/none",
        "--metrics-url=http://127.0.0.1:1/metrics",
        "--state-dir=/proc/none",
        "--validate=no-such-validator {dir}",
    )
    assert done.returncode == 1
    for fact in ("mounted folder", "evidence", "validator no-such-validator"):
        assert f"FAIL  {fact}: " in done.stdout
    assert "note  state folder: /proc/none cannot be written" in done.stdout


def test_doctor_without_a_target_says_so(daemon: Running) -> None:
    config = settings_of(daemon)
    pid = daemon.pid
    daemon.stop()
    done = surehup("doctor", config)
    assert done.returncode == 1
    assert f"{pid}" in done.stdout
    assert "mend the target first" in done.stdout


def test_the_demo_proves_all_its_verdicts() -> None:
    done = surehup("demo", "--bundled")
    assert done.returncode == 0, done.stdout + done.stderr
    table = done.stdout.splitlines()[-8:-2]
    assert [line.split()[0] for line in table] == ["✔"] * 6
    assert "\x1b" not in done.stdout


def test_the_demo_plays_with_prometheus_too() -> None:
    done = surehup("demo")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "daemon   Prometheus " in done.stdout
