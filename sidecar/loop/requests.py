"""People who asked for an attempt and wait for its end."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from queue import Empty, SimpleQueue

from sidecar.core.attempt import Trigger
from sidecar.core.effects import Answer
from sidecar.core.events import Asked

Post = Callable[[str, Asked], None]


class Requests:
    """Numbers requests and brings their answers back to the threads that wait."""

    def __init__(self, post: Post) -> None:
        self._post = post
        self._numbers = itertools.count(1)
        self._waiting: dict[int, SimpleQueue[Answer]] = {}

    def ask(self, bridge: str, trigger: Trigger, *, timeout_s: float) -> Answer | None:
        """Ask `bridge` for an attempt and wait for its end; None if that took longer."""
        number = next(self._numbers)
        box: SimpleQueue[Answer] = SimpleQueue()
        self._waiting[number] = box
        try:
            self._post(bridge, Asked(trigger, number))
            return box.get(timeout=timeout_s)
        except Empty:
            return None
        finally:
            del self._waiting[number]

    def answer(self, answer: Answer) -> None:
        """Hand an answer to whoever waits for it; nobody may, by now."""
        box = self._waiting.get(answer.request)
        if box is not None:
            box.put(answer)
