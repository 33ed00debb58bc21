"""A mounted folder in memory, for simulations and for tests of what comes after `watch`."""

from __future__ import annotations

from collections.abc import Mapping

from sidecar.core.errors import SourceError
from sidecar.core.ports import Clock
from sidecar.core.snapshot import Mounted, Snapshot


class FakeMount:
    """Implements `core.ports.Mount`; the boot time of its generations is `clock.monotonic()`."""

    def __init__(self, files: Mapping[str, bytes], *, clock: Clock) -> None:
        self._clock = clock
        self._generation = 0
        self._trouble: SourceError | None = None
        self.write(files)

    def write(self, files: Mapping[str, bytes]) -> None:
        """Swap in a new generation, also when the content is the same as before."""
        self._generation += 1
        self._mounted = Mounted(
            Snapshot.of(files), fence=f"fake-{self._generation}", since_s=self._clock.monotonic()
        )

    def fail_with(self, trouble: SourceError | None) -> None:
        """Raise `trouble` from now on, until told None."""
        self._trouble = trouble

    def read(self) -> Mounted:
        """The generation of the last `write`. Raises what `fail_with` was given."""
        if self._trouble is not None:
            raise self._trouble
        return self._mounted

    def fence(self) -> str:
        """The name of that generation. Raises what `fail_with` was given."""
        return self.read().fence
