"""Reads what matters here out of ConfigMaps and Secrets, as plain dicts; pure.

The digest of an object's files is that of its mounted folder, as a kubelet writes both fields as
files.
"""

from __future__ import annotations

import binascii
from base64 import b64decode
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sidecar.core.snapshot import Snapshot
from sidecar.kube.errors import InvalidError
from sidecar.kube.ports import FIELD_MANAGER, SECRETS, Json

_CONTENT_FIELDS = frozenset({"f:data", "f:binaryData", "f:stringData"})


@dataclass(frozen=True, slots=True)
class Editor:
    """Who wrote content last: the field manager, and when (RFC 3339)."""

    manager: str
    time: str


def read_files(content: Json) -> dict[str, bytes]:
    """The files of a ConfigMap or Secret, by key. Raises `InvalidError` for what is no base64."""
    data: Mapping[str, str] = content.get("data") or {}
    if content.get("kind") == SECRETS.kind:
        return {key: _decode(content, "data", key, value) for key, value in data.items()}
    binary: Mapping[str, str] = content.get("binaryData") or {}
    files = {key: value.encode() for key, value in data.items()}
    for key, value in binary.items():
        files[key] = _decode(content, "binaryData", key, value)
    return files


def read_snapshot(content: Json, *, salt: str | None = None) -> Snapshot:
    """The files with their digest, salted for Secrets. Raises `InvalidError`."""
    return Snapshot.of(read_files(content), salt=salt)


def _decode(content: Json, field: str, key: str, value: str) -> bytes:
    try:
        return b64decode(value, validate=True)
    except (binascii.Error, ValueError) as error:
        name = _metadata(content).get("name", "")
        msg = f"{field}[{key}] of {content.get('kind')} {name} is no base64: write it anew"
        raise InvalidError(msg) from error


def read_annotations(content: Json, prefix: str = "") -> dict[str, str]:
    """Its annotations whose key begins with `prefix`; none at all is a usual state."""
    annotations: Mapping[str, str] = _metadata(content).get("annotations") or {}
    return {key: value for key, value in annotations.items() if key.startswith(prefix)}


def is_immutable(content: Json) -> bool:
    """Whether its files can never change again; its annotations still can."""
    return content.get("immutable") is True


def find_editor(content: Json) -> Editor | None:
    """Who changed its files last, by managedFields; None where nothing tells.

    An entry's time moves with any field of its manager, so this is the newest of those that own
    content: the best that the API offers. This program's own entry moves with each annotation and
    counts only where nobody else owns any content.
    """
    owners = [
        Editor(entry.get("manager", ""), entry.get("time", ""))
        for entry in _content_entries(content)
    ]
    others = [owner for owner in owners if owner.manager != FIELD_MANAGER]
    # All times are UTC in one format, so their text sorts as they do.
    return max(others or owners, key=lambda owner: owner.time, default=None)


def list_managers(content: Json) -> frozenset[str]:
    """All field managers that own some of its files: whom a restored content would fight."""
    return frozenset(entry.get("manager", "") for entry in _content_entries(content))


def _content_entries(content: Json) -> list[Json]:
    return [
        entry
        for entry in _metadata(content).get("managedFields") or []
        if _CONTENT_FIELDS & (entry.get("fieldsV1") or {}).keys()
    ]


def _metadata(content: Json) -> Mapping[str, Any]:
    return content.get("metadata") or {}
