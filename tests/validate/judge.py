"""A validator with a memory for what it told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event

from sidecar.clock import SystemClock
from sidecar.core.bridge import Check
from sidecar.core.report import Report
from sidecar.core.snapshot import Snapshot
from sidecar.validate.runner import Validators


@dataclass
class Judge:
    """A `Validators` of its own, with all that it told."""

    scratch: Path
    mount: str = ""
    told: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.validators = Validators(
            clock=SystemClock(),
            tell=self.told.append,
            scratch_dir=str(self.scratch),
            mount=self.mount,
        )

    def __call__(
        self, files: Mapping[str, bytes], *checks: Check, cancel: Event | None = None
    ) -> Report:
        return self.validators.validate(Snapshot.of(files), checks, cancel or Event())
