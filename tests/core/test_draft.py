"""What milestones speak of."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sidecar.core.attempt import Trigger
from sidecar.core.draft import Draft
from sidecar.core.effects import Milestone, Note
from sidecar.core.snapshot import Mounted, Snapshot
from sidecar.core.state import Attempt, begin
from tests.core.bridges import make_bridge

NEWEST = Mounted(Snapshot.of({"config": b"newest"}), "g2", 6.0)
GOOD = Mounted(Snapshot.of({"config": b"good"}), "g1", 5.0)


@pytest.mark.parametrize("beside", [True, False])
def test_a_signal_for_the_last_good_content_is_told_as_that(*, beside: bool) -> None:
    attempt = Attempt(candidate=GOOD, trigger=Trigger.STARTUP, started_s=7.0, beside=beside)
    draft = Draft(replace(begin(make_bridge()), mounted=NEWEST, attempt=attempt), 8.0)
    draft.note(Milestone.SIGNALLED)
    (note,) = draft.effects
    assert isinstance(note, Note)
    assert note.digest == (GOOD if beside else NEWEST).snapshot.digest
