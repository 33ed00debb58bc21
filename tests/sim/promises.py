"""Looks on a whole fleet and notes every promise that is broken, as a sentence.

It knows what the object held at each time and what every daemon really runs, whatever the sidecars
had seen of it by then. The promises are those of `docs/simulation.md`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sidecar.core.attempt import AttemptRecord, Outcome, Status
from sidecar.core.bridge import Strategy
from sidecar.core.content import may_signal
from sidecar.core.declared import Declared
from sidecar.core.history import is_applied
from sidecar.core.snapshot import Snapshot, digest_of, short
from sidecar.core.state import Seeking, State
from sidecar.core.turn import takes_turns
from sidecar.testing.declaration import Stored
from sidecar.testing.world import World

if TYPE_CHECKING:
    from tests.sim.fleet import Fleet, Pod

FAILURES = frozenset({Status.REJECTED, Status.ROLLED_BACK, Status.FAILED, Status.UNCONFIRMED})
FINAL = FAILURES | {Status.APPLIED}
PROVEN = frozenset({Status.APPLIED, Status.ROLLING_OUT})
MOVING = frozenset({Status.RELOADING, Status.ROLLING_OUT})
SLACK_S = 3.0
"""A follower that was just about to signal has not seen yet that another one failed."""

STRANGER = "other//"
"""What another workload reloads that may hold the annotations."""

SHOWN_CHARS = 40


@dataclass(kw_only=True)
class Trial:
    """One content since it was last edited in, or asked for: who was given it, who proved it."""

    signalled: set[str] = field(default_factory=set)
    proven: set[str] = field(default_factory=set)
    failed_s: float | None = None

    def begin_anew(self) -> None:
        """A person asks for another try of it."""
        self.signalled, self.failed_s = set(), None


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

    def take_signal(self, content: Snapshot, _wanted: State | None) -> None:
        """A daemon is signalled."""
        self._promises.take_signal(self._world, content)


class Promises:
    """What must hold. `broken` says where it did not."""

    def __init__(self) -> None:
        self.broken: list[str] = []
        self.writes = 0
        self._fleet: Fleet | None = None
        self._trials: dict[str, Trial] = {}
        self._good: set[str] = set()
        self._known: set[str] = set()
        """What was proven last, and has not failed anywhere since."""
        self._provers: dict[str, set[str]] = {}
        self._failed: set[str] = set()
        self._calm_writes = 0
        self._quiet: tuple[int, int] = (0, 0)
        self._sees_by_chance = False
        self._apart_until_s = float("-inf")
        self._asked: set[str] = set()
        self._is_rewound = False

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

    def take_disturbance(self) -> None:
        """People or fate do something: what is written from here on is its doing."""
        self._calm_writes = 0

    def take_reunion(self) -> None:
        """The annotations are nobody's: who is about to signal has not taken a turn for it."""
        self._apart_until_s = self.fleet.now_s + SLACK_S

    def take_rewind(self) -> None:
        """Etcd was restored: what it tells of its content is all that anybody is held to.

        Claims are gone, also of who has signalled since, and revisions, also of who does not know.
        """
        self._is_rewound = True
        if self.fleet.config.now is not None:
            self._begin_trial(self.fleet.config.now)

    def take_wish(self, pod: Pod) -> None:
        """A person asks this very pod for another try."""
        self._asked.add(pod.name)

    def take_change(self, before: Stored | None, after: Stored | None, who: str) -> None:
        if after is None:
            self.fleet.note("deleted")
            return
        digest = digest_of(after.files)
        if before is None or before.files != after.files or before.uid != after.uid:
            self._begin_trial(after)
        if not who.startswith("pod-"):
            if before is not None and _is_new_to_all(before, after):
                self._trials.setdefault(digest, Trial()).begin_anew()
            return
        self._note_write(before, after, who)
        if before is not None and before.files != after.files:
            self._judge_restore(before, digest, who)
        elif before is not None:
            self._judge_marks(digest, before, after, who)

    def _begin_trial(self, now: Stored) -> None:
        digest = digest_of(now.files)
        trial = self._trials[digest] = Trial()
        stands = now.marks.get("status") if now.marks.get("observed") == digest else ""
        if stands in PROVEN:
            # It was edited back before anybody wrote about what came between.
            trial.proven.add("somebody before")
        if digest in self._good:
            trial.proven |= self._list_running(digest) | self._list_deciders(digest)
        self._calm_writes = 0

    def _note_write(self, before: Stored | None, after: Stored, who: str) -> None:
        self.writes += 1
        self._calm_writes += 1
        old = before.marks if before is not None else {}
        new = {k: v for k, v in after.marks.items() if old.get(k) != v}
        told = " ".join(f"{k}={_brief(v)}" for k, v in sorted(new.items()) if k != "protocol")
        gone = " ".join(f"-{k}" for k in sorted(old.keys() - after.marks.keys()))
        self.fleet.note(f"{who} writes {told} {gone}".rstrip())
        most = 12 + 4 * self.fleet.nature.size
        if self._calm_writes == most:
            self.accuse(f"{most} writes follow one event: the pods do not agree")

    def _judge_restore(self, before: Stored, digest: str, who: str) -> None:
        """Rollback replaces content that failed, by content that was proven; never a newer edit."""
        failed = digest_of(before.files)
        if failed not in self._failed:
            self.accuse(f"{who} replaces {short(failed)}, which has not failed")
        if digest not in self._good:
            self.accuse(f"{who} restores {short(digest)}, which nobody has proven")

    def _judge_marks(self, digest: str, before: Stored, after: Stored, who: str) -> None:
        self.read_records()
        if before.marks.get("target") == STRANGER:
            self.accuse(f"{who} writes among another workload's annotations")
        marks, trial = after.marks, self._trials.setdefault(digest, Trial())
        status = marks.get("status")
        heeds = before.marks.get("handled") != marks.get("handled")  # whatever the content
        if marks.get("observed") != digest and not heeds:
            self.accuse(f"{who} speaks of {short(marks.get('observed', ''))} on {short(digest)}")
        is_news = any(marks.get(key) != before.marks.get(key) for key in ("status", "observed"))
        stood = before.marks.get("status") if before.marks.get("observed") == digest else ""
        asked = who in self._asked or self._is_another_try_asked()
        if status == Status.RELOADING and stood in FAILURES and asked:
            self._asked.discard(who)
            trial.begin_anew()
        if status in FAILURES and is_news:
            trial.failed_s = self.fleet.now_s
            self._failed.add(digest)
        if status in PROVEN and is_news:
            self._judge_proven(digest, trial, str(status), who)
        active = marks.get("active")
        if status in {Status.ROLLED_BACK, Status.FAILED} and active == digest:
            self.accuse(f"{who} says {status} of {short(digest)}, and that it is active")
        self._judge_number(marks, who)
        is_named = is_news or active != before.marks.get("active")
        if is_named and active not in {None, digest} | self._good:
            self.accuse(f"{who} calls {short(active or '')} active, which nobody has proven")

    def _judge_number(self, marks: Mapping[str, str], who: str) -> None:
        """The number is that of what is active, or of what was before what moves now.

        What was kept in a past that is no more has a number that others may have been given since.
        """
        if self._is_rewound:
            return
        named = marks.get("previous" if marks.get("status") in MOVING else "active")
        for digest, (number, _) in self.fleet.config.revisions.items():
            if str(number) == marks.get("revision") and digest != named:
                self.accuse(f"{who} calls {short(named or '-')} revision {number}: {short(digest)}")

    def _judge_proven(self, digest: str, trial: Trial, status: str, who: str) -> None:
        nature = self.fleet.nature
        running = self._list_running(digest)
        if not trial.proven and not running:
            self.accuse(f"{who} writes {status} of {short(digest)}, which no pod has proven")
        trial.proven |= running
        trial.failed_s = None  # another try that was asked for has shown the contrary
        if status != Status.APPLIED:
            return
        counts = {bridge.policy.rollout.replicas for bridge in nature.bridges}
        (replicas,) = counts if len(counts) == 1 else (None,)
        if replicas is None or not nature.takes_turns:
            return
        proven = self._provers.setdefault(digest, set()) | running
        if len(proven) + nature.rollout.tolerate < replicas:
            self.accuse(f"{short(digest)} is Applied after {len(proven)} of {replicas} pods")

    def _list_running(self, digest: str) -> set[str]:
        """Also a daemon that is still about to show all of it."""
        pods = ((pod.name, pod.world.daemon) for pod in self.fleet.pods)
        return {name for name, daemon in pods if daemon is not None and daemon.loaded == digest}

    def _list_deciders(self, digest: str) -> set[str]:
        """Who proved it last, and may have that written although its daemon is gone since."""
        states = ((pod.name, pod.world.state) for pod in self.fleet.pods)
        decided = {name: state.decided for name, state in states if state is not None}
        applied = (digest, Outcome.APPLIED)
        return {n for n, d in decided.items() if d is not None and (d.digest, d.outcome) == applied}

    def take_signal(self, world: World, content: Snapshot) -> None:
        self.read_records()
        name, digest = world.bridge.pod, content.digest
        self.fleet.note(f"{name}: the daemon is signalled for {content.short}")
        state = world.state
        if state is None or state.attempt is None or not takes_turns(state):
            return
        if state.attempt.asked or state.attempt.beside or not self.fleet.nature.takes_turns:
            return
        if self.fleet.now_s <= self._apart_until_s or self._knows_another_object(state):
            return
        trial = self._trials.setdefault(digest, Trial())
        if self._is_another_try_asked():
            trial.signalled.clear()
        trial.signalled.add(name)
        most = 1 + state.bridge.policy.rollout.takeovers
        if not trial.proven and digest not in self._known and len(trial.signalled) > most:
            pods = ", ".join(sorted(trial.signalled))
            self.accuse(f"{content.short} is unproven, and was given to {pods}")
        failed_s, knows = trial.failed_s, not world.cluster.is_silent
        if failed_s is not None and self.fleet.now_s > failed_s + SLACK_S and knows:
            self.accuse(f"{content.short} had failed, and was given to {name}")

    def _knows_another_object(self, state: State) -> bool:
        """Whether the object that the pod was to go first on is gone, and so is its claim."""
        now, known = self.fleet.config.now, state.api.declared if state.api is not None else None
        return now is not None and known is not None and known.uid != now.uid

    def _is_another_try_asked(self) -> bool:
        """Whether a person's wish stands open: whoever can may heed it, and pods count anew."""
        now = self.fleet.config.now
        marks = now.marks if now is not None else {}
        return marks.get("requested") not in {None, marks.get("handled")}

    def listen(self, pod: Pod) -> None:
        """Hear what a pod says of its attempts, and what its own observer saw."""
        world = pod.world
        for sentence in world.broken:
            self.accuse(f"{pod.name}: {sentence}")
        world.broken.clear()
        while pod.heard < len(world.records):
            pod.heard += 1
            self._take_record(pod.name, world.records[pod.heard - 1])

    def read_records(self) -> None:
        for pod in self.fleet.pods:
            self.listen(pod)

    def _take_record(self, name: str, record: AttemptRecord) -> None:
        told = f"{name}: {record.outcome.value} {short(record.digest)} ({record.message[:80]})"
        self.fleet.note(told)
        if record.outcome is Outcome.APPLIED:
            self._trials.setdefault(record.digest, Trial()).proven.add(name)
            self._provers.setdefault(record.digest, set()).add(name)
            self._good.add(record.digest)
            self._known.add(record.digest)
        elif record.outcome is Outcome.FAILED:
            self._known.discard(record.digest)

    # --- at rest

    def judge_rest(self) -> None:
        """Everything is healed, and time enough has passed."""
        self.read_records()
        self.judge_sight()
        now = self.fleet.config.now
        if now is None or not self.fleet.pods or self.fleet.nature.forbidden == "write":
            return
        digest, marks = digest_of(now.files), now.marks
        status = marks.get("status", "")
        if marks.get("observed") != digest:
            self.accuse(f"{short(digest)} was never decided: {status} is of other content")
            return
        if marks.get("paused") == "true":
            return
        self._judge_no_loop()
        if status == Status.APPLIED:
            self._judge_all_run(digest)
            self._judge_history(digest, marks.get("revision", ""))
        elif status not in FINAL and not self._is_waiting(status, marks.get("message", "")):
            self.accuse(f"{short(digest)} rests at {status}: {marks.get('message', '')}")
        elif self.fleet.nature.is_published and status in FAILURES:
            self._judge_all_good(digest if status in {Status.FAILED, Status.ROLLED_BACK} else "")

    def _judge_history(self, digest: str, revision: str) -> None:
        """What is applied is kept, under the number that the object tells.

        As long as one is left of the pods that have proven it.
        """
        states = [pod.world.state for pod in self.fleet.pods]
        proven = any(s is not None and s.api is not None and is_applied(s, s.api) for s in states)
        if self.fleet.nature.forbidden == "keep" or not proven or self._is_rewound:
            return
        number, _ = self.fleet.config.revisions.get(digest, (0, {}))
        if str(number) != revision:
            self.accuse(f"{short(digest)} is Applied, and kept as {number}, not as {revision}")

    def judge_sight(self) -> None:
        """At rest who watches the object knows its last version, or that there is none."""
        there = _name_version(self.fleet.config.declare())
        for pod in self.fleet.pods:
            side = pod.world.state.api if pod.world.state is not None else None
            if side is not None and side.connected and there != _name_version(side.declared):
                self.accuse(f"{pod.name} knows {_name_version(side.declared)}, there is {there}")

    def _judge_no_loop(self) -> None:
        """Nobody goes on waiting for a process that can only end, where its ends are told."""
        for pod in self.fleet.pods:
            world, state = pod.world, pod.world.state
            if state is None or not isinstance(state.phase, Seeking) or world.ends_untold:
                continue
            if may_signal(state) and world.refuses(world.read_disk()):
                self.accuse(f"{pod.name} waits for a process that ends at each start")

    def begin_quiet(self) -> None:
        """From here on nothing is to be done any more."""
        self._quiet = (self.writes, self._count_looks())
        self._sees_by_chance = self._may_see_by_chance()

    def judge_quiet(self) -> None:
        """Nobody wrote, and nobody looked at a process that is up."""
        writes, looks = self._quiet
        if self._sees_by_chance:
            return
        if self.writes > writes:
            self.accuse(f"{self.writes - writes} writes at rest")
        if self._count_looks() > looks:
            self.accuse(f"{self._count_looks() - looks} looks at rest")

    def _may_see_by_chance(self) -> bool:
        """Whether a process ends again and again, and only a look may meet it, however late."""
        untold = bool(self.fleet.nature.ends_untold)
        return untold and any(pod.world.runs is None for pod in self.fleet.pods)

    def _count_looks(self) -> int:
        """Where a daemon is down, its coming back is what is looked for."""
        pods = self.fleet.pods
        return sum(pod.world.looks for pod in pods if pod.world.runs is not None)

    def _is_waiting(self, status: str, message: str) -> bool:
        counting = status == Status.ROLLING_OUT and "proven" in message
        return counting or (status in {Status.PENDING, Status.RELOADING} and bool(message))

    def _judge_all_good(self, failed: str) -> None:
        unkept = self.fleet.nature.forbidden in {"keep", "recall"}
        for pod in self.fleet.pods:
            runs, state = pod.world.runs, pod.world.state
            good = state.good if state is not None else None
            # A pod that never had good files, or whose own were overruled, has none to go back to
            # where there is no history.
            bare = pod.world.kept is None or (unkept and state is not None and good is None)
            bare |= good is not None and good.digest == failed
            if not bare and runs not in self._good:
                self.accuse(f"{pod.name} runs {short(runs or '-')}, which nobody has proven")

    def _judge_all_run(self, digest: str) -> None:
        rollout = self.fleet.nature.rollout
        if rollout.strategy is Strategy.INDEPENDENT:
            return  # each speaks for itself, and the first for all
        tolerated = rollout.tolerate
        for pod in self.fleet.pods:
            runs, state = pod.world.runs, pod.world.state
            decided = state.decided if state is not None else None
            refuses = decided is not None and decided.outcome is not Outcome.APPLIED
            if refuses and decided is not None and decided.digest == digest:
                continue  # once all have applied it, who fails speaks of itself only
            if runs != digest:
                tolerated -= 1
                if tolerated < 0:
                    self.accuse(
                        f"{short(digest)} is active, and {pod.name} runs {short(runs or '-')}"
                    )


def _name_version(declared: Declared | None) -> str:
    return f"{declared.uid} at version {declared.version}" if declared is not None else "no object"


def _is_new_to_all(before: Stored, after: Stored) -> bool:
    """Whether a person asks for another try, or takes away what was told of the first."""
    old, new = before.marks, after.marks
    return old.get("requested") != new.get("requested") or ("status" in old and "status" not in new)


def _brief(value: str) -> str:
    return value if len(value) <= SHOWN_CHARS else f"{value[:12]}…"
