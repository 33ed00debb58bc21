"""The annotations on the object, as they should be now: computed from the state, never remembered.

Keys are short here; the record room spells them out. None means that a key is to be absent.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from sidecar.core.attempt import Outcome, Status
from sidecar.core.declared import ApiSide, Declared
from sidecar.core.holder import Holder, read_holder
from sidecar.core.newest import whole
from sidecar.core.state import Attempt, Decision, State
from sidecar.core.tally import MOST_LISTED, Tally, read_tally
from sidecar.core.turn import (
    MOVING,
    REFUSED,
    Move,
    find_turn,
    is_incumbent,
    is_paused,
    name_short,
    shares_word,
    stand_by_until_s,
    takes_turns,
    turn_ends_s,
)
from sidecar.core.view import find_status, say
from sidecar.core.workload import name_target

PROTOCOL = "1"
"""Version of what the annotations mean. A higher number is observed only."""

Marks = Mapping[str, str | None]

TURN_MARGIN_S = 10.0
"""What a turn lasts beyond the proof's deadline: for the claim, the signal, and what stalls."""

VERDICTS = REFUSED | {Status.APPLIED.value}
MESSAGE_MAX_BYTES = 900
"""What is read back must be what was meant, or it would be written again and again: all keys
together have 2 KiB, of which the others leave as much."""

WISH_MAX_CHARS = 64
_NONCE_CHARS = 8


def make_nonce(state: State, declared: Declared, now_s: float) -> str:
    """A name for one claim: never the same again, as time and version move on."""
    seed = f"{state.bridge.pod}/{declared.uid}/{declared.version}/{state.next_effect}/{now_s!r}"
    return hashlib.sha256(seed.encode()).hexdigest()[:_NONCE_CHARS]


def find_changes(state: State, api: ApiSide, declared: Declared) -> Marks:
    """What has to be written on the object, as far as it is ours to say."""
    wanted = _compose(state, api, declared)
    changes = {key: value for key, value in wanted.items() if declared.marks.get(key) != value}
    if changes.keys() == {"message"} and _comes_and_goes(state, declared):
        return {}
    if changes.keys() == {"target"}:
        return {}  # it goes along with a word: pods of old and new settings would take turns in it
    if not takes_turns(state):
        about = declared.marks.get("observed") == declared.digest
        others = about and read_holder(declared.marks).pod not in {"", state.bridge.pod}
        told = all(api.told.get(key, "") == value for key, value in changes.items())
        return {} if others and told else changes
    return changes


def _comes_and_goes(state: State, declared: Declared) -> bool:
    """Whether a process that ends again and again blocks now for one reason, now for another."""
    ends = state.attempt.ends if state.attempt is not None else 0
    said = declared.marks.get("message", "").startswith("blocked: ")
    return said and bool(state.blocked) and ends > 0


def speaks_from_s(state: State, api: ApiSide, declared: Declared) -> float:
    """From when on the changes may be written: another pod may be about to."""
    attempt, marks = state.attempt, declared.marks
    claims = attempt is not None and bool(attempt.nonce)
    several = takes_turns(state) or shares_word(state)
    if claims or is_incumbent(state, declared) or not several:
        return float("-inf")
    if marks.get("observed") == declared.digest and marks.get("status") == Status.ROLLING_OUT:
        return float("-inf")
    if marks.get("observed") == declared.digest and marks.get("status") == Status.RELOADING:
        return turn_ends_s(state, api, declared)
    return stand_by_until_s(state, api, declared)


def is_claimed(declared: Declared, attempt: Attempt) -> bool:
    """Whether the object says that this very attempt is reloading."""
    reloading = declared.marks.get("status") == Status.RELOADING
    return reloading and read_holder(declared.marks).nonce == attempt.nonce != ""


def find_good(state: State) -> str | None:
    """The whole digest to go back to.

    What this pod proved last, unless other replicas were first: then what the object tells.
    """
    api = state.api
    declared = api.declared if api is not None else None
    told = read_earlier(declared.marks, declared.digest) if declared is not None else None
    own = whole(state, state.last_good) if state.last_good is not None else None
    if declared is None or told is None:
        return own or (api.earlier if api is not None else None)
    alone = not takes_turns(state) or _count_replicas(state) is None
    mine = is_incumbent(state, declared) if takes_turns(state) else True
    return own if own is not None and mine and alone else told


def read_earlier(marks: Mapping[str, str], digest: str) -> str | None:
    """What to go back to from the content `digest`, as the annotations have it.

    Content that is being rolled out was proven once: newer content goes back to that.
    """
    status = marks.get("status")
    unproven = status == Status.RELOADING
    itself = status == Status.ROLLING_OUT and marks.get("observed") == digest
    return marks.get("previous" if unproven or itself else "active")


def read_number(marks: Mapping[str, str]) -> int:
    """The revision that the object names; they count up from 1, so 0 is none."""
    number = marks.get("revision", "")
    return int(number) if number.isdecimal() else 0


def read_wish(marks: Mapping[str, str]) -> str:
    """What a person asks, in the length that is written back."""
    return marks.get("requested", "")[:WISH_MAX_CHARS]


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
    """The whole word of this pod, or only that a wish was heeded where it has none."""
    marks, heeded = declared.marks, _compose_heeded(state, api, declared)
    about = marks.get("observed") == declared.digest
    stands = marks.get("status", "") if about else ""
    if stands == Status.ROLLING_OUT and takes_turns(state) and not _is_own_turn(state, declared):
        return {**_compose_tally(state, api, declared), **heeded}
    if _is_silent(state, api, declared, stands):
        newer = stands == Status.APPLIED and (api.revision or 0) > read_number(marks)
        number = _compose_number(api, declared) if newer else {}
        return {**_compose_block(state, declared, stands), **number, **heeded}
    if takes_turns(state) and stands == Status.APPLIED and _is_applied(state, declared):
        # Whoever completed the rollout has told how many run it; its number may still come.
        return {**_compose_number(api, declared), **heeded}
    return {**_compose_word(state, api, declared), **heeded}


def _compose_number(api: ApiSide, declared: Declared) -> dict[str, str | None]:
    """The number under which this pod has kept this very content."""
    kept = api.revision is not None and api.kept == declared.digest
    return {"revision": str(api.revision)} if kept else {}


def _find_number(api: ApiSide, marks: Mapping[str, str], digest: str | None) -> str | None:
    """The number of `digest`: as this pod has kept it, or as it is told of the same content.

    It is told of what is active, and while content moves of what was before.
    """
    if digest is None:
        return None
    if (number := api.number_of(digest)) is not None:
        return str(number)
    numbered = marks.get("previous" if marks.get("status") in MOVING else "active")
    return marks.get("revision") if numbered == digest else None


def _is_own_turn(state: State, declared: Declared) -> bool:
    """Whether this pod has claimed this very content; older content may still have its turn."""
    attempt = state.attempt
    claims = attempt is not None and bool(attempt.nonce)
    return attempt is not None and claims and attempt.digest == declared.content.digest


def _is_silent(state: State, api: ApiSide, declared: Declared, stands: str) -> bool:
    """Whether what stands on the object about this content is not ours to change."""
    shown, attempt = find_status(state), state.attempt
    if _is_own_turn(state, declared):
        return False
    undecided = shown in {Status.PENDING, Status.PAUSED, Status.RELOADING}
    if stands in VERDICTS and undecided:
        return True  # a verdict stands until this pod has one of its own
    if takes_turns(state) and stands in REFUSED and _is_applied(state, declared):
        late = stands == Status.UNCONFIRMED and is_incumbent(state, declared)
        return not late  # it failed in another pod, unless the doubt was this one's own
    if stands == Status.PAUSED and shown is Status.PENDING and is_paused(state):
        return True  # for this pod it is more than the pause, for all it is that
    if shown is Status.RELOADING and attempt is not None:
        return True  # it follows, or goes on where a sidecar before it ended
    several = takes_turns(state) or shares_word(state)
    if not several or is_incumbent(state, declared) or not stands:
        return False
    if stands == Status.RELOADING:
        # Once the holder's time is over, who came to a verdict without a turn may speak.
        return undecided and find_turn(state, api, declared).move is not Move.GIVE_UP
    # One pod speaks of what is undecided, but that it is paused, or no more, all know.
    stale = {shown.value, stands} == {Status.PAUSED, Status.PENDING}
    resumed = stale and (shown is Status.PAUSED or bool(state.blocked))
    return stands in VERDICTS or (undecided and not resumed)


def _compose_block(state: State, declared: Declared, stands: str) -> dict[str, str | None]:
    """What blocks the content anybody says who finds that unsaid, and no more than that."""
    unsaid = stands in {Status.PENDING, Status.RELOADING} and "message" not in declared.marks
    others = takes_turns(state) or shares_word(state)
    if not (state.blocked and unsaid and others) or is_incumbent(state, declared):
        return {}
    return {"message": _cut(f"blocked: {state.blocked}")}


def _compose_heeded(state: State, api: ApiSide, declared: Declared) -> dict[str, str | None]:
    waiting = state.asked is not None or (state.attempt is not None and state.attempt.asked)
    current = bool(api.handled) and read_wish(declared.marks) == api.handled
    return {"handled": api.handled} if current and not waiting else {}


def _compose_word(state: State, api: ApiSide, declared: Declared) -> dict[str, str | None]:
    shown, attempt = find_status(state), state.attempt
    status = _choose_status(state, declared, shown)
    moving, good = status.value in MOVING, find_good(state)
    if status in {Status.ROLLED_BACK, Status.FAILED} and good == declared.digest:
        status, good = Status.FAILED, None  # what there was to go back to has failed itself
    active = whole(state, attempt.digest) if attempt is not None and attempt.nonce else good
    if status in {Status.APPLIED, Status.ROLLING_OUT}:
        active = declared.digest
    message = _cut(_say(state, declared, status, say(state, shown)))
    wanted: dict[str, str | None] = {
        "status": status.value,
        "observed": declared.digest,
        "message": message or _keep_block(state, api, declared, status),
        "active": active if moving or status is Status.APPLIED else good,
        "previous": good if moving else None,
        "protocol": PROTOCOL,
        "target": name_target(state.bridge),
        "proven": None,
    }
    if status is Status.ROLLING_OUT:
        wanted["proven"] = str(Tally().with_pod(name_short(state.bridge.pod), proven=True))
    settled = wanted["previous" if moving else "active"]
    wanted["revision"] = _find_number(api, declared.marks, settled)
    holder = _compose_holder(state, declared, status)
    return wanted if holder is None else {**wanted, "holder": str(holder)}


def _keep_block(state: State, api: ApiSide, declared: Declared, status: Status) -> str | None:
    """What blocks another pod stays said, as long as nothing else is to be said of the content."""
    marks, attempt = declared.marks, state.attempt
    message, several = marks.get("message"), takes_turns(state) or shares_word(state)
    waits = marks.get("observed") == declared.digest and marks.get("status") == status
    if status is Status.RELOADING:
        waits = attempt is not None and is_claimed(declared, attempt)
    stays = several and waits and status in {Status.PENDING, Status.RELOADING}
    return message if stays and message != api.told.get("message") else None


def _is_applied(state: State, declared: Declared) -> bool:
    """Whether this content was applied, and is what the process was given last.

    Of one that starts anew nothing is known yet: what stands on the object stays meanwhile.
    """
    decided, loaded = state.decided, state.seen
    return (
        decided is not None
        and loaded is not None
        and loaded.proven
        and loaded.digest == decided.digest
        and decided.digest == declared.content.digest
        and decided.outcome is Outcome.APPLIED
    )


def _choose_status(state: State, declared: Declared, shown: Status) -> Status:
    """An applied content stays so while its process starts anew: that is the pod's own affair."""
    attempt = state.attempt
    applied = _is_applied(state, declared)
    idle = attempt is None or (not attempt.asked and not attempt.nonce)
    if not (applied and (idle or shown is Status.APPLIED)):
        return shown
    others = takes_turns(state) and _count_replicas(state) is not None
    return Status.ROLLING_OUT if others else Status.APPLIED


def _count_replicas(state: State) -> int | None:
    """How many pods there are; None where nobody says, or they are too many to be listed."""
    replicas = state.bridge.policy.rollout.replicas
    return replicas if replicas is not None and 1 < replicas <= MOST_LISTED else None


def _say(state: State, declared: Declared, status: Status, message: str) -> str:
    if status is Status.ROLLING_OUT:
        message = f"1/{state.bridge.policy.rollout.replicas} proven"
    elif status is Status.APPLIED and state.decided is not None:
        message = state.decided.message
        message += f"; only {state.bridge.pod} was seen" if takes_turns(state) else ""
    desired = declared.marks.get("desired", declared.digest)
    if desired != declared.digest and status is not Status.PENDING:
        message += "; the content is not what the manifest's desired names"
    return message


def _compose_holder(state: State, declared: Declared, status: Status) -> Holder | None:
    """The claim with its time; after it the pod stays named. Who speaks first takes the office."""
    holder, attempt = read_holder(declared.marks), state.attempt
    if status is Status.RELOADING and attempt is not None and attempt.nonce:
        seconds = round(state.bridge.proof.deadline_s + TURN_MARGIN_S)
        return Holder(state.bridge.pod, attempt.nonce, attempt.tries, seconds)
    tries = holder.tries if declared.marks.get("observed") == declared.digest else 1
    if holder.pod == state.bridge.pod:
        return Holder(holder.pod, holder.nonce, tries, 0)
    several = takes_turns(state) or shares_word(state)
    if several and (holder.pod == "" or status.value in VERDICTS):
        return Holder(state.bridge.pod, name_short(declared.version), 1, 0)
    return Holder(holder.pod, holder.nonce, 1, 0) if tries != holder.tries else None


def _compose_tally(state: State, api: ApiSide, declared: Declared) -> dict[str, str | None]:
    """What this pod adds to a rollout that another one began."""
    decided = state.decided
    if decided is None or decided.digest != declared.content.digest:
        return {}
    proven = decided.outcome is Outcome.APPLIED
    if not decided.tried or (proven and not _is_applied(state, declared)):
        return {}
    rollout = state.bridge.policy.rollout
    tally = read_tally(declared.marks).with_pod(name_short(state.bridge.pod), proven=proven)
    if len(tally.failed) > rollout.tolerate:
        return _compose_stop(state, declared, decided, tally)
    count, replicas = len(tally.proven), rollout.replicas or 1
    message = f"{count}/{replicas} proven"
    if tally.failed:
        message += f", failed in {len(tally.failed)}"
    if count + len(tally.failed) < replicas:
        return {"proven": str(tally), "message": message}
    return {
        "status": Status.APPLIED.value,
        "previous": None,
        "proven": None,
        "message": message,
        "revision": None,
        **_compose_number(api, declared),
    }


def _compose_stop(
    state: State, declared: Declared, decided: Decision, tally: Tally
) -> dict[str, str | None]:
    """The rollout ends here: whoever has not reloaded yet does not."""
    good = read_earlier(declared.marks, declared.digest)
    good = None if good == declared.digest else good
    count, replicas = len(tally.proven), state.bridge.policy.rollout.replicas or 1
    return {
        "status": (Status.ROLLED_BACK if good else Status.FAILED).value,
        "active": good,
        "previous": None,
        "proven": None,
        "message": _cut(f"{state.bridge.pod}: {decided.message}; {count}/{replicas} run this"),
        "revision": declared.marks.get("revision") if good else None,
    }


def _cut(message: str) -> str:
    encoded = message.encode()
    if len(encoded) <= MESSAGE_MAX_BYTES:
        return message
    return encoded[: MESSAGE_MAX_BYTES - 3].decode(errors="ignore") + "…"
