from __future__ import annotations

import logging
from dataclasses import replace

import pytest

from sidecar.core.attempt import AttemptRecord, BridgeStatus, Outcome, Status, Trigger
from sidecar.core.effects import Milestone, Note
from sidecar.core.report import Finding
from sidecar.tell.metrics import Metrics
from sidecar.tell.teller import EveryTeller
from sidecar.tell.webhook import Webhooks
from sidecar.testing.clock import FakeClock

RECORD = AttemptRecord(
    digest="b12" + "0" * 61,
    trigger=Trigger.MOUNT,
    outcome=Outcome.REJECTED,
    message="bad",
    started_s=1.0,
    duration_s=0.5,
    findings=(Finding(check="yaml", message="bad", file="a.yml", line=3),),
)


@pytest.fixture
def metrics() -> Metrics:
    return Metrics(["prometheus"], clock=FakeClock())


@pytest.fixture
def teller(metrics: Metrics, caplog: pytest.LogCaptureFixture) -> EveryTeller:
    caplog.set_level(logging.INFO, "sidecar")
    webhooks = Webhooks([], clock=FakeClock(), random=lambda: 0.5, origin={})
    return EveryTeller(metrics, webhooks, {"prometheus": "SIGHUP"})


def fields_of(record: logging.LogRecord) -> dict[str, object]:
    return dict(record.fields)  # type: ignore[attr-defined]  # set by `fields`


@pytest.mark.parametrize("milestone", Milestone)
def test_every_milestone_is_one_line(
    teller: EveryTeller, caplog: pytest.LogCaptureFixture, milestone: Milestone
) -> None:
    note = Note(milestone=milestone, digest=RECORD.digest, trigger=Trigger.API, message="why")
    teller.note("prometheus", note)
    teller.note("prometheus", replace(note, digest=None, message=""))
    first, second = caplog.records
    assert fields_of(first)["digest"] == "b12000000000"
    assert fields_of(first)["detail"] == "why"
    assert fields_of(second) == {"bridge": "prometheus", "trigger": "api"}


@pytest.mark.parametrize(
    ("milestone", "series"),
    [
        (Milestone.RECEIVED, 'attempts_total{bridge="prometheus",source="api",status="received"}'),
        (
            Milestone.DEBOUNCED,
            'attempts_total{bridge="prometheus",source="api",status="debounced"}',
        ),
        (Milestone.SIGNALLED, 'surehup_signals_total{bridge="prometheus",signal="SIGHUP"}'),
    ],
)
def test_milestones_are_counted(
    teller: EveryTeller, metrics: Metrics, milestone: Milestone, series: str
) -> None:
    teller.note("prometheus", Note(milestone=milestone, digest=None, trigger=Trigger.API))
    assert f"{series} 1.0\n" in metrics.render()[0].decode()


def test_end_is_told_and_counted_with_its_findings(
    teller: EveryTeller, metrics: Metrics, caplog: pytest.LogCaptureFixture
) -> None:
    teller.announce("prometheus", RECORD, Status.REJECTED)
    ended, finding = caplog.records
    assert ended.levelno == logging.WARNING
    assert fields_of(ended)["outcome"] == "rejected"
    assert fields_of(finding)["detail"] == "a.yml:3: bad"
    page = metrics.render()[0].decode()
    assert 'surehup_validation_failures_total{bridge="prometheus",check="yaml"} 1.0\n' in page


def test_state_is_shown(teller: EveryTeller, metrics: Metrics) -> None:
    teller.show(BridgeStatus(bridge="prometheus", status=Status.APPLIED))
    assert 'surehup_config_applied{bridge="prometheus"} 1.0\n' in metrics.render()[0].decode()
