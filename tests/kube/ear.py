"""Hears what an `ObjectWatch` says, with bounded waits."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TypeVar

from sidecar.clock import SystemClock
from sidecar.core.backoff import Backoff
from sidecar.kube.ports import Api, Json, Ref
from sidecar.kube.watch import Listener, ObjectWatch, Pace

T = TypeVar("T")

QUICK = Pace(tries=Backoff(first_s=0.02, most_s=0.2), forbidden_s=0.1, steady_s=0.3)
"""The same waits in a hurry; watches last as long as in production."""


@dataclass
class Ear:
    """Records all callbacks of one watch."""

    objects: list[Json | None] = field(default_factory=list)
    connected: list[bool] = field(default_factory=list)
    told: list[str] = field(default_factory=list)
    crashes: list[Exception] = field(default_factory=list)
    heard: threading.Condition = field(default_factory=threading.Condition)

    @property
    def listener(self) -> Listener:
        """The callbacks."""
        return Listener(
            on_object=self._hear(self.objects),
            on_connected=self._hear(self.connected),
            on_crash=self._hear(self.crashes),
            tell=self._hear(self.told),
        )

    def _hear(self, into: list[T]) -> Callable[[T], None]:
        def hear(said: T) -> None:
            with self.heard:
                into.append(said)
                self.heard.notify_all()

        return hear

    def until(self, holds: Callable[[], bool], *, within_s: float = 25.0) -> None:
        """Wait until something that was heard makes it hold."""
        with self.heard:
            assert self.heard.wait_for(holds, within_s), (
                f"{self.objects[-3:]}, {self.connected}, {self.told}, {self.crashes}"
            )

    def until_data(self, data: dict[str, str] | None, *, within_s: float = 25.0) -> None:
        """Wait until the newest object holds `data`, or there is none."""
        self.until(lambda: bool(self.objects) and self.data == data, within_s=within_s)

    def until_connected(self, *, within_s: float = 25.0) -> None:
        """Wait until changes are seen, and that is told."""
        self.until(lambda: self._is_told(connected=True), within_s=within_s)

    def until_cut(self, *, within_s: float = 25.0) -> None:
        """Wait until changes are not seen, and that is told."""
        self.until(lambda: self._is_told(connected=False), within_s=within_s)

    def _is_told(self, *, connected: bool) -> bool:
        told = ["are not seen" not in line for line in self.told[-1:]]
        return self.connected[-1:] == told == [connected]

    @property
    def data(self) -> dict[str, str] | None:
        """What the newest object holds."""
        newest = self.objects[-1]
        return None if newest is None else newest.get("data", {})


@contextmanager
def watching(
    api: Api, ref: Ref, pace: Pace = QUICK, random: Callable[[], float] = random.random
) -> Iterator[Ear]:
    """A running watch; in the end it must stop at once, and nothing may have crashed."""
    ear = Ear()
    watch = ObjectWatch(
        api,
        ref,
        ear.listener,
        clock=SystemClock(),
        random=random,
        pace=pace,
    )
    watch.start()
    try:
        yield ear
    finally:
        assert watch.stop(), "the watch did not stop"
    assert ear.crashes == []
