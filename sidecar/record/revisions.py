"""History: each content that was applied, as a ControllerRevision owned by its ConfigMap.

The API collects them with their owner, ``kubectl get controllerrevisions`` lists them. All replicas
may keep the same content: the name follows from it. Numbers and digests are read from metadata
alone, as ten whole revisions may be ten MiB.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

from sidecar.core.snapshot import SHORT_DIGEST_CHARS, Snapshot, digest_of, short
from sidecar.kube.errors import AlreadyExistsError, ConflictError, NotFoundError
from sidecar.kube.objects import read_annotations
from sidecar.kube.ports import CONTROLLER_REVISIONS, SECRETS, Json, Objects, Ref
from sidecar.record.annotations import whole_key
from sidecar.record.errors import HistoryError
from sidecar.record.packing import pack, unpack
from sidecar.record.rendering import cut, join_name

OWNER = whole_key("owner")
"""The label with the owner's uid, by which its revisions are listed: names may be too long."""

DIGEST = whole_key("digest")
NUMBER = whole_key("revision")
SIZE = whole_key("size")
CHANGE_CAUSE = "kubernetes.io/change-cause"
CAUSE_MAX_BYTES = 1 << 10
TOTAL_MAX_BYTES = 8 << 20
"""Of one owner's revisions together: etcd holds 2 GiB for the whole cluster by default."""

_NAMED_CHARS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Revision:
    """One kept content.

    `digest` is 12 hex digits where only the hash was kept, and `size_bytes` 0. `created` is the
    time (RFC 3339) at which this content was first kept; `cause` tells of the last time.
    """

    number: int
    digest: str
    cause: str
    created: str
    size_bytes: int
    name: str
    uid: str

    def holds(self, digest: str) -> bool:
        """Whether it is of the content with this `digest`, whole or short."""
        if min(len(digest), len(self.digest)) < SHORT_DIGEST_CHARS:
            return False
        return self.digest.startswith(digest) or digest.startswith(self.digest)


class Revisions:
    """The history of ConfigMaps and Secrets, each given as the object that was read.

    `keep` after what was applied, then `prune`: two calls, as each may lack its right alone. All
    raise `ApiError`; a missing right costs history, never an attempt.
    """

    def __init__(self, api: Objects, *, keep: int = 10) -> None:
        self._api = api
        self._keep = keep

    def keep(self, owner: Json, snapshot: Snapshot, cause: str, *, hash_only: bool = False) -> int:
        """Make `snapshot` the newest revision and return its number.

        With `hash_only`, and for a Secret always, its content is not stored. Content that was kept
        before gets the next number, unless it is the newest. Raises `HistoryError`: too large.
        """
        known = self.history(owner)
        newest = known[0].number if known else 0
        found = _find(known, snapshot.digest)
        if found is None:
            body = _describe(owner, snapshot, newest + 1, cause, hash_only=hash_only)
            found = self._create(owner, body, snapshot.digest)
        if found.number > 0 and found.number >= newest:
            return found.number
        self._renumber(owner, found, newest + 1, cause)
        return newest + 1

    def prune(self, owner: Json, *, protected: Collection[str] = ()) -> int:
        """Delete all but the newest revisions and those of the `protected` digests."""
        surplus = find_surplus(self.history(owner), self._keep, protected)
        for revision in surplus:
            # Another replica has deleted it, and perhaps kept it anew, just before.
            with suppress(NotFoundError, ConflictError):
                self._api.delete(_ref(owner, revision.name), uid=revision.uid)
        return len(surplus)

    def history(self, owner: Json) -> list[Revision]:
        """All revisions of this very object, the newest first, without their content."""
        metadata = owner["metadata"]
        found = self._api.list(
            CONTROLLER_REVISIONS,
            metadata["namespace"],
            labels=f"{OWNER}={metadata['uid']}",
            metadata_only=True,
        )
        # A label is copied easily, and only the owner's uid makes the API collect it.
        mine = [_read(item) for item in found.get("items") or [] if _is_owned(item, owner)]
        return sorted(mine, key=_age, reverse=True)

    def load(self, owner: Json, digest: str) -> dict[str, bytes] | None:
        """The kept files of `digest`, whole or short; None where they were not kept.

        Raises `HistoryError` where they are not what was kept.
        """
        found = _find(self.history(owner), digest)
        if found is None or found.size_bytes == 0:
            return None
        ref = _ref(owner, found.name)
        try:
            files = unpack(self._api.get(ref).get("data") or {})
        except HistoryError as error:
            raise _doubt(ref, str(error)) from error
        if digest_of(files) != found.digest:
            raise _doubt(ref, f"its files are not those of {short(found.digest)}")
        return files

    def _create(self, owner: Json, body: Json, digest: str) -> Revision:
        """Create it, or find the one that another replica has just created."""
        named = owner["metadata"]["name"]
        aside = hashlib.sha256(f"{owner['metadata']['uid']}/{digest}".encode()).hexdigest()
        # The name may be taken: by a ConfigMap of this name that was deleted and is still being
        # collected, or by another long name that begins the same.
        refs = [_ref(owner, join_name(named, "-", tail[:_NAMED_CHARS])) for tail in (digest, aside)]
        for ref in refs:
            stored = self._create_or_get(ref, body)
            if _is_owned(stored, owner) and _read(stored).holds(digest):
                return _read(stored)
        taken = " and ".join(ref.name for ref in refs)
        msg = f"other objects have the names of this ControllerRevision: delete {taken}"
        raise HistoryError(msg)

    def _create_or_get(self, ref: Ref, body: Json) -> Json:
        named = {**body, "metadata": {**body["metadata"], "name": ref.name}}
        with suppress(AlreadyExistsError):
            return self._api.create(ref.resource, ref.namespace, named)
        with suppress(NotFoundError):  # collected or pruned in between
            return self._api.get(ref)
        return self._api.create(ref.resource, ref.namespace, named)

    def _renumber(self, owner: Json, found: Revision, number: int, cause: str) -> None:
        metadata = {
            "labels": {OWNER: owner["metadata"]["uid"]},
            "annotations": _annotate(found.digest, number, cause, found.size_bytes),
        }
        ref = _ref(owner, found.name)
        self._api.patch(ref, {"metadata": metadata, "revision": number})


def find_surplus(
    newest_first: Sequence[Revision], keep: int, protected: Collection[str]
) -> list[Revision]:
    """What goes beyond `keep` revisions or their common size, never the newest or `protected`."""
    surplus = []
    kept_bytes = 0
    for index, revision in enumerate(newest_first):
        fits = index < keep and kept_bytes + revision.size_bytes <= TOTAL_MAX_BYTES
        if index == 0 or fits or any(revision.holds(digest) for digest in protected):
            kept_bytes += revision.size_bytes
        else:
            surplus.append(revision)
    return surplus


def _describe(owner: Json, snapshot: Snapshot, number: int, cause: str, *, hash_only: bool) -> Json:
    if hash_only or owner["kind"] == SECRETS.kind:
        digest, data, size_bytes = snapshot.short, {"kept": "hash-only"}, 0
    else:
        digest = snapshot.digest
        data, size_bytes = pack(snapshot.files)
    metadata = owner["metadata"]
    reference = {
        "apiVersion": owner["apiVersion"],
        "kind": owner["kind"],
        "name": metadata["name"],
        "uid": metadata["uid"],
        # Without blockOwnerDeletion: some clusters allow it only to who may finalize the owner.
        "controller": True,
    }
    return {
        "metadata": {
            "labels": {OWNER: metadata["uid"]},
            "annotations": _annotate(digest, number, cause, size_bytes),
            "ownerReferences": [reference],
        },
        "revision": number,
        "data": data,
    }


def _annotate(digest: str, number: int, cause: str, size_bytes: int) -> dict[str, str]:
    return {
        CHANGE_CAUSE: cut(cause, CAUSE_MAX_BYTES),
        DIGEST: digest,
        NUMBER: str(number),
        SIZE: str(size_bytes),
    }


def _read(content: Json) -> Revision:
    metadata, annotations = content["metadata"], read_annotations(content)
    return Revision(
        number=_count(annotations.get(NUMBER, "")),
        digest=annotations.get(DIGEST, ""),
        cause=annotations.get(CHANGE_CAUSE, ""),
        created=metadata["creationTimestamp"],
        size_bytes=_count(annotations.get(SIZE, "")),
        name=metadata["name"],
        uid=metadata["uid"],
    )


def _count(value: str) -> int:
    return int(value) if value.isascii() and value.isdecimal() else 0


def _is_owned(content: Json, owner: Json) -> bool:
    references: Iterable[Mapping[str, object]] = content["metadata"].get("ownerReferences") or []
    uid = owner["metadata"]["uid"]
    return any(entry.get("uid") == uid for entry in references)


def _find(revisions: Iterable[Revision], digest: str) -> Revision | None:
    return next((revision for revision in revisions if revision.holds(digest)), None)


def _age(revision: Revision) -> tuple[int, str, str]:
    return revision.number, revision.created, revision.name


def _ref(owner: Json, name: str) -> Ref:
    return Ref(CONTROLLER_REVISIONS, owner["metadata"]["namespace"], name)


def _doubt(ref: Ref, why: str) -> HistoryError:
    return HistoryError(f"{ref} was changed since it was kept, as {why}: take another revision")
