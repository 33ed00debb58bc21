"""Every kind of evidence, before and after: what two looks say together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest

from sidecar.core.bridge import Proof
from sidecar.core.evidence import (
    Absent,
    Children,
    DigestAlgorithm,
    Evidence,
    JsonField,
    Page,
    Process,
    Reading,
    ReloadAnswer,
    Role,
    Sample,
    Series,
)
from sidecar.core.prediction import predict
from sidecar.core.snapshot import Snapshot
from sidecar.core.verdict import (
    ANSWERED_OK,
    Judgement,
    Verdict,
    find_unready,
    is_healthy,
    judge,
    predict_digests,
    shows_content,
)
from tests.core.bridges import GAUGE, PROMETHEUS, TIMESTAMP

FAILURES = Evidence(name="failures", role=Role.FAILURE_COUNTER, source=Series(metric="failed"))
SUCCESSES = Evidence(name="successes", role=Role.SUCCESS_COUNTER, source=Series(metric="total"))
ATTEMPT = Evidence(name="attempt", role=Role.ATTEMPT_TIMESTAMP, source=Series(metric="tried"))
DIGEST = Evidence(name="digest", role=Role.DIGEST, source=JsonField(field="digest"))
ECHO = Evidence(name="echo", role=Role.ECHO, source=Page(path="/config"))
WORKERS = Evidence(name="workers", role=Role.GENERATION, source=Children(leaving="shutting"))
ANY_WORKER = replace(WORKERS, source=Children(replaced="any"))
ANSWER = Evidence(name="answer", role=Role.ANSWER, source=ReloadAnswer())
PROBE = Evidence(name="probe", role=Role.PROBE, source=JsonField(field="on"), equals="true")

DAEMON = Process(pid=7, start_ticks=700)
WAIT, CONFIRMED, FAILED = Verdict.WAIT, Verdict.CONFIRMED, Verdict.FAILED


def look(readings: Mapping[str, Reading], process: Process | None = DAEMON) -> Sample:
    return Sample(taken_s=0, process=process, fence="g1", readings=readings)


def compare(
    group: tuple[Evidence, ...],
    before: Mapping[str, Reading],
    after: Mapping[str, Reading],
    predictions: Mapping[str, str] | None = None,
) -> Judgement:
    return judge(Proof(groups=(group,)), look(before), look(after), predictions or {})


ALONE: list[tuple[str, Evidence, Reading | None, Reading | None, Verdict]] = [
    ("a gauge alone proves nothing", GAUGE, 1.0, 1.0, WAIT),
    ("not even when it rises", GAUGE, 0.0, 1.0, WAIT),
    ("a gauge that falls is a failure", GAUGE, 1.0, 0.0, FAILED),
    ("a gauge that stays 0 says nothing", GAUGE, 0.0, 0.0, WAIT),
    ("nor one that was not there before", GAUGE, None, 0.0, WAIT),
    ("a gauge that went away is waited for", GAUGE, 1.0, None, WAIT),
    ("a gauge beyond 1 is well", GAUGE, 0.0, 2.0, WAIT),
    ("a gauge that is no number is not well", GAUGE, 1.0, frozenset({1}), FAILED),
    ("success time moves", TIMESTAMP, 5.0, 6.0, CONFIRMED),
    ("success time stays", TIMESTAMP, 5.0, 5.0, WAIT),
    ("success time goes back with the clock", TIMESTAMP, 6.0, 5.0, WAIT),
    ("success time appears", TIMESTAMP, None, 5.0, CONFIRMED),
    ("success time goes away", TIMESTAMP, 5.0, None, WAIT),
    ("a time as text counts as a number", TIMESTAMP, "5", "6", CONFIRMED),
    ("attempt time never proves", ATTEMPT, 5.0, 6.0, WAIT),
    ("attempt time stays", ATTEMPT, 5.0, 5.0, WAIT),
    ("success counter rises", SUCCESSES, 1.0, 2.0, CONFIRMED),
    ("success counter stays", SUCCESSES, 1.0, 1.0, WAIT),
    ("success counter jumps, as signals are merged", SUCCESSES, 1.0, 4.0, CONFIRMED),
    ("success counter of a reset page", SUCCESSES, 9.0, 1.0, WAIT),
    ("failure counter rises", FAILURES, 0.0, 1.0, FAILED),
    ("failure counter stays", FAILURES, 3.0, 3.0, WAIT),
    ("failure counter of a reset page", FAILURES, 3.0, 0.0, WAIT),
    ("a digest that changes", DIGEST, "a", "b", CONFIRMED),
    ("a digest that stays", DIGEST, "a", "a", WAIT),
    ("a digest that appears", DIGEST, None, "a", WAIT),
    ("a digest that goes away", DIGEST, "a", None, WAIT),
    ("an echo that changes", ECHO, "a", "b", CONFIRMED),
    ("an echo that stays", ECHO, "a", "a", WAIT),
    ("an echo that appears", ECHO, None, "a", WAIT),
    ("all workers are new", WORKERS, frozenset({1, 2}), frozenset({3, 4}), CONFIRMED),
    ("an old worker still serves", WORKERS, frozenset({1, 2}), frozenset({2, 3}), WAIT),
    ("no worker is new", WORKERS, frozenset({1, 2}), frozenset({1, 2}), WAIT),
    ("workers left and none came", WORKERS, frozenset({1, 2}), frozenset(), WAIT),
    ("workers appear", WORKERS, None, frozenset({3}), CONFIRMED),
    ("workers that are no PIDs", WORKERS, frozenset({1}), 5.0, WAIT),
    ("one new worker is enough", ANY_WORKER, frozenset({1, 2}), frozenset({2, 3}), CONFIRMED),
    ("one new worker is wanted", ANY_WORKER, frozenset({1, 2}), frozenset({1, 2}), WAIT),
    ("the daemon accepted", ANSWER, None, ANSWERED_OK, CONFIRMED),
    ("the daemon refused", ANSWER, None, "line 3: no such field", FAILED),
    ("no answer is there", ANSWER, None, None, WAIT),
    ("a probe that holds proves nothing", PROBE, "true", "true", WAIT),
    ("a probe that does not hold", PROBE, "true", "false", WAIT),
    ("a probe that is not shown", PROBE, "true", None, WAIT),
]


@pytest.mark.parametrize(
    ("evidence", "old", "new", "verdict"),
    [case[1:] for case in ALONE],
    ids=[case[0] for case in ALONE],
)
def test_one_evidence_alone(
    evidence: Evidence, old: Reading | None, new: Reading | None, verdict: Verdict
) -> None:
    before = {} if old is None else {evidence.name: old}
    after = {} if new is None else {evidence.name: new}
    assert compare((evidence,), before, after).verdict is verdict


Marks = dict[str, Reading]
TOGETHER: list[tuple[str, tuple[Evidence, ...], Marks, Marks, Verdict]] = [
    (
        "a good reload",
        (GAUGE, TIMESTAMP),
        {"gauge": 1.0, "timestamp": 5.0},
        {"gauge": 1.0, "timestamp": 6.0},
        CONFIRMED,
    ),
    (
        "a good reload after a bad one",
        (GAUGE, TIMESTAMP),
        {"gauge": 0.0, "timestamp": 5.0},
        {"gauge": 1.0, "timestamp": 6.0},
        CONFIRMED,
    ),
    (
        "torn: the gauge rose, the time has not moved yet",
        (GAUGE, TIMESTAMP),
        {"gauge": 0.0, "timestamp": 5.0},
        {"gauge": 1.0, "timestamp": 5.0},
        WAIT,
    ),
    (
        "torn: the time moved, the gauge has not risen yet",
        (GAUGE, TIMESTAMP),
        {"gauge": 0.0, "timestamp": 5.0},
        {"gauge": 0.0, "timestamp": 6.0},
        WAIT,
    ),
    (
        "torn or lying: the time moved although the gauge fell",
        (GAUGE, TIMESTAMP),
        {"gauge": 1.0, "timestamp": 5.0},
        {"gauge": 0.0, "timestamp": 6.0},
        WAIT,
    ),
    (
        "a bad reload",
        (GAUGE, TIMESTAMP),
        {"gauge": 1.0, "timestamp": 5.0},
        {"gauge": 0.0, "timestamp": 5.0},
        FAILED,
    ),
    (
        "a second bad reload moves nothing",
        (GAUGE, TIMESTAMP),
        {"gauge": 0.0, "timestamp": 5.0},
        {"gauge": 0.0, "timestamp": 5.0},
        WAIT,
    ),
    (
        "a failure counter sees the second one too",
        (GAUGE, FAILURES, SUCCESSES),
        {"gauge": 0.0, "failures": 1.0, "successes": 1.0},
        {"gauge": 0.0, "failures": 2.0, "successes": 1.0},
        FAILED,
    ),
    (
        "a counter of failures is not torn: merged reloads, one of them bad",
        (FAILURES, SUCCESSES),
        {"failures": 1.0, "successes": 1.0},
        {"failures": 2.0, "successes": 2.0},
        FAILED,
    ),
    (
        "the gauge fell and the counter rose: not torn",
        (GAUGE, FAILURES, TIMESTAMP),
        {"gauge": 1.0, "failures": 0.0, "timestamp": 5.0},
        {"gauge": 0.0, "failures": 1.0, "timestamp": 6.0},
        FAILED,
    ),
    (
        "an attempt that succeeded has both times",
        (ATTEMPT, TIMESTAMP),
        {"attempt": 5.0, "timestamp": 5.0},
        {"attempt": 6.0, "timestamp": 6.0},
        CONFIRMED,
    ),
    (
        "success without an attempt is torn",
        (ATTEMPT, TIMESTAMP),
        {"attempt": 5.0, "timestamp": 5.0},
        {"attempt": 5.0, "timestamp": 6.0},
        WAIT,
    ),
    (
        "the probe speaks against it",
        (TIMESTAMP, PROBE),
        {"timestamp": 5.0, "probe": "true"},
        {"timestamp": 6.0, "probe": "false"},
        WAIT,
    ),
    (
        "the probe agrees",
        (TIMESTAMP, PROBE),
        {"timestamp": 5.0, "probe": "true"},
        {"timestamp": 6.0, "probe": "true"},
        CONFIRMED,
    ),
    (
        "accepted by HTTP, and not moved yet",
        (ANSWER, TIMESTAMP),
        {"timestamp": 5.0},
        {"timestamp": 5.0, "answer": ANSWERED_OK},
        WAIT,
    ),
    (
        "refused by HTTP although the time moved",
        (ANSWER, TIMESTAMP),
        {"timestamp": 5.0},
        {"timestamp": 6.0, "answer": "component x failed"},
        FAILED,
    ),
    (
        "an unpredicted digest may stay where the time moves",
        (TIMESTAMP, DIGEST),
        {"timestamp": 5.0, "digest": "a"},
        {"timestamp": 6.0, "digest": "a"},
        CONFIRMED,
    ),
]


@pytest.mark.parametrize(
    ("group", "before", "after", "verdict"),
    [case[1:] for case in TOGETHER],
    ids=[case[0] for case in TOGETHER],
)
def test_evidence_together(
    group: tuple[Evidence, ...], before: Marks, after: Marks, verdict: Verdict
) -> None:
    assert compare(group, before, after).verdict is verdict


LIES: list[tuple[str, Evidence, Reading, Reading]] = [
    ("time", TIMESTAMP, 5.0, 6.0),
    ("counter", SUCCESSES, 1.0, 2.0),
    ("digest", DIGEST, "a", "b"),
    ("echo", ECHO, "a", "b"),
    ("workers", WORKERS, frozenset({1}), frozenset({2})),
    ("answer", ANSWER, "", ANSWERED_OK),
]


TRUTHS: list[tuple[str, Evidence, Reading, Reading, Verdict]] = [
    ("gauge fell", GAUGE, 1.0, 0.0, WAIT),
    ("gauge stayed 0", GAUGE, 0.0, 0.0, WAIT),
    ("failures rose", FAILURES, 0.0, 1.0, FAILED),
    ("probe fails", PROBE, "true", "false", WAIT),
]


@pytest.mark.parametrize("lie", LIES, ids=[lie[0] for lie in LIES])
@pytest.mark.parametrize("truth", TRUTHS, ids=[truth[0] for truth in TRUTHS])
def test_a_daemon_whose_success_moves_on_failure_is_never_believed(
    lie: tuple[str, Evidence, Reading, Reading],
    truth: tuple[str, Evidence, Reading, Reading, Verdict],
) -> None:
    _, lying, old, new = lie
    _, honest, was, now, verdict = truth
    before, after = {lying.name: old, honest.name: was}, {lying.name: new, honest.name: now}
    assert compare((lying, honest), before, after).verdict is verdict


@pytest.mark.parametrize(
    ("old", "new", "verdict"),
    [
        ("a", "b", CONFIRMED),
        ("a", "c", WAIT),
        ("b", "b", WAIT),
        (None, "b", WAIT),
        ("b", "a", WAIT),
    ],
    ids=["arrives", "another one", "was it already", "appears", "goes"],
)
def test_a_predicted_digest_must_be_that_of_the_content(
    old: str | None, new: str, verdict: Verdict
) -> None:
    before: Marks = {} if old is None else {"digest": old}
    assert compare((DIGEST,), before, {"digest": new}, {"digest": "b"}).verdict is verdict


def test_a_predicted_digest_that_differs_holds_other_proof_back() -> None:
    before: Marks = {"timestamp": 5.0, "digest": "a"}
    group, predictions = (TIMESTAMP, DIGEST), {"digest": "b"}
    torn = compare(group, before, {"timestamp": 6.0, "digest": "a"}, predictions)
    assert torn == Judgement(WAIT, "digest does not name this content")
    whole = compare(group, before, {"timestamp": 6.0, "digest": "b"}, predictions)
    assert whole == Judgement(CONFIRMED, "timestamp moved, digest names this content")


def test_a_counter_that_is_created_on_first_use_counts_from_zero() -> None:
    failures, successes = (replace(e, absent=Absent.ZERO) for e in (FAILURES, SUCCESSES))
    assert compare((failures, successes), {}, {}).verdict is WAIT
    assert compare((failures, successes), {}, {"successes": 1.0}).verdict is CONFIRMED
    assert compare((failures, successes), {}, {"failures": 1.0}).verdict is FAILED


def test_optional_evidence_speaks_only_where_it_is_offered() -> None:
    optional = replace(DIGEST, absent=Absent.OPTIONAL)
    group, predictions = (TIMESTAMP, optional), {"digest": "b"}
    assert compare(group, {"timestamp": 5.0}, {"timestamp": 6.0}, predictions).verdict is CONFIRMED
    before: Marks = {"timestamp": 5.0, "digest": "a"}
    assert compare(group, before, {"timestamp": 6.0}, predictions).verdict is WAIT


def test_of_alternatives_one_that_decides_is_enough_and_failure_wins() -> None:
    proof = Proof(groups=((TIMESTAMP,), (SUCCESSES,), (FAILURES,)))
    before = look({"timestamp": 5.0, "successes": 1.0, "failures": 0.0})
    one = look({"successes": 2.0, "failures": 0.0})
    assert judge(proof, before, one, {}) == Judgement(CONFIRMED, "successes moved")
    both = look({"successes": 2.0, "failures": 1.0})
    assert judge(proof, before, both, {}) == Judgement(FAILED, "failures rose")
    neither = judge(proof, before, look({"successes": 1.0, "failures": 0.0}), {})
    reason = "timestamp is not shown; successes did not move; failures stayed"
    assert neither == Judgement(WAIT, reason)


def test_without_evidence_there_is_nothing_to_believe() -> None:
    judgement = judge(Proof(groups=()), look({}), look({}), {})
    assert judgement == Judgement(WAIT, "there is no evidence to look at")


def test_what_became_of_the_process_comes_before_its_evidence() -> None:
    before, good = look({"gauge": 1.0, "timestamp": 5.0}), {"gauge": 1.0, "timestamp": 6.0}
    gone = Sample(taken_s=1, trouble="process 7 is a zombie", readings={})
    assert judge(PROMETHEUS, before, gone, {}) == Judgement(Verdict.DIED, "process 7 is a zombie")
    silent = Sample(taken_s=1, readings={})
    assert judge(PROMETHEUS, before, silent, {}) == Judgement(Verdict.DIED, "the process is gone")
    other = look(good, Process(pid=8, start_ticks=900))
    replaced = Judgement(Verdict.RESTARTED, "process 8 took its place")
    assert judge(PROMETHEUS, before, other, {}) == replaced
    reused = look(good, replace(DAEMON, start_ticks=701))
    assert judge(PROMETHEUS, before, reused, {}).verdict is Verdict.RESTARTED
    broken = Sample(taken_s=1, process=DAEMON, error="connection reset", readings={})
    assert judge(PROMETHEUS, before, broken, {}) == Judgement(WAIT, "connection reset")


def test_a_baseline_shows_all_that_is_waited_for() -> None:
    assert find_unready(PROMETHEUS, look({"gauge": 1.0, "timestamp": 5.0})) is None
    unready = find_unready(PROMETHEUS, look({"gauge": 1.0}))
    assert unready == "the daemon does not show timestamp yet"
    refused = Sample(taken_s=0, process=DAEMON, error="connection refused", readings={})
    assert find_unready(PROMETHEUS, refused) == "connection refused"


def test_a_baseline_needs_one_of_the_alternatives() -> None:
    proof = Proof(groups=((GAUGE, TIMESTAMP), (SUCCESSES,)))
    assert find_unready(proof, look({"successes": 1.0})) is None
    reason = "the daemon does not show gauge, timestamp nor successes yet"
    assert find_unready(proof, look({})) == reason


def test_a_baseline_needs_nothing_that_comes_later_or_may_not_come() -> None:
    late = (
        ANSWER,
        replace(FAILURES, absent=Absent.ZERO),
        replace(DIGEST, absent=Absent.OPTIONAL),
    )
    assert find_unready(Proof(groups=(late,)), look({})) is None
    assert find_unready(Proof(groups=()), look({})) is None


def test_a_daemon_is_healthy_unless_its_last_load_failed() -> None:
    assert is_healthy(PROMETHEUS, look({"gauge": 1.0, "timestamp": 5.0}))
    assert is_healthy(PROMETHEUS, look({"timestamp": 5.0}))
    assert not is_healthy(PROMETHEUS, look({"gauge": 0.0, "timestamp": 5.0}))


PREDICTED = replace(DIGEST, algorithm=DigestAlgorithm.SHA256_HEX, file="*.yml")


def test_the_digest_of_the_one_matching_file_is_predicted() -> None:
    proof = Proof(groups=((PREDICTED, TIMESTAMP),))
    one = Snapshot.of({"a.yml": b"x", "b.txt": b"y"})
    assert predict_digests(proof, one) == {"digest": predict(DigestAlgorithm.SHA256_HEX, b"x")}
    assert predict_digests(proof, Snapshot.of({"a.yml": b"x", "b.yml": b"y"})) == {}
    assert predict_digests(proof, Snapshot.of({})) == {}
    any_file = Proof(groups=((replace(PREDICTED, file=""),),))
    assert set(predict_digests(any_file, Snapshot.of({"a": b"x"}))) == {"digest"}


@pytest.mark.parametrize(
    ("files", "gauge", "digest", "shows"),
    [
        ({"a.yml": b"x"}, 1.0, predict(DigestAlgorithm.SHA256_HEX, b"x"), True),
        ({"a.yml": b"x"}, 1.0, "other", False),
        ({"a.yml": b"x"}, 0.0, predict(DigestAlgorithm.SHA256_HEX, b"x"), False),
        ({"a.yml": b"x", "b": b""}, 1.0, predict(DigestAlgorithm.SHA256_HEX, b"x"), False),
        ({"a.txt": b"x"}, 1.0, predict(DigestAlgorithm.SHA256_HEX, b"x"), False),
    ],
    ids=["it does", "another", "sick", "a file beside it", "not predictable"],
)
def test_a_digest_alone_shows_content_of_one_file(
    files: Mapping[str, bytes], gauge: float, digest: str, *, shows: bool
) -> None:
    proof = Proof(groups=((PREDICTED, GAUGE),))
    snapshot = Snapshot.of(files)
    sample = look({"digest": digest, "gauge": gauge})
    assert shows_content(proof, sample, predict_digests(proof, snapshot), snapshot) is shows
