"""What a bridge shows of itself, derived from its state."""

from __future__ import annotations

from typing import assert_never

from sidecar.core.attempt import BridgeStatus, Outcome, Status
from sidecar.core.bridge import Mode, Rollback
from sidecar.core.newest import UNMOUNTED, find_newest, whole
from sidecar.core.snapshot import Mounted, short
from sidecar.core.state import Confirming, Decision, Lingering, Signalling, State
from sidecar.core.turn import is_paused
from sidecar.core.workload import explain_stranger


def view(state: State) -> BridgeStatus:
    """The status of one bridge, true at this moment."""
    newest, mounted, seen = find_newest(state), state.mounted, state.seen
    observed = newest.snapshot.digest if newest is not None else None
    status = find_status(state)
    under_way, api = is_under_way(state), state.api
    active = state.attempt.digest if under_way and state.attempt else state.last_good
    carried = mounted.snapshot.digest if mounted is not None else None
    return BridgeStatus(
        bridge=state.bridge.name,
        status=status,
        observed=_name(state, observed),
        active=_name(state, active),
        last_good=_name(state, state.last_good),
        message=_say_all(state, status),
        blocked=state.blocked or state.mount_trouble,
        target=state.process,
        runs=_name(state, seen.digest if seen is not None else None),
        proven=seen is not None and seen.proven,
        restart_safe=carried is not None and _is_restart_safe(state, carried),
        synced=newest is not None,
        filled=mounted is not None,
        out_of_sync_since_s=state.out_of_sync_since_s,
        revision=api.number_of(_name(state, active)) if api is not None else None,
        connected=api.connected if api is not None else None,
        paused=is_paused(state),
        held_off=_is_held_off(state, newest),
        attempts=state.records,
    )


def _is_held_off(state: State, newest: Mounted | None) -> bool:
    """Whether the kubelet is better left to its own pace: it has no good content to bring."""
    if newest is None or newest.fence != UNMOUNTED or state.bridge.source.mode is Mode.PUBLISHED:
        return False
    return newest.snapshot.digest != state.valid or is_paused(state)


def is_under_way(state: State) -> bool:
    """Whether the newest content is being loaded, or is claimed to be loaded next."""
    attempt = state.attempt
    if attempt is None or attempt.beside or isinstance(state.phase, Lingering):
        return False
    return isinstance(state.phase, Signalling | Confirming) or bool(attempt.nonce)


def find_status(state: State) -> Status:
    """The one word for the newest content."""
    decided, attempt, newest = state.decided, state.attempt, find_newest(state)
    observed = newest.snapshot.digest if newest is not None else None
    if is_under_way(state) and attempt is not None:
        return Status.RELOADING if attempt.digest == observed else Status.PENDING
    if decided is not None and decided.digest == observed and not _redecides(state):
        return _word(state, decided)
    return Status.PAUSED if is_paused(state) else Status.PENDING


def _name(state: State, digest: str | None) -> str | None:
    return whole(state, digest) if digest is not None else None


def _redecides(state: State) -> bool:
    """Whether a person's wish reopened the decision; a process that restarts does not."""
    return state.attempt is not None and state.attempt.asked and state.blocked == ""


def _word(state: State, decided: Decision) -> Status:
    match decided.outcome:
        case Outcome.APPLIED:
            return Status.APPLIED if state.out_of_sync_since_s is None else Status.PENDING
        case Outcome.REJECTED:
            return Status.REJECTED
        case Outcome.UNCONFIRMED:
            return Status.UNCONFIRMED
        case Outcome.FAILED | Outcome.SUPERSEDED:
            rolls_back = state.bridge.policy.rollback is not Rollback.NONE and not decided.lost
            good = state.last_good or (state.api.earlier if state.api is not None else None)
            return Status.ROLLED_BACK if good and rolls_back else Status.FAILED
        case _:
            assert_never(decided.outcome)


def say(state: State, status: Status) -> str:
    """What goes with that word, as a sentence; empty where it says all."""
    decided = state.decided
    if status is Status.PAUSED:
        return _say_paused(state)
    if status is Status.PENDING:
        return f"blocked: {state.blocked}" if state.blocked else ""
    if status is Status.RELOADING or decided is None:
        return ""
    return f"{decided.message}; {decided.aside}" if decided.aside else decided.message


def _say_all(state: State, status: Status) -> str:
    """What the pod says of itself: also why it says no more than that on the object."""
    stranger = state.api.stranger if state.api is not None else ""
    parts = (say(state, status), explain_stranger(state.bridge, stranger) if stranger else "")
    return "; ".join(part for part in parts if part)


def _say_paused(state: State) -> str:
    mounted = state.mounted
    judged = state.attempt is not None and state.valid == state.attempt.digest
    said = "paused; this content passed the checks" if judged else "paused"
    if mounted is None or state.bridge.source.mode is Mode.PUBLISHED:
        return said
    return f"{said}; a restart loads {short(whole(state, mounted.snapshot.digest))}"


def _is_restart_safe(state: State, mounted: str) -> bool:
    """Whether a daemon that starts now would start with content that was validated or proven."""
    decided, api = state.decided, state.api
    if api is not None and api.answered and api.declared is None:
        return False  # the kubelet starts no container without the object
    refused = (
        decided is not None
        and decided.digest == mounted
        and decided.outcome
        in {
            Outcome.REJECTED,
            Outcome.FAILED,
        }
    )
    return not refused and mounted in {state.valid, state.last_good}
