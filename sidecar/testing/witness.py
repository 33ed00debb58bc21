"""The observer of a simulated pod's dealings with the API: notes every promise that is broken.

It knows what the object really held at each time, whatever the sidecar had seen of it by then.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from sidecar.core.attempt import AttemptRecord, Outcome, Status
from sidecar.core.bridge import Bridge
from sidecar.core.declared import Declared
from sidecar.core.snapshot import Snapshot, short
from sidecar.core.state import State
from sidecar.core.turn import REFUSED
from sidecar.testing.declaration import FakeConfig, Stored

PASSING_OUTCOMES = frozenset({Outcome.APPLIED, Outcome.SUPERSEDED})
LOST = "did not come back"
USERS = frozenset({"paused", "requested", "desired"})


class Facts(Protocol):
    """What the witness sees of the pod."""

    bridge: Bridge
    config: FakeConfig
    state: State | None
    records: list[AttemptRecord]
    proven: set[str]
    broken: list[str]

    @property
    def runs(self) -> str | None:
        """The digest, as mounted, of what the daemon really runs; None where it is not up."""


class Witness:
    """Looks on. `claims` are the nonces that the object carried, with the digest claimed."""

    def __init__(self, facts: Facts) -> None:
        self._facts = facts
        self.claims: dict[str, str] = {}
        self.restored: list[str] = []

    def names_of(self, digest: str | None) -> set[str]:
        """What people may call the content that is mounted as `digest`."""
        return set() if digest is None else {digest, *self._facts.config.wholes.get(digest, ())}

    def take_change(self, before: Stored | None, after: Stored | None, who: str) -> None:
        """The object changed."""
        if after is None:
            return
        naming = self._facts.config.naming
        whole = naming.name_whole(after.files)
        content = naming.name_mounted(naming.project(after.files)).digest
        if who != "sidecar" or before is None:
            return
        if before.files != after.files:
            self._judge_restore(before, naming.name_whole(before.files))
        else:
            self._judge_marks(before, after, whole, content)

    def take_signal(self, content: Snapshot, wanted: State | None) -> None:
        """The daemon is signalled for `content`, as in the state `wanted` it was to be.

        What comes to be known while a signal is on its way is too late for it.
        """
        if wanted is None or wanted.attempt is None or wanted.attempt.beside or wanted.api is None:
            return
        attempt, side, config = wanted.attempt, wanted.api, self._facts.config
        if side.declared is not None and side.declared.marks.get("paused") == "true":
            self._accuse(f"{content.short} was signalled although attempts are paused")
        claimed = self.claims.get(attempt.nonce)
        apart = bool(side.refused or side.stranger) or side.unanswered_s is not None
        alone = apart or config.is_away or not side.connected or not side.is_trusted
        follows = _is_adopted(side.declared)
        if claimed not in self.names_of(content.digest) and not alone and not follows:
            self._accuse(f"{content.short} was signalled unclaimed")

    def _judge_marks(self, before: Stored, after: Stored, whole: str, content: str) -> None:
        old, new = before.marks, after.marks
        for key in USERS:
            if old.get(key) != new.get(key):
                self._accuse(f"the sidecar wrote the user's own {key}")
        status, active = new.get("status"), new.get("active")
        heeds = old.get("handled") != new.get("handled")  # whatever the content
        if status is not None and new.get("observed") != whole and not heeds:
            self._accuse(f"{status} speaks of {new.get('observed')}, and the data is {whole}")
        if status == Status.RELOADING:
            nonce = new.get("holder", "").split("/")[1]
            self.claims[nonce] = whole
        elif active is not None and self._has_failed(active, new.get("message", "")):
            self._accuse(f"{short(active)} is called active, and it failed")
        said = any(old.get(key) != new.get(key) for key in ("status", "observed", "active"))
        if said and status == Status.APPLIED and self._facts.runs not in {None, content}:
            self._accuse(f"{short(whole)} was written as applied, but other content runs")

    def _judge_restore(self, before: Stored, failed: str) -> None:
        """It failed here, or in the pod before this one, as the object says."""
        self.restored.append(failed)
        told = before.marks.get("observed") == failed and before.marks.get("status") in REFUSED
        last = self._find_verdict(failed)
        if last in PASSING_OUTCOMES or (last is None and not told):
            self._accuse(f"{short(failed)} did not fail, and its data was replaced")

    def _has_failed(self, active: str, message: str) -> bool:
        """Whether it failed last; the last good stays that, also where it did not come back."""
        last = self._find_verdict(active) or Outcome.APPLIED
        doubtful = last is Outcome.UNCONFIRMED and active in self._facts.proven
        return last not in PASSING_OUTCOMES and LOST not in message and not doubtful

    def _find_verdict(self, whole: str) -> Outcome | None:
        """How the last attempt ended that came to a verdict on it, if one did."""
        told: Sequence[AttemptRecord] = self._facts.records[::-1]
        verdicts = (r for r in told if r.digest == whole and r.outcome is not Outcome.SUPERSEDED)
        return next((record.outcome for record in verdicts), None)

    def _accuse(self, sentence: str) -> None:
        self._facts.broken.append(sentence)


def _is_adopted(declared: Declared | None) -> bool:
    """Whether the object says that other replicas run what it declares."""
    marks = declared.marks if declared is not None else {}
    adopted = marks.get("status") in {Status.APPLIED, Status.ROLLING_OUT}
    return declared is not None and adopted and marks.get("observed") == declared.digest
