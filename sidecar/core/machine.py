"""The machine of one bridge: `step(state, event, now) -> (state, effects)`.

Pure and total: every event is good in every state, and an answer that is no longer wanted changes
nothing. All waiting is a state: `wake_at` names the time of the next `Tick`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import assert_never

from sidecar.core import content, proof, source
from sidecar.core.arrival import list_due, publish, take_published, wait_on
from sidecar.core.attempt import Trigger
from sidecar.core.claim import ANSWER_WAIT_S, alone_from, is_untold, reconcile, write_from_s
from sidecar.core.crashes import take_ends
from sidecar.core.draft import Draft
from sidecar.core.effects import Answer, Effect, Look, Milestone, Reply, Stopped
from sidecar.core.events import (
    Answered,
    ApiConnected,
    Asked,
    DeclaredSeen,
    EndsCounted,
    Event,
    Kept,
    Looked,
    MountChanged,
    MountLost,
    Offered,
    ProcessExited,
    Published,
    Recalled,
    Signalled,
    Started,
    StopAsked,
    Tick,
    Validated,
)
from sidecar.core.evidence import Process
from sidecar.core.history import history_from_s
from sidecar.core.memory import read_entry
from sidecar.core.newest import UNMOUNTED, find_newest
from sidecar.core.process import count_end, follow, go_on_claiming, seek
from sidecar.core.snapshot import Mounted, Snapshot
from sidecar.core.state import (
    Claiming,
    Confirming,
    Idle,
    Lingering,
    Loaded,
    Publishing,
    Seeking,
    Signalling,
    State,
    Validating,
    Waiting,
)
from sidecar.core.turn import is_paused, moves_from_s

SWAP_SEEN_WITHIN_S = 2.0
"""A change that the watcher reports is at most this old: it polls each second. Holds where file
times lie, as after a step of the node's clock."""

STOP_GRACE_S = 1.0
"""How long a signalled attempt may look for its verdict once the sidecar is asked to stop."""


def step(state: State, event: Event, now_s: float) -> tuple[State, tuple[Effect, ...]]:
    """Take one event at `now_s` (monotonic seconds): the new state, and what is to be done."""
    draft = Draft(state, now_s)
    if not state.stopped:
        _take(draft, event)
        _go_on(draft)
        _track_sync(draft)
        reconcile(draft)
    return draft.state, tuple(draft.effects)


def wake_at(state: State) -> float | None:
    """When the next `Tick` is due, if nothing else happens before."""
    if state.stopped:
        return None
    times = [] if state.stopping_s is None else [state.stopping_s]
    match state.phase:
        case (
            Validating(retry_s=due_s)
            | Publishing(retry_s=due_s)
            | Seeking(look_s=due_s)
            | Confirming(look_s=due_s)
        ):
            times.extend([due_s] if state.awaiting is None else [])
        case Waiting() as waiting:
            times.extend(list_due(state, waiting))
        case Claiming() as claiming:
            times.extend([alone_from(state, claiming), _turn_from_s(state, claiming)])
        case Lingering(look_s=look_s, until_s=until_s):
            times.append(until_s if state.awaiting is not None else min(look_s, until_s))
        case _:
            pass
    if isinstance(state.phase, Idle | Lingering):
        wish_s = source.wish_from_s(state)
        times.extend([wish_s] if wish_s is not None else [])
        times.extend([state.debounce.opens_at()] if state.deferred else [])
    if state.api is not None:
        times += [source.fetch_from_s(state.api), history_from_s(state)]
        times.extend([] if state.api.awaited_until_s is None else [state.api.awaited_until_s])
    write_s = write_from_s(state)
    times.extend([write_s] if write_s is not None else [])
    due_s = min(times, default=float("inf"))
    return None if due_s == float("inf") else due_s


def _turn_from_s(state: State, phase: Claiming) -> float:
    """When this pod's turn comes, or it is to say that nobody can be asked.

    Once it came, or the claim is made, only the API's word counts.
    """
    if state.api is not None and not state.api.connected:
        return float("inf") if state.blocked else phase.since_s + ANSWER_WAIT_S
    claims = state.attempt is not None and state.attempt.nonce
    turn_s = moves_from_s(state)
    return float("inf") if claims or turn_s == float("-inf") else turn_s


def _take(draft: Draft, event: Event) -> None:
    match event:
        case Started(remembered=entry, good=good):
            _remember(draft, entry, good)
        case MountChanged(mounted=mounted):
            _take_mounted(draft, mounted)
        case MountLost(message=message):
            _lose_mount(draft, message)
        case Offered() | DeclaredSeen() | ApiConnected() | Answered() | Kept() | Recalled():
            source.take(draft, event)
        case Validated() | Published() | Looked() | Signalled() | EndsCounted():
            _take_answer(draft, event)
        case ProcessExited(process=process):
            _take_exit(draft, process)
        case Asked():
            _take_asked(draft, event)
        case StopAsked():
            draft.state = replace(draft.state, stopping_s=draft.now_s + STOP_GRACE_S)
        case Tick():
            pass  # what is due is done afterwards, whatever woke us
        case _:
            assert_never(event)


def _take_answer(
    draft: Draft, event: Validated | Published | Looked | Signalled | EndsCounted
) -> None:
    if isinstance(event, EndsCounted):
        take_ends(draft, event)  # no phase waits for it
        return
    if event.effect != draft.state.awaiting:
        return
    draft.state = replace(draft.state, awaiting=None)
    phase = draft.state.phase
    match phase, event:
        case Validating(), Validated(report=report):
            content.take_report(draft, phase, report)
        case Publishing(), Published():
            take_published(draft, phase, event)
            source.drop_outdated(draft)
        case Seeking(), Looked(sample=sample):
            seek(draft, phase, sample)
        case Confirming(), Looked(sample=sample):
            proof.confirm(draft, phase, sample)
        case Lingering(), Looked(sample=sample):
            proof.linger_on(draft, phase, sample)
        case Signalling(), Signalled():
            proof.take_sending(draft, phase, event)
            source.drop_outdated(draft)
        case _:
            msg = f"{type(event).__name__} answers no effect of {type(phase).__name__}"
            raise AssertionError(msg)


def _remember(draft: Draft, entry: Mapping[str, object] | None, good: Snapshot | None) -> None:
    """Start-up is recovery: take over what an earlier sidecar of this pod knew."""
    draft.state = replace(draft.state, good=good, begun_s=draft.now_s)
    if draft.state.api is not None:
        side = replace(draft.state.api, awaited_until_s=draft.now_s + ANSWER_WAIT_S)
        draft.state = replace(draft.state, api=side)
    memory = read_entry(entry) if entry is not None else None
    if memory is not None:
        draft.state = replace(
            draft.state,
            remembers=True,
            decided=memory.decided,
            last_good=memory.last_good,
            valid=memory.valid,
            loaded=memory.loaded,
            interrupted=memory.interrupted,
            given=memory.given,
            claimed=memory.claimed,
            wholes=memory.wholes,
        )
        if draft.state.api is not None:
            side = replace(draft.state.api, restored=memory.restored)
            draft.state = replace(draft.state, api=side)
    if memory is not None and memory.interrupted is not None and not memory.interrupted.signalled:
        baseline = memory.interrupted.baseline
        loaded = Loaded(
            process=baseline.process,
            digest=memory.interrupted.digest,
            proven=False,
            signalled_s=draft.now_s,
            before=baseline,
            kept=proof.find_kept(draft.state, baseline.process),
        )
        draft.state = replace(draft.state, loaded=loaded)  # the signal may have been sent


def _take_mounted(draft: Draft, mounted: Mounted) -> None:
    before = draft.state.mounted
    if before is not None:
        seen_s = draft.now_s - SWAP_SEEN_WITHIN_S
        since_s = min(max(mounted.since_s, seen_s), draft.now_s)
        mounted = replace(mounted, since_s=since_s)
    draft.state = replace(draft.state, mounted=mounted, mount_trouble="")
    digest = mounted.snapshot.digest
    if before is None or before.snapshot.digest != digest:
        source.take_swap(draft, mounted, is_first=before is None)
        if draft.state.seen is None:
            # What the process runs is to be learned of what it can read now.
            draft.state = replace(draft.state, restart_pending=True)
    attempt = draft.state.attempt
    if attempt is None or (attempt.candidate.fence == mounted.fence and attempt.digest == digest):
        return
    match draft.state.phase:
        case Validating() | Waiting() | Publishing() if attempt.candidate.fence == UNMOUNTED:
            source.drop_outdated(draft)
        case Validating() | Waiting() | Seeking() | Claiming() if (
            attempt.digest == digest and not attempt.signalled
        ):
            draft.state = replace(draft.state, attempt=replace(attempt, candidate=mounted))
        case Validating() | Waiting() | Seeking() | Claiming() | Confirming():
            content.supersede(draft, proof.MOVED)
        case Lingering():
            draft.rest()
        case _:
            pass  # a signal that is on its way meets the fence


def _lose_mount(draft: Draft, message: str) -> None:
    """Nothing can be told of content that cannot be read: it is tried anew once it can be.

    What was signalled is rather looked at for longer, unless it may be begun anew.
    """
    draft.state = replace(draft.state, mounted=None, mount_trouble=message)
    phase, attempt = draft.state.phase, draft.state.attempt
    if attempt is None or attempt.candidate.fence == UNMOUNTED:
        return
    early = isinstance(phase, Validating | Waiting | Seeking | Claiming | Confirming)
    if early and (not attempt.was_given or content.gives_back(draft.state)):
        content.supersede(draft, message)


def _take_exit(draft: Draft, process: Process) -> None:
    phase = draft.state.phase
    if not process.is_same(draft.state.process) or isinstance(phase, Signalling):
        return  # whether it still heard the signal, its answer tells
    if isinstance(phase, Confirming):
        draft.enter(replace(phase, look_s=draft.now_s))
        return
    follow(draft, None)
    if isinstance(phase, Seeking):
        if process.is_same(phase.process):
            count_end(draft)
        draft.enter(Seeking(since_s=draft.now_s))
    elif isinstance(phase, Claiming):
        count_end(draft)
        draft.enter(Seeking(since_s=draft.now_s))
    elif isinstance(phase, Idle | Lingering):
        draft.rest()
        draft.state = replace(draft.state, restart_pending=True)
    elif isinstance(phase, Waiting | Publishing):
        draft.state = replace(draft.state, restart_pending=True)


def _take_asked(draft: Draft, event: Asked) -> None:
    requests = () if event.request is None else (event.request,)
    state = draft.state
    refusal: tuple[Reply, str] | None = None
    if state.stopping_s is not None:
        refusal = (Reply.BLOCKED, "surehup is stopping")
    elif find_newest(state) is None and event.trigger is not Trigger.CLI:
        refusal = (Reply.BLOCKED, state.mount_trouble or "the mounted folder was not read yet")
    elif not isinstance(state.phase, Idle | Lingering):
        refusal = (Reply.BUSY, state.blocked or "an attempt is under way")
    elif is_paused(state):
        refusal = (Reply.BLOCKED, "attempts are paused by the annotation surehup.dev/paused")
    if refusal is None:
        earlier = state.asked[1] if state.asked is not None else ()
        draft.state = replace(state, asked=(event.trigger, (*earlier, *requests)))
        draft.note(Milestone.RECEIVED)
        return
    for request in requests:
        draft.emit(Answer(request=request, reply=refusal[0], message=refusal[1]))


def _go_on(draft: Draft) -> None:
    """Do what is due: begin what is wanted, look again, or stop."""
    source.stop_awaiting(draft)
    source.ask_again(draft)
    source.heed_others(draft)
    if draft.state.stopping_s is not None and _stop(draft, draft.state.stopping_s):
        return
    if isinstance(draft.state.phase, Idle | Lingering):
        source.heed_wish(draft)
        _begin_wanted(draft)
    if draft.state.awaiting is not None:
        return
    if isinstance(draft.state.phase, Waiting):
        wait_on(draft, draft.state.phase)
    if isinstance(draft.state.phase, Claiming):
        go_on_claiming(draft, draft.state.phase)
    _look_or_retry(draft)


def _look_or_retry(draft: Draft) -> None:
    now_s, phase = draft.now_s, draft.state.phase
    if draft.state.awaiting is not None:
        return
    match phase:
        case Lingering(until_s=until_s) if now_s >= until_s:
            draft.rest()
        case Seeking(look_s=due_s) | Confirming(look_s=due_s) | Lingering(look_s=due_s):
            if now_s >= due_s:
                draft.ask(Look)
        case Validating(retry_s=due_s, tries=tries) if now_s >= due_s:
            content.validate(draft, tries=tries)
        case Publishing(retry_s=due_s, tries=tries) if now_s >= due_s:
            publish(draft, tries=tries)
        case _:
            pass


def _begin_wanted(draft: Draft) -> None:
    want = content.find_want(draft.state)
    if want is None:
        if draft.state.deferred:
            draft.state = replace(draft.state, deferred=False)
    elif draft.now_s >= content.wanted_from(draft.state, want):
        draft.rest()
        content.begin_attempt(draft, want)
    elif not draft.state.deferred:
        draft.state = replace(draft.state, deferred=True)
        draft.note(Milestone.DEBOUNCED)


def _stop(draft: Draft, stopping_s: float) -> bool:
    """Whether nothing is left to wait for. A signalled attempt may still find its verdict."""
    phase = draft.state.phase
    unfinished = isinstance(phase, Signalling | Confirming) or is_untold(draft.state)
    if unfinished and draft.now_s < stopping_s:
        return False
    content.save(draft)
    content.answer(draft, Reply.BLOCKED, "surehup stopped before the attempt was decided")
    if draft.state.attempt is not None and draft.state.attempt.was_given:
        draft.enter(Idle())  # its turn is not given back: the sidecar that follows goes on with it
    else:
        draft.rest()
    draft.emit(Stopped())
    draft.state = replace(draft.state, stopped=True)
    return True


def _track_sync(draft: Draft) -> None:
    """Since when the process is not proven to run what it should."""
    state = draft.state
    loaded, newest = state.seen, find_newest(state)
    in_sync = (
        newest is not None
        and loaded is not None
        and loaded.proven
        and loaded.digest == newest.snapshot.digest
    )
    since_s = state.out_of_sync_since_s
    if in_sync != (since_s is None):
        draft.state = replace(state, out_of_sync_since_s=None if in_sync else draft.now_s)
