"""What a bridge shows of itself, derived from its state."""

from __future__ import annotations

from typing import assert_never

from sidecar.core.attempt import BridgeStatus, Outcome, Status
from sidecar.core.bridge import Rollback
from sidecar.core.state import Confirming, Decision, Signalling, State


def view(state: State) -> BridgeStatus:
    """The status of one bridge, true at this moment."""
    mounted = state.mounted.snapshot.digest if state.mounted is not None else None
    decided = state.decided
    settled = decided is not None and decided.digest == mounted and not _redecides(state)
    under_way = state.attempt is not None and isinstance(state.phase, Signalling | Confirming)
    if under_way:
        status = Status.RELOADING
    elif settled and decided is not None:
        status = _word(state, decided)
    else:
        status = Status.PENDING
    return BridgeStatus(
        bridge=state.bridge.name,
        status=status,
        observed=mounted,
        active=state.attempt.digest if under_way and state.attempt else state.last_good,
        last_good=state.last_good,
        message=_say(state, status),
        blocked=state.blocked or state.mount_trouble,
        target=state.process,
        restart_safe=mounted is not None and _is_restart_safe(state, mounted),
        synced=state.mounted is not None,
        out_of_sync_since_s=state.out_of_sync_since_s,
        attempts=state.records,
    )


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
            rolls_back = state.bridge.policy.rollback is not Rollback.NONE
            return Status.ROLLED_BACK if state.last_good and rolls_back else Status.FAILED
        case _:
            assert_never(decided.outcome)


def _say(state: State, status: Status) -> str:
    decided = state.decided
    if status is Status.PENDING:
        return f"blocked: {state.blocked}" if state.blocked else ""
    if status is Status.RELOADING or decided is None:
        return ""
    return f"{decided.message}; {decided.aside}" if decided.aside else decided.message


def _is_restart_safe(state: State, mounted: str) -> bool:
    """Whether a daemon that starts now would start with content that was validated or proven."""
    decided = state.decided
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
