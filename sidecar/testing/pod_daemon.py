"""The daemon of a simulated pod: what it has read, runs and shows, by the measured contracts.

It reads what is on disk some time after a signal and shows the end of that reload later, its marks
one after the other; signals that come meanwhile are merged into one more reload.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from math import floor
from types import MappingProxyType
from typing import Protocol

from sidecar.core.bridge import Noop, OnInvalid
from sidecar.core.evidence import Process, Reading
from sidecar.core.snapshot import Snapshot

OUTAGE_S = 2.0
"""HAProxy refuses connections this long when a reload cannot bind."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Habits:
    """How the daemon behaves. Times are virtual seconds.

    `read_s`: from the signal to reading the files. `work_s`: from there to the first mark.
    `torn_s`: from the first mark to the second. `gauge_first`: which one that is. `lies`: its
    success time moves on failure too. `whole_s`: it shows whole seconds. `cache_s`: its page may
    be so old.
    """

    start_s: float = 0.03
    read_s: float = 0.001
    work_s: float = 0.003
    torn_s: float = 0.0
    gauge_first: bool = True
    lies: bool = False
    whole_s: bool = False
    cache_s: float = 0.0
    noop: Noop = Noop.MOVES
    on_invalid: OnInvalid = OnInvalid.KEEPS


class Surroundings(Protocol):
    """What the daemon finds around it."""

    def time_s(self) -> float:
        """The virtual time."""

    def after(self, delay_s: float, do: Callable[[], None]) -> None:
        """Do something later."""

    def read_disk(self) -> Snapshot:
        """The files, as they are now."""

    def refuses(self, content: Snapshot) -> bool:
        """Whether a daemon cannot load `content`."""

    def end(self, daemon: PodDaemon) -> None:
        """The daemon exits."""


@dataclass(kw_only=True)
class PodDaemon:
    """One run of the daemon. `loaded` is the digest it really runs."""

    process: Process
    habits: Habits
    around: Surroundings
    loaded: str | None = None
    ready_s: float = 0.0
    signals: int = 0
    down_until_s: float = float("-inf")
    reading: str | None = None
    succeeded: bool = True
    _readings: dict[str, Reading] = field(default_factory=dict)
    _page: tuple[float, Mapping[str, Reading]] = (float("-inf"), MappingProxyType({}))
    _busy: bool = False
    _again: bool = False
    _ended: bool = False

    @property
    def is_busy(self) -> bool:
        """Whether a reload is under way."""
        return self._busy

    def start(self) -> None:
        """Read the files a while after the start; be ready a while after that."""
        self.ready_s = self.around.time_s() + self.habits.start_s
        self.around.after(self.habits.start_s / 2, self._load_at_start)

    def hear(self) -> None:
        """SIGHUP."""
        self.signals += 1
        if self._busy:
            self._again = True
        else:
            self._begin_reload()

    def show(self) -> Mapping[str, Reading] | None:
        """The page, as old as its cache; None where nobody answers."""
        now_s = self.around.time_s()
        if now_s < self.ready_s or now_s < self.down_until_s:
            return None
        if now_s - self._page[0] >= self.habits.cache_s:
            self._page = (now_s, MappingProxyType(dict(self._readings)))
        return self._page[1]

    def exit(self) -> None:
        """It does nothing from now on."""
        self._ended, self._busy, self.succeeded = True, False, False

    def _load_at_start(self) -> None:
        if self._ended:
            return
        content = self.around.read_disk()
        if self.around.refuses(content):
            self.around.end(self)
            return
        self.loaded = content.digest
        self._readings = {
            "gauge": 1.0,
            "timestamp": self._time(),
            "attempt": self._time(),
            "successes": 1.0,
            "failures": 0.0,
            "digest": content.digest,
        }

    def _begin_reload(self) -> None:
        self._busy = True
        self.around.after(self.habits.read_s, self._read)

    def _read(self) -> None:
        content = self.around.read_disk()
        self.reading = content.digest
        self.around.after(self.habits.work_s, lambda: self._take(content))

    def _take(self, content: Snapshot) -> None:
        if self._ended:
            return
        self._readings["attempt"] = self._time()
        unchanged = content.digest == self.loaded
        if self.around.refuses(content):
            self._refuse()
        elif unchanged and self.habits.noop is Noop.FAILS:
            self._mark_failure()
        elif unchanged and self.habits.noop is Noop.STAYS:
            self._finish()
        else:
            self._succeed(content)

    def _refuse(self) -> None:
        match self.habits.on_invalid:
            case OnInvalid.DIES:
                self.around.end(self)
            case OnInvalid.OUTAGE:
                self.down_until_s = self.around.time_s() + OUTAGE_S
                self._mark_failure()
            case _:
                self._mark_failure()

    def _mark_failure(self) -> None:
        self.succeeded, self.reading = False, None
        self._readings["gauge"] = 0.0
        self._count("failures")
        self._then(self._lie if self.habits.lies else self._finish)

    def _lie(self) -> None:
        self._readings["timestamp"] = self._time()
        self._finish()

    def _succeed(self, content: Snapshot) -> None:
        self.loaded, self.succeeded = content.digest, True
        self._readings["digest"] = content.digest
        self._count("successes")
        marks = (self._raise_gauge, self._move_time)
        first, second = marks if self.habits.gauge_first else marks[::-1]
        first()
        self._then(lambda: self._finish(second))

    def _then(self, do: Callable[[], None]) -> None:
        if self.habits.torn_s:
            self.around.after(self.habits.torn_s, do)
        else:
            do()

    def _finish(self, *marks: Callable[[], None]) -> None:
        for mark in marks:
            mark()
        self._busy, self.reading = False, None
        if self._again and not self._ended:
            self._again = False
            self._begin_reload()

    def _raise_gauge(self) -> None:
        self._readings["gauge"] = 1.0

    def _move_time(self) -> None:
        self._readings["timestamp"] = self._time()

    def _count(self, name: str) -> None:
        self._readings[name] = float(str(self._readings[name])) + 1

    def _time(self) -> float:
        now_s = self.around.time_s()
        return floor(now_s) if self.habits.whole_s else now_s
