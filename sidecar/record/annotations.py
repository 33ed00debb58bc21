"""The annotations on the ConfigMap: what replicas agree by, and what people and gates read.

Every write counts only for the object as it was read, and touches no key but the sidecar's own, so
that GitOps tools and ``kubectl apply`` leave them alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from sidecar.core.ports import Clock
from sidecar.kube.objects import read_annotations
from sidecar.kube.ports import Json, Objects, Ref
from sidecar.record.rendering import cut, render_seconds

DOMAIN = "surehup.dev"
MESSAGE_MAX_BYTES = 1 << 10
TOTAL_MAX_BYTES = 2 << 10
"""Of all keys of one group. The API allows 256 KiB for the annotations of all tools together, and
``kubectl apply`` needs its share of them for a copy of the whole object."""

WRITABLE = frozenset(
    {
        "active",
        "handled",
        "holder",
        "message",
        "observed",
        "previous",
        "protocol",
        "proven",
        "revision",
        "salt",
        "status",
        "target",
    }
)
"""What the sidecar writes, beside `updated`; `desired`, `paused` and `requested` are the user's."""

_NO_MARKS: Mapping[str, str] = MappingProxyType({})


def whole_key(short: str, group: str = "") -> str:
    """The annotation's key; a named group keeps its keys under its own name."""
    return f"{_prefix(group)}{short}"


def read_marks(content: Json, group: str = "") -> dict[str, str]:
    """The annotations of this group by their short keys, the user's own among them."""
    prefix = _prefix(group)
    return {
        key.removeprefix(prefix): value for key, value in read_annotations(content, prefix).items()
    }


def _prefix(group: str) -> str:
    return f"{group}.{DOMAIN}/" if group else f"{DOMAIN}/"


class AnnotationWriter:
    """Writes the annotations of one group on one object."""

    def __init__(self, api: Objects, ref: Ref, *, clock: Clock, group: str = "") -> None:
        self._api = api
        self._ref = ref
        self._clock = clock
        self._group = group

    def write(
        self,
        changes: Mapping[str, str | None],
        *,
        version: str,
        marks: Mapping[str, str] = _NO_MARKS,
    ) -> Json:
        """Set `changes` (None removes) on the object as it was at `version`, and return it.

        `marks` are those that were read then: what stays of them counts against the limit of all.
        With `status` comes `updated`. Raises `ConflictError` where somebody wrote since, any other
        `ApiError`, and `ValueError` for what no caller may ask.
        """
        if not version:
            # The API takes an empty version for any version.
            msg = "an annotation is written only with the version that was read"
            raise ValueError(msg)
        foreign = changes.keys() - WRITABLE
        if foreign:
            msg = f"no annotations of the sidecar: {', '.join(sorted(foreign))}"
            raise ValueError(msg)
        written = self._fit({**changes, **self._date(changes)}, marks)
        annotations = {whole_key(key, self._group): value for key, value in written.items()}
        body = {"metadata": {"annotations": annotations}}
        return self._api.patch(self._ref, body, resource_version=version)

    def _date(self, changes: Mapping[str, str | None]) -> dict[str, str | None]:
        if "status" not in changes:
            return {}
        removed = changes["status"] is None
        return {"updated": None if removed else render_seconds(self._clock.wall())}

    def _fit(
        self, changes: dict[str, str | None], marks: Mapping[str, str]
    ) -> dict[str, str | None]:
        """Shorten the message to the room that the other keys leave, also one that stands."""
        ours = {key: value for key, value in marks.items() if key in WRITABLE or key == "updated"}
        message = {**ours, **changes}.get("message")
        if self._size(changes, but="message") > TOTAL_MAX_BYTES:
            msg = f"annotations of more than {TOTAL_MAX_BYTES} bytes: {', '.join(changes)}"
            raise ValueError(msg)
        if message is None:
            return changes
        taken_bytes = self._size({**ours, **changes}, but="message")
        taken_bytes += len(whole_key("message", self._group))
        fitting = cut(message, max(0, min(MESSAGE_MAX_BYTES, TOTAL_MAX_BYTES - taken_bytes)))
        return changes if fitting == message else {**changes, "message": fitting}

    def _size(self, changes: Mapping[str, str | None], *, but: str) -> int:
        return sum(
            len(whole_key(key, self._group)) + len(value.encode())
            for key, value in changes.items()
            if value is not None and key != but
        )
