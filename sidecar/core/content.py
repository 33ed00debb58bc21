"""The content's side of the machine: which candidate is wanted, and how its attempt ends."""

from __future__ import annotations

from dataclasses import replace

from sidecar.core.attempt import AttemptRecord, Outcome, Trigger
from sidecar.core.backoff import VALIDATE_TRIES
from sidecar.core.bridge import Noop, OnInvalid, Proof
from sidecar.core.draft import Draft
from sidecar.core.effects import Announce, Answer, Milestone, Reply, Save, Validate, WatchExit
from sidecar.core.memory import write_entry
from sidecar.core.report import Finding, Report
from sidecar.core.snapshot import Mounted
from sidecar.core.state import (
    ATTEMPTS_KEPT,
    Attempt,
    Confirming,
    Decision,
    Interrupted,
    Seeking,
    State,
    Validating,
)
from sidecar.core.verdict import predict_digests


def find_want(state: State, mounted: Mounted) -> Trigger | None:
    """What calls for an attempt on what is `mounted`, if anything; waits are not looked at here."""
    if state.asked is not None:
        return state.asked[0]
    if state.decided is None:
        return Trigger.STARTUP
    if mounted.snapshot.digest != state.decided.digest:
        return Trigger.MOUNT
    return Trigger.STARTUP if state.restart_pending or state.interrupted is not None else None


def wanted_from(state: State, want: Trigger) -> float:
    """From when on the wanted attempt may begin: only edits wait for each other."""
    waits = want is Trigger.MOUNT and state.asked is None
    return state.debounce.opens_at() if waits else float("-inf")


def begin_attempt(draft: Draft, trigger: Trigger, candidate: Mounted) -> None:
    """Set `candidate`, the newest content, on its way."""
    state = draft.state
    attempt = Attempt(
        candidate=candidate,
        trigger=trigger,
        started_s=draft.now_s,
        predictions=predict_digests(state.bridge.proof, candidate.snapshot),
        asked=state.asked is not None,
    )
    interrupted = state.interrupted
    draft.state = replace(
        state,
        attempt=attempt,
        debounce=state.debounce.open(draft.now_s),
        deferred=False,
        restart_pending=False,
        interrupted=None,
    )
    if interrupted is not None and _continues(interrupted, attempt, state.bridge.proof):
        _resume(draft, interrupted)
    elif _is_unchanged(draft.state, attempt):
        _settle_unchanged(draft, attempt)
    elif may_signal(draft.state) and state.valid != attempt.digest:
        validate(draft, tries=0)
    else:
        draft.enter(Seeking(since_s=draft.now_s))


def may_signal(state: State) -> bool:
    """Whether the running attempt may end in a signal.

    Content that was rejected, failed or stayed unconfirmed is not tried again by itself: where its
    process starts anew, the start is only watched.
    """
    attempt, decided = state.attempt, state.decided
    return attempt is not None and (
        attempt.asked
        or decided is None
        or decided.digest != attempt.digest
        or decided.outcome is Outcome.APPLIED
    )


def bears_repeating(proof: Proof) -> bool:
    """Whether a second signal for the same content does no harm to this daemon."""
    return proof.noop is not Noop.FAILS and proof.on_invalid not in {
        OnInvalid.DIES,
        OnInvalid.OUTAGE,
    }


def _continues(interrupted: Interrupted, attempt: Attempt, proof: Proof) -> bool:
    same = (interrupted.digest, interrupted.fence) == (attempt.digest, attempt.candidate.fence)
    return same and (interrupted.signalled or not bears_repeating(proof))


def _resume(draft: Draft, interrupted: Interrupted) -> None:
    """Go on looking with the old baseline; no second signal."""
    attempt = replace(draft.attempt, trigger=interrupted.trigger, signalled=True, resumed=True)
    draft.state = replace(draft.state, attempt=attempt, valid=attempt.digest)
    process = interrupted.baseline.process
    draft.state = replace(draft.state, process=process)
    draft.emit(WatchExit(process))
    draft.note(Milestone.RESUMED)
    draft.enter(
        Confirming(
            baseline=interrupted.baseline,
            signalled_s=draft.now_s,
            deadline_s=draft.now_s + draft.state.bridge.proof.deadline_s,
            answer=interrupted.answer,
        )
    )


def _is_unchanged(state: State, attempt: Attempt) -> bool:
    loaded = state.loaded
    return (
        loaded is not None
        and loaded.proven
        and loaded.digest == attempt.digest
        and loaded.process.is_same(state.process)
    )


def _settle_unchanged(draft: Draft, attempt: Attempt) -> None:
    message = "this content already runs, proven"
    draft.note(Milestone.UNCHANGED, message)
    decided = Decision(digest=attempt.digest, outcome=Outcome.APPLIED, message=message)
    draft.state = replace(draft.state, decided=decided, valid=attempt.digest)
    draft.unblock()
    answer(draft, Reply.UNCHANGED, message)
    draft.rest()
    save(draft)


def validate(draft: Draft, *, tries: int) -> None:
    """Have the candidate judged."""
    candidate = draft.attempt.candidate.snapshot
    draft.enter(Validating(tries=tries))
    draft.ask(lambda effect: Validate(effect, candidate))


def take_report(draft: Draft, phase: Validating, report: Report) -> None:
    """The validators have spoken."""
    draft.state = replace(draft.state, attempt=replace(draft.attempt, report=report))
    if report.rejects:
        finish(draft, Outcome.REJECTED, report.summary, report.errors)
    elif report.cannot_run:
        draft.block(report.summary)
        retry_s = draft.now_s + VALIDATE_TRIES.delay_s(phase.tries)
        draft.enter(Validating(tries=phase.tries + 1, retry_s=retry_s))
    else:
        draft.unblock()
        draft.state = replace(draft.state, valid=draft.attempt.digest)
        draft.enter(Seeking(since_s=draft.now_s))


def supersede(draft: Draft, why: str) -> None:
    """Other content has taken the candidate's place; whoever asked gets the answer for that.

    What called for this attempt calls for the next one, even where that is the content that was
    decided before: the process may run this candidate by now.
    """
    _record(draft, draft.attempt, Outcome.SUPERSEDED, why)
    draft.rest()
    draft.state = replace(draft.state, restart_pending=True)
    save(draft)


def finish(
    draft: Draft,
    outcome: Outcome,
    message: str,
    findings: tuple[Finding, ...] = (),
    *,
    adopted: bool = False,
) -> None:
    """The attempt ends with the last word on its content."""
    attempt = draft.attempt
    decided = Decision(digest=attempt.digest, outcome=outcome, message=message, findings=findings)
    applied = outcome is Outcome.APPLIED
    last_good = attempt.digest if applied else draft.state.last_good
    draft.state = replace(draft.state, decided=decided, last_good=last_good, blocked="")
    _record(draft, attempt, outcome, message, findings, adopted=adopted)
    answer(draft, Reply(outcome.value), message, findings)
    draft.rest()
    save(draft)


def _record(
    draft: Draft,
    attempt: Attempt,
    outcome: Outcome,
    message: str,
    findings: tuple[Finding, ...] = (),
    *,
    adopted: bool = False,
) -> None:
    record = AttemptRecord(
        digest=attempt.digest,
        trigger=attempt.trigger,
        outcome=outcome,
        message=message,
        started_s=attempt.started_s,
        duration_s=draft.now_s - attempt.started_s,
        signalled=attempt.signalled,
        adopted=adopted,
        findings=findings,
    )
    records = (record, *draft.state.records[: ATTEMPTS_KEPT - 1])
    draft.state = replace(draft.state, records=records)
    draft.emit(Announce(record))


def answer(draft: Draft, reply: Reply, message: str, findings: tuple[Finding, ...] = ()) -> None:
    """Tell everyone who asked."""
    if draft.state.asked is not None:
        for request in draft.state.asked[1]:
            draft.emit(Answer(request=request, reply=reply, message=message, findings=findings))
        draft.state = replace(draft.state, asked=None)


def save(draft: Draft) -> None:
    """Journal the state as it is now."""
    draft.emit(Save(write_entry(draft.state)))
