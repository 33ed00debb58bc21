"""What the pod's condition says."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import pytest

from sidecar.core.attempt import BridgeStatus, Status
from sidecar.record.condition import Truth, describe, judge, list_proven

A, B = "a" * 64, "b" * 64
TRUE, FALSE, UNKNOWN = Truth.TRUE, Truth.FALSE, Truth.UNKNOWN
UNDER_WAY = [Status.PENDING, Status.RELOADING, Status.ROLLING_OUT, Status.PAUSED]


def make(
    status: Status,
    *,
    last_good: str | None = A,
    active: str | None = None,
    message: str = "",
    bridge: str = "web",
    observed: str | None = B,
) -> BridgeStatus:
    return BridgeStatus(
        bridge=bridge,
        status=status,
        observed=observed,
        active=active or last_good,
        last_good=last_good,
        message=message,
    )


@pytest.mark.parametrize("before", [None, TRUE, FALSE, UNKNOWN])
def test_proven_content_is_true_whatever_was_before(before: Truth | None) -> None:
    assert judge(make(Status.APPLIED), before) is TRUE
    assert judge(make(Status.ROLLED_BACK), before) is TRUE


@pytest.mark.parametrize("before", [None, TRUE, FALSE, UNKNOWN])
@pytest.mark.parametrize("last_good", [A, None])
def test_failed_and_unproven_content_is_false_whatever_was_before(
    before: Truth | None, last_good: str | None
) -> None:
    assert judge(make(Status.FAILED, last_good=last_good), before) is FALSE
    assert judge(make(Status.UNCONFIRMED, last_good=last_good), before) is FALSE
    assert judge(make(Status.ROLLED_BACK, last_good=None), before) is FALSE


@pytest.mark.parametrize(
    ("status", "before"), [*product([*UNDER_WAY, Status.REJECTED], [TRUE, FALSE])]
)
@pytest.mark.parametrize("last_good", [A, None])
def test_an_attempt_and_a_rejected_edit_leave_it_as_it_was(
    status: Status, before: Truth, last_good: str | None
) -> None:
    assert judge(make(status, last_good=last_good), before) is before


@pytest.mark.parametrize("before", [None, UNKNOWN])
@pytest.mark.parametrize("status", UNDER_WAY)
def test_before_the_first_proof_nothing_is_known(status: Status, before: Truth | None) -> None:
    assert judge(make(status, last_good=None), before) is UNKNOWN
    # Of an earlier life of the sidecar there is proof.
    assert judge(make(status), before) is TRUE
    assert judge(make(status, active=B), before) is TRUE


def test_content_that_was_rejected_before_any_proof_is_false() -> None:
    assert judge(make(Status.REJECTED, last_good=None), None) is FALSE
    assert judge(make(Status.REJECTED), None) is TRUE


@pytest.mark.parametrize("status", [Status.REJECTED, Status.ROLLED_BACK])
def test_content_that_runs_although_it_was_refused_is_false(status: Status) -> None:
    runs = make(status, active=B, message="a restart loaded it")
    assert judge(runs, TRUE) is FALSE
    condition = describe([runs], {"web": FALSE})
    assert (condition.reason, condition.message) == ("RunsUnapproved", "web: a restart loaded it")


def test_the_worst_bridge_speaks() -> None:
    web = make(Status.APPLIED, message="proven")
    certs = make(Status.REJECTED, bridge="certs", message="no certificate")
    rules = make(Status.FAILED, bridge="rules", message="does not start")
    fresh = make(Status.PENDING, bridge="fresh", last_good=None)
    truths = {"web": TRUE, "certs": TRUE, "rules": FALSE, "fresh": UNKNOWN}
    for statuses, truth, reason, message in (
        ([web], TRUE, "Applied", "web: proven"),
        ([web, certs], TRUE, "Rejected", "certs: no certificate"),
        ([web, certs, fresh], UNKNOWN, "Pending", "fresh: Pending bbbbbbbbbbbb"),
        ([fresh, rules, web, certs], FALSE, "Failed", "rules: does not start"),
    ):
        condition = describe(statuses, truths)
        assert (condition.truth, condition.reason, condition.message) == (truth, reason, message)


def test_every_status_has_its_place_and_a_reason_that_the_api_takes() -> None:
    for status in Status:
        reason = describe([make(status)], {"web": TRUE}).reason
        assert reason == status.value
        assert reason.isalpha()


def test_only_what_is_under_way_passes() -> None:
    held_off = replace(make(Status.REJECTED), held_off=True)
    assert describe([held_off], {"web": TRUE}).passing
    assert describe([held_off, make(Status.FAILED, bridge="b")], {"web": TRUE, "b": FALSE}).passing
    passing = {status for status in Status if describe([make(status)], {"web": TRUE}).passing}
    assert passing == {Status.PENDING, Status.RELOADING, Status.ROLLING_OUT}
    blocked = replace(make(Status.PENDING), blocked="no target")
    assert not describe([blocked], {"web": TRUE}).passing


def test_a_message_is_made_up_and_cut() -> None:
    silent = make(Status.PENDING, observed=None)
    assert describe([silent], {"web": TRUE}).message == "web: Pending"
    long = make(Status.REJECTED, message="ü" * 1_000)
    assert len(describe([long], {"web": TRUE}).message.encode()) <= 1_024


def test_only_proven_content_is_listed() -> None:
    web, certs = make(Status.RELOADING, active=B), make(Status.APPLIED, bridge="certs", last_good=B)
    fresh = make(Status.PENDING, bridge="fresh", last_good=None, active=B)
    assert list_proven([web, fresh, certs]) == "web=aaaaaaaaaaaa certs=bbbbbbbbbbbb"
    assert list_proven([fresh]) == ""
