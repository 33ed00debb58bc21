"""The history of the object: applied content is kept in it, and the last good one asked for."""

from __future__ import annotations

from dataclasses import replace

from sidecar.core.attempt import Outcome, Status
from sidecar.core.backoff import FETCH_TRIES
from sidecar.core.declared import ApiSide, Declared
from sidecar.core.draft import Draft
from sidecar.core.effects import Keep, Milestone, Recall
from sidecar.core.events import Kept, Recalled
from sidecar.core.holder import read_holder
from sidecar.core.marks import find_good, read_number, speaks_from_s
from sidecar.core.state import State
from sidecar.core.turn import is_incumbent, stand_by_until_s, takes_turns


def ask_history(draft: Draft, declared: Declared) -> None:
    """Store what was applied, before the object says so; ask for what there is to go back to."""
    from_s = _keep_from_s(draft.state, draft.api, declared)
    if from_s is not None and from_s <= draft.now_s:
        _keep(draft, declared)
    recall(draft)


def history_from_s(state: State) -> float:
    """When the history is asked; infinity: there is nothing to ask."""
    api = state.api
    declared = api.writable if api is not None else None
    if api is None or declared is None:
        return float("inf")
    if _is_recall_due(state, api):
        return api.history_from_s
    from_s = _keep_from_s(state, api, declared)
    return float("inf") if from_s is None else from_s


def is_applied(state: State, api: ApiSide) -> bool:
    """Whether the process is proven to run what the object asks for."""
    decided, declared = state.decided, api.declared
    return (
        decided is not None
        and declared is not None
        and decided.outcome is Outcome.APPLIED
        and decided.digest == declared.content.digest
        and state.last_good == decided.digest
    )


def _keep_from_s(state: State, api: ApiSide, declared: Declared) -> float | None:
    """When the content is to be stored; None: it is not, or not by this pod.

    Who went first keeps the revision; where nobody has, who is about to speak; and where that did
    not come to a number, whoever finds it missing.
    """
    if api.keeping is not None or api.kept == declared.digest or not is_applied(state, api):
        return None
    if not takes_turns(state) or is_incumbent(state, declared):
        return api.history_from_s
    marks = declared.marks
    about = marks.get("observed") == declared.digest
    if about and marks.get("status") == Status.APPLIED and not read_number(marks):
        return max(api.history_from_s, stand_by_until_s(state, api, declared))
    if about and read_holder(marks).pod:
        return None
    return max(api.history_from_s, speaks_from_s(state, api, declared))


def _keep(draft: Draft, declared: Declared) -> None:
    decided, good = draft.state.decided, find_good(draft.state)
    cause = decided.message if decided is not None else ""
    protected = tuple(digest for digest in {declared.digest, good, draft.api.earlier} if digest)
    effect = draft.begin(
        lambda number: Keep(effect=number, declared=declared, cause=cause, protected=protected)
    )
    digest = declared.digest
    side = replace(draft.api, keeping=effect, kept=digest, numbered=digest, revision=None)
    draft.state = replace(draft.state, api=side)


def take_kept(draft: Draft, event: Kept) -> None:
    """The revision has its number, or the history has a gap, at least for now."""
    api = replace(draft.api, keeping=None, revision=event.revision)
    if event.message and not (event.lost and api.history_tries):
        draft.note(Milestone.TROUBLE, event.message)
    api = _ask_later(replace(api, kept=None), draft.now_s) if event.lost else _stop_asking(api)
    draft.state = replace(draft.state, api=api if api.connected else owe_kept(api))


def owe_kept(api: ApiSide) -> ApiSide:
    """What could not be stored as the API went away is stored once it is back."""
    return replace(api, kept=None) if api.revision is None else api


def recall(draft: Draft) -> None:
    """A pod without the last good content of its own asks for it, until that is answered."""
    api, digest = draft.api, draft.api.earlier
    if digest is None or not _is_recall_due(draft.state, api) or draft.now_s < api.history_from_s:
        return
    effect = draft.begin(lambda number: Recall(number, digest))
    draft.state = replace(draft.state, api=replace(api, recalling=effect, recalled=digest))


def _is_recall_due(state: State, api: ApiSide) -> bool:
    return state.good is None and api.earlier is not None and api.recalled != api.earlier


def take_recalled(draft: Draft, event: Recalled) -> None:
    """The history has what there is to go back to, or not, or nobody knows yet."""
    side, content = replace(draft.api, recalling=None), event.content
    if event.lost:
        side = _ask_later(replace(side, recalled=None), draft.now_s)
    else:
        side = _stop_asking(side)
    draft.state = replace(draft.state, api=side)
    if draft.state.good is not None:
        return
    if content is not None:
        names = draft.state.wholes
        if side.earlier is not None and side.earlier != content.digest:
            names = {**names, content.digest: side.earlier}
        draft.state = replace(draft.state, good=content, wholes=names)
    elif not event.lost:
        draft.state = replace(draft.state, good=side.overruled)


def _ask_later(api: ApiSide, now_s: float) -> ApiSide:
    from_s = now_s + FETCH_TRIES.delay_s(api.history_tries)
    return replace(api, history_tries=api.history_tries + 1, history_from_s=from_s)


def _stop_asking(api: ApiSide) -> ApiSide:
    return replace(api, history_tries=0, history_from_s=float("-inf"))
