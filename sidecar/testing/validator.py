"""A validator whose verdicts are scripted, for tests of what comes before and after `validate`."""

from __future__ import annotations

from collections.abc import Sequence

from sidecar.core.bridge import Check
from sidecar.core.ports import Cancel
from sidecar.core.report import Report
from sidecar.core.snapshot import Snapshot

VALID = Report()


class FakeValidator:
    """Implements `core.ports.Validator`: answers by the candidate's digest.

    Content without a script gets `otherwise`, which is "valid" unless told differently. `asked`
    lists the digests it was asked about, in order.
    """

    def __init__(self, otherwise: Report = VALID) -> None:
        self._otherwise = otherwise
        self._scripts: dict[str, list[Report]] = {}
        self.asked: list[str] = []

    def script(self, candidate: Snapshot, *reports: Report) -> None:
        """Answer `candidate` with `reports` one after another; the last one stands from then on."""
        self._scripts[candidate.digest] = list(reports)

    def validate(self, candidate: Snapshot, checks: Sequence[Check], cancel: Cancel) -> Report:
        """The next scripted report. A cancelled validation judges nothing, as the real one."""
        self.asked.append(candidate.digest)
        if cancel.is_set():
            return Report(cannot_run=("the checks were stopped: their result is not wanted",))
        if not checks:
            return VALID
        script = self._scripts.get(candidate.digest) or [self._otherwise]
        return script.pop(0) if len(script) > 1 else script[0]
