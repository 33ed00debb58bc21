"""The small daemon has the habits that its flags promise."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from sidecar.core.bridge import HttpReload
from sidecar.core.evidence import Evidence, Page, Role, Sample
from sidecar.core.verdict import Verdict
from tests.daemons.evidence import counts, ok, succeeded_at
from tests.daemons.harness import DaemonSpec, Running, running
from tests.daemons.specs import DEMO_OK, DEMO_TIME, demo

PAIR = ((ok(DEMO_OK), succeeded_at(DEMO_TIME)),)
SIGNALS = "demo_signals_received_total"
RELOADS = "demo_config_reloads_total"
FAILURES = "demo_config_reload_failures_total"


def shows(name: str, value: float, look: Sample) -> bool:
    return look.readings.get(name) == value


def with_signals(spec: DaemonSpec) -> DaemonSpec:
    heard = counts(SIGNALS, Role.ATTEMPT_TIMESTAMP)
    return replace(spec, groups=((*spec.groups[0], heard),))


def reload_refused(daemon: Running, *, within_s: float = 1.0) -> Verdict:
    before = daemon.baseline()
    daemon.write(daemon.invalid())
    logged = len(daemon.log)
    daemon.signal()
    daemon.wait_for_log(daemon.spec.refusal, since=logged)
    return daemon.judge(before, daemon.predict(daemon.invalid()), within_s=within_s).verdict


def test_counters_move_on_every_failure(tmp_path: Path) -> None:
    groups = ((counts(RELOADS, Role.SUCCESS_COUNTER), counts(FAILURES, Role.FAILURE_COUNTER)),)
    with running(replace(demo("--style", "counters"), groups=groups), tmp_path) as daemon:
        before = daemon.baseline()
        daemon.signal()
        assert daemon.judge(before).verdict is Verdict.CONFIRMED
        assert reload_refused(daemon) is Verdict.FAILED
        assert reload_refused(daemon) is Verdict.FAILED


def test_a_torn_page_is_waited_out(tmp_path: Path) -> None:
    spec = replace(demo("--torn", "0.2"), groups=PAIR)
    with running(spec, tmp_path) as daemon:
        assert reload_refused(daemon) is Verdict.FAILED
        broken = daemon.baseline()
        daemon.write(daemon.valid(1))
        daemon.signal()
        torn = daemon.eventually(lambda look: look.readings[DEMO_OK] == 1.0)
        assert torn.readings[DEMO_TIME] == broken.readings[DEMO_TIME]
        assert daemon.judge(broken).verdict is Verdict.CONFIRMED


@pytest.mark.parametrize("lie", ["timestamp", "success"])
def test_a_liar_is_never_confirmed(tmp_path: Path, lie: str) -> None:
    with running(demo("--lies", lie), tmp_path) as daemon:
        before = daemon.baseline()
        verdict = reload_refused(daemon, within_s=0.3)
        assert daemon.observe().readings[DEMO_TIME] != before.readings[DEMO_TIME]
        assert verdict in {Verdict.WAIT, Verdict.FAILED}


def test_a_cached_page_is_late(tmp_path: Path) -> None:
    spec = with_signals(demo("--cache", "0.3"))
    with running(replace(spec, cache_s=0.3), tmp_path) as daemon:
        before = daemon.baseline()
        stale = daemon.eventually(lambda look: look.taken_s > before.taken_s)
        daemon.signal()
        late = daemon.eventually(lambda look: look.readings[SIGNALS] == 1.0)
        assert stale.readings[SIGNALS] == 0.0
        assert late.readings[DEMO_TIME] != before.readings[DEMO_TIME]


def test_it_can_die_of_an_invalid_file(tmp_path: Path) -> None:
    with running(demo("--dies"), tmp_path) as daemon:
        before = daemon.baseline()
        daemon.write(daemon.invalid())
        daemon.signal()
        daemon.eventually(lambda look: look.process is None)
        assert daemon.judge(before).verdict is Verdict.DIED


def test_it_can_ignore_the_signal(tmp_path: Path) -> None:
    with running(with_signals(demo("--ignores")), tmp_path) as daemon:
        before = daemon.baseline()
        daemon.signal()
        heard = daemon.eventually(lambda look: look.readings[SIGNALS] == 1.0)
        assert heard.readings[DEMO_TIME] == before.readings[DEMO_TIME]


@pytest.mark.parametrize(("habit", "reloads"), [((), 3), (("--coalesces",), 2)])
def test_signals_during_a_reload_are_kept_or_merged(
    tmp_path: Path, habit: tuple[str, ...], reloads: int
) -> None:
    groups = ((counts(RELOADS, Role.SUCCESS_COUNTER), counts(SIGNALS, Role.ATTEMPT_TIMESTAMP)),)
    spec = demo("--style", "counters", "--delay", "0.15", *habit)
    with running(replace(spec, groups=groups), tmp_path) as daemon:
        for heard in (1.0, 2.0, 3.0):
            daemon.signal()
            daemon.eventually(partial(shows, SIGNALS, heard))
        daemon.eventually(partial(shows, RELOADS, reloads))


def test_a_text_can_be_refused(tmp_path: Path) -> None:
    spec = replace(
        demo("--refuse-when", "hello 1"), invalid=lambda _: {"demo.conf": "message: hello 1\n"}
    )
    with running(spec, tmp_path) as daemon:
        assert reload_refused(daemon) is Verdict.FAILED
        assert "contains 'hello 1'" in daemon.log


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with running(demo(), tmp_path) as daemon:
        daemon.write({"other.conf": ""})
        logged = len(daemon.log)
        daemon.signal()
        daemon.wait_for_log("No such file", since=logged)


def test_a_signal_before_the_handler_kills(tmp_path: Path) -> None:
    with running(demo(), tmp_path) as daemon:
        daemon.stop()
        slow = [sys.executable, "-m", "sidecar.testing.daemon", "--slow-start", "30"]
        with subprocess.Popen([*slow, "--config", str(daemon.folder / "demo.conf")]) as process:
            process.send_signal(daemon.spec.signal)
            assert process.wait(10) == -daemon.spec.signal


def test_it_reloads_by_http(tmp_path: Path) -> None:
    with running(demo(), tmp_path) as daemon:
        url = daemon.metrics_url.replace("metrics", "-/reload")
        reload = HttpReload(url=url)
        assert daemon.reader.reload(reload, daemon.proof) == "ok"
        daemon.write(daemon.invalid())
        assert daemon.reader.reload(reload, daemon.proof) == (
            f"{url} refused the reload (500): failed to reload: line 1: expected 'key: value'"
        )
        absent = HttpReload(url=daemon.metrics_url)
        said = daemon.reader.reload(absent, daemon.proof)
        assert said is not None
        assert "offers no reload by POST (404)" in said


def test_it_shows_its_state_as_json(tmp_path: Path) -> None:
    page = Evidence(name="status", role=Role.ECHO, source=Page(path="/status"))
    silent = replace(demo("--style", "silent"), groups=((page,),), refusal="refused")
    with running(silent, tmp_path) as daemon:
        before = daemon.baseline()
        daemon.write(daemon.valid(1))
        daemon.signal()
        assert daemon.judge(before).verdict is Verdict.CONFIRMED


@pytest.mark.parametrize(
    ("text", "code", "words"),
    [
        ("message: hi # said\n\ncolor: red\n", 0, ""),
        ("message: hi\ninvalid\n", 1, "line 2: expected 'key: value'"),
        ("size: 3\n", 1, "line 1: unknown key 'size', known are color, interval, message, workers"),
        ("# nothing\n", 1, "line 1: no key is set"),
        (None, 1, "No such file"),
    ],
)
def test_it_checks_its_file(tmp_path: Path, text: str | None, code: int, words: str) -> None:
    config = tmp_path / "demo.conf"
    if text is not None:
        config.write_text(text)
    for option in (["--check"], [] if code else ["--check"]):
        argv = [sys.executable, "-m", "sidecar.testing.daemon", "--config", str(config), *option]
        done = subprocess.run(argv, capture_output=True, text=True, timeout=10, check=False)
        assert done.returncode == code
        assert words in done.stderr
