"""The effects that ask the API: each is one call of the port, and one event that answers it."""

from __future__ import annotations

import pytest

from sidecar.core.effects import ApiEffect, Fetch, Keep, Recall, Restore, Write
from sidecar.core.events import Answer, Answered, Kept, Recalled
from sidecar.core.snapshot import Snapshot
from sidecar.loop.calls import call
from sidecar.testing.declaration import FakeConfig

ONE, TWO = {"config": b"one"}, {"config": b"two"}


def make_config() -> FakeConfig:
    config = FakeConfig()
    config.create(ONE)
    return config


def write(config: FakeConfig, effect: int = 1) -> Write:
    declared = config.declare()
    assert declared is not None
    return Write(effect=effect, marks={"status": "Applied"}, declared=declared)


def keep(config: FakeConfig) -> Keep:
    declared = config.declare()
    assert declared is not None
    return Keep(effect=3, declared=declared, cause="seen", protected=())


def test_what_is_fetched_is_the_object_as_it_is_now() -> None:
    config = make_config()
    assert call(Fetch(7), config) == Answered(
        effect=7, answer=Answer.DONE, declared=config.declare()
    )


def test_what_is_written_stands_on_the_version_that_was_read() -> None:
    config = make_config()
    effect = write(config)
    answered = call(effect, config)
    assert isinstance(answered, Answered)
    assert answered.declared is not None
    assert answered.declared.marks == {"status": "Applied"}
    again = call(effect, config)
    assert isinstance(again, Answered)
    assert (again.answer, again.declared) == (Answer.CONFLICT, config.declare())


def test_what_is_kept_is_recalled_by_its_name() -> None:
    config = make_config()
    digest = config.digest
    assert call(keep(config), config) == Kept(3, 1)
    assert call(Recall(4, digest), config) == Recalled(4, Snapshot.of(ONE))
    assert call(Recall(5, "another"), config) == Recalled(5, None)


@pytest.mark.parametrize("files", [None, ONE], ids=["from the history", "at hand"])
def test_data_is_restored_where_it_still_is_what_failed(files: dict[str, bytes] | None) -> None:
    config = make_config()
    good = config.digest
    call(keep(config), config)
    config.edit(TWO)
    effect = Restore(effect=6, failed=config.digest, good=good, files=files)
    answered = call(effect, config)
    assert isinstance(answered, Answered)
    assert (answered.answer, config.there.files) == (Answer.DONE, ONE)
    again = call(effect, config)
    assert isinstance(again, Answered)
    assert again.answer is Answer.CONFLICT


@pytest.mark.parametrize("name", ["read", "write", "keep", "recall", "restore"])
@pytest.mark.parametrize("is_away", [True, False], ids=["away", "forbidden"])
def test_what_the_api_does_not_do_is_told_and_never_raised(name: str, *, is_away: bool) -> None:
    config = make_config()
    effects: dict[str, ApiEffect] = {
        "read": Fetch(1),
        "write": write(config),
        "keep": keep(config),
        "recall": Recall(1, config.digest),
        "restore": Restore(effect=1, failed=config.digest, good="good", files=ONE),
    }
    config.is_away, config.forbidden = is_away, {name}
    answer = call(effects[name], config)
    if isinstance(answer, Answered):
        assert answer.answer is (Answer.LOST if is_away else Answer.REFUSED)
        assert answer.message
        return
    assert answer.lost == is_away
    if isinstance(answer, Kept):
        assert answer.revision is None
        assert answer.message
    else:
        assert answer.content is None
