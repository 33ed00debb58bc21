"""The effects that ask the API, each as one call of a port and the event that answers it."""

from __future__ import annotations

from typing import assert_never

from sidecar.core.effects import ApiEffect, Fetch, Keep, Recall, Restore, Write
from sidecar.core.errors import LostError
from sidecar.core.events import Answered, Kept, Recalled
from sidecar.core.ports import ApiAnswer, ConfigObject


def call(effect: ApiEffect, config: ConfigObject) -> Answered | Kept | Recalled:
    """Do one effect. Bounded in time by the client's deadline."""
    match effect:
        case Fetch(effect=number):
            return _answer(number, config.read())
        case Write(effect=number, marks=marks, declared=declared):
            return _answer(number, config.write(marks, declared))
        case Restore(effect=number, failed=failed, good=good, files=files):
            return _answer(number, config.restore(failed, good, files))
        case Keep(effect=number, declared=declared, cause=cause, protected=protected):
            try:
                return Kept(number, *config.keep(declared, cause, protected))
            except LostError as error:
                return Kept(number, None, f"no revision is kept yet: {error.message}", lost=True)
        case Recall(effect=number, digest=digest):
            try:
                return Recalled(number, config.recall(digest))
            except LostError:
                return Recalled(number, None, lost=True)
        case _:
            assert_never(effect)


def _answer(effect: int, answer: ApiAnswer) -> Answered:
    return Answered(
        effect=effect, answer=answer.answer, declared=answer.declared, message=answer.message
    )
