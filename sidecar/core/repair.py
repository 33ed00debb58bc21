"""Bringing back the last good files where the sidecar writes them."""

from __future__ import annotations

from sidecar.core.attempt import Outcome
from sidecar.core.bridge import Mode, Rollback
from sidecar.core.newest import whole
from sidecar.core.snapshot import Mounted
from sidecar.core.state import Decision, State
from sidecar.core.turn import takes_turns


def is_fill_due(state: State, newest: Mounted) -> bool:
    """Whether the daemon is to come up on the last good content, as the newest awaits its turn."""
    good, api = state.good, state.api
    empty = state.bridge.source.mode is Mode.PUBLISHED and state.mounted is None
    if not empty or good is None or api is None or api.declared is None:
        return False
    applied = api.declared.marks.get("active") == whole(state, good.digest)
    lost = state.decided is not None and state.decided.lost
    return takes_turns(state) and applied and good.digest != newest.snapshot.digest and not lost


def is_repair_due(state: State) -> bool:
    """Whether the published folder is to carry the last good content again, or for the first time.

    Where it does, the process may still have been given other content that is no longer wanted.

    The verdict comes first, see `is_untold`: a crash between the two must find it written.
    """
    decided, good, mounted = state.decided, state.good, state.mounted
    if state.bridge.source.mode is not Mode.PUBLISHED or decided is None or good is None:
        return False
    there = mounted if mounted is not None and mounted.snapshot.digest == good.digest else None
    doubted = good.digest == decided.digest and not is_own_good(state, decided)
    if there is not None and (doubted or not _was_given_other(state, there)):
        return False
    undo = state.bridge.policy.rollback is not Rollback.NONE
    failed = decided.outcome in {Outcome.FAILED, Outcome.UNCONFIRMED} and undo
    refused = decided.outcome is Outcome.REJECTED and (undo or mounted is None)
    displaced = mounted is not None and there is None
    return (failed or refused) and (displaced or not decided.lost)


def is_own_good(state: State, decided: Decision) -> bool:
    """Whether there is doubt of what this pod has proven and would go back to.

    Not where that was just given to the process: then another signal would tell no more.
    """
    given = state.loaded is not None and state.loaded.digest == decided.digest
    doubtful = decided.outcome is Outcome.UNCONFIRMED and not given
    return doubtful and decided.digest == state.last_good


def _was_given_other(state: State, mounted: Mounted) -> bool:
    """Whether the process was given something else, or began with it.

    What one from before this sidecar was given since, only a journal tells.
    """
    loaded, process = state.loaded, state.process
    if loaded is not None:
        return loaded.digest != mounted.snapshot.digest
    if process is None or (process.started_s <= state.begun_s and not state.remembers):
        return False
    return not mounted.was_there_at(process.started_s)
