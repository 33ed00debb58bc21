"""A whole pod in virtual time: a mount, a daemon and a sidecar, without threads and sleeps.

Runs the shipped machine against a daemon that behaves by the measured contracts (`pod_daemon`), and
an object in the API where its bridge names one (`cluster`). Everything happens in the order of
virtual time, so that a run repeats exactly. Beside them stands an observer who knows what the
daemon really runs, and notes every promise that is broken.
"""

from __future__ import annotations

import heapq
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from sidecar.core.attempt import AttemptRecord, Outcome, Trigger
from sidecar.core.bridge import Bridge, Mode, Noop, OnInvalid
from sidecar.core.effects import (
    Announce,
    Answer,
    Cancel,
    CountEnds,
    Effect,
    Fetch,
    Keep,
    Look,
    Note,
    Nudge,
    Publish,
    Recall,
    Restore,
    Save,
    SaveGood,
    Signal,
    Stopped,
    Validate,
    WatchExit,
    Write,
)
from sidecar.core.errors import TargetTrouble
from sidecar.core.events import (
    Asked,
    EndsCounted,
    Event,
    Looked,
    MountChanged,
    MountLost,
    Offered,
    ProcessExited,
    Published,
    Sending,
    Signalled,
    Started,
    StopAsked,
    Tick,
    Validated,
)
from sidecar.core.evidence import Ends, Process, Reading, Sample
from sidecar.core.machine import step, wake_at
from sidecar.core.report import Finding, Report
from sidecar.core.snapshot import Mounted, Snapshot
from sidecar.core.state import State, begin
from sidecar.core.table import Transition, describe
from sidecar.testing.cluster import Cluster, Pace
from sidecar.testing.declaration import FakeConfig, Files, Naming, Stored
from sidecar.testing.pod_daemon import Habits, PodDaemon
from sidecar.testing.witness import Witness

MOST_AT_ONCE = 1_000
"""So many events at one instant mean that the machine asks to be woken and then does nothing."""

MOST_EFFECTS = 400
"""So many effects within a second mean that it goes in circles: its sidecar would burn a core."""

EXIT_SEEN_S = 0.001
"""A pidfd tells the end of a process at once."""


def holds_bad(snapshot: Snapshot) -> bool:
    """The daemon refuses content with the word ``bad``."""
    return any(b"bad" in content for content in snapshot.files.values())


def holds_subtle(snapshot: Snapshot) -> bool:
    """The validators do not see what is ``subtle``."""
    return any(b"subtle" in content for content in snapshot.files.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class Latency:
    """How long the sidecar's adapters take, in virtual seconds."""

    watch_s: float = 0.002
    validate_s: float = 0.01
    look_s: float = 0.003
    signal_s: float = 0.001
    publish_s: float = 0.002


@dataclass(kw_only=True)
class World:
    """One pod. `invalid` judges what the daemon refuses, `unseen` what validators miss of it."""

    bridge: Bridge
    naming: Naming = field(default_factory=Naming)
    shared: FakeConfig | None = None
    """The object of several pods; None: one of this pod's own."""
    pace: Pace = field(default_factory=Pace)
    latency: Latency = field(default_factory=Latency)
    habits: Habits = field(default_factory=Habits)
    invalid: Callable[[Snapshot], bool] = holds_bad
    unseen: Callable[[Snapshot], bool] = holds_subtle
    validator_rejects: Callable[[Snapshot], bool] | None = None
    """Where the validators are stricter than the daemon; None: they see what is not `unseen`."""
    now_s: float = 100.0
    daemon: PodDaemon | None = None
    state: State | None = None
    journal: str | None = None
    kept: Files | None = None
    """The last good files, as the pod keeps them."""
    validator_trouble: str = ""
    publish_trouble: str = ""
    refusal: TargetTrouble | None = None
    """What the kernel answers to every signal; None: it is delivered."""
    ends: int = 0
    """How often the daemon's container has ended, as the pod's status tells it."""
    ends_untold: str = ""
    """Why it is not told, as where the pod's status may not be patched."""
    answers_http: bool = False
    """The trigger is a request: it is answered once the reload is done."""

    records: list[AttemptRecord] = field(default_factory=list)
    proven: set[str] = field(default_factory=set)
    """What was applied once, also by the pod before this one."""
    notes: list[Note] = field(default_factory=list)
    answers: list[Answer] = field(default_factory=list)
    signalled: list[tuple[float, str, Process]] = field(default_factory=list)
    looks: int = 0
    effects: list[Effect] = field(default_factory=list)
    transitions: set[Transition] = field(default_factory=set)
    broken: list[str] = field(default_factory=list)
    """Promises that were broken, as sentences."""
    stirred: bool = True
    """Whether anything happened that may move what `next_due` tells; whoever asks clears it."""

    _queue: list[tuple[float, int, Callable[[], None]]] = field(default_factory=list)
    _count: int = 0
    _generation: int = 0
    _mounted: Mounted | None = None
    _readable: bool = True
    _posted: str | None = None
    _life: int = 0
    _offered: Snapshot | None = None
    _seen: PodDaemon | None = None
    _seen_loaded: str | None = None
    _edited_s: float = float("-inf")
    _woken: State | None = None
    _wake_s: float | None = None
    """When `_woken` asks to be woken: that is asked for much more often than it changes."""
    _wanted: State | None = None
    """As it was when the machine wanted its last signal sent."""
    _second_s: float = float("-inf")
    _work: int = 0
    """Effects that were wanted since `_second_s`."""
    _passed: set[str] = field(default_factory=set)
    _harmed: set[tuple[int, str]] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.config = self.shared or FakeConfig(naming=self.naming, hear=self._hear_change)
        self.cluster = Cluster(config=self.config, around=self, pace=self.pace)
        self.witness = Witness(self)

    @property
    def mounted(self) -> Mounted:
        """What is on disk."""
        if self._mounted is None:
            msg = "nothing was written into this world yet"
            raise AssertionError(msg)
        return self._mounted

    @property
    def runs(self) -> str | None:
        """The digest of what the daemon really runs; None where it is not up."""
        daemon = self.daemon
        is_up = daemon is not None and self.now_s >= daemon.ready_s and not daemon.is_busy
        return daemon.loaded if daemon is not None and is_up else None

    # --- what people, the kubelet and fate do

    def edit(self, files: Mapping[str, bytes] | str, *, since_s: float | None = None) -> str:
        """The kubelet swaps in new content (text: of one file); returns its digest.

        `since_s`: what the files say of their age, where that is not the truth.
        """
        files = {"config": files.encode()} if isinstance(files, str) else files
        self._generation += 1
        snapshot = self.naming.name_mounted(files)
        self._mounted = Mounted(snapshot, f"g{self._generation}", since_s or self.now_s)
        self._watch()
        return self._mounted.snapshot.digest

    def mount(self, files: Files) -> None:
        """The kubelet swaps in what the object holds; nothing, where that is there already."""
        if self.bridge.source.mode is Mode.PUBLISHED:
            self.offer(files)
        elif self._mounted is None or dict(self._mounted.snapshot.files) != dict(files):
            self.edit(files)

    def offer(self, files: Files) -> None:
        """The folder that is published from carries `files`."""
        self._offered = self.naming.name_mounted(files)
        if self.bridge.source.mount:
            self._tell_offered(self._offered)

    def lose_mount(self) -> None:
        """The sidecar cannot read the folder any more; the daemon still can."""
        self._readable = False
        self._watch()

    def regain_mount(self) -> None:
        """The sidecar can read it again."""
        self._readable = True
        self._watch()

    def start_daemon(self) -> PodDaemon:
        """A new process starts and reads what is on disk."""
        process = Process(
            pid=1000 + self._count,
            start_ticks=int(self.now_s * 100),
            started_s=self.now_s,
            name="daemon",
        )
        self.daemon = PodDaemon(process=process, habits=self.habits, around=self)
        self.daemon.start()
        return self.daemon

    def kill_daemon(self) -> None:
        """The process ends."""
        if self.daemon is not None:
            self.end(self.daemon)

    def start_sidecar(self) -> None:
        """The sidecar starts, with what its journal remembers."""
        self._life += 1
        life, self._posted = self._life, None
        self.state = begin(self.bridge)
        good = self.naming.name_mounted(self.kept) if self.kept is not None else None
        self._post(Started(json.loads(self.journal) if self.journal else None, good), life)
        if self.bridge.source.object is not None:
            self.cluster.meet(lambda event: self._post(event, life))
        if self._mounted is not None or self.bridge.source.mode is Mode.PUBLISHED:
            self._watch()
        if self._offered is not None and self.bridge.source.mount:
            self._tell_offered(self._offered)

    def crash_sidecar(self) -> None:
        """SIGKILL: whatever was under way is forgotten, the journal stays."""
        self._life += 1
        self.state, self.stirred = None, True
        self.cluster.leave()

    def recreate_pod(self) -> None:
        """Another pod takes the place of this one: nothing that its volumes held is there."""
        self.crash_sidecar()
        self.kill_daemon()
        self.journal, self.kept, self.ends = None, None, 0
        self.records.clear()
        if self.bridge.source.mode is Mode.PUBLISHED:
            self._mounted = None

    def ask(self, request: int | None = None, trigger: Trigger = Trigger.HTTP) -> None:
        """A person asks for an attempt."""
        self._post(Asked(trigger, request), self._life)

    def stop_sidecar(self) -> None:
        """SIGTERM."""
        self._post(StopAsked(), self._life)

    def post(self, event: Event) -> None:
        """Anything else happens."""
        self._post(event, self._life)

    def forget_refusals(self) -> None:
        """The object was edited: what was refused, or begun, before may be tried again."""
        self._edited_s = self.now_s

    def next_due(self) -> float | None:
        """When something happens next, if nothing from outside does."""
        return self._next_due()

    def take_next(self) -> None:
        """Let the next thing happen, now."""
        self.stirred = True
        if self._queue and self._queue[0][0] <= self.now_s:
            heapq.heappop(self._queue)[2]()
        else:
            self._post(Tick(), self._life)

    @property
    def has_files(self) -> bool:
        """Whether the daemon's folder carries anything."""
        return self._mounted is not None

    def run_for(self, seconds: float) -> None:
        """Let virtual time pass."""
        self.run_until(lambda: False, within_s=seconds)

    def run_until(self, reached: Callable[[], bool], *, within_s: float = 60.0) -> bool:
        """Let virtual time pass until `reached`, event by event; tells whether it was."""
        end_s, stuck = self.now_s + within_s, 0
        while not reached():
            due_s = self._next_due()
            if due_s is None or due_s > end_s:
                self.now_s = end_s
                return reached()
            stuck = 0 if due_s > self.now_s else stuck + 1
            if stuck > MOST_AT_ONCE:
                msg = f"{MOST_AT_ONCE} events at {self.now_s} s do not move {self.state}"
                raise AssertionError(msg)
            self.now_s = max(self.now_s, due_s)
            self.take_next()
        return True

    # --- what the daemon finds around it

    def time_s(self) -> float:
        """The virtual time."""
        return self.now_s

    def after(self, delay_s: float, do: Callable[[], None]) -> None:
        """Do something later."""
        self.stirred = True
        self._count += 1
        heapq.heappush(self._queue, (self.now_s + delay_s, self._count, do))

    def read_disk(self) -> Snapshot:
        """The files, as they are now."""
        return self.mounted.snapshot if self._mounted is not None else Snapshot.of({})

    def refuses(self, content: Snapshot) -> bool:
        """Whether a daemon cannot load `content`; without a file none starts."""
        return self._mounted is None or self.invalid(content)

    def end(self, daemon: PodDaemon) -> None:
        """The daemon exits."""
        daemon.exit()
        if self.daemon is daemon:
            self.daemon = None
            self.ends += 1
            life = self._life
            self.after(EXIT_SEEN_S, lambda: self._post(ProcessExited(daemon.process), life))

    # --- what the sidecar's adapters do

    def _watch(self) -> None:
        life = self._life
        self.after(self.latency.watch_s, lambda: self._tell_mount(life))

    def _tell_mount(self, life: int) -> None:
        if life != self._life:
            return
        seen = self._fence() or "lost"
        if seen != self._posted:
            self._posted = seen
            lost = MountLost("the folder cannot be read")
            self._post(lost if seen == "lost" else MountChanged(self.mounted), life)

    def _tell_offered(self, offered: Snapshot) -> None:
        life = self._life
        self.after(self.latency.watch_s, lambda: self._post(Offered(offered), life))

    def _hear_change(self, before: Stored | None, after: Stored | None, who: str) -> None:
        self.witness.take_change(before, after, who)
        self.cluster.notice(before, after)

    def _fence(self) -> str | None:
        return self.mounted.fence if self._readable and self._mounted is not None else None

    def _next_due(self) -> float | None:
        if self._woken is not self.state:
            self._woken = self.state
            self._wake_s = wake_at(self.state) if self.state is not None else None
        if not self._queue:
            return self._wake_s
        due_s = self._queue[0][0]
        return due_s if self._wake_s is None else min(due_s, self._wake_s)

    def _post(self, event: Event, life: int) -> None:
        before, self.stirred = self.state, True
        if before is None or life != self._life:
            return
        self.state, effects = step(before, event, self.now_s)
        self._count_work(len(effects))
        transition = describe(before, event, self.state, effects)
        if transition is not None:
            self.transitions.add(transition)
        for effect in effects:
            self.effects.append(effect)
            self._do(effect, life)

    def _count_work(self, effects: int) -> None:
        if self.now_s >= self._second_s + 1:
            self._second_s, self._work = self.now_s, 0
        self._work += effects
        if self._work > MOST_EFFECTS:
            msg = f"more than {MOST_EFFECTS} effects within a second, up to {self.now_s} s"
            raise AssertionError(msg)

    def _do(self, effect: Effect, life: int) -> None:
        match effect:
            case Validate() | Look() | Signal() | Publish():
                self._begin(effect, life)
            case Fetch() | Write() | Keep() | Recall() | Restore() | Nudge():
                self.cluster.do(effect, lambda event: self._post(event, life))
            case CountEnds(effect=number):
                self.after(self.pace.call_s / 2, lambda: self._count_ends(number, life))
            case WatchExit(process=process):
                if self.daemon is None or not self.daemon.process.is_same(process):
                    self.after(EXIT_SEEN_S, lambda: self._post(ProcessExited(process), life))
            case Cancel() | Stopped():
                pass
            case _:
                self._note_down(effect)

    def _count_ends(self, number: int, life: int) -> None:
        """As the pod's status has it: who has no object in the API has no client to ask it."""
        asks = self.bridge.source.object is not None
        ends = Ends(count=self.ends, last="exit code 1") if asks and not self.ends_untold else None
        answer = EndsCounted(number, None if self.cluster.is_away else ends, self.ends_untold)
        self.after(self.pace.call_s / 2, lambda: self._post(answer, life))

    def _note_down(self, effect: Save | SaveGood | Announce | Note | Answer) -> None:
        match effect:
            case Save(entry=entry):
                self.journal = json.dumps(entry)
            case SaveGood(content=content):
                self.kept = content.files
            case Announce(record=record):
                self._check_claim(record)
                self.records.append(record)
                if record.outcome is Outcome.APPLIED:
                    self.proven.add(record.digest)
            case Note():
                self.notes.append(effect)
            case Answer():
                self.answers.append(effect)

    def _begin(self, effect: Validate | Look | Signal | Publish, life: int) -> None:
        number, latency = effect.effect, self.latency
        match effect:
            case Publish(content=content):
                self.after(latency.publish_s, lambda: self._publish(number, content, life))
            case Validate(candidate=candidate):
                self.after(latency.validate_s, lambda: self._validate(number, candidate, life))
            case Look():
                self.looks += 1
                self.after(latency.look_s / 2, lambda: self._look(number, life))
            case Signal():
                self._wanted = self.state
                self.after(latency.signal_s / 2, lambda: self._signal(effect, life))

    def _publish(self, number: int, content: Snapshot, life: int) -> None:
        """Swap in what is not there already; a sidecar that was killed before does not."""
        if life != self._life:
            return
        if self.publish_trouble:
            self._post(Published(number, None, self.publish_trouble), life)
            return
        if self._mounted is None or self._mounted.snapshot.files != content.files:
            self.edit(content.files)
        self._post(Published(number, self.mounted), life)

    def _validate(self, number: int, candidate: Snapshot, life: int) -> None:
        report = Report()
        if self.validator_trouble:
            report = Report(cannot_run=(self.validator_trouble,))
        elif (self.validator_rejects or self._finds)(candidate):
            report = Report(findings=(Finding(check="fake", message="bad content"),))
        else:
            self._passed.add(candidate.digest)
        self._post(Validated(number, report), life)

    def _finds(self, candidate: Snapshot) -> bool:
        return self.invalid(candidate) and not self.unseen(candidate)

    def _look(self, number: int, life: int) -> None:
        """The evidence is read half-way through a look, the generation on disk at its end."""
        daemon, taken_s = self.daemon, self.now_s
        readings = daemon.show() if daemon is not None else None
        loaded = daemon.loaded if daemon is not None else None
        self.after(
            self.latency.look_s / 2,
            lambda: self._end_look(number, life, taken_s, daemon, readings, loaded),
        )

    def _end_look(
        self,
        number: int,
        life: int,
        taken_s: float,
        daemon: PodDaemon | None,
        readings: Mapping[str, Reading] | None,
        loaded: str | None,
    ) -> None:
        sample = Sample(taken_s=taken_s, fence=self._fence(), readings={})
        if daemon is None or self.daemon is not daemon:
            sample = replace(sample, trouble="no process")
        elif readings is None:
            sample = replace(sample, process=daemon.process, error="connection refused")
        else:
            sample = replace(sample, process=daemon.process, readings=readings)
        if life == self._life:
            self._seen, self._seen_loaded = daemon, loaded
        self._post(Looked(number, sample), life)

    def _signal(self, signal: Signal, life: int) -> None:
        if life != self._life:
            return  # killed before it was sent
        number, daemon = signal.effect, self.daemon
        trouble = self.refusal
        if daemon is None or not daemon.process.is_same(signal.process):
            trouble = TargetTrouble.GONE
        if trouble is not None:
            message = f"the process cannot be signalled: {trouble.value}"
            refused = Sending.REFUSED
            answer = Signalled(effect=number, sending=refused, trouble=trouble, message=message)
            self._post(answer, life)
        elif self._fence() != signal.fence:
            self._post(Signalled(effect=number, sending=Sending.FENCE_MOVED), life)
        elif daemon is not None:
            self._deliver(daemon, signal)
            self.after(self.latency.signal_s / 2, lambda: self._end_signal(number, life, daemon))

    def _end_signal(self, number: int, life: int, daemon: PodDaemon) -> None:
        answer = None
        if self.answers_http:
            reading = daemon.reading
            if daemon.is_busy:
                self.after(0.001, lambda: self._end_signal(number, life, daemon))
                return
            answer = "ok" if daemon.succeeded else f"cannot load this: {reading}"
        sent = Signalled(effect=number, sending=Sending.SENT, fence=self._fence(), answer=answer)
        self._post(sent, life)

    # --- the observer

    def _deliver(self, daemon: PodDaemon, signal: Signal) -> None:
        content = self.mounted.snapshot
        self.signalled.append((self.now_s, content.digest, daemon.process))
        if content.digest not in self._passed:
            self.broken.append(f"{content.short} was signalled although it passed no validator")
        self.witness.take_signal(content, self._wanted)
        if self.now_s < daemon.ready_s:
            self.broken.append("the process was signalled before its handler was there")
        attempt = self.state.attempt if self.state is not None else None
        if attempt is None or not attempt.asked:
            self._check_repetition(daemon, content, signal)
        daemon.hear()

    def _check_repetition(self, daemon: PodDaemon, content: Snapshot, signal: Signal) -> None:
        told = [record for record in self.records if record.started_s >= self._edited_s]
        last = next((r for r in told[::-1] if r.outcome is not Outcome.SUPERSEDED), None)
        names = self.witness.names_of(content.digest)
        decided = self.state.decided if self.state is not None else None
        hearsay = decided is not None and not decided.tried
        if last is None or last.digest not in names or last.outcome not in REFUSED or hearsay:
            return
        ended_s = last.started_s + last.duration_s
        side = self.state.api if self.state is not None else None
        if side is not None and side.declared_s > ended_s:
            return  # it was edited in again, or this pod has only now heard of it
        # What was given to the process since, without a record, is what this one takes back.
        if all(digest in names for at_s, digest, _ in self.signalled if at_s >= ended_s):
            self.broken.append(f"{content.short} is {last.outcome.value}, and was tried again")
        proof, given = self.bridge.proof, (daemon.process.pid, signal.fence)
        harmful = proof.noop is Noop.FAILS or proof.on_invalid in HARMFUL
        if harmful and given in self._harmed:
            self.broken.append(f"{content.short} was signalled twice, which harms this daemon")
        self._harmed.add(given)

    def _check_claim(self, record: AttemptRecord) -> None:
        short, names = record.digest[:12], self.witness.names_of(self._seen_loaded)
        if record.outcome is Outcome.APPLIED:
            if record.digest not in names:
                self.broken.append(f"{short} was called applied, but {self._seen_loaded} ran")
            reading = self._seen.reading if self._seen is not None else None
            if reading is not None and record.digest not in self.witness.names_of(reading):
                self.broken.append(f"{short} was called applied while {reading} was being loaded")
        refused = record.outcome is Outcome.FAILED and "the process refused" in record.message
        if refused and self.habits.noop is Noop.MOVES and record.digest in names:
            self.broken.append(f"{short} was called refused, but it runs")


HARMFUL = frozenset({OnInvalid.DIES, OnInvalid.OUTAGE})
REFUSED = frozenset({Outcome.REJECTED, Outcome.FAILED, Outcome.UNCONFIRMED})
