"""The content of bridges for people who ask: what runs, and what would be reloaded now.

Part of the composition of `surehup run`: it knows the lanes of the loop and what `serve` shows.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from sidecar.core.bridge import Bridge
from sidecar.core.errors import SourceError
from sidecar.core.ports import Clock, Mount, Validator
from sidecar.core.report import Report
from sidecar.core.snapshot import Snapshot
from sidecar.serve.content import ActiveContent, Content, DryRun

DRY_RUN_S = 30.0
"""How long the checks of a dry run may take: a person waits for them."""

FindActive = Callable[[str], tuple[Snapshot, float] | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """One bridge, the folder that its content comes from, and who judges it.

    `secrets` are dotted paths of what is masked besides what always is.
    """

    bridge: Bridge
    folder: Mount
    validator: Validator
    secrets: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Deadline:
    """Ends checks when it has passed (implements `core.ports.Cancel`)."""

    clock: Clock
    ends_s: float

    def is_set(self) -> bool:
        return self.clock.monotonic() >= self.ends_s


class Contents:
    """Answers of `serve`'s `Inside`. `find_active`: what is proven, and since when (monotonic)."""

    def __init__(
        self, places: Mapping[str, Place], find_active: FindActive, *, clock: Clock
    ) -> None:
        self._places = places
        self._find_active = find_active
        self._clock = clock

    def active(self, bridge: str) -> ActiveContent | None:
        """What the process of `bridge` is proven to run; None before the first proof."""
        found = self._find_active(bridge)
        if found is None:
            return None
        snapshot, loaded_s = found
        place = self._places[bridge]
        content = seal(place.bridge, place.secrets, snapshot)
        return ActiveContent(content=content, loaded_s=loaded_s)

    def dry_run(self, bridge: str) -> DryRun:
        """Read and judge what is there now, and touch nothing. Takes `DRY_RUN_S` at most."""
        place = self._places[bridge]
        active = self.active(bridge)
        running = None if active is None else active.content
        try:
            found = place.folder.read().snapshot
        except SourceError as error:
            return DryRun(active=running, trouble=error.message)
        mounted = seal(place.bridge, place.secrets, found)
        if running is not None and running.digest == mounted.digest:
            return DryRun(active=running, mounted=mounted)
        return DryRun(active=running, mounted=mounted, report=self._judge(place, found))

    def _judge(self, place: Place, found: Snapshot) -> Report:
        deadline = _Deadline(self._clock, self._clock.monotonic() + DRY_RUN_S)
        report = place.validator.validate(found, place.bridge.checks, deadline)
        if report.cannot_run and deadline.is_set():
            reason = f"the checks took more than {DRY_RUN_S:g} s and were stopped: try again"
            return Report(cannot_run=(reason,))
        return report


def seal(bridge: Bridge, secrets: tuple[str, ...], snapshot: Snapshot) -> Content:
    """The content of a bridge, with what is known of its secrets: `secrets` as in `Place`."""
    return Content(
        files=snapshot.files,
        digest=snapshot.digest,
        source=_name_source(bridge),
        secrets=secrets,
        is_secret=bridge.source.secret is not None,
    )


def _name_source(bridge: Bridge) -> str:
    source = bridge.source
    if source.config_map is not None:
        return f"ConfigMap {source.config_map}"
    if source.secret is not None:
        return f"Secret {source.secret}"
    return f"folder {source.mount}"
