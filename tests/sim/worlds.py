"""Explores every order of events in a small world: ``python -m tests.sim.worlds``.

Two or three replicas of the shipped machine, two edits, and a small budget of faults: a crash of a
sidecar, an answer lost after its write was committed, a stranger's write in between, a sidecar that
is frozen (SIGSTOP, no CPU) while time passes. What is ready may happen in any order: a watch that
brings what is there by then, an API call, a validation, a look, a signal, the passing of time up to
the next moment that somebody waits for. States that differ only in names and in absolute times are
one.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from math import isfinite

from sidecar.core.attempt import Status
from sidecar.core.bridge import (
    Bridge,
    Mode,
    OnInvalid,
    Policy,
    Proof,
    Rollout,
    Selector,
    SignalReload,
    Source,
)
from sidecar.core.declared import Declared
from sidecar.core.effects import (
    ApiEffect,
    Cancel,
    Effect,
    Fetch,
    Keep,
    Look,
    Publish,
    Recall,
    Restore,
    Save,
    SaveGood,
    Signal,
    Validate,
    Write,
)
from sidecar.core.events import (
    Answer,
    Answered,
    ApiConnected,
    DeclaredSeen,
    Event,
    Kept,
    Looked,
    MountChanged,
    Published,
    Recalled,
    Sending,
    Signalled,
    Started,
    Tick,
    Validated,
)
from sidecar.core.evidence import Process, Sample
from sidecar.core.holder import read_holder
from sidecar.core.machine import step, wake_at
from sidecar.core.report import Finding, Report
from sidecar.core.snapshot import Mounted, Snapshot, short
from sidecar.core.state import State, begin
from tests.sim.nature import GAUGE, TIMESTAMP

START_S = 1_000.0
CONTENTS = ("one", "two", "three", "bad subtle")
TURN_S = 60.0
"""A state is at rest once nobody waits for anything within this time."""

Local = Validate | Look | Signal | Publish


@cache
def make_content(text: str) -> Snapshot:
    return Snapshot.of({"config": text.encode()})


BY_DIGEST = {make_content(text).digest: text for text in CONTENTS}


@dataclass(frozen=True, slots=True, kw_only=True)
class Object:
    """The object in the API."""

    text: str
    version: int
    marks: Mapping[str, str]
    revisions: tuple[str, ...] = ()

    def declare(self) -> Declared:
        content = make_content(self.text)
        return Declared(
            uid="uid",
            version=str(self.version),
            digest=content.digest,
            content=content,
            marks=self.marks,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Daemon:
    """The process of one pod: what it runs, and its marks."""

    process: Process
    runs: str
    gauge: float = 1.0
    moved_s: float = START_S


@dataclass(frozen=True, slots=True, kw_only=True)
class Pod:
    """One pod: its sidecar's state, what is under way, its folder and its daemon."""

    state: State
    daemon: Daemon
    disk: str
    generation: int = 1
    seen: int = 0
    local: Local | None = None
    calls: tuple[ApiEffect, ...] = ()
    journal: str | None = None
    good: str | None = None
    passed: frozenset[str] = frozenset()

    @property
    def mounted(self) -> Mounted:
        return Mounted(make_content(self.disk), f"g{self.generation}", START_S)


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """What may still befall this world."""

    edits: tuple[str, ...] = ()
    crashes: int = 0
    losses: int = 0
    strangers: int = 0
    freezes: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """The whole world at one moment. `given`: who was signalled for each content, unproven yet."""

    now_s: float
    there: Object
    pods: tuple[Pod, ...]
    budget: Budget
    frozen: int | None = None
    given: tuple[tuple[str, frozenset[int]], ...] = ()
    proven: frozenset[str] = frozenset({"one"})


Next = tuple[str, Node]


class Worlds:
    """Explores from one beginning. `broken` are sentences with the way that led there."""

    def __init__(self, *, replicas: int, takeovers: int, budget: Budget) -> None:
        self.bridge = make_bridge(replicas, takeovers)
        self.budget = budget
        self.explored = 0
        self.rests = 0
        self.broken: list[str] = []

    def explore(self, most: int, *, stop: bool = False) -> None:
        """Depth first, until all is seen or `most` states were; or something broke, to `stop`."""
        first = self._settle(make_first(self.bridge))
        first = replace(first, budget=self.budget)
        seen = {name_node(first)}
        stack: list[tuple[Node, Iterator[Next], str]] = [(first, self._list_next(first), "")]
        while stack and self.explored < most and not (stop and self.broken):
            node, ahead, _ = stack[-1]
            following = next(ahead, None)
            if following is None:
                stack.pop()
                continue
            word, after = following
            key = name_node(after)
            if key in seen:
                continue
            seen.add(key)
            self.explored += 1
            stack.append((after, self._list_next(after), word))
            for sentence in judge(node, after, word, self.bridge):
                self._accuse(sentence, [way for _, _, way in stack])
            if is_resting(after):
                self.rests += 1
                for sentence in judge_rest(after):
                    self._accuse(sentence, [way for _, _, way in stack])

    def _accuse(self, sentence: str, way: list[str]) -> None:
        self.broken.append(f"{sentence}: {' > '.join(word for word in way if word)}")

    def _settle(self, node: Node) -> Node:
        """One way to rest."""
        while not is_resting(node):
            following = next(self._list_next(node), None)
            if following is None:
                break
            node = following[1]
        return node

    # --- what may happen next

    def _list_next(self, node: Node) -> Iterator[Next]:
        busy = False
        for index, pod in enumerate(node.pods):
            if index == node.frozen:
                continue
            if pod.local is not None:
                busy = True
                yield f"{index}:{type(pod.local).__name__}", do_local(node, index)
            for call in pod.calls:
                busy = True
                yield f"{index}:{type(call).__name__}", do_call(node, index, call, lost=False)
                if node.budget.losses:
                    yield (
                        f"{index}:lost {type(call).__name__}",
                        do_call(node, index, call, lost=True),
                    )
            if pod.seen != node.there.version:
                busy = True
                yield f"{index}:watch", bring(node, index)
        yield from self._list_fates(node)
        if not busy:
            yield from pass_time(node)

    def _list_fates(self, node: Node) -> Iterator[Next]:
        budget = node.budget
        if budget.edits:
            spent = replace(budget, edits=budget.edits[1:])
            yield f"edit {budget.edits[0]}", edit(replace(node, budget=spent), budget.edits[0])
        if budget.strangers and is_moving(node):
            spent = replace(budget, strangers=budget.strangers - 1)
            there = replace(node.there, version=node.there.version + 1)
            yield "stranger", replace(node, budget=spent, there=there)
        for index, pod in enumerate(node.pods):
            if budget.crashes and is_moving(node):
                spent = replace(budget, crashes=budget.crashes - 1)
                yield f"{index}:crash", crash(replace(node, budget=spent), index)
            if budget.freezes and node.frozen is None and isinstance(pod.local, Signal):
                spent = replace(budget, freezes=budget.freezes - 1)
                yield f"{index}:freeze", replace(node, budget=spent, frozen=index)
        if node.frozen is not None:
            yield f"{node.frozen}:thaw", replace(node, frozen=None)


def make_bridge(replicas: int, takeovers: int) -> Bridge:
    return Bridge(
        name="test",
        source=Source(mount="", config_map="ns/config", mode=Mode.PUBLISHED, publish="/shared"),
        checks=(),
        target=Selector(process="daemon"),
        reload=SignalReload(number=1),
        proof=Proof(groups=((GAUGE, TIMESTAMP),), on_invalid=OnInvalid.KEEPS),
        policy=Policy(
            debounce_s=0,
            rollout=Rollout(replicas=replicas, spread_s=0, takeovers=takeovers),
        ),
    )


def make_first(bridge: Bridge) -> Node:
    """Nothing is known yet, and all run the same."""
    replicas = bridge.policy.rollout.replicas or 1
    there = Object(text="one", version=1, marks={})
    node = Node(now_s=START_S, there=there, pods=(), budget=Budget())
    for index in range(replicas):
        process = Process(pid=index + 1, start_ticks=1, started_s=START_S - 1, name="daemon")
        daemon = Daemon(process=process, runs="one")
        pod = Pod(state=begin(replace(bridge, pod=f"pod-{index}")), daemon=daemon, disk="one")
        node = start(replace(node, pods=(*node.pods, pod)), index)
    return node


# --- what happens


def post(node: Node, index: int, event: Event) -> Node:
    """A sidecar takes an event, and wants what it wants."""
    pod = node.pods[index]
    state, effects = step(pod.state, event, node.now_s)
    pod = replace(pod, state=state)
    for effect in effects:
        pod = want(pod, effect)
    return put(node, index, pod)


def want(pod: Pod, effect: Effect) -> Pod:
    match effect:
        case Validate() | Look() | Signal() | Publish():
            return replace(pod, local=effect)
        case Cancel():
            return replace(pod, local=None)
        case Fetch() | Write() | Keep() | Recall() | Restore():
            return replace(pod, calls=(*pod.calls, effect))
        case Save(entry=entry):
            return replace(pod, journal=json.dumps(entry))
        case SaveGood(content=content):
            return replace(pod, good=BY_DIGEST[content.digest])
        case _:
            return pod


def put(node: Node, index: int, pod: Pod) -> Node:
    return replace(node, pods=(*node.pods[:index], pod, *node.pods[index + 1 :]))


def start(node: Node, index: int) -> Node:
    """A sidecar begins: with its journal, its folder, and a list of the object."""
    pod = node.pods[index]
    good = make_content(pod.good) if pod.good is not None else None
    node = post(node, index, Started(json.loads(pod.journal) if pod.journal else None, good))
    node = post(node, index, MountChanged(pod.mounted))
    node = bring(node, index)
    return post(node, index, ApiConnected(connected=True))


def crash(node: Node, index: int) -> Node:
    pod = node.pods[index]
    fresh = replace(pod, state=begin(pod.state.bridge), local=None, calls=())
    return start(put(node, index, fresh), index)


def edit(node: Node, text: str) -> Node:
    there = replace(node.there, text=text, version=node.there.version + 1)
    return replace(node, there=there)


def bring(node: Node, index: int) -> Node:
    """The watch brings what is there by now."""
    pod = replace(node.pods[index], seen=node.there.version)
    return post(put(node, index, pod), index, DeclaredSeen(node.there.declare()))


def do_call(node: Node, index: int, call: ApiEffect, *, lost: bool) -> Node:
    """An API call is done, and answered, or its answer is lost."""
    pod = node.pods[index]
    node = put(node, index, replace(pod, calls=tuple(c for c in pod.calls if c is not call)))
    there, event = answer(node.there, call)
    if lost:
        node = replace(node, budget=replace(node.budget, losses=node.budget.losses - 1))
        event = lose(call)
    return post(replace(node, there=there), index, event)


def answer(there: Object, call: ApiEffect) -> tuple[Object, Event]:
    match call:
        case Write(marks=marks, declared=declared):
            if declared.version != str(there.version):
                conflict = Answer.CONFLICT
                return there, Answered(
                    effect=call.effect, answer=conflict, declared=there.declare()
                )
            merged = {key: value for key, value in {**there.marks, **marks}.items() if value}
            there = replace(there, marks=merged, version=there.version + 1)
        case Keep(effect=number, declared=declared):
            text = BY_DIGEST[declared.digest]
            if text != there.text:
                return there, Kept(number, None)
            if text not in there.revisions:
                there = replace(there, revisions=(*there.revisions, text))
            return there, Kept(number, there.revisions.index(text) + 1)
        case Recall(effect=number, digest=digest):
            return there, Recalled(number, make_content(BY_DIGEST[digest]))
        case Restore(effect=number):
            msg = "data is not rolled back here"
            raise AssertionError(msg)
        case Fetch():
            pass
    return there, Answered(effect=call.effect, answer=Answer.DONE, declared=there.declare())


def lose(call: ApiEffect) -> Event:
    match call:
        case Keep(effect=number):
            return Kept(number, None, "the API server does not answer", lost=True)
        case Recall(effect=number):
            return Recalled(number, None, lost=True)
        case _:
            return Answered(effect=call.effect, answer=Answer.LOST)


def do_local(node: Node, index: int) -> Node:
    """What a sidecar does in its own pod is done, and answered."""
    pod = node.pods[index]
    local = pod.local
    pod = replace(pod, local=None)
    match local:
        case Validate(effect=number, candidate=candidate):
            bad = b"bad" in candidate.files["config"] and b"subtle" not in candidate.files["config"]
            findings = (Finding(check="fake", message="bad content"),) if bad else ()
            pod = replace(pod, passed=pod.passed | {BY_DIGEST[candidate.digest]})
            return post(put(node, index, pod), index, Validated(number, Report(findings=findings)))
        case Publish(effect=number, content=content):
            text = BY_DIGEST[content.digest]
            if text != pod.disk:
                pod = replace(pod, disk=text, generation=pod.generation + 1)
            return post(put(node, index, pod), index, Published(number, pod.mounted))
        case Signal():
            return do_signal(node, index, pod, local)
        case Look(effect=number):
            daemon = pod.daemon
            sample = Sample(
                taken_s=node.now_s,
                process=daemon.process,
                fence=pod.mounted.fence,
                readings={"gauge": daemon.gauge, "timestamp": daemon.moved_s},
            )
            return post(put(node, index, pod), index, Looked(number, sample))
        case None:
            return node


def do_signal(node: Node, index: int, pod: Pod, signal: Signal) -> Node:
    """The daemon reads its folder at once; what it cannot load it refuses."""
    if signal.fence != pod.mounted.fence:
        moved = Signalled(effect=signal.effect, sending=Sending.FENCE_MOVED)
        return post(put(node, index, pod), index, moved)
    if "bad" in pod.disk:
        daemon = replace(pod.daemon, gauge=0.0)
    else:
        moved_s = pod.daemon.moved_s + 1
        daemon = replace(pod.daemon, runs=pod.disk, gauge=1.0, moved_s=moved_s)
    given = dict(node.given)
    given[pod.disk] = given.get(pod.disk, frozenset()) | {index}
    node = replace(node, given=tuple(sorted(given.items())))
    sent = Signalled(effect=signal.effect, sending=Sending.SENT, fence=pod.mounted.fence)
    return post(put(node, index, replace(pod, daemon=daemon)), index, sent)


def pass_time(node: Node) -> Iterator[Next]:
    """The next moment that somebody waits for: each of those who do may be first."""
    due = [
        (max(due_s, node.now_s), index)
        for index, pod in enumerate(node.pods)
        if index != node.frozen and (due_s := wake_at(pod.state)) is not None
    ]
    first_s = min(due, default=(node.now_s, 0))[0]
    for due_s, index in due:
        if due_s == first_s:
            yield (
                f"{index}:+{first_s - node.now_s:.3g}s",
                post(replace(node, now_s=first_s), index, Tick()),
            )


# --- what must hold


def judge(before: Node, after: Node, word: str, bridge: Bridge) -> Iterator[str]:
    if after.there.marks != before.there.marks:
        yield from judge_marks(before, after)
    if word.endswith(":Signal") and after.given != before.given:
        index = int(word.partition(":")[0])
        pod = after.pods[index]
        if pod.disk not in pod.passed and pod.disk not in after.proven:
            yield f"pod-{index} was signalled for {pod.disk}, which passed no check"
        pods = dict(after.given)[pod.disk]
        if pod.disk not in proven_in(before) and len(pods) > 1 + bridge.policy.rollout.takeovers:
            yield f"{pod.disk} is unproven, and was given to {sorted(pods)}"


def judge_marks(before: Node, after: Node) -> Iterator[str]:
    there, marks = after.there, after.there.marks
    status, was = marks.get("status"), before.there.marks.get("status")
    digest = make_content(there.text).digest
    if marks.get("observed") != digest:
        yield f"{status} speaks of {short(marks.get('observed', ''))}, and {there.text} is there"
    if status == Status.APPLIED != was:
        others = [pod.daemon.runs for pod in after.pods if pod.daemon.runs != there.text]
        if others:
            yield f"{there.text} is Applied, and {others} run too"
    if "bad" in BY_DIGEST.get(marks.get("active", ""), "") and status not in {
        Status.RELOADING,
        Status.ROLLING_OUT,
    }:
        yield f"{status} calls what failed active"


def judge_rest(node: Node) -> Iterator[str]:
    marks, text = node.there.marks, node.there.text
    digest = make_content(text).digest
    status = marks.get("status")
    wanted = Status.ROLLED_BACK if "bad" in text else Status.APPLIED
    if marks.get("observed") != digest or status != wanted:
        yield f"{text} rests at {status}: {marks.get('message', '')}"
    for index, pod in enumerate(node.pods):
        if "bad" in pod.disk or ("bad" not in text and pod.daemon.runs != text):
            yield f"pod-{index} rests at {pod.disk}, and runs {pod.daemon.runs}"


def proven_in(node: Node) -> frozenset[str]:
    """What some daemon runs that its sidecar has seen proven."""
    return node.proven | {
        BY_DIGEST[pod.state.loaded.digest]
        for pod in node.pods
        if pod.state.loaded is not None and pod.state.loaded.proven
    }


def is_moving(node: Node) -> bool:
    """Faults at rest are nothing new."""
    return any(pod.local is not None or pod.calls for pod in node.pods)


def is_resting(node: Node) -> bool:
    if node.frozen is not None:
        return False
    for pod in node.pods:
        due_s = wake_at(pod.state)
        if pod.local is not None or pod.calls or pod.seen != node.there.version:
            return False
        if due_s is not None and due_s < node.now_s + TURN_S:
            return False
    return True


# --- which states are one


def name_node(node: Node) -> int:
    """Two nodes of one name go on alike."""
    nonce = read_holder(node.there.marks).nonce
    naming = Naming(now_s=node.now_s, version=node.there.version, nonce=nonce)
    return hash(
        (
            node.there.text,
            naming.name(node.there.marks),
            node.there.revisions,
            tuple(naming.name_pod(pod) for pod in node.pods),
            node.budget,
            node.frozen,
            node.given,
        )
    )


@dataclass(slots=True)
class Naming:
    """Spells a value without what is arbitrary in it: absolute times, versions, numbers, nonces."""

    now_s: float
    version: int
    nonce: str

    def name_pod(self, pod: Pod) -> object:
        return (
            self.name(pod.state),
            pod.disk,
            pod.seen == self.version,
            self.name(pod.local),
            tuple(self.name(call) for call in pod.calls),
            pod.daemon.runs,
            pod.daemon.gauge,
            pod.good,
            pod.passed,
        )

    def _name_parts(self, value: tuple[object, ...] | Mapping[str, object]) -> object:
        if isinstance(value, tuple):
            return tuple(self.name(part) for part in value)
        return tuple((key, self.name(part)) for key, part in sorted(value.items()))

    def name(self, value: object) -> object:
        match value:
            case None | bool() | int():
                return value
            case float():
                return round(value - self.now_s, 2) if isfinite(value) and value > 0 else value
            case str():
                return value.replace(self.nonce, "N") if self.nonce else value
            case Declared():
                stale = value.version != str(self.version)
                return value.digest, stale, self.name(value.marks)
            case Snapshot():
                return value.digest
            case Mounted():
                return value.snapshot.digest, value.fence == ""
            case Bridge():
                return value.pod
            case tuple() | Mapping():
                return self._name_parts(value)
            case _ if dataclasses.is_dataclass(value):
                return type(value).__name__, *(
                    self.name(getattr(value, name)) for name in list_named(value.__class__)
                )
            case _:
                return value


NUMBERS = frozenset(
    {"effect", "next_effect", "records", "started_s", "taken_s", "claimed_s", "begun_s", "fence"}
)
PRESENT = frozenset({"awaiting", "writing", "keeping", "fetching", "recalling", "restoring"})


@cache
def list_named(kind: type) -> tuple[str, ...]:
    """The fields of a dataclass that make a difference."""
    names = (field.name for field in dataclasses.fields(kind))
    return tuple(name for name in names if name not in NUMBERS | PRESENT)


SCENES: Mapping[str, tuple[int, Budget]] = {
    "2 replicas, a crash": (2, Budget(edits=("two", "three"), crashes=1)),
    "2 replicas, a lost answer": (2, Budget(edits=("bad subtle", "two"), losses=1)),
    "2 replicas, a stranger": (2, Budget(edits=("bad subtle", "two"), strangers=1)),
    "2 replicas, frozen": (2, Budget(edits=("bad subtle", "two"), freezes=1)),
    "2 replicas, a crash at bad content": (2, Budget(edits=("bad subtle", "two"), crashes=1)),
    "3 replicas, one edit, a crash": (3, Budget(edits=("bad subtle",), crashes=1)),
    "3 replicas, a crash": (3, Budget(edits=("two", "bad subtle"), crashes=1)),
}


def main() -> int:
    """Explore every scene; one line each, and one of summary last."""
    parser = argparse.ArgumentParser(prog="python -m tests.sim.worlds")
    parser.add_argument("--most", type=int, default=60_000, help="states of each scene")
    parser.add_argument("--stop", action="store_true", help="end at the first broken promise")
    options = parser.parse_args()
    states, broken, began_s = 0, 0, time.monotonic()
    for name, (replicas, budget) in SCENES.items():
        worlds = Worlds(replicas=replicas, takeovers=1, budget=budget)
        worlds.explore(options.most, stop=options.stop)
        whole = "all" if worlds.explored < options.most else "the first"
        say(f"{name}: {whole} {worlds.explored} states, {worlds.rests} of them at rest")
        for sentence in worlds.broken[:3]:
            say(f"  BROKEN {sentence}")
        states += worlds.explored
        broken += len(worlds.broken)
        if options.stop and broken:
            break
    took_s = time.monotonic() - began_s
    say(f"{len(SCENES)} worlds, {states} states explored in {took_s:.0f} s; {broken} broken")
    return int(bool(broken))


def say(line: str) -> None:
    """At once, also into a pipe."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
