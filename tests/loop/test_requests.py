from __future__ import annotations

import threading
from collections.abc import Callable

from sidecar.core.attempt import Trigger
from sidecar.core.effects import Answer, Reply
from sidecar.core.events import Asked
from sidecar.loop.requests import Requests

SOON_S = 5.0


class Answering:
    """A loop that answers each request in its own way, from its own thread."""

    def __init__(self, reply: Callable[[Asked], Answer | None]) -> None:
        self.requests = Requests(self.post)
        self._reply = reply
        self.asked: list[tuple[str, Asked]] = []
        self.threads: list[threading.Thread] = []

    def post(self, bridge: str, asked: Asked) -> None:
        self.asked.append((bridge, asked))
        answer = self._reply(asked)
        if answer is not None:
            thread = threading.Thread(target=self.requests.answer, args=(answer,))
            self.threads.append(thread)
            thread.start()

    def join(self) -> None:
        for thread in self.threads:
            thread.join(SOON_S)


def apply(asked: Asked) -> Answer:
    assert asked.request is not None
    return Answer(request=asked.request, reply=Reply.APPLIED, message=f"number {asked.request}")


def test_who_asks_gets_the_answer() -> None:
    loop = Answering(apply)
    answer = loop.requests.ask("web", Trigger.HTTP, timeout_s=SOON_S)
    loop.join()
    assert answer is not None
    assert (answer.reply, loop.asked) == (Reply.APPLIED, [("web", Asked(Trigger.HTTP, 1))])


def test_everyone_gets_the_own_answer() -> None:
    loop = Answering(apply)
    messages: list[str] = []

    def ask() -> None:
        answer = loop.requests.ask("web", Trigger.HTTP, timeout_s=SOON_S)
        messages.append(answer.message if answer is not None else "none")

    people = [threading.Thread(target=ask) for _ in range(8)]
    for person in people:
        person.start()
    for person in people:
        person.join(SOON_S)
    loop.join()
    assert sorted(messages) == sorted(f"number {number}" for number in range(1, 9))


def test_who_waits_too_long_gets_none_and_a_late_answer_hurts_nobody() -> None:
    loop = Answering(lambda _asked: None)
    assert loop.requests.ask("web", Trigger.SIGNAL, timeout_s=0.01) is None
    loop.requests.answer(Answer(request=1, reply=Reply.APPLIED, message="late"))
    assert loop.requests.ask("web", Trigger.SIGNAL, timeout_s=0.01) is None


def test_an_answer_that_comes_before_anyone_waits_is_not_lost() -> None:
    requests = Requests(lambda _bridge, asked: requests.answer(apply(asked)))
    answer = requests.ask("web", Trigger.HTTP, timeout_s=SOON_S)
    assert answer is not None
