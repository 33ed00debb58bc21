"""Waits that outlive broken watches, and end for every reason there is."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest

from sidecar.cli.verdict import Verdict, Wish
from sidecar.cli.waiting import NoVerdictError, VerdictWait
from sidecar.core.errors import ExitCode
from sidecar.kube.errors import (
    ForbiddenError,
    GoneError,
    NotFoundError,
    TooManyRequestsError,
    UnauthorizedError,
    UnreachableError,
)
from sidecar.testing.apichanges import FakeChanges
from sidecar.testing.apiserver import FakeApi
from tests.cli.clusters import Stage, fake_of, make_stage, until

TWO = {"a.yml": "two"}


@pytest.fixture
def stage() -> Stage:
    stage = make_stage()
    stage.make(data={"a.yml": "one"})
    stage.apply()
    return stage


def wait(
    stage: Stage, *, told: list[str] | None = None, timeout_s: float = 5.0, wish: Wish | None = None
) -> Verdict:
    files = stage.snapshot(stage.read()).files
    heard: list[str] = [] if told is None else told
    wish = wish or Wish(files=files)
    waiting = VerdictWait(
        stage.cluster, stage.refer(), wish, timeout_s=timeout_s, tell=heard.append
    )
    return waiting.run()


def watched(stage: Stage, at_least: int = 1) -> Callable[[], None]:
    """Until the wait has opened its watch."""

    return lambda: until(lambda: fake_of(stage).open_watches >= at_least)


def test_what_is_applied_already_ends_at_once(stage: Stage) -> None:
    verdict = wait(stage, timeout_s=0.5)
    assert verdict.code is ExitCode.DONE
    assert verdict.sentence == f"ConfigMap shop/app {stage.digest()[:12]} Applied: 1/1 proven"
    assert fake_of(stage).open_watches == 0


@pytest.mark.parametrize(
    ("status", "code"), [("Applied", 0), ("Rejected", 4), ("RolledBack", 5), ("Unconfirmed", 6)]
)
def test_the_verdict_on_the_last_edit_is_not_taken(stage: Stage, status: str, code: int) -> None:
    stage.edit(TWO)
    told: list[str] = []
    steps = (
        watched(stage),
        lambda: stage.say(status="Reloading", message="web-0 goes first"),
        lambda: stage.say(status=status, message="done"),
    )
    with stage.later(*steps):
        assert wait(stage, told=told).code == code
    assert told == [
        "Pending: edited since the last report, which the sidecar has not seen yet",
        "Reloading: web-0 goes first",
    ]


def test_another_edit_ends_it(stage: Stage) -> None:
    stage.edit(TWO)
    with stage.later(watched(stage), lambda: stage.edit({"a.yml": "three"})):
        verdict = wait(stage)
    assert verdict.code == 1
    assert "was edited again before the verdict" in verdict.sentence


def test_a_digest_is_waited_for_before_it_is_there(stage: Stage) -> None:
    stage.edit(TWO)
    digest = stage.apply()
    stage.edit({"a.yml": "one"})
    with stage.later(watched(stage), lambda: stage.edit(TWO), stage.apply):
        verdict = wait(stage, wish=Wish(digest=digest[:12]))
    assert verdict.code == 0
    assert digest[:12] in verdict.sentence


def test_a_digest_that_was_there_and_went_ends_it(stage: Stage) -> None:
    stage.edit(TWO)
    wish = Wish(digest=stage.digest()[:12])
    with stage.later(watched(stage), lambda: stage.edit({"a.yml": "three"})):
        verdict = wait(stage, wish=wish)
    assert verdict.code == 1


def test_a_deleted_object_ends_it(stage: Stage) -> None:
    stage.edit(TWO)
    with (
        stage.later(watched(stage), lambda: stage.editor.delete(stage.refer())),
        pytest.raises(NotFoundError, match="shop/app does not exist: it was deleted"),
    ):
        wait(stage)


def test_the_deadline_is_kept_and_says_what_it_waited_for(stage: Stage) -> None:
    stage.edit(TWO)
    stage.say(status="Paused", message="paused by a person")
    started_s = time.monotonic()
    with pytest.raises(NoVerdictError) as raised:
        wait(stage, timeout_s=0.3)
    assert 0.25 < time.monotonic() - started_s < 2
    assert raised.value.exit_code is ExitCode.TIMED_OUT
    assert raised.value.message == (
        "ConfigMap shop/app has no verdict after 300ms: Paused: paused by a person"
    )
    assert fake_of(stage).open_watches == 0


def test_a_broken_watch_is_mended(stage: Stage) -> None:
    stage.edit(TWO)
    told: list[str] = []
    steps = (watched(stage), fake_of(stage).drop_watches, stage.apply)
    with stage.later(*steps):
        assert wait(stage, told=told).code == 0
    assert any(text.startswith("changes are not seen: ") for text in told)


@pytest.mark.parametrize("verb", ["list", "watch"])
@pytest.mark.parametrize(
    "error", [UnreachableError("away"), TooManyRequestsError("busy"), GoneError("too old")]
)
def test_what_passes_is_waited_for(
    stage: Stage, verb: str, error: UnreachableError | TooManyRequestsError | GoneError
) -> None:
    stage.edit(TWO)
    fake_of(stage).fail_next(verb, error)
    with stage.later(watched(stage), stage.apply):
        assert wait(stage).code == 0


def test_what_does_not_pass_ends_it(stage: Stage) -> None:
    stage.edit(TWO)
    fake_of(stage).forbid("watch")
    with pytest.raises(ForbiddenError, match=r"resourceNames \[app\] verbs \[watch\]"):
        wait(stage)
    fake_of(stage).permit("watch")
    fake_of(stage).fail_next("list", UnauthorizedError("who?"))
    with pytest.raises(UnauthorizedError):
        wait(stage)


def test_a_server_that_stays_away_is_unreachable_at_the_deadline(stage: Stage) -> None:
    stage.edit(TWO)
    with (
        stage.later(watched(stage), fake_of(stage).go_down),
        pytest.raises(UnreachableError) as raised,
    ):
        wait(stage, timeout_s=0.6)
    assert raised.value.exit_code is ExitCode.API_UNREACHABLE


def test_a_server_that_came_back_is_not_blamed_for_the_silence(stage: Stage) -> None:
    stage.edit(TWO)
    with (
        stage.later(watched(stage), fake_of(stage).drop_watches),
        pytest.raises(NoVerdictError),
    ):
        wait(stage, timeout_s=1.0)


class Lingering(FakeApi):
    """Its watches last much longer than they were asked to."""

    def watch(self, *args: Any, timeout_s: float, **kwargs: Any) -> FakeChanges:  # noqa: ANN401
        return super().watch(*args, timeout_s=timeout_s + 60, **kwargs)


def test_a_server_that_hangs_does_not_outlast_the_deadline(stage: Stage) -> None:
    stage.edit(TWO)
    stage.api = Lingering(clock=stage.clock, store=fake_of(stage).store)
    started_s = time.monotonic()
    with pytest.raises(NoVerdictError):
        wait(stage, timeout_s=0.3)
    assert time.monotonic() - started_s < 2
    assert fake_of(stage).open_watches == 0


def test_a_server_that_ends_every_watch_is_not_hammered(stage: Stage) -> None:
    stage.edit(TWO)
    lists = 0

    def count(verb: str) -> None:
        nonlocal lists
        lists += verb == "list"
        if verb == "watch":
            fake_of(stage).fail_next("watch", GoneError("too old"))

    fake_of(stage)._delay = count
    with pytest.raises(GoneError):
        wait(stage, timeout_s=1.0)
    assert lists <= 4
