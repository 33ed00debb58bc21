"""The effects that need several adapters: what they see, in which order, and what they refuse."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest

from sidecar.core.bridge import HttpReload, Proof
from sidecar.core.effects import Look, Signal, Validate
from sidecar.core.errors import SourceError, SourceTrouble, SurehupError, TargetTrouble
from sidecar.core.events import Looked, Sending, Signalled, Validated
from sidecar.core.evidence import Process
from sidecar.core.ports import Observation
from sidecar.core.report import Finding, Report
from sidecar.core.snapshot import Snapshot
from sidecar.loop.steps import look, send, take_step
from tests.loop.stage import HUP, FakeObserver, Stage, make_bridge

BRIDGE = make_bridge()
BY_HTTP = make_bridge(reload=HttpReload(url="http://127.0.0.1:9/-/reload"))
UNREADABLE = SourceError(SourceTrouble.UNREADABLE, "the folder cannot be read")


class Wish:
    def __init__(self, *, is_set: bool = False) -> None:
        self._is_set = is_set

    def is_set(self) -> bool:
        return self._is_set


def signal(stage: Stage, fence: str = "fake-1") -> Signal:
    return Signal(effect=3, process=stage.process, fence=fence)


def test_a_candidate_is_judged_by_the_checks_of_its_bridge() -> None:
    stage, bad = Stage(), Report(findings=(Finding(check="fake", message="bad"),))
    candidate = stage.mount.read().snapshot
    stage.validator.script(candidate, bad)
    step = Validate(1, candidate)
    assert take_step(step, BRIDGE, stage.adapters, Wish()) == Validated(1, bad)
    assert take_step(step, replace(BRIDGE, checks=()), stage.adapters, Wish()) == Validated(
        1, Report()
    )
    cancelled = take_step(step, BRIDGE, stage.adapters, Wish(is_set=True))
    assert isinstance(cancelled, Validated)
    assert cancelled.report.cannot_run


def test_a_look_is_one_instant_seen_from_three_sides() -> None:
    stage = Stage()
    result = take_step(Look(2), BRIDGE, stage.adapters, Wish())
    assert isinstance(result, Looked)
    assert result.effect == 2
    sample = result.sample
    assert (sample.taken_s, sample.process, sample.fence) == (1_000.0, stage.process, "fake-1")
    assert (sample.readings, sample.error, sample.trouble) == ({"successes": 1.0}, None, None)


def test_a_look_at_nobody_says_why() -> None:
    stage = Stage()
    stage.processes.end(stage.process)
    sample = look(BRIDGE, stage.adapters)
    assert sample.process is None
    assert (sample.trouble or "").startswith("no process fits")
    assert (sample.fence, sample.readings) == ("fake-1", {})


def test_a_look_that_could_not_read_the_evidence_says_why() -> None:
    stage = Stage()
    stage.observer.error = "connection refused"
    sample = look(BRIDGE, stage.adapters)
    assert (sample.process, sample.error, sample.readings) == (
        stage.process,
        "connection refused",
        {},
    )


def test_a_process_that_ends_while_it_is_looked_at_is_not_believed() -> None:
    stage = Stage()
    ended: list[Process] = []

    class Deadly(FakeObserver):
        def observe(self, proof: Proof, process: Process) -> Observation:
            ended.append(process)
            stage.processes.restart(process)
            return super().observe(proof, process)

    sample = look(BRIDGE, replace(stage.adapters, observer=Deadly()))
    assert (sample.process, sample.readings) == (None, {})
    assert ended[0] == stage.process
    assert sample.trouble == f"process {ended[1].pid} ended while it was looked at"


def test_a_worker_that_was_taken_for_its_master_and_left_is_looked_away_from() -> None:
    stage = Stage()
    left: list[Process] = []

    class Leaving(FakeObserver):
        def observe(self, proof: Proof, process: Process) -> Observation:
            if not left:
                left.append(process)
                stage.processes.restart(process)
            return super().observe(proof, process)

    sample = look(BRIDGE, replace(stage.adapters, observer=Leaving()))
    assert sample.trouble is None
    assert sample.process not in {None, *left}


def test_the_fence_of_a_look_is_read_after_its_evidence() -> None:
    stage = Stage()

    class Swapping(FakeObserver):
        def observe(self, proof: Proof, process: Process) -> Observation:
            stage.mount.write({"config": b"two"})
            return super().observe(proof, process)

    assert look(BRIDGE, replace(stage.adapters, observer=Swapping())).fence == "fake-2"


def test_a_folder_that_cannot_be_read_has_no_fence() -> None:
    stage = Stage()
    stage.mount.fail_with(UNREADABLE)
    assert look(BRIDGE, stage.adapters).fence is None
    stage.processes.end(stage.process)
    assert look(BRIDGE, stage.adapters).fence is None


@pytest.mark.parametrize("bridge", [BRIDGE, BY_HTTP], ids=["signal", "http"])
def test_the_trigger_is_pulled_once_while_the_fence_holds(bridge: object) -> None:
    stage = Stage()
    chosen = BRIDGE if bridge is BRIDGE else BY_HTTP
    result = take_step(signal(stage), chosen, stage.adapters, Wish())
    answer = None if chosen is BRIDGE else "ok"
    assert result == Signalled(effect=3, sending=Sending.SENT, fence="fake-1", answer=answer)
    assert stage.processes.sent == ([(stage.process, HUP)] if chosen is BRIDGE else [])
    assert len(stage.observer.asked) == (0 if chosen is BRIDGE else 1)


@pytest.mark.parametrize("bridge", [BRIDGE, BY_HTTP], ids=["signal", "http"])
@pytest.mark.parametrize("readable", [True, False], ids=["moved", "unreadable"])
def test_nothing_is_sent_once_the_fence_has_moved(bridge: object, *, readable: bool) -> None:
    stage = Stage()
    stage.mount.write({"config": b"two"})
    stage.mount.fail_with(None if readable else UNREADABLE)
    result = send(signal(stage), BRIDGE if bridge is BRIDGE else BY_HTTP, stage.adapters)
    assert result == Signalled(effect=3, sending=Sending.FENCE_MOVED)
    assert stage.processes.sent == []
    assert stage.observer.asked == []


@pytest.mark.parametrize("bridge", [BRIDGE, BY_HTTP], ids=["signal", "http"])
def test_a_process_that_is_gone_is_not_mistaken_for_its_successor(bridge: object) -> None:
    stage = Stage()
    stage.processes.restart(stage.process)
    result = send(signal(stage), BRIDGE if bridge is BRIDGE else BY_HTTP, stage.adapters)
    assert (result.sending, result.trouble) == (Sending.REFUSED, TargetTrouble.GONE)
    assert str(stage.process.pid) in result.message
    assert stage.processes.sent == []
    assert stage.observer.asked == []


def test_a_process_without_a_handler_is_not_signalled() -> None:
    stage = Stage()
    deaf = stage.processes.start("other", caught=())
    result = send(replace(signal(stage), process=deaf), BRIDGE, stage.adapters)
    assert (result.sending, result.trouble) == (Sending.REFUSED, TargetTrouble.UNHANDLED)


def test_a_swap_during_the_reload_is_told_with_the_answer() -> None:
    stage = Stage()
    stage.processes.on_signal = lambda _process, _number: stage.mount.write({"config": b"two"})
    assert send(signal(stage), BRIDGE, stage.adapters).fence == "fake-2"
    stage.processes.on_signal = lambda _process, _number: stage.mount.fail_with(UNREADABLE)
    unreadable = send(signal(stage, fence="fake-2"), BRIDGE, stage.adapters)
    assert (unreadable.sending, unreadable.fence) == (Sending.SENT, None)


def test_a_reload_by_http_that_was_not_answered_says_nothing() -> None:
    stage = Stage()
    stage.observer.answer = None
    result = send(signal(stage), BY_HTTP, stage.adapters)
    assert (result.sending, result.answer) == (Sending.SENT, None)


def test_what_a_daemon_says_of_a_secret_is_kept_back() -> None:
    secret = replace(BY_HTTP, source=replace(BY_HTTP.source, secret="shop/web"))  # noqa: S106  a name
    stage = Stage()
    stage.observer.answer = "password hunter2 is too short"
    answer = send(signal(stage), secret, stage.adapters).answer
    assert answer is not None
    assert "refused" in answer
    assert "hunter2" not in answer
    stage.observer.answer = "ok"
    assert send(signal(stage), secret, stage.adapters).answer == "ok"


def test_what_a_daemon_says_tells_no_secret_of_its_content() -> None:
    stage = Stage()
    stage.observer.answer = "one is too short"
    seen: list[Snapshot] = []

    def clean(words: Sequence[str], content: Snapshot) -> Sequence[str]:
        seen.append(content)
        return [word.replace("one", "<secret>") for word in words]

    adapters = replace(stage.adapters, clean=clean)
    assert send(signal(stage), BY_HTTP, adapters).answer == "<secret> is too short"
    assert seen == [stage.mount.read().snapshot]


def test_what_a_daemon_says_is_kept_back_where_its_content_is_not_known() -> None:
    stage = Stage()

    def answer_and(happen: Callable[[], object]) -> str:
        def reload(_reload: HttpReload, _proof: Proof) -> str:
            happen()
            return "one is too short"

        stage.observer.reload = reload  # type: ignore[assignment, method-assign]
        return send(signal(stage), BY_HTTP, replace(stage.adapters, clean=fail)).answer or ""

    def fail(_words: Sequence[str], _content: Snapshot) -> Sequence[str]:
        raise SurehupError(reason)

    reason = "the child took more than 20 s"
    kept_back = "the daemon refused the reload; its words may quote a secret: see its own log"
    assert answer_and(lambda: None) == f"{kept_back} ({reason})"
    assert answer_and(lambda: stage.mount.write({"config": b"two"})) == kept_back
