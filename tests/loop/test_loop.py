"""The loop as shipped, in virtual time: what it takes, does, tells, and how it ends."""

from __future__ import annotations

import pytest

from sidecar.core.attempt import Status, Trigger
from sidecar.core.bridge import HttpReload
from sidecar.core.effects import Milestone
from sidecar.core.errors import SourceError, SourceTrouble
from sidecar.core.events import Asked, Event, Looked, MountChanged, MountLost, StopAsked
from sidecar.core.evidence import Sample
from sidecar.loop.loop import IDLE_BEAT_S, Inbox
from sidecar.testing.clock import FakeClock
from sidecar.testing.executor import VirtualInbox
from tests.loop.stage import Stage, outcomes


def test_an_edit_is_validated_signalled_confirmed_and_told() -> None:
    stage = Stage()
    stage.edit(b"one")
    stage.inbox.plan(10, lambda: stage.edit(b"two"))
    stage.run(stop_after_s=20)
    assert outcomes(stage) == [("web", "applied"), ("web", "applied")]
    assert [number for _, number in stage.processes.sent] == [1, 1]
    assert stage.watched == [stage.process]
    _, record, status = stage.memo.records[1]
    assert (record.digest, status) == (stage.mount.read().snapshot.digest, Status.APPLIED)
    assert Milestone.SIGNALLED in [note.milestone for note in stage.memo.notes]
    assert stage.memo.shown[-1].status is Status.APPLIED
    assert stage.loop.statuses() == (stage.memo.shown[-1],)


def test_a_reload_by_http_is_asked_for_and_its_answer_carried() -> None:
    reload = HttpReload(url="http://127.0.0.1:9/-/reload")
    stage = Stage(reload=reload)
    stage.edit(b"one")
    stage.run(stop_after_s=10)
    assert stage.observer.asked == [reload]
    assert outcomes(stage) == [("web", "applied")]
    assert stage.processes.sent == []


def test_the_next_loop_remembers_by_the_journal() -> None:
    stage = Stage()
    stage.edit(b"one")
    stage.run(stop_after_s=10)
    heir = Stage()
    heir.clock.advance(100)
    heir.mount.write({"config": b"one"})
    heir.journal.save("web", stage.journal.load("web") or {})
    heir.tell_all(MountChanged(heir.mount.read()))
    heir.run(stop_after_s=10)
    assert [record.message for _, record, _ in heir.memo.records] == [
        "daemon still runs this content"
    ]
    assert heir.processes.sent == []


def test_who_asks_is_answered() -> None:
    stage = Stage()
    stage.edit(b"one")
    stage.inbox.plan(5, lambda: stage.tell_all(Asked(Trigger.HTTP, 7)))
    stage.run(stop_after_s=10)
    assert [(answer.request, answer.reply.value) for answer in stage.answers] == [(7, "unchanged")]


def test_an_answer_that_is_no_longer_wanted_is_cancelled() -> None:
    stage = Stage()
    stage.edit(b"one")
    stage.edit(b"two")
    stage.run(stop_after_s=10)
    assert stage.lanes.cancelled
    assert outcomes(stage)[-1] == ("web", "applied")


def test_the_loop_ends_when_all_bridges_have_stopped() -> None:
    stage = Stage("web", "mail")
    stage.edit(b"one")
    stage.inbox.plan(10, lambda: stage.inbox.post("web", StopAsked()))
    stage.inbox.plan(60, lambda: stage.inbox.post("mail", StopAsked()))
    stage.loop.run()
    assert stage.clock.monotonic() == pytest.approx(1_060)
    assert sorted(outcomes(stage)) == [("mail", "applied"), ("web", "applied")]


def test_a_stopped_bridge_does_not_make_the_loop_spin() -> None:
    stage = Stage("web", "mail")
    stage.edit(b"one")
    stage.inbox.plan(5, lambda: stage.edit(b"two"))
    stage.inbox.plan(5.5, lambda: stage.edit(b"three"))  # waits for the window of the one before
    stage.inbox.plan(5.6, lambda: stage.inbox.post("web", StopAsked()))
    stage.inbox.plan(60, lambda: stage.inbox.post("mail", StopAsked()))
    stage.loop.run()
    assert len(stage.memo.shown) < 100


class Flooded(VirtualInbox):
    """For 30 s there is always another stale answer for the first bridge."""

    def take(self, timeout_s: float) -> tuple[str, Event] | None:
        """Each takes 10 ms."""
        if self._clock.monotonic() >= 1_030:
            return super().take(timeout_s)
        self._clock.advance(0.01)
        return super().take(0) or ("web", Looked(0, Sample(taken_s=0, readings={})))


def test_what_is_due_for_one_bridge_is_not_starved_by_a_flood_for_another() -> None:
    stage = Stage("web", "mail", inbox=Flooded)
    stage.processes.end(stage.process)
    stage.tell_all(MountChanged(stage.mount.read()))
    stage.inbox.plan(1, lambda: stage.processes.start("daemon"))
    stage.run(stop_after_s=25)
    assert ("mail", "applied") in outcomes(stage)


def test_a_thread_that_died_ends_the_loop_with_its_error() -> None:
    stage = Stage()
    stage.edit(b"one")
    stage.inbox.plan(7, lambda: stage.inbox.crash(OSError("no more threads")))
    with pytest.raises(OSError, match="no more threads"):
        stage.loop.run()
    assert stage.clock.monotonic() == pytest.approx(1_007)


def test_the_loop_turns_while_nothing_happens() -> None:
    stage = Stage()
    ages = []

    def measure() -> None:
        ages.append(stage.loop.beat_age_s())
        stage.inbox.plan(1, measure)

    stage.inbox.plan(1, measure)
    stage.run(stop_after_s=60)
    assert len(ages) >= 59
    assert max(ages) <= IDLE_BEAT_S


def test_a_folder_that_cannot_be_read_is_shown() -> None:
    stage = Stage()
    stage.mount.fail_with(SourceError(SourceTrouble.MISSING, "there is no /config"))
    stage.tell_all(MountLost("there is no /config"))
    stage.run(stop_after_s=1)
    assert stage.memo.shown[-1].blocked == "there is no /config"


def test_an_inbox_waits_no_longer_than_it_is_told() -> None:
    inbox = Inbox()
    assert inbox.take(0.001) is None
    inbox.post("web", StopAsked())
    assert inbox.take(5) == ("web", StopAsked())


def test_virtual_time_passes_to_what_is_planned_and_no_further() -> None:
    clock = FakeClock()
    inbox = VirtualInbox(clock)
    inbox.plan(3, lambda: inbox.post("web", StopAsked()))
    inbox.plan(1, lambda: None)
    assert inbox.take(2) is None
    assert clock.monotonic() == 1_002
    assert inbox.take(2) == ("web", StopAsked())
    assert clock.monotonic() == 1_003
