"""The process's side of the machine: find it ready, tell whether it already runs the candidate."""

from __future__ import annotations

from dataclasses import replace

from sidecar.core.attempt import Outcome, Trigger
from sidecar.core.backoff import LINGER_LOOKS, SEEK_LOOKS
from sidecar.core.bridge import Noop, OnInvalid
from sidecar.core.claim import claim
from sidecar.core.content import bears_repeating, finish, is_approved, may_signal, save
from sidecar.core.crashes import MOST_ENDS, count_ends, explain
from sidecar.core.draft import Draft
from sidecar.core.effects import Signal, WatchExit
from sidecar.core.evidence import Baseline, Process, Sample
from sidecar.core.state import (
    Attempt,
    Claiming,
    Confirming,
    Decision,
    Lingering,
    Loaded,
    Seeking,
    Signalling,
    State,
    Waiting,
)
from sidecar.core.turn import is_paused
from sidecar.core.verdict import Verdict, find_unready, is_healthy, judge, shows_content

BASELINE_KEPT_S = 1.0
"""A look from before the claim that is older than this is taken again."""

FENCE_WAIT_S = 0.02
"""How long to wait for the watcher where a look saw a newer generation than it reported."""

LINGER_S = 600.0
"""How long late proof is looked for."""


def seek(draft: Draft, phase: Seeking, sample: Sample) -> None:
    """Take one look into account while a baseline is wanted."""
    phase = _track(draft, phase, sample.process)
    unready = sample.trouble or find_unready(draft.state.bridge.proof, sample)
    if sample.process is None or unready is not None:
        _wait_for_process(draft, phase, unready or "the process is gone")
    elif sample.fence is None:
        delay_s = SEEK_LOOKS.delay_s(phase.tries)
        look_again(draft, replace(phase, tries=phase.tries + 1), draft.now_s + delay_s)
    elif sample.fence != draft.attempt.candidate.fence:
        look_again(draft, phase, draft.now_s + FENCE_WAIT_S)
    else:
        _take_baseline(draft, phase, sample, sample.process)


def follow(draft: Draft, process: Process | None) -> None:
    """From now on `process` is the one to watch; what an earlier one had loaded is history."""
    if process is not None and not process.is_same(draft.state.process):
        draft.emit(WatchExit(process))
    loaded = draft.state.loaded
    kept = loaded if loaded is not None and loaded.process.is_same(process) else None
    if kept is not loaded or process != draft.state.process:
        draft.state = replace(draft.state, process=process, loaded=kept)


def count_end(draft: Draft) -> None:
    """One more process ended while the candidate was on disk."""
    attempt = draft.attempt
    draft.state = replace(draft.state, attempt=replace(attempt, ends=attempt.ends + 1))


def look_again(draft: Draft, phase: Seeking, look_s: float) -> None:
    """Look once more, at `look_s`."""
    draft.enter(replace(phase, look_s=look_s))


def started_with(attempt: Attempt, process: Process) -> bool:
    """Whether `process` read the candidate when it started: it is younger than the files."""
    return attempt.candidate.was_there_at(process.started_s)


def runs_candidate(draft: Draft, sample: Sample, process: Process) -> str | None:
    """How we know that the ready process already runs the candidate, or None.

    Who asks from a shell wants the reload itself.
    """
    attempt, proof, loaded = draft.attempt, draft.state.bridge.proof, draft.state.loaded
    if attempt.repairs and _has_kept(draft.state, process):
        return "kept this content when it refused the other"
    if attempt.trigger is Trigger.CLI or not is_healthy(proof, sample):
        return None
    known = loaded if loaded is not None and loaded.process.is_same(process) else None
    if known is not None and known.proven and known.digest == attempt.digest:
        return "still runs this content"
    untouched = known is None or known.signalled_s is None
    if untouched and started_with(attempt, process):
        return "started with this content and is up"
    if shows_content(proof, sample, attempt.predictions, attempt.candidate.snapshot):
        return "shows the digest of this content"
    return None


def _has_kept(state: State, process: Process) -> bool:
    """Whether the process said no to other content, and so runs what it ran before.

    Of a daemon that does nothing when unchanged content is reloaded, no signal can prove more.
    """
    loaded, decided, proof = state.loaded, state.decided, state.bridge.proof
    return (
        proof.noop is not Noop.MOVES
        and proof.on_invalid is OnInvalid.KEEPS
        and decided is not None
        and decided.outcome is Outcome.FAILED
        and loaded is not None
        and loaded.process.is_same(process)
        and loaded.digest == decided.digest
        and loaded.kept is not None
        and loaded.kept == state.last_good
    )


def adopt(draft: Draft, process: Process, how: str) -> None:
    """The process runs the candidate without a signal of ours."""
    attempt, name = draft.attempt, process.name or str(process.pid)
    refusal = draft.state.decided if not is_approved(draft.state, attempt) else None
    loaded = Loaded(process=process, digest=attempt.digest, proven=refusal is None)
    draft.state = replace(draft.state, loaded=loaded)
    if refusal is None:
        finish(draft, Outcome.APPLIED, f"{name} {how}", adopted=True)
    else:
        _run_unapproved(draft, refusal, f"{name} {how}")


def _run_unapproved(draft: Draft, refusal: Decision, how: str) -> None:
    """The process runs content that was rejected: the verdict stays, and this is said beside it."""
    draft.state = replace(draft.state, decided=replace(refusal, aside=f"although {how}"))
    draft.unblock()
    draft.rest()
    save(draft)


def _track(draft: Draft, phase: Seeking, process: Process | None) -> Seeking:
    """Notice that the process came, went or was replaced since the last look."""
    follow(draft, process)
    if process is phase.process or (process is not None and process.is_same(phase.process)):
        return phase
    if phase.process is not None:
        count_end(draft)
    return Seeking(since_s=draft.now_s, process=process)


def _wait_for_process(draft: Draft, phase: Seeking, reason: str) -> None:
    draft.block(explain(draft, reason) if phase.process is None else reason)
    attempt, process = draft.attempt, phase.process
    given = attempt.was_given or attempt.ends > 0
    given = given or (process is not None and started_with(attempt, process))
    overdue = draft.now_s - phase.since_s >= draft.state.bridge.policy.patience_s
    ended = given and (overdue or attempt.ends >= MOST_ENDS)
    may_fail = may_signal(draft.state)
    if (ended or _crashes(attempt, process)) and may_fail:
        _fail_start(draft, phase, reason)
    else:
        if process is None and not given and may_fail:
            count_ends(draft, phase)
        delay_s = SEEK_LOOKS.delay_s(phase.tries)
        look_again(draft, replace(phase, tries=phase.tries + 1), draft.now_s + delay_s)


def _crashes(attempt: Attempt, process: Process | None) -> bool:
    """Whether the container ends again and again, before its process can be seen."""
    return process is None and attempt.crashes.ends >= MOST_ENDS


def _fail_start(draft: Draft, phase: Seeking, reason: str) -> None:
    attempt = draft.attempt
    patience_s = draft.state.bridge.policy.patience_s
    if _crashes(attempt, phase.process):
        crashes = attempt.crashes
        message = (
            f"the container ended {crashes.ends} times with this content; last: {crashes.last}"
        )
    elif attempt.ends >= MOST_ENDS:
        message = f"the process ended {attempt.ends} times with this content; last: {reason}"
    elif phase.process is None:
        message = f"the process ended and did not come back within {patience_s:g}s: {reason}"
    else:
        message = f"the process did not become ready within {patience_s:g}s: {reason}"
    finish(draft, Outcome.FAILED, message)
    if phase.process is None:
        draft.state = replace(draft.state, restart_pending=True)
    else:
        linger(draft, attempt, unproven=None)


def linger(draft: Draft, attempt: Attempt, *, unproven: Confirming | None) -> None:
    """Keep the decided attempt in sight, for late proof: who asked was told, its turn is over."""
    attempt = replace(attempt, asked=False, nonce="")
    draft.state = replace(draft.state, attempt=attempt)
    until_s, look_s = draft.now_s + LINGER_S, draft.now_s + LINGER_LOOKS.delay_s(0)
    draft.enter(Lingering(unproven=unproven, until_s=until_s, look_s=look_s))


def _take_baseline(draft: Draft, phase: Seeking, sample: Sample, process: Process) -> None:
    proof = draft.state.bridge.proof
    if draft.now_s < (busy_until_s := _busy_until(draft, sample)):
        look_s = min(draft.now_s + SEEK_LOOKS.delay_s(phase.tries), busy_until_s)
        look_again(draft, replace(phase, tries=phase.tries + 1), look_s)
    elif (how := runs_candidate(draft, sample, process)) is not None:
        adopt(draft, process, how)
    elif not may_signal(draft.state):
        stand_by(draft)
    elif _may_have_been_signalled(draft, process):
        finish(
            draft,
            Outcome.UNCONFIRMED,
            "nothing tells whether the process was already given this content, and a second signal"
            " would harm it: ask for a reload if it was not",
        )
    elif proof.cache_s > 0 and (
        phase.first is None or sample.taken_s < phase.first.taken_s + proof.cache_s
    ):
        first = phase.first or sample
        look_again(draft, replace(phase, first=first), first.taken_s + proof.cache_s)
    elif draft.now_s < _tellable_from(draft, phase):
        look_again(draft, phase, _tellable_from(draft, phase))
    else:
        _go_first(draft, sample, process)


def _busy_until(draft: Draft, sample: Sample) -> float:
    """Until when what the process shows may still be the doing of an earlier signal.

    A large configuration is read at the signal and shown seconds later: proof of other content by
    then. So the next baseline waits until that reload has shown its end, or its deadline is over.
    """
    loaded, proof = draft.state.loaded, draft.state.bridge.proof
    if loaded is None or loaded.proven or loaded.before is None or loaded.signalled_s is None:
        return float("-inf")
    ended = judge(proof, loaded.before, sample, {}).verdict is not Verdict.WAIT
    return float("-inf") if ended else loaded.signalled_s + proof.deadline_s


def stand_by(draft: Draft) -> None:
    """The decision on this content stands; the process is known again, and may still prove it."""
    draft.unblock()
    unproven = _find_unproven(draft.state, draft.attempt)
    if unproven is None:
        draft.rest()
    else:
        linger(draft, draft.attempt, unproven=unproven)


def _find_unproven(state: State, attempt: Attempt) -> Confirming | None:
    """The signal for this content that was not proven in time.

    A folder that carried anything else since may be what has moved the evidence.
    """
    decided, loaded = state.decided, state.loaded
    if decided is None or decided.outcome is not Outcome.UNCONFIRMED or loaded is None:
        return None
    before, signalled_s = loaded.before, loaded.signalled_s
    if before is None or signalled_s is None or not loaded.process.is_same(state.process):
        return None
    same = loaded.digest == attempt.digest and before.fence == attempt.candidate.fence
    if not same:
        return None
    deadline_s = signalled_s + state.bridge.proof.deadline_s
    return Confirming(baseline=before, signalled_s=signalled_s, deadline_s=deadline_s)


def _may_have_been_signalled(draft: Draft, process: Process) -> bool:
    """Whether the process was given this content before, and a second signal would harm it.

    At first sight without a journal, another sidecar may have signalled before us. Not a process
    that began after we did.
    """
    state, attempt, loaded = draft.state, draft.attempt, draft.state.loaded
    if attempt.asked or bears_repeating(state.bridge.proof):
        return False
    ours = state.remembers or process.started_s > state.begun_s
    same = loaded is not None and loaded.process.is_same(process)
    given = same and loaded is not None and loaded.digest == attempt.digest
    return (state.decided is None and not ours) or (
        given and loaded is not None and loaded.signalled_s is not None
    )


def _tellable_from(draft: Draft, phase: Seeking) -> float:
    """From when on a success can be told from the one before, on the daemon's coarse clock."""
    loaded, resolution_s = draft.state.loaded, draft.state.bridge.proof.resolution_s
    if resolution_s == 0:
        return float("-inf")
    last_s = loaded.signalled_s if loaded is not None else None
    return (last_s if last_s is not None else phase.since_s) + resolution_s


def _go_first(draft: Draft, sample: Sample, process: Process) -> None:
    """All is ready for the signal: it may still have to wait for people and for the object."""
    baseline = Baseline(
        taken_s=sample.taken_s, process=process, fence=sample.fence, readings=sample.readings
    )
    if is_paused(draft.state):
        _pause(draft)
    elif draft.state.api is None or draft.attempt.beside:
        signal(draft, baseline)
    else:
        _hold(draft, baseline)


def _hold(draft: Draft, baseline: Baseline) -> None:
    """Wait for the API. A look that grew old meanwhile does not begin that wait anew."""
    held_s = draft.attempt.held_s
    if held_s is None:
        draft.unblock()
        held_s = draft.now_s
        draft.state = replace(draft.state, attempt=replace(draft.attempt, held_s=held_s))
    draft.enter(Claiming(baseline=baseline, since_s=held_s))


def _pause(draft: Draft) -> None:
    """Stay here until people let it go on; a claim made meanwhile is none any more."""
    draft.state = replace(draft.state, attempt=replace(draft.attempt, nonce="", held_s=None))
    draft.unblock()
    draft.enter(Waiting(since_s=draft.now_s))


def go_on_claiming(draft: Draft, phase: Claiming) -> None:
    """Signal once the object says so, with a baseline that is not stale by then."""
    if is_paused(draft.state):
        _pause(draft)
        return
    if not claim(draft, phase):
        return
    if draft.now_s - phase.baseline.taken_s > BASELINE_KEPT_S:
        draft.enter(Seeking(since_s=draft.now_s, process=phase.baseline.process))
    else:
        signal(draft, phase.baseline)


def signal(draft: Draft, baseline: Baseline) -> None:
    """Pull the trigger."""
    fence = draft.attempt.candidate.fence
    draft.enter(Signalling(baseline=baseline))
    save(draft)
    process = baseline.process
    draft.ask(lambda effect: Signal(effect=effect, process=process, fence=fence))
