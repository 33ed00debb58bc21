"""What the presets claim, held against the real daemons."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from sidecar.clock import SystemClock
from sidecar.core.bridge import Bridge, Command, Selector, SignalReload
from sidecar.core.errors import TargetError
from sidecar.core.snapshot import Snapshot
from sidecar.core.verdict import Verdict
from sidecar.target.processes import PodProcesses
from sidecar.validate.runner import Validators
from tests.daemons.harness import DaemonSpec, Files, Running, running
from tests.daemons.specs import (
    ALERTMANAGER,
    BLACKBOX,
    CADDY,
    HAPROXY,
    NATS,
    NGINX,
    PROMETHEUS,
    VMAGENT,
    VMALERT,
)
from tests.settings.helpers import load

SPECS = (PROMETHEUS, ALERTMANAGER, BLACKBOX, NATS, NGINX, HAPROXY, VMALERT, VMAGENT, CADDY)
PROGRAMS = {"blackbox_exporter": BLACKBOX.program, "caddy": CADDY.program}
"""Programs that go by another name or path here."""


def read_bridge(spec: DaemonSpec) -> Bridge:
    url = [] if spec is NGINX else ["--metrics-url", "http://127.0.0.1:1/metrics"]
    (bridge,) = load("--mount", "/x", "--preset", spec.name, *url).bridges
    return bridge


@pytest.fixture(params=SPECS, ids=lambda spec: spec.name)
def spec(request: pytest.FixtureRequest) -> DaemonSpec:
    found: DaemonSpec = request.param
    if not found.is_installed:
        pytest.skip(f"{found.program} is not installed")
    return found


@pytest.fixture
def daemon(spec: DaemonSpec, tmp_path: Path) -> Iterator[Running]:
    """The daemon, looked at with the evidence of its preset."""
    proof = read_bridge(spec).proof
    by_preset = replace(
        spec,
        groups=proof.groups,
        cache_s=proof.cache_s,
        agree=proof.agree,
        noop=proof.noop,
        invalid_does=proof.on_invalid,
        deadline_s=proof.deadline_s,
    )
    with running(by_preset, tmp_path) as started:
        yield started


def test_the_preset_finds_its_daemon_and_proves_its_reload(daemon: Running) -> None:
    bridge = read_bridge(daemon.spec)
    found = PodProcesses().find(replace(bridge.target, pid=daemon.pid))
    assert found.pid == daemon.pid
    assert isinstance(bridge.reload, SignalReload)
    assert bridge.reload.number == daemon.spec.signal
    before = daemon.baseline()
    daemon.write(daemon.valid(1))
    daemon.signal()
    judgement = daemon.judge(before, daemon.predict(daemon.valid(1)), within_s=10)
    assert judgement.verdict is Verdict.CONFIRMED, judgement


def test_what_the_daemon_refuses_is_never_proven(daemon: Running) -> None:
    before = daemon.baseline()
    logged = len(daemon.log)
    daemon.write(daemon.invalid())
    daemon.signal()
    daemon.wait_for_log(daemon.spec.refusal, since=logged)
    judgement = daemon.judge(before, daemon.predict(daemon.invalid()), within_s=1.5)
    assert judgement.verdict in {Verdict.FAILED, Verdict.WAIT}, judgement


def test_the_validators_of_the_preset_tell_good_from_bad(spec: DaemonSpec, tmp_path: Path) -> None:
    with running(replace(spec, groups=read_bridge(spec).proof.groups), tmp_path) as daemon:
        checks = [
            replace(check, argv=(PROGRAMS.get(check.argv[0], check.argv[0]), *check.argv[1:]))
            if isinstance(check, Command)
            else check
            for check in read_bridge(spec).checks
        ]
        told: list[str] = []
        validators = Validators(
            clock=SystemClock(), tell=told.append, scratch_dir=str(daemon.place.scratch)
        )

        def validate(files: Files) -> bool:
            candidate = Snapshot.of({key: text.encode() for key, text in files.items()})
            report = validators.validate(candidate, checks, threading.Event())
            assert not report.cannot_run, report
            assert not told
            return report.passes

        assert validate(daemon.valid(1))
        assert not validate(daemon.invalid())
        assert not validate({})
        assert not validate(dict.fromkeys(daemon.valid(1), ""))


def test_a_worker_is_not_the_master(tmp_path: Path) -> None:
    if not NGINX.is_installed:
        pytest.skip("nginx is not installed")
    with running(replace(NGINX, groups=read_bridge(NGINX).proof.groups), tmp_path) as daemon:
        processes = PodProcesses()
        (worker, *_) = processes.children(processes.find(Selector(pid=daemon.pid)), "")
        master = replace(read_bridge(NGINX).target, pid=worker)
        with pytest.raises(TargetError, match=str(worker)):
            processes.find(master)
