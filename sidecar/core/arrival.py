"""How judged content gets to where the daemon reads it: by the kubelet, or by the sidecar."""

from __future__ import annotations

from dataclasses import replace

from sidecar.core.backoff import PUBLISH_TRIES
from sidecar.core.bridge import Mode
from sidecar.core.draft import Draft
from sidecar.core.effects import Milestone, Nudge, Publish
from sidecar.core.events import Published
from sidecar.core.newest import UNMOUNTED, carry, whole
from sidecar.core.snapshot import short
from sidecar.core.state import Publishing, Seeking, State, Waiting
from sidecar.core.turn import is_paused, moves_from_s

NUDGES_S = (1.0, 3.0, 9.0)
"""The waits after each nudge but the last. A nudge is wasted where the kubelet's own watch is
behind ours: its sync mounts the old files then."""

LATE_S = 120.0
"""A kubelet refreshes a mount within 20 to 65 s (measured); later, something is wrong."""


def proceed(draft: Draft) -> None:
    """The candidate may be given to the daemon: see that it can read it, then find it."""
    if draft.attempt.candidate.fence != UNMOUNTED:
        draft.enter(Seeking(since_s=draft.now_s))
    else:
        draft.enter(Waiting(since_s=draft.now_s, nudge_s=draft.now_s))


def wait_on(draft: Draft, phase: Waiting) -> None:
    """See whether what the candidate waits for is there; else hurry the kubelet."""
    if is_paused(draft.state):
        return
    attempt = draft.attempt
    found = carry(draft.state, attempt.candidate.snapshot)
    if found.fence != UNMOUNTED:
        draft.state = replace(draft.state, attempt=replace(attempt, candidate=found))
        draft.unblock()
        _note_carried(draft)
        draft.enter(Seeking(since_s=draft.now_s))
    elif draft.now_s < moves_from_s(draft.state):
        return
    elif draft.state.bridge.source.mode is Mode.PUBLISHED:
        publish(draft, tries=0)
    elif draft.now_s >= phase.nudge_s:
        _nudge(draft, phase)
    elif draft.now_s >= phase.since_s + LATE_S:
        draft.block(_explain_late(draft.state))


def list_due(state: State, phase: Waiting) -> list[float]:
    """When there is something to be done about a wait, if nothing happens before."""
    attempt = state.attempt
    if attempt is None or attempt.candidate.fence != UNMOUNTED or is_paused(state):
        return []
    moves_s = moves_from_s(state)
    if state.bridge.source.mode is Mode.PUBLISHED:
        return [moves_s]
    late_s = float("inf") if state.blocked else phase.since_s + LATE_S
    return [max(moves_s, min(phase.nudge_s, late_s))]


def publish(draft: Draft, *, tries: int) -> None:
    """Have the candidate written where the daemon reads it."""
    content = draft.attempt.candidate.snapshot
    draft.enter(Publishing(tries=tries))
    draft.ask(lambda effect: Publish(effect, content))


def take_published(draft: Draft, phase: Publishing, event: Published) -> None:
    """The folder carries the candidate, or says why it does not."""
    attempt, mounted = draft.attempt, event.mounted
    if mounted is None or mounted.snapshot.digest != attempt.digest:
        draft.block(event.message or "the shared folder changed while it was being written")
        retry_s = draft.now_s + PUBLISH_TRIES.delay_s(phase.tries)
        draft.enter(Publishing(tries=phase.tries + 1, retry_s=retry_s))
        return
    attempt = replace(attempt, candidate=mounted)
    draft.state = replace(draft.state, mounted=mounted, mount_trouble="", attempt=attempt)
    draft.unblock()
    draft.enter(Seeking(since_s=draft.now_s))


def _nudge(draft: Draft, phase: Waiting) -> None:
    number = phase.nudges + 1
    digest = short(whole(draft.state, draft.attempt.digest))
    draft.emit(Nudge(digest, number))
    delay_s = NUDGES_S[phase.nudges] if phase.nudges < len(NUDGES_S) else float("inf")
    draft.enter(replace(phase, nudges=number, nudge_s=draft.now_s + delay_s))


def _note_carried(draft: Draft) -> None:
    side = draft.state.api
    after_s = draft.now_s - side.declared_s if side is not None else None
    draft.note(Milestone.CARRIED, after_s=after_s)


def _explain_late(state: State) -> str:
    if state.mounted is None:
        return state.mount_trouble or "the mounted folder was not read yet"
    attempt = state.attempt
    wanted = dict(attempt.candidate.snapshot.files) if attempt is not None else {}
    mounted = dict(state.mounted.snapshot.files)
    lacking = sorted(key for key in wanted if mounted.get(key) != wanted[key])
    extra = sorted(mounted.keys() - wanted.keys())
    what = f"{', '.join(lacking[:3])} not as the API has it" if lacking else ""
    what += (
        f"{'; ' if what and extra else ''}{', '.join(extra[:3]) + ' left over' if extra else ''}"
    )
    return (
        f"the mount does not carry this content after {LATE_S:g}s ({what}): is another object"
        " mounted there, by subPath, or with items that source.items does not name?"
    )
