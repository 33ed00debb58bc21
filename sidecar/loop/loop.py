"""The loop: one thread that owns every bridge's state.

Events come in by one queue from watchers, lanes and people; effects go out to the lanes, or are
done here where they are short. No policy lives here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import Protocol

from sidecar.core.attempt import AttemptRecord, BridgeStatus, Outcome, Status
from sidecar.core.bridge import Bridge
from sidecar.core.effects import (
    Announce,
    Answer,
    ApiEffect,
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
from sidecar.core.events import EndsCounted, Event, Started, Tick
from sidecar.core.evidence import Process
from sidecar.core.machine import step, wake_at
from sidecar.core.ports import Cancel as CancelPort
from sidecar.core.ports import Clock, ConfigObject, Journal, Keeper, Pod
from sidecar.core.snapshot import Snapshot
from sidecar.core.state import State, begin
from sidecar.core.view import view
from sidecar.loop.calls import call
from sidecar.loop.lanes import Executor
from sidecar.loop.steps import Adapters, take_step

HereEffect = Save | SaveGood | WatchExit | Note | Answer | Stopped
"""What is short enough to be done by the loop itself."""

IDLE_BEAT_S = 5.0
"""The loop turns at least this often, so that its liveness can be told."""


class Teller(Protocol):
    """Hears what happens: metrics, log, webhooks. Must be quick."""

    def note(self, bridge: str, note: Note) -> None:
        """A milestone on the way."""

    def announce(self, bridge: str, record: AttemptRecord, status: Status) -> None:
        """An attempt ended; `status` is what the bridge shows after it."""

    def show(self, status: BridgeStatus) -> None:
        """The status of a bridge after each event."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lane:
    """One bridge and what it needs to have its effects done.

    `config` is its object in the API, None without one. `name_files` digests files as the mount
    does.
    """

    bridge: Bridge
    adapters: Adapters
    config: ConfigObject | None = None
    name_files: Callable[[Mapping[str, bytes]], Snapshot] = Snapshot.of


@dataclass(frozen=True, slots=True, kw_only=True)
class Outside:
    """What all bridges share: where effects run, what is remembered, who is told.

    `pod` is None where nothing is known of a pod.
    """

    clock: Clock
    executor: Executor
    journal: Journal
    teller: Teller
    watch_exit: Callable[[str, Process], None]
    answer: Callable[[Answer], None]
    keeper: Keeper
    pod: Pod | None = None


class Inbox:
    """Where every thread tells the loop what happened. Never blocks, also in signal handlers."""

    def __init__(self) -> None:
        self._entries: SimpleQueue[tuple[str, Event] | BaseException] = SimpleQueue()

    def post(self, bridge: str, event: Event) -> None:
        """Something happened that `bridge` must hear of."""
        self._entries.put((bridge, event))

    def crash(self, error: BaseException) -> None:
        """A thread died of `error`: the process must end, start-up is recovery."""
        self._entries.put(error)

    def take(self, timeout_s: float) -> tuple[str, Event] | None:
        """The next entry, or None after `timeout_s`. Raises the error of a thread that died."""
        with suppress(Empty):
            entry = self._entries.get(timeout=timeout_s)
            if isinstance(entry, BaseException):
                raise entry
            return entry
        return None


class Loop:
    """Runs bridges until all have stopped."""

    def __init__(self, lanes: Mapping[str, Lane], inbox: Inbox, outside: Outside) -> None:
        self._lanes = lanes
        self._inbox = inbox
        self._outside = outside
        self._clock = outside.clock
        self._states: dict[str, State] = {}
        self._statuses: dict[str, BridgeStatus] = {}
        self._beat_s = outside.clock.monotonic()
        self._shown: Sequence[tuple[str, Status, str, str | None, bool]] = ()
        self._errands = 0

    def active_content(self, bridge: str) -> tuple[Snapshot, float] | None:
        """The content last proven and since when (monotonic). Any thread may call."""
        state = self._states.get(bridge)
        if state is None or state.good is None or state.good_s is None:
            return None
        return state.good, state.good_s

    def statuses(self) -> tuple[BridgeStatus, ...]:
        """What each bridge shows now. Any thread may call."""
        return tuple(self._statuses.values())

    def beat_age_s(self) -> float:
        """Seconds since the loop last turned; it turns at least once in `IDLE_BEAT_S`."""
        return self._clock.monotonic() - self._beat_s

    def run(self) -> None:
        """Run until all bridges have stopped. Raises the error of a thread that died."""
        for name, lane in self._lanes.items():
            self._states[name] = begin(lane.bridge)
            good = self._outside.keeper.load(name)
            content = lane.name_files(good) if good is not None else None
            self._take(name, Started(self._outside.journal.load(name), content))
        while not all(state.stopped for state in self._states.values()):
            for name, event in self._next_events():
                self._take(name, event)

    def _next_events(self) -> list[tuple[str, Event]]:
        self._beat_s = self._clock.monotonic()
        # No state moves while the loop waits, and to find the times costs as much as an event.
        due = self._due()
        timeout_s = max(min([IDLE_BEAT_S, *(due_s - self._beat_s for _, due_s in due)]), 0)
        entry = self._inbox.take(timeout_s)
        self._beat_s = self._clock.monotonic()
        ticks: list[tuple[str, Event]] = [
            (name, Tick()) for name, due_s in due if due_s <= self._beat_s
        ]
        return ticks if entry is None else [entry, *ticks]

    def _due(self) -> list[tuple[str, float]]:
        due = ((name, wake_at(state)) for name, state in self._states.items())
        return [(name, due_s) for name, due_s in due if due_s is not None]

    def _take(self, name: str, event: Event) -> None:
        state, effects = step(self._states[name], event, self._clock.monotonic())
        self._states[name] = state
        status = view(state)
        self._statuses[name] = status
        self._outside.teller.show(status)
        for effect in effects:
            self._do(name, effect, status.status)
        self._show_pod()

    def _do(self, name: str, effect: Effect, status: Status) -> None:
        match effect:
            case Validate() | Publish() | Look() | Signal():
                self._submit(name, effect)
            case Fetch() | Write() | Keep() | Recall() | Restore():
                self._call(name, effect)
            case Nudge():
                self._nudge(effect)
            case CountEnds(effect=number):
                self._count_ends(name, number)
            case Cancel(effect=number):
                self._outside.executor.cancel(name, number)
            case Announce(record=record):
                self._outside.teller.announce(name, record, status)
                self._tell(name, record, status)
            case _:
                self._do_here(name, effect)

    def _do_here(self, name: str, effect: HereEffect) -> None:
        match effect:
            case Save(entry=entry):
                self._outside.journal.save(name, entry)
            case SaveGood(content=content):
                self._outside.keeper.save(name, content)
            case WatchExit(process=process):
                self._outside.watch_exit(name, process)
            case Note():
                self._outside.teller.note(name, effect)
            case Answer():
                self._outside.answer(effect)
            case Stopped():
                pass

    def _call(self, name: str, effect: ApiEffect) -> None:
        config = self._lanes[name].config
        if config is None:
            msg = f"bridge {name} has no object in the API"
            raise AssertionError(msg)

        def job(_: CancelPort) -> None:
            self._inbox.post(name, call(effect, config))

        self._outside.executor.submit(f"{name}/api", effect.effect, job)

    def _tell(self, name: str, record: AttemptRecord, status: Status) -> None:
        config = self._lanes[name].config
        if config is not None and record.outcome is not Outcome.SUPERSEDED:
            self._errand(f"{name}/events", lambda: config.tell(record, status))

    def _nudge(self, nudge: Nudge) -> None:
        pod = self._outside.pod
        if pod is not None:
            self._errand("pod", lambda: pod.nudge(nudge.digest, nudge.number))

    def _count_ends(self, name: str, number: int) -> None:
        pod, container = self._outside.pod, self._lanes[name].bridge.target.container

        def count() -> None:
            ends, message = (None, "") if pod is None else pod.count_ends(container)
            self._inbox.post(name, EndsCounted(number, ends, message))

        self._errand("pod", count)

    def _show_pod(self) -> None:
        """Let the pod's condition follow, unless it says the same already."""
        pod, statuses = self._outside.pod, self.statuses()
        shown = tuple(
            (status.bridge, status.status, status.message, status.runs, status.held_off)
            for status in statuses
        )
        if pod is not None and len(statuses) == len(self._lanes) and shown != self._shown:
            self._shown = shown
            self._errand("pod", lambda: pod.show(statuses))

    def _errand(self, lane: str, do: Callable[[], None]) -> None:
        """Something that nobody waits for."""
        self._errands += 1
        self._outside.executor.submit(lane, self._errands, lambda _: do())

    def _submit(self, name: str, effect: Validate | Publish | Look | Signal) -> None:
        lane = self._lanes[name]

        def job(cancel: CancelPort) -> None:
            self._inbox.post(name, take_step(effect, lane.bridge, lane.adapters, cancel))

        self._outside.executor.submit(name, effect.effect, job)
