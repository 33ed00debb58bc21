"""What is written on the object, and when: the claim before a signal, and every word after it."""

from __future__ import annotations

from dataclasses import replace

from sidecar.core.attempt import Outcome, Status
from sidecar.core.backoff import WRITE_TRIES
from sidecar.core.bridge import Rollback, Strategy
from sidecar.core.declared import ApiSide, Declared
from sidecar.core.draft import Draft
from sidecar.core.effects import Milestone, Restore, Write
from sidecar.core.history import ask_history, is_applied
from sidecar.core.marks import (
    TURN_MARGIN_S,
    explain_refusal,
    find_changes,
    find_good,
    is_claimed,
    make_nonce,
    speaks_from_s,
)
from sidecar.core.newest import whole
from sidecar.core.state import Claiming, Decision, Idle, Lingering, Seeking, State
from sidecar.core.turn import (
    REFUSED,
    Move,
    Turn,
    find_turn,
    read_turn,
    stand_by_until_s,
)

PENDING_TOLD_S = 1.0
"""Only what is still undecided after this time is written down as pending."""

ANSWER_WAIT_S = 2.0
"""How long a pod that may go alone waits for an API that it has not heard of."""

REFUSED_WAIT_S = 60.0
"""How often a write that needs a missing permission is tried again."""


def claim(draft: Draft, phase: Claiming) -> bool:
    """Whether the process may be signalled now, as far as the API is concerned."""
    api, attempt = draft.api, draft.attempt
    declared = api.declared
    goes_alone = alone_from(draft.state, phase) <= draft.now_s
    if declared is not None and api.is_current:
        turn = find_turn(draft.state, api, declared)
        if draft.now_s < turn.at_s or turn.move in {Move.GIVE_UP, Move.LEAVE}:
            return False
        if turn.move is Move.FOLLOW or api.refused or api.stranger or goes_alone:
            return True
        stale = draft.now_s - attempt.claimed_s > TURN_MARGIN_S - 1
        if not attempt.nonce or stale:
            _name_claim(draft, declared, turn)
            return False
        return is_claimed(declared, attempt)
    if not goes_alone and not api.connected and draft.now_s >= phase.since_s + ANSWER_WAIT_S:
        draft.block(
            "the API cannot be asked whether this pod may go first: it waits, unless"
            " rollout.strategy is independent or rollout.patience is set"
        )
    return goes_alone


def _name_claim(draft: Draft, declared: Declared, turn: Turn) -> None:
    """A claim of this pod, new or because its time ran out before the signal."""
    attempt = replace(
        draft.attempt,
        nonce=make_nonce(draft.state, declared, draft.now_s),
        tries=draft.attempt.tries if draft.attempt.nonce else turn.tries,
        claimed_s=draft.now_s,
        outdone=read_turn(declared),
    )
    draft.state = replace(draft.state, attempt=attempt)


def alone_from(state: State, phase: Claiming) -> float:
    """From when on the pod goes on without the API, or without an answer to its claim."""
    api, rollout = state.api, state.bridge.policy.rollout
    claims = state.attempt is not None and bool(state.attempt.nonce)
    if api is None or (api.is_current and not claims):
        return float("inf")
    silent_s = api.unanswered_s if api.is_current else api.lost_s
    if silent_s is None:
        return float("inf")
    alone = rollout.strategy is Strategy.INDEPENDENT or rollout.replicas == 1 or api.stranger
    patience_s = 0.0 if alone else rollout.patience_s
    if patience_s is None:
        return float("inf")
    return max(phase.since_s + ANSWER_WAIT_S, silent_s + patience_s)


def reconcile(draft: Draft) -> None:
    """Have the object say what is true now; one write at a time."""
    api = draft.state.api
    declared = api.writable if api is not None else None
    if api is None or declared is None:
        return
    ask_history(draft, declared)
    api = draft.api
    from_s = write_from_s(draft.state)
    if from_s is None or draft.now_s < from_s:
        return
    changes = _find_writable(draft.state, api, declared)
    if changes:
        told = {**api.told, **changes}
        effect = draft.begin(lambda number: Write(effect=number, marks=changes, declared=declared))
        draft.state = replace(draft.state, api=replace(api, writing=effect, told=told))
    else:
        _restore(draft, api, declared)


def write_from_s(state: State) -> float | None:
    """When something is to be written; None: there is nothing."""
    api = state.api
    declared = api.writable if api is not None else None
    if api is None or declared is None or api.writing is not None:
        return None
    changes = _find_writable(state, api, declared)
    if not changes:
        due = _is_restore_due(state, api)
        return max(api.write_from_s, stand_by_until_s(state, api, declared)) if due else None
    pending = changes.get("status", "") == Status.PENDING and not state.blocked
    told_s = api.declared_s + PENDING_TOLD_S if pending else float("-inf")
    return max(api.write_from_s, told_s, speaks_from_s(state, api, declared))


def is_untold(state: State) -> bool:
    """Whether the object is still to be told of the last decision."""
    api = state.api
    declared = api.writable if api is not None else None
    if api is None or declared is None or api.refused:
        return False
    return api.writing is not None or bool(_find_writable(state, api, declared))


def _find_writable(state: State, api: ApiSide, declared: Declared) -> dict[str, str | None]:
    if not api.is_trusted or explain_refusal(declared.marks):
        return {}  # what is known now is not about this object
    if api.keeping is not None and is_applied(state, api):
        return {}
    return dict(find_changes(state, api, declared))


def take_write(draft: Draft, *, done: bool, refused: str, lost: bool) -> None:
    """Our write was answered, or not."""
    api = replace(draft.api, writing=None)
    since_s = draft.now_s if api.unanswered_s is None else api.unanswered_s
    api = replace(api, unanswered_s=since_s if lost else None)
    if done:
        api = replace(api, write_tries=0, refused="", write_from_s=float("-inf"))
    elif refused:
        if refused != api.refused:
            draft.note(Milestone.TROUBLE, refused)
        api = replace(api, refused=refused, told={}, write_from_s=draft.now_s + REFUSED_WAIT_S)
    else:
        # A first conflict is somebody else's edit; only a storm of them is waited out.
        delay_s = WRITE_TRIES.delay_s(api.write_tries) if lost or api.write_tries > 1 else 0.0
        tries = api.write_tries + 1
        api = replace(api, told={}, write_tries=tries, write_from_s=draft.now_s + delay_s)
    draft.state = replace(draft.state, api=api)


def _only_watches(state: State, decided: Decision) -> bool:
    """Whether nothing is tried now: a process may be waited for that cannot start as things are."""
    attempt = state.attempt
    if attempt is None or not isinstance(state.phase, Seeking):
        return isinstance(state.phase, Idle | Lingering)
    return attempt.digest == decided.digest and not attempt.asked


def _is_restore_due(state: State, api: ApiSide) -> bool:
    """Whether the failed data is to be replaced by the last good, the verdict being told."""
    decided, declared, good = state.decided, api.declared, find_good(state)
    return (
        state.bridge.policy.rollback is Rollback.DATA
        and decided is not None
        and _only_watches(state, decided)
        and declared is not None
        and decided.outcome in {Outcome.FAILED, Outcome.UNCONFIRMED}
        and decided.digest == declared.content.digest
        and declared.marks.get("status") in REFUSED
        and declared.marks.get("observed") == declared.digest
        and good is not None
        and declared.digest not in {good, api.restoration, api.restored}
        and api.restoring is None
        and not api.refused
    )


def _restore(draft: Draft, api: ApiSide, declared: Declared) -> None:
    good, content = find_good(draft.state), draft.state.good
    named = content is not None and whole(draft.state, content.digest) == good
    files = content.files if content is not None and named and not draft.state.wholes else None
    effect = draft.begin(
        lambda number: Restore(effect=number, failed=declared.digest, good=good or "", files=files)
    )
    side = replace(api, restoring=effect, restoration=declared.digest)
    draft.state = replace(draft.state, api=side)


def take_restore(draft: Draft, *, done: bool, refused: str, lost: bool) -> None:
    """The data was put back, or not."""
    api = replace(draft.api, restoring=None)
    if done:
        api = replace(api, restored=api.restoration, write_tries=0)
    elif lost:
        from_s = draft.now_s + WRITE_TRIES.delay_s(api.write_tries)
        api = replace(api, restoration=None, write_tries=api.write_tries + 1, write_from_s=from_s)
    draft.state = replace(draft.state, api=api)
    if refused and draft.state.decided is not None:
        decided = replace(draft.state.decided, aside=f"the data stays as it is: {refused}")
        draft.state = replace(draft.state, decided=decided)
