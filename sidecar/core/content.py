"""The content's side of the machine: which candidate is wanted, and how its attempt ends."""

from __future__ import annotations

from dataclasses import dataclass, replace

from sidecar.core.arrival import proceed
from sidecar.core.attempt import AttemptRecord, Outcome, Trigger
from sidecar.core.backoff import VALIDATE_TRIES
from sidecar.core.bridge import Mode, Noop, OnInvalid, Proof
from sidecar.core.claim import is_untold
from sidecar.core.draft import Draft
from sidecar.core.effects import (
    Announce,
    Answer,
    Milestone,
    Reply,
    Save,
    SaveGood,
    Validate,
    WatchExit,
)
from sidecar.core.memory import write_entry
from sidecar.core.newest import UNMOUNTED, carry, find_newest, is_from_api, whole
from sidecar.core.repair import is_fill_due, is_own_good, is_repair_due
from sidecar.core.report import Finding, Report
from sidecar.core.snapshot import Mounted, short
from sidecar.core.state import (
    ATTEMPTS_KEPT,
    Attempt,
    Confirming,
    Decision,
    Interrupted,
    State,
    Validating,
)
from sidecar.core.turn import ADOPTED, is_outrun, takes_turns
from sidecar.core.verdict import predict_digests


@dataclass(frozen=True, slots=True)
class Want:
    """An attempt that is called for. `beside`: not on the newest content.

    `repairs`: it brings back what ran before; other content beside the newest is only watched.
    """

    trigger: Trigger
    candidate: Mounted
    beside: bool = False
    repairs: bool = False


def find_want(state: State) -> Want | None:
    """What calls for an attempt, if anything; waits are not looked at here."""
    newest = find_newest(state)
    if newest is None:
        return None
    if _is_unread(state):
        return None
    decided = state.decided
    stands = decided is not None and decided.digest == newest.snapshot.digest
    if stands and is_repair_due(state) and state.good is not None:
        # Until it is told, nobody waits for a process that cannot come up on the files that failed;
        # who asks for another try gets it from one that came up again.
        good = Want(Trigger.STARTUP, carry(state, state.good), beside=True, repairs=True)
        return None if is_untold(state) else good
    if state.asked is not None:
        return Want(state.asked[0], newest)
    if is_fill_due(state, newest) and state.good is not None:
        return Want(Trigger.STARTUP, carry(state, state.good), beside=True, repairs=True)
    if decided is None:
        return Want(Trigger.STARTUP, newest)
    displaced = _runs_other(state, newest) or _lacks_published(state, newest)
    if newest.snapshot.digest != decided.digest or displaced or is_overruled(state):
        return Want(Trigger.API if is_from_api(state) else Trigger.MOUNT, newest)
    mounted = state.mounted
    if mounted is not None and (state.restart_pending or state.interrupted is not None):
        return Want(Trigger.STARTUP, mounted, beside=mounted.snapshot != newest.snapshot)
    return None


def _is_unread(state: State) -> bool:
    """Whether nothing tells yet which generation is on disk, and so what is to be done.

    A folder of our own may be empty, or carry what a sidecar before left there. Of a mount that is
    to come, only what was signalled before is gone on with by its generation.
    """
    if state.bridge.source.mode is Mode.MOUNTED:
        return state.mounted is None and state.interrupted is not None
    return state.mounted is None and not state.mount_trouble


def _runs_other(state: State, newest: Mounted) -> bool:
    """Whether the process was given other content since the newest was applied."""
    decided, loaded = state.decided, state.loaded
    return (
        state.api is not None
        and decided is not None
        and decided.outcome is Outcome.APPLIED
        and loaded is not None
        and loaded.digest != newest.snapshot.digest
    )


def _lacks_published(state: State, newest: Mounted) -> bool:
    """Whether somebody else took applied content out of the shared folder."""
    published = state.bridge.source.mode is Mode.PUBLISHED
    applied = state.decided is not None and state.decided.outcome is Outcome.APPLIED
    return published and applied and newest.fence == UNMOUNTED


def wanted_from(state: State, want: Want) -> float:
    """From when on the wanted attempt may begin: only edits wait for each other."""
    waits = want.trigger in {Trigger.API, Trigger.MOUNT} and state.asked is None
    return state.debounce.opens_at() if waits else float("-inf")


def begin_attempt(draft: Draft, want: Want) -> None:
    """Set what is wanted on its way."""
    state, candidate = draft.state, want.candidate
    claimed, interrupted = state.claimed, state.interrupted
    maybe_signalled = interrupted.digest if interrupted is not None else None
    attempt = Attempt(
        candidate=candidate,
        trigger=want.trigger,
        started_s=draft.now_s,
        predictions=predict_digests(state.bridge.proof, candidate.snapshot),
        asked=state.asked is not None,
        given=candidate.snapshot.digest in {state.given, maybe_signalled},
        beside=want.beside,
        repairs=want.repairs,
    )
    if claimed is not None and claimed.digest == attempt.digest and not attempt.beside:
        attempt = _take_up(state, replace(attempt, nonce=claimed.nonce, tries=claimed.tries))
    draft.state = replace(
        state,
        attempt=attempt,
        debounce=state.debounce.open(draft.now_s),
        deferred=False,
        restart_pending=state.restart_pending and candidate.fence == UNMOUNTED,
        interrupted=_find_left(state, attempt),
        given=None,
        claimed=claimed if attempt.beside else None,
    )
    if interrupted is not None and _continues(interrupted, attempt, state.bridge.proof):
        _resume(draft, interrupted)
    elif _is_unchanged(draft.state, attempt):
        _settle_unchanged(draft, attempt)
    elif _was_undone(draft.state, attempt):
        message = "this content failed before and was undone: change it, or ask for another try"
        finish(draft, Outcome.REJECTED, message)
    elif (attempt.beside or may_signal(draft.state)) and not is_approved(draft.state, attempt):
        validate(draft, tries=0)
    else:
        proceed(draft)


def _take_up(state: State, attempt: Attempt) -> Attempt:
    """A turn from before the sidecar's restart, unless somebody else has spoken since."""
    api = state.api
    declared = api.declared if api is not None and api.is_current else None
    outrun = declared is not None and is_outrun(attempt, declared)
    return replace(attempt, nonce="") if outrun else attempt


def is_approved(state: State, attempt: Attempt) -> bool:
    """Whether the candidate passed its checks, or ran before and only comes back."""
    returns = attempt.beside and attempt.digest == state.last_good
    return state.valid == attempt.digest or returns


def _was_undone(state: State, attempt: Attempt) -> bool:
    undone = state.api.restored if state.api is not None else None
    return undone == whole(state, attempt.digest) and not attempt.asked


def may_signal(state: State) -> bool:
    """Whether the running attempt may end in a signal.

    Content that was rejected, failed or stayed unconfirmed is not tried again by itself: where its
    process starts anew, the start is only watched. So it is of content beside the newest, which is
    about to go, unless that is what is brought back.
    """
    attempt, decided = state.attempt, state.decided
    if attempt is None or (attempt.beside and not attempt.repairs):
        return False
    return (
        attempt.asked
        or decided is None
        or decided.digest != attempt.digest
        or decided.outcome is Outcome.APPLIED
        or is_overruled(state)
        or (attempt.repairs and is_own_good(state, decided))
    )


def is_overruled(state: State) -> bool:
    """Whether another pod has proven, after all, what failed without this one having tried it."""
    decided, side = state.decided, state.api
    declared = side.declared if side is not None else None
    if decided is None or decided.tried or declared is None or not takes_turns(state):
        return False
    marks, digest = declared.marks, declared.digest
    adopted = marks.get("status") in ADOPTED and marks.get("observed") == digest
    named = marks.get("active") == digest and decided.digest == declared.content.digest
    doubtful = decided.outcome is Outcome.UNCONFIRMED and not decided.adopted
    return adopted and named and decided.outcome is not Outcome.APPLIED and not doubtful


def bears_repeating(proof: Proof) -> bool:
    """Whether a second signal for the same content does no harm to this daemon."""
    return proof.noop is not Noop.FAILS and proof.on_invalid not in {
        OnInvalid.DIES,
        OnInvalid.OUTAGE,
    }


def gives_back(state: State) -> bool:
    """Whether an attempt whose signal was sent may be begun anew.

    Not where that harms the daemon, nor where other pods would have their turn with content that
    is unproven.
    """
    return bears_repeating(state.bridge.proof) and not takes_turns(state)


def _find_left(state: State, attempt: Attempt) -> Interrupted | None:
    """What was interrupted, as long as its content is still on disk while other is decided."""
    interrupted, mounted = state.interrupted, state.mounted
    if interrupted is None or mounted is None or interrupted.digest == attempt.digest:
        return None
    return interrupted if mounted.fence == interrupted.fence else None


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
    loaded, mode = state.loaded, state.bridge.source.mode
    lacking = mode is Mode.PUBLISHED and attempt.candidate.fence == UNMOUNTED
    return (
        loaded is not None
        and not lacking
        and loaded.proven
        and loaded.digest == attempt.digest
        and loaded.process.is_same(state.process)
    )


def _settle_unchanged(draft: Draft, attempt: Attempt) -> None:
    message = "this content already runs, proven"
    draft.note(Milestone.UNCHANGED, message)
    if not attempt.beside:
        decided = Decision(digest=attempt.digest, outcome=Outcome.APPLIED, message=message)
        draft.state = replace(draft.state, decided=decided, valid=attempt.digest)
        _remember_good(draft, attempt)
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
        proceed(draft)


def supersede(draft: Draft, why: str) -> None:
    """Other content has taken the candidate's place; whoever asked gets the answer for that.

    What called for this attempt calls for the next one, even where that is the content that was
    decided before: the process may run this candidate by now. What it was given keeps its turn, in
    case that is wanted again: it still is one try.
    """
    attempt = draft.attempt
    _record(draft, attempt, Outcome.SUPERSEDED, why)
    draft.rest()
    draft.state = replace(draft.state, restart_pending=True)
    if attempt.was_given and attempt.turn is not None:
        draft.state = replace(draft.state, claimed=attempt.turn, given=attempt.digest)
    save(draft)


def finish(
    draft: Draft,
    outcome: Outcome,
    message: str,
    findings: tuple[Finding, ...] = (),
    *,
    adopted: bool = False,
    tried: bool = True,
) -> None:
    """The attempt ends with the last word on its content; not `tried`: by what others say."""
    attempt = draft.attempt
    decided = Decision(
        digest=attempt.digest,
        outcome=outcome,
        message=message,
        findings=findings,
        tried=attempt.signalled
        or attempt.ends > 0
        or (tried and outcome is not Outcome.UNCONFIRMED),
    )
    if attempt.beside and draft.state.decided is not None:
        decided = _say_beside(draft.state, draft.state.decided, decided, attempt)
    draft.state = replace(draft.state, decided=decided, blocked="")
    _record(draft, attempt, outcome, message, findings, adopted=adopted)
    answer(draft, Reply(outcome.value), message, findings)
    draft.rest()
    if outcome is Outcome.APPLIED:
        _remember_good(draft, attempt)
    save(draft)


def _say_beside(state: State, decided: Decision, ended: Decision, attempt: Attempt) -> Decision:
    """The decision on the newest content, with what became of the content beside it."""
    name = short(whole(state, ended.digest))
    if ended.outcome is Outcome.APPLIED:
        return replace(decided, aside=f"{name} runs, proven: {ended.message}", lost=False)
    if not attempt.repairs:
        return decided  # it was only watched
    aside = f"{name} did not come back ({ended.outcome.value}): {ended.message}"
    return replace(decided, aside=aside, lost=True)


def _remember_good(draft: Draft, attempt: Attempt) -> None:
    """What was proven last is what is gone back to: its bytes are kept, its process is known."""
    content = attempt.candidate.snapshot
    if draft.state.last_good != attempt.digest:
        draft.emit(SaveGood(content))
    side = draft.state.api
    if side is not None and side.restored == whole(draft.state, attempt.digest):
        side = replace(side, restored=None)  # it was undone, and is good after all
    draft.state = replace(
        draft.state,
        last_good=attempt.digest,
        good=content,
        good_s=draft.now_s,
        api=side,
        restart_pending=False,
    )


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
        digest=whole(draft.state, attempt.digest),
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
