"""How one object stands: what its annotations say, and whether that is of the content it holds.

Pure, so that `status`, `wait` and the commands that wait for a verdict read an object in one way.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from sidecar.core.attempt import Status
from sidecar.core.snapshot import Snapshot, short
from sidecar.kube.objects import read_annotations, read_snapshot
from sidecar.kube.ports import CONFIG_MAPS, SECRETS, Json, Ref
from sidecar.record.annotations import read_marks, whole_key
from sidecar.validate.text import clean

UNREPORTED = "-"
"""The status of an object that no sidecar has written on."""

_MINUTE_S, _HOUR_S, _DAY_S = 60, 3600, 86_400
_UNITS = ((_DAY_S, "d"), (_HOUR_S, "h"), (_MINUTE_S, "m"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """One object as it was read; `marks` are its annotations of one group, by their short keys.

    `groups` are the named groups that have written on it.
    """

    ref: Ref
    snapshot: Snapshot
    marks: Mapping[str, str]
    groups: tuple[str, ...] = ()

    @property
    def is_secret(self) -> bool:
        """Whether nothing of its values may be shown."""
        return self.ref.resource == SECRETS

    @property
    def digest(self) -> str:
        """The digest of its content; of a Secret that has no salt yet there is none to be shown."""
        return "" if self.is_secret and not self.marks.get("salt") else self.snapshot.digest

    @property
    def is_reported(self) -> bool:
        """Whether any sidecar of this group has written on it."""
        return "status" in self.marks

    @property
    def is_trusted(self) -> bool:
        """Whether the status speaks of the content that was read together with it."""
        return bool(self.digest) and is_named(self.digest, self.marks.get("observed", ""))

    @property
    def is_paused(self) -> bool:
        """Whether somebody asked for no attempts."""
        return self.marks.get("paused") == "true"

    def say(self, key: str) -> str:
        """An annotation, fit for a terminal; empty where there is none."""
        return clean(" ".join(self.marks.get(key, "").split()))

    def shorten(self, digest: str) -> str:
        """A digest as it may leave the object: of a Secret never whole."""
        return short(digest) if self.is_secret else digest

    @property
    def status(self) -> str:
        """The status as it may be believed: a verdict on other content is none."""
        if not self.is_reported:
            return UNREPORTED
        return self.say("status") if self.is_trusted else Status.PENDING

    @property
    def message(self) -> str:
        """One sentence that goes with the status."""
        if not self.is_reported:
            return "no sidecar has written on it"
        if self.is_trusted:
            parts = [self.say("message")]
        else:
            parts = ["edited since the last report, which the sidecar has not seen yet"]
        if self.is_paused and self.status != Status.PAUSED:
            parts.append("paused")
        return "; ".join(part for part in parts if part)


def read_standing(content: Json, group: str = "") -> Standing:
    """Read one ConfigMap or Secret. Raises `InvalidError` for data that is no base64."""
    metadata = content["metadata"]
    resource = SECRETS if content.get("kind") == SECRETS.kind else CONFIG_MAPS
    marks = read_marks(content, group)
    salt = marks.get("salt") if resource == SECRETS else None
    return Standing(
        ref=Ref(resource, metadata["namespace"], metadata["name"]),
        snapshot=read_snapshot(content, salt=salt),
        marks=marks,
        groups=tuple(sorted(_list_groups(content))),
    )


def _list_groups(content: Json) -> Iterator[str]:
    ending = f".{whole_key('status')}"
    for key in read_annotations(content):
        if key.endswith(ending):
            yield key.removesuffix(ending)


def is_named(digest: str, name: str) -> bool:
    """Whether `name` is `digest`, whole or as people read it."""
    return name in {digest, short(digest)}


def write_age(then: str, now_s: float) -> str:
    """How long ago an RFC 3339 time was, as ``5m``; empty for what is none."""
    try:
        parsed = datetime.fromisoformat(then)
    except ValueError:
        return ""
    moment = parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)
    return write_span(max(0, int(now_s - moment.timestamp())))


def write_span(seconds: int) -> str:
    """Whole seconds in the greatest unit of which there are two: ``119s``, ``2m``, ``47h``."""
    for unit_s, letter in _UNITS:
        if seconds >= 2 * unit_s:
            return f"{seconds // unit_s}{letter}"
    return f"{seconds}s"
