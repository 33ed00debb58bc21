"""Looks on a whole fleet and notes every promise that is broken, as a sentence.

It knows what the object held at each time and what every daemon really runs, whatever the sidecars
had seen of it by then.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sidecar.core.attempt import AttemptRecord, Outcome, Status
from sidecar.core.bridge import Mode, Strategy
from sidecar.core.snapshot import Snapshot, digest_of, short
from sidecar.core.turn import takes_turns
from sidecar.testing.declaration import Stored
from sidecar.testing.world import World

if TYPE_CHECKING:
    from tests.sim.fleet import Fleet

FAILURES = frozenset({Status.REJECTED, Status.ROLLED_BACK, Status.FAILED, Status.UNCONFIRMED})
FINAL = FAILURES | {Status.APPLIED}
SLACK_S = 3.0
"""A follower that was just about to signal has not seen yet that another one failed."""


@dataclass(kw_only=True)
class Trial:
    """One content since it was last edited in, or asked for: who was given it, who proved it."""

    signalled: set[str] = field(default_factory=set)
    proven: set[str] = field(default_factory=set)
    failed_s: float | None = None


class Looker:
    """Takes the place of a pod's own witness, for one pod of many."""

    def __init__(self, promises: Promises, world: World) -> None:
        self._promises = promises
        self._world = world

    def names_of(self, digest: str | None) -> set[str]:
        """Contents go by one name here."""
        return set() if digest is None else {digest}

    def take_change(self, before: Stored | None, after: Stored | None, who: str) -> None:
        """The fleet hears of it itself."""

    def take_signal(self, content: Snapshot) -> None:
        """A daemon is signalled."""
        self._promises.take_signal(self._world, content)


class Promises:
    """What must hold. `broken` says where it did not."""

    def __init__(self) -> None:
        self.broken: list[str] = []
        self.writes = 0
        self._fleet: Fleet | None = None
        self._trials: dict[str, Trial] = {}
        self._records: dict[str, int] = {}
        self._good: set[str] = set()

    def watch(self, fleet: Fleet) -> None:
        self._fleet = fleet

    @property
    def fleet(self) -> Fleet:
        assert self._fleet is not None
        return self._fleet

    def accuse(self, sentence: str) -> None:
        self.broken.append(sentence)
        self.fleet.note(f"BROKEN: {sentence}")

    # --- as it happens

    def take_change(self, before: Stored | None, after: Stored | None, who: str) -> None:
        if after is None:
            self.fleet.note("deleted")
            return
        digest = digest_of(after.files)
        if before is None or before.files != after.files or before.uid != after.uid:
            self._trials[digest] = Trial()
        if not who.startswith("pod-"):
            if before is not None and before.marks.get("requested") != after.marks.get("requested"):
                self._trials[digest] = Trial()
            return
        self.writes += 1
        old = before.marks if before is not None else {}
        new = {k: v for k, v in after.marks.items() if old.get(k) != v}
        told = " ".join(f"{k}={_brief(v)}" for k, v in sorted(new.items()) if k != "protocol")
        gone = " ".join(f"-{k}" for k in sorted(old.keys() - after.marks.keys()))
        self.fleet.note(f"{who} writes {told} {gone}".rstrip())
        if before is not None and before.files == after.files:
            self._judge_marks(digest, before, after, who)

    def _judge_marks(self, digest: str, before: Stored, after: Stored, who: str) -> None:
        self.read_records()
        marks, trial = after.marks, self._trials.setdefault(digest, Trial())
        status = marks.get("status")
        if marks.get("observed") != digest:
            self.accuse(f"{who} speaks of {short(marks.get('observed', ''))} on {short(digest)}")
        if status in FAILURES and status != before.marks.get("status"):
            trial.failed_s = self.fleet.now_s
        if status == Status.APPLIED and status != before.marks.get("status"):
            self._judge_applied(digest, trial, who)
        active = marks.get("active")
        if status in {Status.ROLLED_BACK, Status.FAILED} and active == digest:
            self.accuse(f"{who} says {status} of {short(digest)}, and that it is active")

    def _judge_applied(self, digest: str, trial: Trial, who: str) -> None:
        running = [pod.name for pod in self.fleet.pods if pod.world.runs == digest]
        if not trial.proven and not running:
            self.accuse(f"{who} writes Applied of {short(digest)}, which no pod has proven")
        replicas = self.fleet.nature.bridge.policy.rollout.replicas
        proven = trial.proven | set(running)
        counted = replicas is not None and takes_turns_at_all(self.fleet)
        if counted and replicas is not None and len(proven) < replicas:
            self.accuse(f"{short(digest)} is Applied after {len(proven)} of {replicas} pods")

    def take_signal(self, world: World, content: Snapshot) -> None:
        self.read_records()
        name, digest = world.bridge.pod, content.digest
        self.fleet.note(f"{name}: the daemon is signalled for {content.short}")
        state = world.state
        if state is None or state.attempt is None or not takes_turns(state):
            return
        if state.attempt.asked or state.attempt.beside:
            return
        trial = self._trials.setdefault(digest, Trial())
        trial.signalled.add(name)
        most = 1 + state.bridge.policy.rollout.takeovers
        if not trial.proven and len(trial.signalled) > most:
            pods = ", ".join(sorted(trial.signalled))
            self.accuse(f"{content.short} is unproven, and was given to {pods}")
        failed_s = trial.failed_s
        if failed_s is not None and self.fleet.now_s > failed_s + SLACK_S:
            self.accuse(f"{content.short} had failed, and was given to {name}")

    def read_records(self) -> None:
        for pod in self.fleet.pods:
            for sentence in pod.world.broken:
                self.accuse(f"{pod.name}: {sentence}")
            pod.world.broken.clear()
            records = pod.world.records
            for record in records[self._records.get(pod.name, 0) :]:
                self._take_record(pod.name, record)
            self._records[pod.name] = len(records)

    def _take_record(self, name: str, record: AttemptRecord) -> None:
        told = f"{name}: {record.outcome.value} {short(record.digest)} ({record.message[:80]})"
        self.fleet.note(told)
        if record.outcome is Outcome.APPLIED:
            self._trials.setdefault(record.digest, Trial()).proven.add(name)
            self._good.add(record.digest)

    # --- at rest

    def judge_rest(self) -> None:
        """Everything is healed, and time enough has passed."""
        self.read_records()
        now = self.fleet.config.now
        if now is None or not self.fleet.pods:
            return
        digest, marks = digest_of(now.files), now.marks
        status = marks.get("status", "")
        if marks.get("observed") != digest:
            self.accuse(f"{short(digest)} was never decided: {status} is of other content")
        elif marks.get("paused") == "true":
            return
        elif status == Status.APPLIED:
            self._judge_all_run(digest)
        elif status not in FINAL and not self._is_waiting(status, marks.get("message", "")):
            self.accuse(f"{short(digest)} rests at {status}: {marks.get('message', '')}")
        elif self.fleet.nature.bridge.source.mode is Mode.PUBLISHED and status in FAILURES:
            self._judge_all_good()

    def _is_waiting(self, status: str, message: str) -> bool:
        counting = status == Status.ROLLING_OUT and "proven" in message
        return counting or (status == Status.PENDING and bool(message))

    def _judge_all_good(self) -> None:
        for pod in self.fleet.pods:
            runs = pod.world.runs
            # A pod that never had good files, of an object without history, has none to go back to.
            if pod.world.kept is not None and runs not in self._good:
                self.accuse(f"{pod.name} runs {short(runs or '-')}, which nobody has proven")

    def _judge_all_run(self, digest: str) -> None:
        for pod in self.fleet.pods:
            runs = pod.world.runs
            if runs != digest:
                self.accuse(f"{short(digest)} is active, and {pod.name} runs {short(runs or '-')}")


def takes_turns_at_all(fleet: Fleet) -> bool:
    """Whether one pod of this fleet goes first."""
    return fleet.nature.bridge.policy.rollout.strategy is Strategy.CANARY


def _brief(value: str) -> str:
    return value if len(value) <= 40 else f"{value[:12]}…"
