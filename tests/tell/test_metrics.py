from __future__ import annotations

import subprocess
from dataclasses import replace

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text

from sidecar import __version__
from sidecar.core.attempt import AttemptRecord, BridgeStatus, Outcome, Status, Trigger
from sidecar.core.evidence import Process
from sidecar.core.report import Finding
from sidecar.tell.metrics import DURATION_BUCKETS_S, MOST_CHECKS, Metrics
from sidecar.testing.clock import FakeClock

STATUSES = {
    "received",
    "debounced",
    "superseded",
    "rejected",
    "success",
    "failed",
    "unconfirmed",
}
SOURCES = {"api", "mount", "signal", "http", "startup", "cli"}
WALL_S = 1_764_000_000.0
Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(monotonic_s=1000.0, wall_s=WALL_S)


@pytest.fixture
def metrics(clock: FakeClock) -> Metrics:
    return Metrics(["prometheus", "nginx"], clock=clock)


def scrape(metrics: Metrics, name: str = "") -> Samples:
    """The samples whose names start with `name`: to parse all of the page costs 0.1 s."""
    page, _ = metrics.render()
    lines = [line for line in page.decode().splitlines(keepends=True) if line.startswith(name)]
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in parse_text("".join(lines))
        for sample in family.samples
    }


def read(metrics: Metrics, name: str, **labels: str) -> float:
    return scrape(metrics, name)[name, frozenset(labels.items())]


def make_record(outcome: Outcome = Outcome.APPLIED, duration_s: float = 0.05) -> AttemptRecord:
    return AttemptRecord(
        digest="b12",
        trigger=Trigger.MOUNT,
        outcome=outcome,
        message="",
        started_s=1.0,
        duration_s=duration_s,
    )


SHOWN = BridgeStatus(
    bridge="prometheus",
    status=Status.APPLIED,
    active="b12" + "0" * 61,
    target=Process(pid=1, start_ticks=1),
    restart_safe=True,
    synced=True,
)


def values(metrics: Metrics, name: str) -> dict[frozenset[tuple[str, str]], float]:
    return {
        labels: value for (found, labels), value in scrape(metrics, name).items() if found == name
    }


def test_every_attempt_series_exists_at_zero(metrics: Metrics) -> None:
    counts = values(metrics, "surehup_reload_attempts_total")
    assert set(counts) == {
        frozenset({("bridge", bridge), ("source", source), ("status", status)})
        for bridge in ("prometheus", "nginx")
        for source in SOURCES
        for status in STATUSES
    }
    assert set(counts.values()) == {0}
    ended = values(metrics, "surehup_reload_duration_seconds_count")
    assert len(ended) == 2 * len(SOURCES) * (len(STATUSES) - 2)
    assert set(ended.values()) == {0}


@pytest.mark.parametrize(
    ("name", "series"),
    [
        ("surehup_last_reload_timestamp_seconds", 12),
        ("surehup_last_failure_timestamp_seconds", 12),
        ("surehup_validation_failures_total", 2),
        ("surehup_propagation_seconds_count", 2),
        ("surehup_config_applied", 2),
        ("surehup_config_restart_safe", 2),
        ("surehup_config_info", 2),
        ("surehup_config_last_reload_successful", 2),
        ("surehup_config_last_reload_success_timestamp_seconds", 2),
        ("surehup_config_out_of_sync_since_timestamp_seconds", 2),
        ("surehup_target_up", 2),
        ("surehup_paused", 2),
        ("surehup_signals_total", 2),
        ("surehup_api_connected", 1),
        ("surehup_watch_restarts_total", 1),
        ("surehup_api_requests_total", 12),
    ],
)
def test_every_series_exists_at_zero(metrics: Metrics, name: str, series: int) -> None:
    assert list(values(metrics, name).values()) == [0.0] * series


def test_build_and_process_are_told(metrics: Metrics) -> None:
    (labels,) = values(metrics, "surehup_build_info")
    assert ("version", __version__) in labels
    assert read(metrics, "process_resident_memory_bytes") > 1_000_000


def test_received_and_debounced_are_counted(metrics: Metrics) -> None:
    metrics.attempt_received("prometheus", Trigger.API)
    metrics.attempt_received("prometheus", Trigger.API)
    metrics.attempt_debounced("prometheus", Trigger.API)
    name = "surehup_reload_attempts_total"
    assert read(metrics, name, bridge="prometheus", source="api", status="received") == 2
    assert read(metrics, name, bridge="prometheus", source="api", status="debounced") == 1
    assert sum(values(metrics, name).values()) == 3


@pytest.mark.parametrize(
    ("outcome", "status"),
    [
        (Outcome.APPLIED, "success"),
        (Outcome.REJECTED, "rejected"),
        (Outcome.FAILED, "failed"),
        (Outcome.UNCONFIRMED, "unconfirmed"),
        (Outcome.SUPERSEDED, "superseded"),
    ],
)
def test_end_is_counted_and_timed(metrics: Metrics, outcome: Outcome, status: str) -> None:
    metrics.attempt_ended("prometheus", make_record(outcome, duration_s=0.05))
    labels = {"bridge": "prometheus", "source": "mount"}
    assert read(metrics, "surehup_reload_attempts_total", **labels, status=status) == 1
    name = "surehup_reload_duration_seconds"
    assert read(metrics, f"{name}_sum", **labels, status=status) == 0.05
    assert read(metrics, f"{name}_bucket", **labels, status=status, le="0.01") == 0
    assert read(metrics, f"{name}_bucket", **labels, status=status, le="0.1") == 1
    applied, superseded = outcome is Outcome.APPLIED, outcome is Outcome.SUPERSEDED
    success = read(metrics, "surehup_last_reload_timestamp_seconds", **labels)
    failure = read(metrics, "surehup_last_failure_timestamp_seconds", **labels)
    last = "surehup_config_last_reload_success_timestamp_seconds"
    assert success == read(metrics, last, bridge="prometheus") == (WALL_S if applied else 0)
    assert failure == (0 if applied or superseded else WALL_S)


def test_buckets_are_those_of_the_contract(metrics: Metrics) -> None:
    assert DURATION_BUCKETS_S == (0.001, 0.01, 0.1, 0.5, 1, 2.5, 5, 10, 30, 60, 120)
    bounds = {
        dict(labels)["le"] for labels in values(metrics, "surehup_propagation_seconds_bucket")
    }
    assert {"90.0", "120.0", "+Inf"} <= bounds


def test_rejection_counts_each_check_once(metrics: Metrics) -> None:
    findings = tuple(Finding(check=check, message="") for check in ("yaml", "yaml", "promtool"))
    metrics.attempt_ended("prometheus", replace(make_record(Outcome.REJECTED), findings=findings))
    name = "surehup_validation_failures_total"
    assert read(metrics, name, bridge="prometheus", check="yaml") == 1
    assert read(metrics, name, bridge="prometheus", check="promtool") == 1


def test_number_of_checks_is_bounded(metrics: Metrics) -> None:
    for number in range(100):
        metrics.validation_failed("prometheus", f"check-{number}")
    failures = values(metrics, "surehup_validation_failures_total")
    assert len(failures) == MOST_CHECKS + 1
    assert sum(failures.values()) == 100


def test_expected_series_exist_at_zero(metrics: Metrics) -> None:
    metrics.expect("nginx", signal="SIGUSR1")
    metrics.expect("nginx", checks=["yaml"])
    assert read(metrics, "surehup_signals_total", bridge="nginx", signal="SIGUSR1") == 0
    assert read(metrics, "surehup_validation_failures_total", bridge="nginx", check="yaml") == 0
    metrics.signalled("nginx", "SIGUSR1")
    assert read(metrics, "surehup_signals_total", bridge="nginx", signal="SIGUSR1") == 1


def test_propagation_is_observed(metrics: Metrics) -> None:
    metrics.propagated("prometheus", 65)
    name = "surehup_propagation_seconds_bucket"
    assert read(metrics, name, bridge="prometheus", le="60.0") == 0
    assert read(metrics, name, bridge="prometheus", le="90.0") == 1


def test_requests_are_counted_within_bounds(metrics: Metrics) -> None:
    metrics.api_requested("patch", 409)
    metrics.api_requested("get", None)
    metrics.api_requested("get", 12345)
    metrics.api_requested("proxy", 200)
    metrics.watch_restarted()
    metrics.api_connected(connected=True)
    name = "surehup_api_requests_total"
    assert read(metrics, name, verb="patch", code="409") == 1
    assert read(metrics, name, verb="get", code="error") == 2
    assert read(metrics, name, verb="other", code="200") == 1
    assert read(metrics, "surehup_watch_restarts_total") == 1
    assert read(metrics, "surehup_api_connected") == 1


def test_state_is_shown(metrics: Metrics) -> None:
    metrics.show(replace(SHOWN, revision=7))
    for name in ("config_applied", "config_restart_safe", "config_last_reload_successful"):
        assert read(metrics, f"surehup_{name}", bridge="prometheus") == 1
    assert read(metrics, "surehup_target_up", bridge="prometheus") == 1
    info = {"bridge": "prometheus", "digest": "b12000000000", "revision": "7"}
    assert read(metrics, "surehup_config_info", **info) == 1
    assert len(values(metrics, "surehup_config_info")) == 2


def test_content_that_is_replaced_leaves_no_series_behind(metrics: Metrics) -> None:
    metrics.show(SHOWN)
    metrics.show(SHOWN)
    metrics.show(replace(SHOWN, active="c34" + "0" * 61))
    infos = values(metrics, "surehup_config_info")
    assert [dict(labels)["digest"] for labels, value in infos.items() if value] == ["c34000000000"]


@pytest.mark.parametrize(
    "status", [Status.REJECTED, Status.FAILED, Status.ROLLED_BACK, Status.UNCONFIRMED]
)
def test_refused_content_makes_the_last_reload_unsuccessful(
    metrics: Metrics, status: Status
) -> None:
    name = "surehup_config_last_reload_successful"
    for shown, successful in (
        (Status.APPLIED, 1),
        (status, 0),
        (Status.PENDING, 0),
        (Status.APPLIED, 1),
        (Status.RELOADING, 1),
    ):
        metrics.show(replace(SHOWN, status=shown))
        assert read(metrics, name, bridge="prometheus") == successful
        applied = read(metrics, "surehup_config_applied", bridge="prometheus")
        assert applied == (shown is Status.APPLIED)


def test_paused_and_absent_are_shown(metrics: Metrics) -> None:
    metrics.show(replace(SHOWN, paused=True, target=None))
    assert read(metrics, "surehup_paused", bridge="prometheus") == 1
    assert read(metrics, "surehup_target_up", bridge="prometheus") == 0


def test_out_of_sync_is_shown_as_a_time_of_day(metrics: Metrics, clock: FakeClock) -> None:
    name = "surehup_config_out_of_sync_since_timestamp_seconds"
    metrics.show(replace(SHOWN, out_of_sync_since_s=940.0))
    assert read(metrics, name, bridge="prometheus") == WALL_S - 60
    clock.advance(100)
    metrics.show(replace(SHOWN, out_of_sync_since_s=940.0, blocked="still"))
    assert read(metrics, name, bridge="prometheus") == WALL_S - 60
    metrics.show(SHOWN)
    assert read(metrics, name, bridge="prometheus") == 0


def test_unknown_bridge_is_a_mistake(metrics: Metrics) -> None:
    with pytest.raises(KeyError):
        metrics.attempt_received("else", Trigger.API)


@pytest.mark.parametrize(
    "accept",
    [
        "application/openmetrics-text; version=1.0.0; charset=utf-8",
        "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,text/plain;q=0.4",
        "Application/OpenMetrics-Text;version=nonsense",
    ],
)
def test_openmetrics_where_accepted(metrics: Metrics, accept: str) -> None:
    page, content_type = metrics.render(accept)
    assert content_type.startswith("application/openmetrics-text; version=1.0.0")
    families = {
        family.name
        for family in parse_openmetrics(page.decode())  # type: ignore[no-untyped-call]  # theirs
    }
    assert "surehup_reload_attempts" in families


@pytest.mark.parametrize("accept", ["", "*/*", "text/plain;version=1.a.0", "\r\nX: y"])
def test_text_otherwise(metrics: Metrics, accept: str) -> None:
    _, content_type = metrics.render(accept)
    assert content_type == "text/plain; version=0.0.4; charset=utf-8"


def test_promtool_finds_nothing_to_complain_of(metrics: Metrics) -> None:
    metrics.attempt_ended("prometheus", make_record())
    metrics.show(replace(SHOWN, revision=3))
    page, _ = metrics.render()
    checked = subprocess.run(
        ["promtool", "check", "metrics"],
        input=page,
        capture_output=True,
        timeout=10,
        check=False,
    )
    assert (checked.returncode, checked.stderr, checked.stdout) == (0, b"", b"")
