"""Every state of an object as the API shows it, with the time when it was seen."""

from __future__ import annotations

import queue
import random
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from sidecar.clock import SystemClock
from sidecar.kube.ports import Api, Json, Ref
from sidecar.kube.watch import Listener, ObjectWatch
from sidecar.record.annotations import read_marks


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """A state of an object; `at_s` is monotonic."""

    at_s: float
    content: Json

    @property
    def marks(self) -> Mapping[str, str]:
        """The sidecar's annotations by their short keys."""
        return read_marks(self.content)


class Sightings:
    """What has been seen and not been asked for yet."""

    def __init__(self) -> None:
        self._queue: queue.SimpleQueue[Sight | Exception] = queue.SimpleQueue()

    def note(self, content: Json | None) -> None:
        """Take a state in; an object that is gone shows nothing."""
        if content is not None:
            self._queue.put(Sight(at_s=time.monotonic(), content=content))

    def fail(self, error: Exception) -> None:
        """Let whoever waits fail with this."""
        self._queue.put(error)

    def wait(self, what: str, is_it: Callable[[Sight], bool], *, within_s: float) -> Sight:
        """The next state that `is_it`; those before it are dropped."""
        ends_s = time.monotonic() + within_s
        last: Mapping[str, str] = {}
        while (left_s := ends_s - time.monotonic()) > 0:
            try:
                sight = self._queue.get(timeout=left_s)
            except queue.Empty:
                break
            if isinstance(sight, Exception):
                raise sight
            if is_it(sight):
                return sight
            last = sight.marks
        msg = f"no {what} within {within_s:g} s; last seen: {dict(last)}"
        raise AssertionError(msg)


@contextmanager
def watching(api: Api, ref: Ref) -> Iterator[Sightings]:
    """What becomes of one object from now on."""
    sightings = Sightings()
    listener = Listener(
        on_object=sightings.note,
        on_connected=lambda _: None,
        on_crash=sightings.fail,
        tell=lambda _: None,
    )
    watch = ObjectWatch(api, ref, listener, clock=SystemClock(), random=random.random)
    watch.start()
    try:
        yield sightings
    finally:
        watch.stop()
