"""An API server in memory, for simulations and tests of what comes above `kube`.

Implements the same port as the real client and passes the same contract tests. Several of them may
share one store: each is then another client, with a field manager and with faults of its own.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from sidecar.core.ports import Clock
from sidecar.kube.answers import Asked, explain
from sidecar.kube.errors import ApiError, UnreachableError
from sidecar.kube.ports import FIELD_MANAGER, Json, Ref, Resource, count_nothing
from sidecar.testing.apichanges import FakeChanges
from sidecar.testing.apirules import RefusedError
from sidecar.testing.apistore import ApiStore, copy, select_labels

DOWN = "the API server fake cannot be reached (it was told to be down): let it come up"
DROPPED = "the API server fake broke the connection off (it was told to): connect again"


def wait_for_nothing(verb: str) -> None:
    """The latency of who has none."""


@dataclass(frozen=True, slots=True)
class _Fault:
    error: ApiError
    committed: bool


class FakeApi:
    """Implements `kube.ports.Api` over `store`, writing as `manager`.

    `delay` is called with the verb before each request: what it waits is the latency, what it
    does happens just before the request. `on_request` counts, as the real client's.
    """

    def __init__(
        self,
        *,
        clock: Clock,
        store: ApiStore | None = None,
        manager: str = FIELD_MANAGER,
        delay: Callable[[str], None] = wait_for_nothing,
        on_request: Callable[[str, str], None] = count_nothing,
    ) -> None:
        self.store = store or ApiStore(clock)
        self._clock = clock
        self._manager = manager
        self._delay = delay
        self._on_request = on_request
        self._faults: defaultdict[str, deque[_Fault]] = defaultdict(deque)
        self._forbidden: set[str] = set()
        self._is_down = False
        self._watches: list[FakeChanges] = []

    def make_other(self, manager: str) -> FakeApi:
        """Another client of the same store, without faults."""
        return FakeApi(clock=self._clock, store=self.store, manager=manager)

    # --- faults

    def fail_next(self, verb: str, error: ApiError, *, committed: bool = False) -> None:
        """Raise `error` at the next request of `verb`; several calls queue up.

        With `committed` the request is carried out before, and only its answer is lost.
        """
        self._faults[verb].append(_Fault(error, committed))

    def forbid(self, *verbs: str) -> None:
        """Refuse `verbs` as if the Role lacked them, until `permit`."""
        self._forbidden |= set(verbs)

    def permit(self, *verbs: str) -> None:
        """End `forbid`."""
        self._forbidden -= set(verbs)

    def go_down(self) -> None:
        """Answer nothing more, and break all watches."""
        self._is_down = True
        self.drop_watches(DOWN)

    def come_up(self) -> None:
        """End `go_down`; the objects are still there."""
        self._is_down = False

    def drop_watches(self, why: str = DROPPED) -> None:
        """Break the connections of all watches."""
        with self.store.changed:
            for changes in self._watches:
                changes.broken = UnreachableError(why)
            self.store.changed.notify_all()

    def send_bookmarks(self) -> None:
        """Let all watches show the version that they have reached."""
        with self.store.changed:
            for changes in self._watches:
                changes.bookmark = True
            self.store.changed.notify_all()

    def forget_history(self) -> None:
        """Keep no version up to now: who watches from one is told 410."""
        self.store.forget()

    @property
    def open_watches(self) -> int:
        """How many watches are open."""
        return len(self._watches)

    # --- the port

    def get(self, ref: Ref) -> Json:
        """Read one object. Raises `NotFoundError`."""
        return self._do(Asked.about(ref, "get"), lambda: self.store.get(ref))

    def list(
        self,
        resource: Resource,
        namespace: str,
        *,
        name: str = "",
        labels: str = "",
        metadata_only: bool = False,
    ) -> Json:
        """Read many, as a list object. Raises `ApiError`."""

        def select() -> Json:
            found, version = self.store.select(resource, namespace)
            items = [
                item
                for item in found
                if name in {"", item["metadata"]["name"]} and select_labels(item, labels)
            ]
            return {
                "kind": f"{resource.kind}List",
                "apiVersion": resource.api_version,
                "metadata": {"resourceVersion": version},
                "items": [_strip(item) for item in items] if metadata_only else items,
            }

        asked = Asked(verb="list", resource=resource, namespace=namespace, name=name)
        return self._do(asked, select)

    def patch(
        self,
        ref: Ref,
        body: Json,
        *,
        resource_version: str | None = None,
        subresource: str = "",
        strategic: bool = False,
    ) -> Json:
        """Change one object and return it. Raises `NotFoundError`, `ConflictError`."""
        body = copy(body)
        if resource_version is not None:
            body.setdefault("metadata", {})["resourceVersion"] = resource_version
        change = partial(
            self.store.patch,
            *(ref, body, self._manager),
            strategic=strategic,
            status=subresource == "status",
        )
        return self._do(Asked.about(ref, "patch", subresource), change)

    def create(self, resource: Resource, namespace: str, body: Json) -> Json:
        """Create one object and return it. Raises `AlreadyExistsError`."""
        ref = Ref(resource, namespace, body["metadata"]["name"])
        return self._do(
            Asked.about(ref, "create"), lambda: self.store.create(ref, body, self._manager)
        )

    def delete(self, ref: Ref, *, uid: str | None = None) -> None:
        """Delete one object. Raises `NotFoundError`, `ConflictError`."""

        def remove() -> Json:
            self.store.delete(ref, uid)
            return {}

        self._do(Asked.about(ref, "delete"), remove)

    def watch(
        self,
        resource: Resource,
        namespace: str,
        *,
        name: str,
        resource_version: str,
        timeout_s: float,
        grace_s: float,  # noqa: ARG002  a fake never hangs longer than it was told
    ) -> FakeChanges:
        """Watch one object. Raises `ApiError`; a version too old is told by the first event."""
        asked = Asked(verb="watch", resource=resource, namespace=namespace, name=name)
        ends_s = self._clock.monotonic() + timeout_s
        version = int(resource_version)
        changes = FakeChanges(self.store, self._clock, asked, version, ends_s, self._end)
        self._do(asked, dict)
        with self.store.changed:
            self._watches.append(changes)
        return changes

    def _end(self, changes: FakeChanges) -> None:
        with self.store.changed:
            if changes in self._watches:
                self._watches.remove(changes)

    def _do(self, asked: Asked, action: Callable[[], Json]) -> Json:
        self._delay(asked.verb)
        code = "error"
        try:
            fault = self._take_fault(asked)
            answer = {} if fault is not None and not fault.committed else action()
            if fault is not None:
                raise fault.error
            code = "201" if asked.verb == "create" else "200"
        except RefusedError as refused:
            error = explain(asked, refused.status, refused.body)
            code = str(error.status)
            raise error from None
        except ApiError as error:
            code = str(error.status or code)
            raise
        finally:
            self._on_request(asked.verb, code)
        return answer

    def _take_fault(self, asked: Asked) -> _Fault | None:
        if self._is_down:
            return _Fault(UnreachableError(DOWN), committed=False)
        if asked.verb in self._forbidden:
            what = f'cannot {asked.verb} resource "{asked.resource.plural}"'
            raise RefusedError(403, f'User "{self._manager}" {what}', "Forbidden")
        queue = self._faults[asked.verb]
        return queue.popleft() if queue else None


def _strip(content: Json) -> Json:
    return {
        "kind": "PartialObjectMetadata",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": content["metadata"],
    }
