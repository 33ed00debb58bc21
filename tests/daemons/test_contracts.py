"""What each real daemon shows of a reload is what its evidence table says."""

from __future__ import annotations

from pathlib import Path

from sidecar.core.evidence import Role, Sample
from sidecar.core.verdict import Verdict, is_healthy
from tests.daemons.harness import Running, running
from tests.daemons.specs import DEMO, PROMETHEUS


def find_moved(before: Sample, after: Sample) -> frozenset[str]:
    names = before.readings.keys() | after.readings.keys()
    return frozenset(n for n in names if before.readings.get(n) != after.readings.get(n))


def expect_moves(daemon: Running, before: Sample, names: frozenset[str]) -> None:
    after = daemon.eventually(
        lambda look: look.error is None and find_moved(before, look) >= names, within_s=10
    )
    assert find_moved(before, after) == names, (before, after)


def reload_unchanged(daemon: Running) -> None:
    before = daemon.baseline()
    assert is_healthy(daemon.proof, before)
    logged = len(daemon.log)
    daemon.signal()
    if daemon.spec.heard:
        daemon.wait_for_log(daemon.spec.heard, since=logged)
    expect_moves(daemon, before, daemon.spec.on_unchanged)


def reload_valid(daemon: Running, n: int) -> None:
    before = daemon.baseline()
    daemon.write(daemon.valid(n))
    daemon.signal()
    predictions = daemon.predict(daemon.valid(n))
    judgement = daemon.judge(before, predictions, within_s=10)
    assert judgement.verdict is Verdict.CONFIRMED, judgement
    daemon.eventually(lambda look: predictions.items() <= look.readings.items())
    if is_healthy(daemon.proof, before):
        expect_moves(daemon, before, daemon.spec.on_valid)


def reload_invalid(daemon: Running, names: frozenset[str], verdict: Verdict) -> None:
    before = daemon.baseline()
    logged = len(daemon.log)
    daemon.signal()
    daemon.wait_for_log(daemon.spec.refusal, since=logged)
    expect_moves(daemon, before, names)
    assert daemon.judge(before, within_s=0).verdict is verdict


def test_evidence_moves_as_the_contract_says(daemon: Running) -> None:
    reload_unchanged(daemon)
    reload_valid(daemon, 1)
    names = daemon.spec.on_invalid
    daemon.write(daemon.invalid())
    reload_invalid(daemon, names, Verdict.FAILED if names else Verdict.WAIT)
    gauges = {e.name for e in daemon.proof.evidence if e.role is Role.OK_GAUGE}
    again = names - gauges  # a gauge that is 0 already cannot tell of a second failure
    reload_invalid(daemon, again, Verdict.FAILED if again else Verdict.WAIT)
    reload_valid(daemon, 2)


def test_a_restart_is_no_reload(tmp_path: Path) -> None:
    with running(DEMO, tmp_path) as daemon:
        before = daemon.baseline()
        daemon.restart()
        assert daemon.judge(before).verdict is Verdict.RESTARTED
        daemon.stop()
        assert daemon.judge(before).verdict is Verdict.DIED


def test_a_start_does_not_pass_for_a_reload(tmp_path: Path) -> None:
    """Prometheus moves its time once more when its first load ends, after the page is up."""
    with running(PROMETHEUS, tmp_path) as daemon:
        for _ in range(3):
            daemon.restart()
            before = daemon.baseline()
            assert daemon.judge(before, within_s=0.2).verdict is Verdict.WAIT


def test_a_storm_of_signals_ends_with_the_last_content(tmp_path: Path) -> None:
    with running(PROMETHEUS, tmp_path) as daemon:
        before = daemon.baseline()
        for n in range(1, 20):
            daemon.write(daemon.valid(n))
            daemon.signal()
        assert daemon.judge(before).verdict is Verdict.CONFIRMED
