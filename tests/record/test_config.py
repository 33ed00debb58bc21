"""The object of one bridge behind its port, among others who write on it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pytest

from sidecar.core.attempt import AttemptRecord, Outcome, Status, Trigger
from sidecar.core.errors import LostError
from sidecar.core.events import Answer
from sidecar.kube.ports import Json, Objects, Ref
from sidecar.record.annotations import read_marks
from sidecar.record.config import STORM_TRIES, ApiConfig
from sidecar.testing.apiserver import FakeApi
from sidecar.testing.clock import FakeClock
from tests.record.cases import Case, make_config, make_fake


@dataclass
class Racing:
    """The API, where somebody is quicker before each of our patches."""

    api: Objects
    overtake: Callable[[], object]

    def __getattr__(self, name: str) -> object:
        return getattr(self.api, name)

    def patch(self, ref: Ref, body: Json, **how: object) -> Json:
        self.overtake()
        answer: Json = self.api.patch(ref, body, **how)  # type: ignore[arg-type]
        return answer


def make_racing(case: Case, clock: FakeClock, overtake: Callable[[], object]) -> ApiConfig:
    api: Objects = Racing(case.api, overtake)  # type: ignore[assignment]
    return make_config(case, clock, api=api)


def edit(case: Case, **fields: object) -> None:
    case.admin.patch(case.ref(), fields)


def test_a_storm_that_changes_nothing_of_ours_is_outlasted(case: Case, clock: FakeClock) -> None:
    declared_content = case.make()
    left = [STORM_TRIES - 1]

    def overtake() -> None:
        if left[0]:
            left[0] -= 1
            edit(case, metadata={"labels": {"storm": str(left[0])}})

    config = make_racing(case, clock, overtake)
    declared = config.declare(declared_content)
    assert declared is not None
    answer = config.write({"status": "Pending"}, declared)
    assert answer.answer is Answer.DONE
    assert answer.declared is not None
    assert answer.declared.marks["status"] == "Pending"


def test_a_storm_without_end_is_left_for_later(case: Case, clock: FakeClock) -> None:
    numbers = iter(range(100))
    content = case.make()
    config = make_racing(
        case, clock, lambda: edit(case, metadata={"labels": {"storm": str(next(numbers))}})
    )
    declared = config.declare(content)
    assert declared is not None
    assert config.write({"status": "Pending"}, declared).answer is Answer.CONFLICT
    assert next(numbers) == STORM_TRIES
    assert "status" not in read_marks(case.admin.get(case.ref()))


@pytest.mark.parametrize(
    "change",
    [
        {"data": {"a.yml": "two"}},
        {"metadata": {"annotations": {"surehup.dev/paused": "true"}}},
    ],
    ids=["content", "wish"],
)
def test_what_was_decided_upon_is_decided_anew_once_it_changed(
    case: Case, clock: FakeClock, change: Json
) -> None:
    edits = [change]

    def overtake() -> None:
        if edits:
            edit(case, **edits.pop())

    config = make_racing(case, clock, overtake)
    declared = config.declare(case.make())
    assert declared is not None
    answer = config.write({"status": "Pending"}, declared)
    assert answer.answer is Answer.CONFLICT
    assert answer.declared is not None
    assert answer.declared.version != declared.version
    assert "status" not in read_marks(case.admin.get(case.ref()))


def test_a_history_that_does_not_answer_may_be_asked_again(clock: FakeClock) -> None:
    case = make_fake()
    config = make_config(case, clock)
    declared = config.declare(case.make())
    assert declared is not None
    case.deny("list", "controllerrevisions")
    assert config.keep(declared, "proven", ())[0] is None
    assert config.recall(declared.digest) is None
    assert isinstance(case.api, FakeApi)
    case.api.go_down()
    with pytest.raises(LostError, match="cannot be reached"):
        config.keep(declared, "proven", ())
    with pytest.raises(LostError, match="cannot be reached"):
        config.recall(declared.digest)


def test_only_silence_makes_the_watch_doubtful(clock: FakeClock) -> None:
    case = make_fake()
    silences: list[int] = []
    case.make()
    config = make_config(case, clock, on_silence=lambda: silences.append(1))
    assert config.read().declared is not None
    case.deny("get", "configmaps")
    assert config.read().answer is Answer.REFUSED
    assert silences == []
    assert isinstance(case.api, FakeApi)
    case.api.go_down()
    assert config.read().answer is Answer.LOST
    assert silences == [1]


def test_only_who_keeps_a_revision_tidies_the_history(case: Case, clock: FakeClock) -> None:
    keeper, follower = make_config(case, clock), make_config(case, clock)
    declared = keeper.declare(case.make())
    assert declared is not None
    assert follower.declare(case.admin.get(case.ref())) == declared
    applied = AttemptRecord(
        digest=declared.digest,
        trigger=Trigger.API,
        outcome=Outcome.APPLIED,
        message="proven",
        started_s=0.0,
        duration_s=1.0,
    )
    assert keeper.keep(declared, "proven", [declared.digest]) == (1, "")
    before = case.requests["list 200"]
    follower.tell(applied, Status.APPLIED)
    assert case.requests["list 200"] == before
    keeper.tell(applied, Status.APPLIED)
    assert case.requests["list 200"] == before + 1
    keeper.tell(applied, Status.APPLIED)
    assert case.requests["list 200"] == before + 1
