"""The source's side of the machine: what the API shows, and what another folder offers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import assert_never

from sidecar.core import content
from sidecar.core.attempt import Outcome, Status, Trigger
from sidecar.core.backoff import FETCH_TRIES
from sidecar.core.bridge import Mode, Rollback
from sidecar.core.claim import take_restore, take_write
from sidecar.core.declared import ApiSide, Declared
from sidecar.core.draft import Draft
from sidecar.core.effects import Fetch, Milestone
from sidecar.core.events import (
    Answer,
    Answered,
    ApiConnected,
    DeclaredSeen,
    Kept,
    Offered,
    Recalled,
)
from sidecar.core.history import owe_kept, recall, take_kept, take_recalled
from sidecar.core.holder import read_holder
from sidecar.core.marks import read_earlier, read_number, read_wish
from sidecar.core.newest import find_newest
from sidecar.core.repair import is_fill_due, is_repair_due
from sidecar.core.snapshot import Mounted, Snapshot
from sidecar.core.state import (
    Claiming,
    Confirming,
    Decision,
    Idle,
    Publishing,
    Seeking,
    State,
    Validating,
    Waiting,
)
from sidecar.core.turn import (
    MOVING,
    REFUSED,
    Move,
    find_turn,
    is_incumbent,
    is_outrun,
    read_turn,
    stand_by_until_s,
    takes_turns,
)
from sidecar.core.workload import explain_stranger, find_stranger, keep_wishes

WHOLES_KEPT = 8

STANDING = {
    "Rejected": Outcome.REJECTED,
    "RolledBack": Outcome.FAILED,
    "Failed": Outcome.FAILED,
    "Unconfirmed": Outcome.UNCONFIRMED,
}
"""Verdicts that stand for content until it changes, also for a pod that did not take part."""

SourceEvent = Offered | DeclaredSeen | ApiConnected | Answered | Kept | Recalled


def take(draft: Draft, event: SourceEvent) -> None:
    """The API or a folder told something."""
    match event:
        case Offered(content=offered):
            _take_offered(draft, offered)
        case DeclaredSeen(declared=declared):
            _take_declared(draft, declared)
        case ApiConnected(connected=connected):
            side = replace(draft.api, connected=connected, unanswered_s=None)
            # What could not be recalled may have failed by this loss.
            lost = replace(side, lost_s=draft.now_s, recalled=None)
            _set(draft, side if connected else owe_kept(lost))
        case Answered():
            _take_answered(draft, event)
        case Kept():
            if event.effect == draft.api.keeping:
                take_kept(draft, event)
        case Recalled():
            if event.effect == draft.api.recalling:
                take_recalled(draft, event)
                drop_outdated(draft)
        case _:
            assert_never(event)


def take_swap(draft: Draft, mounted: Mounted, *, is_first: bool) -> None:
    """The daemon's folder carries other content than before.

    What the API showed already is expected. Anything else asks the API whether it is ahead of us:
    a watch may be silent for minutes. Where it cannot be asked, the mount is all there is.
    """
    side = draft.state.api
    if _is_expected(draft.state, mounted.snapshot):
        return
    if side is not None and not is_first and not side.connected:
        _set(draft, replace(side, mount_newer=True))
    elif side is not None and not is_first and not side.is_asked:
        _ask(draft)
        return
    draft.note(Milestone.RECEIVED)


def drop_outdated(draft: Draft) -> None:
    """End an attempt that has not reached the process, where other content takes its place."""
    attempt, newest = draft.state.attempt, find_newest(draft.state)
    phase = draft.state.phase
    retries = isinstance(phase, Publishing) and draft.state.awaiting is None
    early = isinstance(phase, Validating | Waiting | Seeking | Claiming) or retries
    if attempt is None or newest is None:
        return
    same = attempt.digest == newest.snapshot.digest
    if same and attempt.signalled and isinstance(phase, Confirming):
        # What is brought back is what people want again: its proof decides that too.
        draft.state = replace(draft.state, attempt=replace(attempt, beside=False))
    if not early or (same and not attempt.beside):
        return
    awaited = _is_known(draft.state, newest.snapshot) or is_fill_due(draft.state, newest)
    if not attempt.beside or not awaited:
        reached = "proven" if attempt.was_given else "given to the process"
        content.supersede(draft, f"newer content was declared before this was {reached}")
    elif not attempt.repairs and is_repair_due(draft.state):
        # No process may come up on what is watched.
        content.supersede(draft, "the last good content takes its place")


def heed_others(draft: Draft) -> None:
    """What other replicas decided stands for this pod too, as far as it has not gone on itself."""
    side, attempt = draft.state.api, draft.state.attempt
    declared = side.declared if side is not None else None
    if side is None or declared is None or not side.is_current:
        return
    if attempt is None:
        _retreat(draft, side, declared)
        return
    if attempt.beside or attempt.digest != declared.content.digest:
        return
    if attempt.nonce and is_outrun(attempt, declared):
        draft.state = replace(draft.state, attempt=replace(attempt, nonce=""))
    if not isinstance(draft.state.phase, Validating | Waiting | Seeking | Claiming):
        return
    turn = find_turn(draft.state, side, declared)
    leaves = turn.move is Move.LEAVE and content.may_signal(draft.state)
    if leaves or _is_stuck(draft.state, declared):
        draft.rest()
        _adopt_verdict(draft, declared)
        if leaves and draft.state.process is None:
            draft.state = replace(draft.state, restart_pending=True)
    elif turn.move is Move.GIVE_UP and draft.now_s >= turn.at_s:
        count = read_holder(declared.marks).tries
        pods = "1 pod vanished while it" if count == 1 else f"{count} pods vanished while they"
        message = f"{pods} reloaded this content"
        content.finish(draft, Outcome.FAILED, message, tried=False)


def _is_stuck(state: State, declared: Declared) -> bool:
    """Whether another try waits for a process that dies of the very files it is to load.

    It gets that try once the last good files have brought it up again.
    """
    marks, mounted, good = declared.marks, state.mounted, state.good
    refused = marks.get("status") in REFUSED and marks.get("observed") == declared.digest
    on_disk = mounted is not None and mounted.snapshot.digest == declared.content.digest
    other = good is not None and good.digest != declared.content.digest
    published = state.bridge.source.mode is Mode.PUBLISHED
    goes_back = published and state.bridge.policy.rollback is not Rollback.NONE
    seeks = isinstance(state.phase, Seeking) and state.process is None
    return goes_back and refused and on_disk and other and seeks


def _retreat(draft: Draft, side: ApiSide, declared: Declared) -> None:
    """Content that was proven here failed in another replica: published files go back as well."""
    state, marks = draft.state, declared.marks
    decided = state.decided
    if (
        state.bridge.source.mode is Mode.PUBLISHED
        and takes_turns(state)
        and decided is not None
        and decided.outcome is Outcome.APPLIED
        and decided.digest == declared.content.digest
        and marks.get("observed") == declared.digest
        and marks.get("status") in {Status.ROLLED_BACK, Status.FAILED}
    ):
        earlier = read_earlier(marks, declared.digest)
        _set(draft, replace(side, earlier=earlier, recalled=None, overruled=state.good))
        # Where there is nothing earlier, what ran here is better than nothing; see `take_recalled`.
        good = state.good if earlier is None else None
        draft.state = replace(state, api=draft.api, good=good, last_good=None)
        _adopt_verdict(draft, declared)
        recall(draft)


def wish_from_s(state: State) -> float | None:
    """When a wish that stands on the object is to be heeded; None: there is none."""
    side = state.api
    declared = side.declared if side is not None else None
    if side is None or declared is None or state.asked is not None:
        return None
    marks = declared.marks
    wish = read_wish(marks)
    if not wish or wish in {side.handled, marks.get("handled")}:
        return None
    other = takes_turns(state) and not is_incumbent(state, declared)
    if other and marks.get("status") in MOVING:
        return None
    return stand_by_until_s(state, side, declared)


def heed_wish(draft: Draft) -> None:
    """A person asks by annotation, once for each value."""
    side, from_s = draft.state.api, wish_from_s(draft.state)
    if side is None or side.declared is None or from_s is None or draft.now_s < from_s:
        return
    _set(draft, replace(side, handled=read_wish(side.declared.marks)))
    draft.state = replace(draft.state, asked=(Trigger.API, ()))
    draft.note(Milestone.RECEIVED)


def _ask(draft: Draft) -> None:
    side = replace(draft.api, fetching=draft.begin(Fetch), mount_newer=False, fetch_tries=0)
    _set(draft, side)


def ask_again(draft: Draft) -> None:
    """The API did not say whether the mount is ahead of it: until it does, no word is written."""
    side = draft.state.api
    if side is not None and draft.now_s >= fetch_from_s(side):
        tries = side.fetch_tries + 1
        _set(draft, replace(side, fetching=draft.begin(Fetch), fetch_tries=tries))


def fetch_from_s(side: ApiSide) -> float:
    """From when on the API is asked again; an API that comes back tells by itself."""
    asks = side.mount_newer and side.connected and side.fetching is None
    return side.fetch_from_s if asks else float("inf")


def stop_awaiting(draft: Draft) -> None:
    """Once the API has answered, or did not in time, what is known decides."""
    side = draft.state.api
    if side is None or side.awaited_until_s is None:
        return
    if side.answered or draft.now_s >= side.awaited_until_s:
        _set(draft, replace(side, awaited_until_s=None))


def _take_offered(draft: Draft, offered: Snapshot) -> None:
    known = draft.state.offered
    draft.state = replace(draft.state, offered=offered)
    side = draft.state.api
    if side is not None and not side.connected and known is not None:
        _set(draft, replace(side, mount_newer=True))
    if (known is None or known.digest != offered.digest) and not _is_expected(draft.state, offered):
        draft.note(Milestone.RECEIVED)
    drop_outdated(draft)


def _take_declared(draft: Draft, declared: Declared | None) -> None:
    side = draft.api
    before = side.declared
    if declared is not None and before is not None and declared.is_older_than(before):
        if not side.connected:
            _doubt(draft)
        return
    stranger = find_stranger(draft.state.bridge, declared.marks) if declared is not None else ""
    if declared is not None and stranger:
        declared = replace(declared, marks=keep_wishes(declared.marks))
    changed = _differ(before, declared)
    side = _note_difference(side, declared, draft.now_s)
    side = replace(
        side,
        declared=declared,
        last=declared or side.last,
        answered=True,
        doubted=False,
        mount_newer=False,
        stranger=stranger,
    )
    turn = read_turn(declared)
    if turn != side.turn:
        side = replace(side, turn=turn, turn_s=draft.now_s)
    known = draft.api.stranger
    _set(draft, side)
    if stranger != known and stranger:
        draft.note(Milestone.TROUBLE, explain_stranger(draft.state.bridge, stranger))
    if declared is not None:
        if before is None or before.uid != declared.uid:
            _take_first(draft, declared)
        _learn_earlier(draft, declared)
        recall(draft)
        _name_whole(draft, declared)
        if changed and not _is_known(draft.state, declared.content):
            draft.note(Milestone.RECEIVED)
    drop_outdated(draft)


def _doubt(draft: Draft) -> None:
    """Ask whether a list is late, or etcd was restored from a backup: then versions count on there.

    Lists and reads are of the newest state (quorum reads): one that began later cannot be late.
    """
    _ask(draft)
    _set(draft, replace(draft.api, doubted=True))


def _note_difference(side: ApiSide, now: Declared | None, now_s: float) -> ApiSide:
    """What is different about the object: which one it is, what it holds, how that is kept."""
    before = side.declared
    if _differ(before, now):
        return replace(side, declared_s=now_s, kept=None)
    return replace(side, kept=None) if _is_renumbered(side, before, now) else side


def _is_renumbered(side: ApiSide, before: Declared | None, now: Declared | None) -> bool:
    """Whether another pod tells a newer number: what comes back to the history gets a new one."""
    told = read_number(now.marks) if now is not None else 0
    known = read_number(before.marks) if before is not None else 0
    return told != known and told > (side.revision or 0)


def _is_gone(side: ApiSide, declared: Declared) -> bool:
    """Whether an answer tells of an object that is known to be deleted since."""
    last = side.last if side.declared is None else None
    return last is not None and (declared.uid == last.uid or declared.is_older_than(last))


def _take_first(draft: Draft, declared: Declared) -> None:
    """What the object tells of before: where to go back to, and a verdict that stands.

    Its history is its own: revisions of one that was there before went with that.
    """
    marks = declared.marks
    found = _find_vanished(draft.state, marks)
    _set(draft, replace(draft.api, refused="", told={}, keeping=None, revision=None, found=found))
    stands = marks.get("status", "") in STANDING and marks.get("observed") == declared.digest
    if stands and draft.state.decided is None and isinstance(draft.state.phase, Idle):
        _adopt_verdict(draft, declared)
        draft.state = replace(draft.state, restart_pending=True)


def _find_vanished(state: State, marks: Mapping[str, str]) -> str:
    """The claim of a pod of this name that stands there, and is not this pod's own.

    A StatefulSet's pod that is created anew has the name of the one before.
    """
    holder = read_holder(marks)
    own = {turn.nonce for turn in (state.attempt, state.claimed) if turn is not None}
    return holder.nonce if holder.pod == state.bridge.pod and holder.nonce not in own else ""


def _learn_earlier(draft: Draft, declared: Declared) -> None:
    """What to go back to, as the object told it last: a replaced object has lost its word."""
    earlier = read_earlier(declared.marks, declared.digest)
    if earlier is not None:
        _set(draft, replace(draft.api, earlier=earlier))


def _adopt_verdict(draft: Draft, declared: Declared) -> None:
    outcome = STANDING[declared.marks["status"]]
    message = declared.marks.get("message", "")
    decided = Decision(
        digest=declared.content.digest,
        outcome=outcome,
        message=message,
        tried=False,
        adopted=True,
    )
    draft.state = replace(draft.state, decided=decided)


def _name_whole(draft: Draft, declared: Declared) -> None:
    digest = declared.content.digest
    if digest == declared.digest:
        return
    others = {key: name for key, name in draft.state.wholes.items() if key != digest}
    state = draft.state
    used = {state.last_good, state.decided.digest if state.decided else None}
    used |= {state.loaded.digest if state.loaded else None}
    while len(others) >= WHOLES_KEPT:
        oldest = next((key for key in others if key not in used), next(iter(others)))
        del others[oldest]
    draft.state = replace(state, wholes={**others, digest: declared.digest})


def _take_answered(draft: Draft, event: Answered) -> None:
    side = draft.api
    if event.declared is not None:
        if event.effect == side.fetching:
            _forget_what_never_was(draft, event.declared)
        if not _is_gone(draft.api, event.declared):
            _take_declared(draft, event.declared)
    refused = event.message if event.answer is Answer.REFUSED else ""
    done, lost = event.answer is Answer.DONE, event.answer is Answer.LOST
    if event.effect == side.writing:
        take_write(draft, done=done, refused=refused, lost=lost)
    elif event.effect == side.restoring:
        take_restore(draft, done=done, refused=refused, lost=lost)
    elif event.effect == side.fetching:
        _take_fetched(draft, failed=not done)


def _forget_what_never_was(draft: Draft, declared: Declared) -> None:
    """A read that began after the doubt tells of an earlier state: that is the newest there is."""
    side = draft.api
    if side.doubted and side.declared is not None and declared.is_older_than(side.declared):
        _set(draft, replace(side, declared=None, last=None))


def _take_fetched(draft: Draft, *, failed: bool) -> None:
    """The API had its say on a mount that nobody expected."""
    side, mounted = draft.api, draft.state.mounted
    # The watch may have brought meanwhile what the lost answer would have told.
    unheard = mounted is not None and not _is_expected(draft.state, mounted.snapshot)
    newer = failed and (side.mount_newer or side.doubted or unheard)
    from_s = draft.now_s + FETCH_TRIES.delay_s(side.fetch_tries)
    _set(draft, replace(side, fetching=None, mount_newer=newer, fetch_from_s=from_s))
    if failed and mounted is not None and not _is_known(draft.state, mounted.snapshot):
        draft.note(Milestone.RECEIVED)
    drop_outdated(draft)


def _differ(before: Declared | None, after: Declared | None) -> bool:
    if before is None or after is None:
        return before is not after
    return (before.uid, before.content.digest) != (after.uid, after.content.digest)


def _is_expected(state: State, carried: Snapshot) -> bool:
    """Whether the folder carries what is known from elsewhere already."""
    declared = state.api.declared if state.api is not None else None
    return (declared is not None and declared.content.digest == carried.digest) or (
        state.attempt is not None and state.attempt.digest == carried.digest
    )


def _is_known(state: State, known: Snapshot) -> bool:
    return state.decided is not None and state.decided.digest == known.digest


def _set(draft: Draft, side: ApiSide) -> None:
    draft.state = replace(draft.state, api=side)
