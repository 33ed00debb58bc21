"""Decides from two looks whether a reload happened, and whether it worked.

The rules (docs/how-it-works.md): decide on one scrape that agrees with itself; a torn or failed
scrape means wait; failure evidence wins; a gauge that stays 0 while nothing moved says nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import assert_never

from sidecar.core.bridge import Proof
from sidecar.core.evidence import Absent, Children, Evidence, Reading, Role, Sample
from sidecar.core.prediction import predict
from sidecar.core.snapshot import Snapshot

ANSWERED_OK = "ok"
"""The reading of a reload answer that reports success; anything else is the daemon's reason."""

Predictions = Mapping[str, str]
"""Evidence name to the digest that the daemon will show once it runs the candidate."""


class Verdict(StrEnum):
    """What two looks say together."""

    WAIT = "wait"
    CONFIRMED = "confirmed"
    FAILED = "failed"
    RESTARTED = "restarted"
    DIED = "died"


@dataclass(frozen=True, slots=True)
class Judgement:
    """A verdict and the observation behind it, as the second half of a sentence."""

    verdict: Verdict
    reason: str


def predict_digests(proof: Proof, snapshot: Snapshot) -> Predictions:
    """Compute what the digest evidence of `proof` will read when the daemon runs `snapshot`."""
    predictions = {}
    for evidence in proof.evidence:
        if evidence.algorithm is not None:
            keys = [key for key in snapshot.files if fnmatchcase(key, evidence.file or "*")]
            if len(keys) == 1:
                content = snapshot.files[keys[0]]
                predictions[evidence.name] = predict(evidence.algorithm, content)
    return predictions


def find_unready(proof: Proof, sample: Sample) -> str | None:
    """Say what keeps `sample` from being a baseline, or None if it is one.

    A good baseline is also the proof that the process is up and has its handler: a daemon that is
    signalled before that dies of it.
    """
    if sample.error is not None:
        return sample.error
    missing = [_missing(group, sample) for group in proof.groups]
    if not missing or not all(missing):
        return None
    return f"the daemon does not show {' nor '.join(dict.fromkeys(missing))} yet"


def _missing(group: Iterable[Evidence], sample: Sample) -> str:
    return ", ".join(
        evidence.name
        for evidence in group
        if evidence.absent is Absent.WAIT
        and evidence.role is not Role.ANSWER
        and evidence.name not in sample.readings
    )


def is_healthy(proof: Proof, sample: Sample) -> bool:
    """Whether a ready `sample` shows no sign of a failed last load."""
    return all(
        _number(sample.readings[evidence.name]) >= 1
        for evidence in proof.evidence
        if evidence.role is Role.OK_GAUGE and evidence.name in sample.readings
    )


def shows_content(
    proof: Proof, sample: Sample, predictions: Predictions, snapshot: Snapshot
) -> bool:
    """Whether `sample` alone proves that the daemon loaded `snapshot` and is well.

    A digest speaks of one file: where the daemon reads others beside it, they may be older.
    """
    return (
        len(predictions) == len(snapshot.files) == 1
        and is_healthy(proof, sample)
        and all(sample.readings.get(name) == digest for name, digest in predictions.items())
    )


def judge(proof: Proof, before: Sample, after: Sample, predictions: Predictions) -> Judgement:
    """Compare a look from before the trigger with one from after it."""
    if after.process is None:
        return Judgement(Verdict.DIED, after.trouble or "the process is gone")
    if not after.process.is_same(before.process):
        return Judgement(Verdict.RESTARTED, f"process {after.process.pid} took its place")
    if after.error is not None:
        return Judgement(Verdict.WAIT, after.error)
    judgements = [_judge_group(group, before, after, predictions) for group in proof.groups]
    for verdict in (Verdict.FAILED, Verdict.CONFIRMED):
        for judgement in judgements:
            if judgement.verdict is verdict:
                return judgement
    reasons = dict.fromkeys(judgement.reason for judgement in judgements)
    return Judgement(Verdict.WAIT, "; ".join(reasons) or "there is no evidence to look at")


def _judge_group(
    group: tuple[Evidence, ...], before: Sample, after: Sample, predictions: Predictions
) -> Judgement:
    marks = [_mark(evidence, before, after, predictions.get(evidence.name)) for evidence in group]
    moved = [mark for mark in marks if mark.proves]
    lacking = [mark for mark in marks if not mark.holds]
    failing = [mark for mark in marks if mark.fails]
    if failing and not (moved and all(mark.torn_by_success for mark in failing)):
        return Judgement(Verdict.FAILED, failing[0].text)
    if moved and not lacking and not failing:
        return Judgement(Verdict.CONFIRMED, ", ".join(mark.text for mark in moved))
    return Judgement(Verdict.WAIT, ", ".join(mark.text for mark in lacking or marks))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Mark:
    """What one evidence says: it `holds` (does not speak against success), `proves`, or `fails`.

    `torn_by_success`: this failure contradicts a success in the same scrape, so the scrape is torn.
    """

    text: str
    holds: bool = True
    proves: bool = False
    fails: bool = False
    torn_by_success: bool = False


def _mark(evidence: Evidence, before: Sample, after: Sample, predicted: str | None) -> _Mark:
    old, new = _read(evidence, before), _read(evidence, after)
    if new is None:
        optional = evidence.absent is Absent.OPTIONAL and old is None
        lacks = "did not come" if evidence.role is Role.ANSWER else "is not shown"
        return _Mark(text=f"{evidence.name} {lacks}", holds=optional)
    match evidence.role:
        case Role.OK_GAUGE:
            return _mark_gauge(evidence.name, old, new)
        case Role.FAILURE_COUNTER:
            failed = _number(new) > _number(old)
            return _Mark(text=f"{evidence.name} {'rose' if failed else 'stayed'}", fails=failed)
        case Role.SUCCESS_TIMESTAMP | Role.SUCCESS_COUNTER | Role.ATTEMPT_TIMESTAMP:
            moved = _number(new) > _number(old)
            proves = moved and evidence.role is not Role.ATTEMPT_TIMESTAMP
            text = f"{evidence.name} {'moved' if moved else 'did not move'}"
            return _Mark(text=text, holds=moved, proves=proves)
        case Role.DIGEST:
            return _mark_digest(evidence.name, old, new, predicted)
        case Role.ECHO:
            moved = old is not None and new != old
            text = f"{evidence.name} {'changed' if moved else 'did not change'}"
            return _Mark(text=text, holds=moved, proves=moved)
        case Role.GENERATION:
            return _mark_generation(evidence, old, new)
        case Role.ANSWER:
            accepted = new == ANSWERED_OK
            text = "the daemon accepted the reload" if accepted else str(new)
            return _Mark(text=text, holds=accepted, proves=accepted, fails=not accepted)
        case Role.PROBE:
            held = str(new) == evidence.equals
            return _Mark(text=f"{evidence.name} {'holds' if held else 'does not hold'}", holds=held)
        case _:
            assert_never(evidence.role)


def _mark_gauge(name: str, old: Reading | None, new: Reading) -> _Mark:
    if _number(new) >= 1:
        return _Mark(text=f"{name} is 1")
    fell = old is not None and _number(old) >= 1
    text = f"{name} {'fell to' if fell else 'stayed'} 0"
    return _Mark(text=text, holds=False, fails=fell, torn_by_success=True)


def _mark_digest(name: str, old: Reading | None, new: Reading, predicted: str | None) -> _Mark:
    changed = old is not None and new != old
    if predicted is None:
        return _Mark(text=f"{name} {'changed' if changed else 'did not change'}", proves=changed)
    equal = new == predicted
    text = f"{name} {'names' if equal else 'does not name'} this content"
    return _Mark(text=text, holds=equal, proves=equal and changed)


def _mark_generation(evidence: Evidence, old: Reading | None, new: Reading) -> _Mark:
    was = old if isinstance(old, frozenset) else frozenset()
    now = new if isinstance(new, frozenset) else frozenset()
    any_new = isinstance(evidence.source, Children) and evidence.source.replaced == "any"
    fresh = now - was
    replaced = bool(fresh) and (any_new or not now & was)
    text = f"{evidence.name} {'took over' if replaced else 'were not replaced'}"
    return _Mark(text=text, holds=replaced, proves=replaced)


def _read(evidence: Evidence, sample: Sample) -> Reading | None:
    reading = sample.readings.get(evidence.name)
    if reading is None and evidence.absent is Absent.ZERO:
        return 0.0
    return reading


def _number(reading: Reading | None) -> float:
    return float(reading) if isinstance(reading, float | int | str) else float("-inf")
