"""Reads an object as the core wants it: what it declares, and what it says of it; pure.

A Secret's digests are salted: the one on the object itself by a salt that stands beside it, the one
of the mounted files by a salt of the pod's own, which nobody else knows.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from sidecar.core.declared import Declared
from sidecar.core.snapshot import Snapshot
from sidecar.kube.objects import read_files
from sidecar.kube.ports import SECRETS, Json
from sidecar.record.annotations import read_marks

SALT_BYTES = 16

Items = Sequence[tuple[str, str]]
"""Keys and their paths in the volume, as the pod's spec maps them; none: all keys by their name."""


def project(files: Mapping[str, bytes], items: Items) -> Mapping[str, bytes]:
    """The files of an object as its volume has them."""
    return {path: files[key] for key, path in items if key in files} if items else files


def select(files: Mapping[str, bytes], items: Items) -> Mapping[str, bytes]:
    """Of all files in a volume those that come from the object: others may be projected there."""
    paths = {path for _, path in items}
    return {path: files[path] for path in paths & files.keys()} if items else files


@dataclass(frozen=True, slots=True)
class Reader:
    """Turns objects into `Declared`. `salt` is the pod's own, None for a ConfigMap.

    `fresh_salt` is what a Secret without one is given with the first annotations. `companions` are
    the prefixes of keys from other folders, and `read_others` reads those: they count as content.
    """

    items: Items = ()
    group: str = ""
    salt: str | None = None
    fresh_salt: str = field(default_factory=lambda: secrets.token_hex(SALT_BYTES))
    companions: tuple[str, ...] = ()
    read_others: Callable[[], Mapping[str, bytes]] = dict

    @property
    def is_plain(self) -> bool:
        """Whether the content is that of the object, whole and under its own digest."""
        return not (self.items or self.companions or self.salt is not None)

    def read(self, content: Json) -> Declared:
        """What `content` declares. Raises `InvalidError` for what is no base64."""
        files, marks = read_files(content), read_marks(content, self.group)
        metadata = content["metadata"]
        whole = Snapshot.of(files, salt=self._salt_of(content, marks))
        return Declared(
            uid=metadata["uid"],
            version=metadata["resourceVersion"],
            digest=whole.digest,
            content=whole if self.is_plain else self.recalled(files),
            marks=marks,
        )

    def mounted(self, files: Mapping[str, bytes]) -> Snapshot:
        """What the daemon's folders carry: of the object, and of its companions."""
        others = {key: files[key] for key in files if key.startswith(self.companions)}
        return Snapshot.of({**select(files, self.items), **others}, salt=self.salt)

    def recalled(self, files: Mapping[str, bytes]) -> Snapshot:
        """Files of the object as its volume has them, or would, with its companions' now."""
        return Snapshot.of({**project(files, self.items), **self.read_others()}, salt=self.salt)

    def _salt_of(self, content: Json, marks: Mapping[str, str]) -> str | None:
        if content.get("kind") != SECRETS.kind:
            return None
        return marks.get("salt") or self.fresh_salt
