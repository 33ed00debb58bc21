"""What survives a restart of the sidecar: the state as a journal entry, and back.

An entry that cannot be understood is no entry: start-up then decides by what it sees.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sidecar.core.attempt import Outcome, Trigger
from sidecar.core.evidence import Baseline, Process, Reading
from sidecar.core.state import Claimed, Confirming, Decision, Interrupted, Loaded, Signalling, State

VERSION = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """All that an entry tells."""

    decided: Decision | None = None
    last_good: str | None = None
    valid: str | None = None
    loaded: Loaded | None = None
    interrupted: Interrupted | None = None
    wholes: Mapping[str, str] = field(default_factory=dict)
    restored: str | None = None
    given: str | None = None
    claimed: Claimed | None = None


def write_entry(state: State) -> Mapping[str, object]:
    """The entry for `state`: JSON types only."""
    return {
        "version": VERSION,
        "lastGood": state.last_good,
        "valid": state.valid,
        "decided": _write_decision(state.decided),
        "loaded": _write_loaded(state.loaded),
        "interrupted": _write_interrupted(state),
        "wholes": dict(state.wholes),
        "restored": state.api.restored if state.api is not None else None,
        "given": _find_given(state),
        "claimed": _write_claimed(_find_claimed(state)),
    }


def read_entry(entry: Mapping[str, object]) -> Memory | None:
    """What `entry` tells, or None where it is of another version or damaged."""
    raw: Any = entry
    try:
        if raw["version"] != VERSION:
            return None
        return Memory(
            decided=_read_decision(raw["decided"]),
            last_good=_read_digest(raw["lastGood"]),
            valid=_read_digest(raw["valid"]),
            loaded=_read_loaded(raw["loaded"]),
            interrupted=_read_interrupted(raw["interrupted"]),
            wholes={_read_text(key): _read_text(raw["wholes"][key]) for key in raw["wholes"]},
            restored=_read_digest(raw["restored"]),
            given=_read_digest(raw["given"]),
            claimed=_read_claimed(raw["claimed"]),
        )
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError):
        return None


def _read_text(raw: Any) -> str:
    if isinstance(raw, str):
        return raw
    msg = f"{raw!r} is no text"
    raise TypeError(msg)


def _read_digest(raw: Any) -> str | None:
    return None if raw is None else _read_text(raw)


def _write_decision(decided: Decision | None) -> object:
    if decided is None:
        return None
    outcome = decided.outcome.value
    return {
        "digest": decided.digest,
        "outcome": outcome,
        "message": decided.message,
        "aside": decided.aside,
        "lost": decided.lost,
        "tried": decided.tried,
        "adopted": decided.adopted,
    }


def _read_decision(raw: Any) -> Decision | None:
    if raw is None:
        return None
    return Decision(
        digest=_read_text(raw["digest"]),
        outcome=Outcome(raw["outcome"]),
        message=_read_text(raw["message"]),
        aside=_read_text(raw["aside"]),
        lost=bool(raw["lost"]),
        tried=bool(raw["tried"]),
        adopted=bool(raw["adopted"]),
    )


def _write_loaded(loaded: Loaded | None) -> object:
    if loaded is None:
        return None
    process = _write_process(loaded.process)
    return {
        "process": process,
        "digest": loaded.digest,
        "proven": loaded.proven,
        "signalledS": loaded.signalled_s,
        "before": None if loaded.before is None else _write_baseline(loaded.before),
        "kept": loaded.kept,
    }


def _read_loaded(raw: Any) -> Loaded | None:
    if raw is None:
        return None
    return Loaded(
        process=_read_process(raw["process"]),
        digest=_read_text(raw["digest"]),
        proven=bool(raw["proven"]),
        signalled_s=None if raw["signalledS"] is None else float(raw["signalledS"]),
        before=None if raw["before"] is None else _read_baseline(raw["before"]),
        kept=_read_digest(raw["kept"]),
    )


def _write_interrupted(state: State) -> object:
    interrupted = _find_interrupted(state)
    if interrupted is None:
        return None
    return {
        "digest": interrupted.digest,
        "fence": interrupted.fence,
        "trigger": interrupted.trigger.value,
        "signalled": interrupted.signalled,
        "answer": interrupted.answer,
        "baseline": _write_baseline(interrupted.baseline),
    }


def _find_interrupted(state: State) -> Interrupted | None:
    """What a crash would interrupt now, or did interrupt and was not taken up yet."""
    phase, attempt = state.phase, state.attempt
    if attempt is None or not isinstance(phase, Signalling | Confirming):
        return state.interrupted
    return Interrupted(
        digest=attempt.digest,
        fence=attempt.candidate.fence,
        trigger=attempt.trigger,
        signalled=attempt.signalled,
        baseline=phase.baseline,
        answer=phase.answer if isinstance(phase, Confirming) else None,
    )


def _find_given(state: State) -> str | None:
    """What a process was given and has not shown its verdict on, as it ended or is not seen."""
    attempt = state.attempt
    if attempt is not None and (attempt.was_given or attempt.ends):
        return attempt.digest
    return state.given


def _find_claimed(state: State) -> Claimed | None:
    """The turn that is this pod's, or was when its sidecar ended and was not taken up yet."""
    turn = state.attempt.turn if state.attempt is not None else None
    return state.claimed if turn is None else turn


def _write_claimed(claimed: Claimed | None) -> object:
    if claimed is None:
        return None
    return {"digest": claimed.digest, "nonce": claimed.nonce, "tries": claimed.tries}


def _read_claimed(raw: Any) -> Claimed | None:
    if raw is None:
        return None
    digest, nonce = _read_text(raw["digest"]), _read_text(raw["nonce"])
    return Claimed(digest=digest, nonce=nonce, tries=int(raw["tries"]))


def _read_interrupted(raw: Any) -> Interrupted | None:
    if raw is None:
        return None
    return Interrupted(
        digest=_read_text(raw["digest"]),
        fence=_read_text(raw["fence"]),
        trigger=Trigger(raw["trigger"]),
        signalled=bool(raw["signalled"]),
        answer=None if raw["answer"] is None else _read_text(raw["answer"]),
        baseline=_read_baseline(raw["baseline"]),
    )


def _write_baseline(baseline: Baseline) -> object:
    return {
        "process": _write_process(baseline.process),
        "takenS": baseline.taken_s,
        "fence": baseline.fence or "",
        "readings": {name: _write_reading(value) for name, value in baseline.readings.items()},
    }


def _read_baseline(raw: Any) -> Baseline:
    return Baseline(
        taken_s=float(raw["takenS"]),
        process=_read_process(raw["process"]),
        fence=_read_text(raw["fence"]) or None,
        readings={name: _read_reading(value) for name, value in raw["readings"].items()},
    )


def _write_process(process: Process) -> object:
    return {
        "pid": process.pid,
        "startTicks": process.start_ticks,
        "startedS": process.started_s,
        "name": process.name,
        "container": process.container,
    }


def _read_process(raw: Any) -> Process:
    return Process(
        pid=int(raw["pid"]),
        start_ticks=int(raw["startTicks"]),
        started_s=float(raw["startedS"]),
        name=_read_text(raw["name"]),
        container=_read_text(raw["container"]),
    )


def _write_reading(reading: Reading) -> object:
    return sorted(reading) if isinstance(reading, frozenset) else reading


def _read_reading(raw: Any) -> Reading:
    return frozenset(int(pid) for pid in raw) if isinstance(raw, list) else _scalar(raw)


def _scalar(raw: Any) -> float | str:
    return raw if isinstance(raw, str) else float(raw)
