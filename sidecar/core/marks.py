"""The annotations on the object, as they should be now: computed from the state, never remembered.

Keys are short here; the record room spells them out. None means that a key is to be absent.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from sidecar.core.attempt import Outcome, Status
from sidecar.core.declared import ApiSide, Declared
from sidecar.core.newest import whole
from sidecar.core.state import Attempt, State
from sidecar.core.view import view

PROTOCOL = "1"
"""Version of what the annotations mean. A higher number is observed only."""

Marks = Mapping[str, str | None]

VERDICTS = frozenset(
    {
        Status.APPLIED,
        Status.REJECTED,
        Status.ROLLED_BACK,
        Status.FAILED,
        Status.UNCONFIRMED,
    }
)
TURN_MARGIN_S = 10.0
_NONCE_CHARS = 8


def make_nonce(state: State, declared: Declared, now_s: float) -> str:
    """A name for one claim: never the same again, as time and version move on."""
    seed = f"{state.bridge.pod}/{declared.uid}/{declared.version}/{state.next_effect}/{now_s!r}"
    return hashlib.sha256(seed.encode()).hexdigest()[:_NONCE_CHARS]


def find_changes(state: State, api: ApiSide, declared: Declared) -> Marks:
    """What has to be written on the object, as far as it is ours to say."""
    wanted = _compose(state, api, declared)
    if _is_news_to_nobody(declared, wanted):
        wanted = {key: wanted[key] for key in wanted.keys() & {"handled"}}
    changes = {key: value for key, value in wanted.items() if declared.marks.get(key) != value}
    others = _pod_of(declared.marks.get("holder", "")) not in {"", state.bridge.pod}
    if others and all(api.told.get(key, "") == value for key, value in changes.items()):
        return {}
    return changes


def is_claimed(declared: Declared, attempt: Attempt) -> bool:
    """Whether the object says that this very attempt is reloading."""
    marks = declared.marks
    parts = marks.get("holder", "").split("/")
    return marks.get("status") == Status.RELOADING and attempt.nonce in parts[1:2]


def find_good(state: State) -> str | None:
    """The whole digest to go back to: proven here, or told by the object before we wrote on it."""
    if state.last_good is not None:
        return whole(state, state.last_good)
    return state.api.earlier if state.api is not None else None


def read_earlier(marks: Mapping[str, str]) -> str | None:
    """The last digest that was applied, as the annotations have it."""
    moving = marks.get("status") in {Status.RELOADING, Status.ROLLING_OUT}
    return marks.get("previous" if moving else "active")


def explain_refusal(marks: Mapping[str, str]) -> str:
    """Why nothing may be written on the object, whatever RBAC says; empty where it may."""
    protocol = marks.get("protocol", PROTOCOL)
    if protocol.isdecimal() and int(protocol) > int(PROTOCOL):
        return (
            f"the annotations are of protocol {protocol}, and this surehup speaks {PROTOCOL}: it"
            " only reports on itself until it is upgraded"
        )
    return ""


def _compose(state: State, api: ApiSide, declared: Declared) -> dict[str, str | None]:
    shown = view(state)
    status, attempt = _choose_status(state, declared, shown.status), state.attempt
    reloading = status is Status.RELOADING
    good = find_good(state)
    message = shown.message
    desired = declared.marks.get("desired", declared.digest)
    if desired != declared.digest and status is not Status.PENDING:
        message += "; the content is not what the manifest's desired names"
    wanted: dict[str, str | None] = {
        "status": status.value,
        "observed": declared.digest,
        "message": message or None,
        "active": whole(state, attempt.digest) if reloading and attempt is not None else good,
        "previous": good if reloading else None,
        "protocol": PROTOCOL,
    }
    if not reloading:
        wanted["revision"] = str(api.revision) if api.revision is not None and good else None
    if api.handled and (attempt is None or not attempt.asked) and state.asked is None:
        wanted["handled"] = api.handled
    holder = _compose_holder(state, declared, reloading=reloading)
    return wanted if holder is None else {**wanted, "holder": holder}


def _choose_status(state: State, declared: Declared, shown: Status) -> Status:
    """An applied content stays so while its process starts anew: that is the pod's own affair."""
    decided, attempt = state.decided, state.attempt
    applied = (
        decided is not None
        and decided.outcome is Outcome.APPLIED
        and decided.digest == declared.content.digest
    )
    idle = attempt is None or (not attempt.asked and not attempt.nonce)
    return Status.APPLIED if applied and idle else shown


def _compose_holder(state: State, declared: Declared, *, reloading: bool) -> str | None:
    """POD/NONCE/TRY/SECONDS; after the turn SECONDS is 0 and the pod stays named."""
    if reloading and state.attempt is not None:
        seconds = state.bridge.proof.deadline_s + TURN_MARGIN_S
        return f"{state.bridge.pod}/{state.attempt.nonce}/1/{seconds:.0f}"
    holder = declared.marks.get("holder", "")
    if holder and _pod_of(holder) == state.bridge.pod:
        return f"{holder.rpartition('/')[0]}/0"
    return None


def _is_news_to_nobody(declared: Declared, wanted: Marks) -> bool:
    """A verdict on this content stands on the object, and we have none of our own yet."""
    marks = declared.marks
    stands = marks.get("observed") == declared.digest and marks.get("status") in VERDICTS
    return stands and wanted["status"] in {Status.PENDING, Status.PAUSED}


def _pod_of(holder: str) -> str:
    return holder.partition("/")[0]
