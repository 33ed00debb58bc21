"""Published mode in memory: the shared folder and the last good contents, without a disk."""

from __future__ import annotations

from collections.abc import Mapping

from sidecar.core.errors import PublishError
from sidecar.core.snapshot import Snapshot
from sidecar.testing.mount import FakeMount


class FakePublisher:
    """Implements `core.ports.Publisher`; what is published appears in `mount`, as on a real disk.

    `published` are the contents that were swapped in, oldest first.
    """

    def __init__(self, mount: FakeMount) -> None:
        self._mount = mount
        self._trouble: PublishError | None = None
        self.published: list[Snapshot] = []

    def fail_with(self, trouble: PublishError | None) -> None:
        """Raise `trouble` from now on, until told None."""
        self._trouble = trouble

    def publish(self, snapshot: Snapshot) -> None:
        """Swap in the files of `snapshot`, unless they are there. Raises what `fail_with` got."""
        if self._trouble is not None:
            raise self._trouble
        if not self.published or self.published[-1].files != snapshot.files:
            self._mount.write(snapshot.files)
            self.published.append(snapshot)


class MemoryKeeper:
    """Implements `core.ports.Keeper`: it forgets nothing but its process."""

    def __init__(self) -> None:
        self._kept: dict[str, Mapping[str, bytes]] = {}

    def save(self, bridge: str, snapshot: Snapshot) -> None:
        """Replace the content kept for `bridge`."""
        self._kept[bridge] = dict(snapshot.files)

    def load(self, bridge: str) -> Mapping[str, bytes] | None:
        """The files kept for `bridge`, or None."""
        return self._kept.get(bridge)
