"""The proof's side of the machine: what became of the signal, and what the looks after it say."""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType
from typing import assert_never

from sidecar.core.attempt import Outcome
from sidecar.core.backoff import CONFIRM_LOOKS, LINGER_LOOKS, SEEK_LOOKS
from sidecar.core.content import finish, gives_back, save, supersede
from sidecar.core.draft import Draft
from sidecar.core.effects import Milestone
from sidecar.core.errors import TargetTrouble
from sidecar.core.events import Sending, Signalled
from sidecar.core.evidence import Process, Role, Sample
from sidecar.core.process import (
    FENCE_WAIT_S,
    adopt,
    count_end,
    follow,
    linger,
    runs_candidate,
)
from sidecar.core.state import Confirming, Lingering, Loaded, Seeking, Signalling, State
from sidecar.core.verdict import Judgement, Verdict, find_unready, judge

MOVED = "the content on disk changed before the reload was proven"
UNREADABLE = "the mounted folder cannot be read, so nothing tells which content was loaded"
GONE = {TargetTrouble.GONE, TargetTrouble.ZOMBIE, TargetTrouble.ABSENT}


def take_sending(draft: Draft, phase: Signalling, event: Signalled) -> None:
    """The trigger was pulled, or not."""
    match event.sending:
        case Sending.SENT:
            _take_sent(draft, phase, event)
        case Sending.FENCE_MOVED:
            _seek_at(draft, draft.now_s + FENCE_WAIT_S)
        case Sending.REFUSED:
            if event.trouble in GONE:
                follow(draft, None)
                count_end(draft)
            draft.block(event.message)
            _seek_at(draft, draft.now_s + SEEK_LOOKS.most_s)
        case _:
            assert_never(event.sending)


def _seek_at(draft: Draft, look_s: float) -> None:
    outdated = _find_outdated(draft)
    kept = outdated == UNREADABLE and draft.attempt.was_given and not gives_back(draft.state)
    if outdated is not None and not kept:
        supersede(draft, outdated)
        return
    seeking = Seeking(since_s=draft.now_s, look_s=look_s, process=draft.state.process)
    draft.enter(seeking)
    save(draft)


def _take_sent(draft: Draft, phase: Signalling, event: Signalled) -> None:
    attempt = replace(draft.attempt, signalled=True)
    loaded = Loaded(
        process=phase.baseline.process,
        digest=attempt.digest,
        proven=False,
        signalled_s=draft.now_s,
        before=phase.baseline if event.answer is None else None,
        kept=find_kept(draft.state, phase.baseline.process),
    )
    draft.state = replace(draft.state, attempt=attempt, loaded=loaded, restart_pending=False)
    draft.unblock()
    outdated = MOVED if _moved(draft, event.fence) else _find_outdated(draft)
    if outdated == MOVED or (outdated is not None and gives_back(draft.state)):
        draft.note(Milestone.SIGNALLED)
        supersede(draft, outdated)
        return
    draft.enter(
        Confirming(
            baseline=phase.baseline,
            signalled_s=draft.now_s,
            deadline_s=draft.now_s + draft.state.bridge.proof.deadline_s,
            answer=event.answer,
        )
    )
    save(draft)
    draft.note(Milestone.SIGNALLED)  # what is read of it in a log is in the journal by then


def find_kept(state: State, process: Process) -> str | None:
    """What the process runs before it takes this signal, as far as that was proven."""
    loaded, decided = state.loaded, state.decided
    if loaded is None or not loaded.process.is_same(process):
        return None
    if loaded.proven:
        return loaded.digest
    refused = decided is not None and decided.outcome is Outcome.FAILED
    return (
        loaded.kept if decided is not None and refused and decided.digest == loaded.digest else None
    )


def confirm(draft: Draft, phase: Confirming, sample: Sample) -> None:
    """Take one look after the signal into account."""
    if _moved(draft, sample.fence):
        supersede(draft, MOVED)
        return
    judgement = _judge(draft, phase, sample)
    match judgement.verdict:
        case Verdict.CONFIRMED:
            _take_confirmation(draft, phase, judgement)
        case Verdict.FAILED:
            finish(draft, Outcome.FAILED, f"the process refused this content: {judgement.reason}")
        case Verdict.WAIT:
            _wait_for_evidence(draft, replace(phase, agreeing=0), judgement)
        case Verdict.DIED | Verdict.RESTARTED:
            follow(draft, sample.process)
            count_end(draft)
            draft.block(f"the process ended after the signal: {judgement.reason}")
            _seek_at(draft, draft.now_s)
        case _:
            assert_never(judgement.verdict)


def linger_on(draft: Draft, phase: Lingering, sample: Sample) -> None:
    """Take one late look into account."""
    process = sample.process
    if process is None or not process.is_same(draft.state.process):
        follow(draft, None)
        draft.state = replace(draft.state, restart_pending=True)
        draft.rest()
    elif _moved(draft, sample.fence):
        draft.rest()
    elif not _decide_late(draft, phase, sample, process):
        tries = phase.tries + 1
        look_s = draft.now_s + LINGER_LOOKS.delay_s(tries)
        draft.enter(replace(phase, tries=tries, look_s=look_s))


def _decide_late(draft: Draft, phase: Lingering, sample: Sample, process: Process) -> bool:
    if phase.unproven is None:
        unready = find_unready(draft.state.bridge.proof, sample)
        how = None if unready else runs_candidate(draft, sample, process)
        if how is not None:
            adopt(draft, process, how)
        return how is not None
    judgement = _judge(draft, phase.unproven, sample)
    if judgement.verdict is Verdict.CONFIRMED:
        _apply(draft, phase.unproven, f"late proof: {judgement.reason}")
    elif judgement.verdict is Verdict.FAILED:
        finish(draft, Outcome.FAILED, f"the process refused this content late: {judgement.reason}")
    return judgement.verdict is not Verdict.WAIT


def _take_confirmation(draft: Draft, phase: Confirming, judgement: Judgement) -> None:
    agreeing = phase.agreeing + 1
    if agreeing >= draft.state.bridge.proof.agree:
        _apply(draft, phase, judgement.reason)
    else:
        _wait_for_evidence(draft, replace(phase, agreeing=agreeing), judgement)


def _apply(draft: Draft, phase: Confirming, reason: str) -> None:
    loaded = Loaded(
        process=phase.baseline.process,
        digest=draft.attempt.digest,
        proven=True,
        signalled_s=phase.signalled_s,
    )
    draft.state = replace(draft.state, loaded=loaded)
    finish(draft, Outcome.APPLIED, reason)


def _wait_for_evidence(draft: Draft, phase: Confirming, judgement: Judgement) -> None:
    if draft.now_s < phase.deadline_s:
        tries = phase.tries + 1
        look_s = draft.now_s + CONFIRM_LOOKS.delay_s(phase.tries)
        draft.enter(replace(phase, tries=tries, look_s=look_s, reason=judgement.reason))
        return
    attempt, deadline_s = draft.attempt, draft.state.bridge.proof.deadline_s
    message = f"no proof within {deadline_s:g}s of the signal: {judgement.reason}"
    finish(draft, Outcome.UNCONFIRMED, message)
    linger(draft, attempt, unproven=phase)


def _judge(draft: Draft, phase: Confirming, after: Sample) -> Judgement:
    proof, answer = draft.state.bridge.proof, phase.answer
    names = [evidence.name for evidence in proof.evidence if evidence.role is Role.ANSWER]
    if answer is not None and names and after.error is None:
        readings = {**after.readings, **dict.fromkeys(names, answer)}
        after = replace(after, readings=MappingProxyType(readings))
    judgement = judge(proof, phase.baseline, after, draft.attempt.predictions)
    if judgement.verdict in {Verdict.CONFIRMED, Verdict.FAILED} and after.fence is None:
        return Judgement(Verdict.WAIT, UNREADABLE)
    return judgement


def _find_outdated(draft: Draft) -> str | None:
    """What the watcher told while the signal was on its way, if it speaks against the candidate."""
    mounted = draft.state.mounted
    if mounted is None:
        return UNREADABLE
    return MOVED if _moved(draft, mounted.fence) else None


def _moved(draft: Draft, fence: str | None) -> bool:
    return fence is not None and fence != draft.attempt.candidate.fence
