"""Who goes first: one pod claims new content, the others wait for its proof and then follow.

All is decided by levels: what stands on the object now, and since when we have seen it there.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from enum import Enum, auto
from functools import lru_cache

from sidecar.core.attempt import Status
from sidecar.core.bridge import Mode, Strategy
from sidecar.core.declared import ApiSide, Declared
from sidecar.core.holder import read_holder
from sidecar.core.state import Attempt, State

STAND_BY_S = 2.0
"""Who did not go first last time waits this long, and up to as long again by chance, for the pod
that did: it begins at once, so that a thousand replicas make one claim."""

STAND_BY_MOST_S = 10.0
REPLICAS_PER_S = 100
"""An edit wakes all of a fleet at once: the more there are, the longer may the one that goes first
have to wait for its share of CPU and API, and the more would conflict if they doubted it early."""

MOVING = frozenset({Status.RELOADING.value, Status.ROLLING_OUT.value})
ADOPTED = frozenset({Status.ROLLING_OUT.value, Status.APPLIED.value})
REFUSED = frozenset(
    {
        Status.REJECTED.value,
        Status.ROLLED_BACK.value,
        Status.FAILED.value,
        Status.UNCONFIRMED.value,
    }
)


class Move(Enum):
    """What a pod with a good candidate may do."""

    CLAIM = auto()
    FOLLOW = auto()
    GIVE_UP = auto()
    LEAVE = auto()


@dataclass(frozen=True, slots=True)
class Turn:
    """`move` from `at_s` on. `tries` is what a claim counts; `vanished` pods tried before."""

    move: Move
    at_s: float = float("-inf")
    tries: int = 1


def is_paused(state: State) -> bool:
    """Whether the user's own annotation stops attempts."""
    declared = state.api.declared if state.api is not None else None
    return declared is not None and declared.marks.get("paused") == "true"


def moves_from_s(state: State) -> float:
    """From when on this pod may bring the candidate nearer to its process, at its turn."""
    api, attempt = state.api, state.attempt
    if api is None or api.declared is None or attempt is None or attempt.beside:
        return float("-inf")
    if not api.is_current or _is_first_boot(state, api.declared):
        return float("-inf")
    return find_turn(state, api, api.declared).at_s


def _is_first_boot(state: State, declared: Declared) -> bool:
    """Whether the daemon waits for its first files, and there is no earlier content for it.

    A start is an attempt that nothing can hold back; where other content was applied before, that
    is published first, and the newest takes its turn.
    """
    active = declared.marks.get("active")
    nothing = state.bridge.source.mode is Mode.PUBLISHED and state.mounted is None
    return nothing and active in {None, declared.digest}


def takes_turns(state: State) -> bool:
    """Whether other replicas may be there, and one goes first."""
    rollout = state.bridge.policy.rollout
    several = rollout.strategy is Strategy.CANARY and rollout.replicas != 1
    return several and state.api is not None and not state.api.stranger


def shares_word(state: State) -> bool:
    """Whether other replicas may be there that go their own ways, and one speaks for all."""
    rollout = state.bridge.policy.rollout
    several = rollout.strategy is Strategy.INDEPENDENT and rollout.replicas != 1
    return several and state.api is not None and not state.api.stranger


def is_incumbent(state: State, declared: Declared) -> bool:
    """Whether this pod went first the last time, and not one before it of the same name."""
    marks, api = declared.marks, state.api
    holder = read_holder(marks)
    left = marks.get("status") == Status.RELOADING and api is not None and holder.nonce == api.found
    return holder.pod == state.bridge.pod and not left


def stand_by_until_s(state: State, api: ApiSide, declared: Declared) -> float:
    """Until when this pod leaves the word on new content to another."""
    if not takes_turns(state) or is_incumbent(state, declared):
        return float("-inf")
    waits_s = _find_stand_by_s(state) * (1 + draw(state, declared.digest))
    return max(api.declared_s, api.turn_s) + waits_s


def _find_stand_by_s(state: State) -> float:
    """How long another pod's word is waited for, in a fleet of this size."""
    replicas = state.bridge.policy.rollout.replicas or 1
    return min(max(STAND_BY_S, replicas / REPLICAS_PER_S), STAND_BY_MOST_S)


def find_turn(state: State, api: ApiSide, declared: Declared) -> Turn:
    """What this pod may do with the content that is declared, and from when on."""
    marks, attempt = declared.marks, state.attempt
    status = marks.get("status", "") if marks.get("observed") == declared.digest else ""
    asked = attempt is not None and attempt.asked
    if not takes_turns(state):
        other = read_holder(marks).pod != state.bridge.pod
        spoken = shares_word(state) and bool(status) and other
        if not spoken or (attempt is not None and attempt.nonce):
            return Turn(Move.CLAIM)
        # Where nothing runs that could prove the others wrong, their verdict stands.
        refused = status in REFUSED and state.process is None and not asked
        return Turn(Move.LEAVE if refused else Move.FOLLOW)
    if attempt is not None and attempt.nonce:
        return Turn(Move.CLAIM, tries=read_holder(marks).tries if status else 1)
    if status in REFUSED and not asked:
        return Turn(Move.LEAVE)
    if status in ADOPTED and marks.get("active") == declared.digest and not asked:
        spread_s = state.bridge.policy.rollout.spread_s
        return Turn(Move.FOLLOW, api.turn_s + spread_s * draw(state, declared.digest))
    if status == Status.RELOADING:
        return _take_over(state, api, declared)
    # A turn that was given back unused is the next pod's, with the count that led to it.
    tries = read_holder(marks).tries if status == Status.PENDING else 1
    return Turn(Move.CLAIM, stand_by_until_s(state, api, declared), tries)


def turn_ends_s(state: State, api: ApiSide, declared: Declared) -> float:
    """When the time of the pod that is named is over, as far as this one is concerned."""
    holder = read_holder(declared.marks)
    if holder.pod == state.bridge.pod:
        return api.turn_s
    return api.turn_s + holder.seconds + _find_stand_by_s(state) * draw(state, declared.digest)


def is_outrun(attempt: Attempt, declared: Declared) -> bool:
    """Whether another pod has claimed or decided the same content, so that we are to stand down.

    What stood there when we claimed it is what our claim is about to replace. A claim that was only
    taken away, by people or another workload, is ours to say again.
    """
    if attempt.outdone == read_turn(declared):
        return False
    marks = declared.marks
    status = marks.get("status", "")
    decided = status in REFUSED | ADOPTED and not attempt.asked
    holder = read_holder(marks)
    taken = status in MOVING and bool(holder.pod)
    about = marks.get("observed") == declared.digest
    return about and (taken or decided) and holder.nonce != attempt.nonce


def read_turn(declared: Declared | None) -> tuple[str, ...]:
    """What of the annotations tells whose turn it is, and what people wish."""
    if declared is None:
        return ()
    marks = declared.marks
    names = ("observed", "status", "holder", "requested")
    return (declared.uid, *(marks.get(name, "") for name in names))


def _take_over(state: State, api: ApiSide, declared: Declared) -> Turn:
    """Somebody else is at it: dead or stuck once its time is over.

    A holder of our own name whose claim is not ours is a pod that is no more. Content that makes
    one holder after another vanish is given up. A claim of our own may still stand there, after a
    pause, or as people ask for another try before the verdict on the first is written.
    """
    tries = read_holder(declared.marks).tries
    at_s = turn_ends_s(state, api, declared)
    if is_incumbent(state, declared):
        return Turn(Move.CLAIM, at_s, tries)
    over = tries > state.bridge.policy.rollout.takeovers
    return Turn(Move.GIVE_UP if over else Move.CLAIM, at_s, tries + 1)


def draw(state: State, digest: str) -> float:
    """A number in [0, 1) that differs from pod to pod and from content to content."""
    return _draw(state.bridge.pod, digest)


@lru_cache(maxsize=64)
def _draw(pod: str, digest: str) -> float:
    seed = f"{pod}/{digest}".encode()
    return int.from_bytes(hashlib.sha256(seed).digest()[:4]) / 2**32


@lru_cache(maxsize=64)
def name_short(pod: str) -> str:
    """The pod in six hex digits, as `surehup.dev/proven` lists it."""
    return hashlib.sha256(pod.encode()).hexdigest()[:6]
