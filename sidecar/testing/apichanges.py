"""A watch of the API server fake: what the store tells, until it ends, breaks or is closed."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from sidecar.core.ports import Clock
from sidecar.kube.answers import Asked, explain
from sidecar.kube.errors import ApiError
from sidecar.kube.ports import Json, Ref
from sidecar.testing.apirules import RefusedError
from sidecar.testing.apistore import ApiStore, Happening, copy

POLL_S = 0.02
"""Between two looks at the clock while a watch waits for events."""


class FakeChanges:
    """Implements `kube.ports.Changes` over the store's history; ends at `ends_s`."""

    def __init__(
        self,
        store: ApiStore,
        clock: Clock,
        asked: Asked,
        version: int,
        ends_s: float,
        on_end: Callable[[FakeChanges], None],
    ) -> None:
        self._store = store
        self._clock = clock
        self._on_end = on_end
        self._asked = asked
        self._version = version
        self._ends_s = ends_s
        self._closed = False
        self.broken: ApiError | None = None
        self.bookmark = False

    def close(self) -> None:
        """End it, from any thread."""
        with self._store.changed:
            self._closed = True
            self._store.changed.notify_all()

    def __iter__(self) -> Iterator[Json]:
        """Events as they come. Raises `ApiError`."""
        try:
            while (events := self._wait()) is not None:
                yield from events
            if not self._closed:
                yield self._mark()
        finally:
            self._on_end(self)

    def _wait(self) -> list[Json] | None:
        """The next events, none at times; None where the watch is over. Raises `ApiError`."""
        store = self._store
        with store.changed:
            if self._closed or self._clock.monotonic() >= self._ends_s:
                return None
            if self.broken is not None:
                raise self.broken
            try:
                happened = store.since(self._version)
            except RefusedError as refused:
                raise explain(self._asked, refused.status, refused.body) from None
            if happened:
                self._version = happened[-1].version
                return [_tell(one) for one in happened if self._is_meant(one.ref)]
            if self.bookmark:
                self.bookmark = False
                return [self._mark()]
            store.changed.wait(POLL_S)
            return []

    def _is_meant(self, ref: Ref) -> bool:
        asked = self._asked
        return ref == Ref(asked.resource, asked.namespace, asked.name)

    def _mark(self) -> Json:
        metadata = {"resourceVersion": str(self._version)}
        return {
            "type": "BOOKMARK",
            "object": {"kind": self._asked.resource.kind, "metadata": metadata},
        }


def _tell(happening: Happening) -> Json:
    return {"type": happening.kind, "object": copy(happening.content)}
