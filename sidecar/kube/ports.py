"""The API as the other rooms see it: plain dicts in and out, implemented by client and fake.

Every call returns or raises an `errors.ApiError` within the client's deadline.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol

Json = dict[str, Any]
"""An object as the API writes it."""

FIELD_MANAGER = "surehup"
"""Never a name that begins with kubectl: Flux strips what such managers write."""


def count_nothing(verb: str, code: str) -> None:
    """The counter of who does not count requests."""


@dataclass(frozen=True, slots=True)
class Resource:
    """A kind of namespaced objects: `group` is empty for the core API."""

    group: str
    version: str
    plural: str
    kind: str

    @property
    def api_version(self) -> str:
        """As objects carry it."""
        return f"{self.group}/{self.version}" if self.group else self.version


CONFIG_MAPS = Resource("", "v1", "configmaps", "ConfigMap")
SECRETS = Resource("", "v1", "secrets", "Secret")
PODS = Resource("", "v1", "pods", "Pod")
CONTROLLER_REVISIONS = Resource("apps", "v1", "controllerrevisions", "ControllerRevision")
EVENTS = Resource("events.k8s.io", "v1", "events", "Event")


@dataclass(frozen=True, slots=True)
class Ref:
    """Names one object, existing or not."""

    resource: Resource
    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.resource.kind} {self.namespace}/{self.name}"


class Objects(Protocol):
    """Reads and writes objects. Every write carries the field manager `surehup`."""

    def get(self, ref: Ref) -> Json:
        """Read one object. Raises `NotFoundError`."""

    def list(
        self,
        resource: Resource,
        namespace: str,
        *,
        name: str = "",
        labels: str = "",
        metadata_only: bool = False,
    ) -> Json:
        """Read many, as a list object: its ``metadata.resourceVersion`` is where to watch from.

        An empty `namespace` asks for those of all namespaces.

        `name` asks by field selector for the one of that name, which is what a Role with
        ``resourceNames`` allows. `labels` is a label selector. `metadata_only` leaves all but
        ``metadata`` out, on the wire too.
        """

    def patch(
        self,
        ref: Ref,
        body: Json,
        *,
        resource_version: str | None = None,
        subresource: str = "",
        strategic: bool = False,
    ) -> Json:
        """Change one object and return it, never create it.

        `body` is a JSON merge patch (None removes a key), or with `strategic` a strategic merge
        patch, which merges lists such as a pod's conditions by their key. With `resource_version`
        it counts only for the object as it was read. Raises `NotFoundError`, `ConflictError`.
        """

    def create(self, resource: Resource, namespace: str, body: Json) -> Json:
        """Create one object and return it. Raises `AlreadyExistsError`."""

    def delete(self, ref: Ref, *, uid: str | None = None) -> None:
        """Delete one object; with `uid` only that very one.

        Raises `NotFoundError`, `ConflictError`.
        """


class Changes(Protocol):
    """A running watch."""

    def __iter__(self) -> Iterator[Json]:
        """Events as they come (``type`` and ``object``), until the server ends the watch.

        Raises an `ApiError` where it breaks, or when the server sends one as an event.
        """

    def close(self) -> None:
        """End it, from any thread, also while another one waits for an event."""


class Api(Objects, Protocol):
    """`Objects` that can be watched."""

    def watch(
        self,
        resource: Resource,
        namespace: str,
        *,
        name: str,
        resource_version: str,
        timeout_s: float,
        grace_s: float,
    ) -> Changes:
        """Watch one object from `resource_version` on, with bookmarks, for `timeout_s`.

        A server that is still silent `grace_s` after that is taken for dead. Returns once the
        server has taken the watch. Raises `GoneError`.
        """
