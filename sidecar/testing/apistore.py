"""What a fake API server keeps: objects with their versions, managers and history.

Below `testing.apiserver`, which plays the server's manners. As with the real one every write moves
one common version, a write that changes nothing does not, and what is in the past can be forgotten.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from sidecar.core.ports import Clock
from sidecar.kube.ports import PODS, Json, Ref, Resource
from sidecar.testing.apirules import RefusedError, refuse_invalid

_UNTRACKED = frozenset({"apiVersion", "kind", "metadata"})
_TRACKED_METADATA = ("annotations", "labels")


@dataclass(frozen=True, slots=True)
class Happening:
    """One write: the watch event that tells of it."""

    version: int
    kind: str
    ref: Ref
    content: Json


def copy(content: Json) -> Json:
    """As the object would come through the wire."""
    return dict(json.loads(json.dumps(content)))


@dataclass(slots=True)
class ApiStore:
    """All objects of a cluster. `changed` guards them, and wakes who waits for the next write."""

    clock: Clock
    changed: threading.Condition = field(default_factory=threading.Condition)
    objects: dict[Ref, Json] = field(default_factory=dict)
    version: int = 100
    history: list[Happening] = field(default_factory=list)
    forgotten: int = 100
    _owned: dict[Ref, dict[str, set[tuple[str, ...]]]] = field(default_factory=dict)
    _times: dict[tuple[Ref, str], str] = field(default_factory=dict)
    _uids: int = 0

    def get(self, ref: Ref) -> Json:
        """One object. Raises `RefusedError`."""
        with self.changed:
            if ref not in self.objects:
                raise RefusedError(404, f"{ref} not found")
            return copy(self.objects[ref])

    def select(self, resource: Resource, namespace: str) -> tuple[list[Json], str]:
        """All of a namespace, or of every one if empty, and the version at which they were so."""
        with self.changed:
            refs = [
                ref
                for ref in self.objects
                if ref.resource == resource and namespace in {"", ref.namespace}
            ]
            refs.sort(key=lambda ref: (ref.namespace, ref.name))
            found = [copy(self.objects[ref]) for ref in refs]
            return found, str(self.version)

    def create(self, ref: Ref, body: Json, manager: str) -> Json:
        """Add an object. Raises `RefusedError`."""
        with self.changed:
            if ref in self.objects:
                raise RefusedError(409, f"{ref} already exists", "AlreadyExists")
            self._uids += 1
            content = copy(body)
            content["metadata"] = {
                **content.get("metadata", {}),
                "namespace": ref.namespace,
                "uid": f"00000000-0000-4000-8000-{self._uids:012d}",
                "creationTimestamp": self._now(),
            }
            content |= {"apiVersion": ref.resource.api_version, "kind": ref.resource.kind}
            refuse_invalid({}, content)
            return self._write(ref, {}, content, manager)

    def patch(self, ref: Ref, body: Json, manager: str, *, strategic: bool, status: bool) -> Json:
        """Merge `body` into an object. Raises `RefusedError`."""
        with self.changed:
            old = self.get(ref)
            wanted = copy(body)
            version = (wanted.get("metadata") or {}).pop("resourceVersion", None)
            if version not in {None, old["metadata"]["resourceVersion"]}:
                raise RefusedError(409, f"{ref}: the object has been modified")
            new: Json = merge(old, wanted, strategic=strategic)
            if ref.resource == PODS:
                # Each of the two endpoints leaves the other's half as it is.
                kept = "spec" if status else "status"
                new = {key: value for key, value in new.items() if key != kept}
                new |= {kept: old[kept]} if kept in old else {}
            refuse_invalid(old, new)
            return copy(old) if new == old else self._write(ref, old, new, manager)

    def delete(self, ref: Ref, uid: str | None) -> None:
        """Remove an object. Raises `RefusedError`."""
        with self.changed:
            old = self.get(ref)
            if uid not in {None, old["metadata"]["uid"]}:
                raise RefusedError(409, f"{ref}: the uid in the precondition is another")
            del self.objects[ref]
            self._owned.pop(ref, None)
            self.version += 1
            old["metadata"]["resourceVersion"] = str(self.version)
            self._tell("DELETED", ref, old)

    def forget(self) -> None:
        """Keep no history up to now, as a compaction does."""
        with self.changed:
            self.version += 1
            self.forgotten = self.version
            self.history.clear()

    def since(self, version: int) -> list[Happening]:
        """What happened after `version`. Raises `RefusedError` (410) if that is forgotten."""
        with self.changed:
            if version < self.forgotten:
                raise RefusedError(410, f"too old resource version: {version}", "Expired")
            return [happening for happening in self.history if happening.version > version]

    def _write(self, ref: Ref, old: Json, new: Json, manager: str) -> Json:
        self.version += 1
        self._track(ref, old, new, manager)
        new["metadata"]["resourceVersion"] = str(self.version)
        new["metadata"]["managedFields"] = self._render_managers(ref)
        self.objects[ref] = new
        self._tell("MODIFIED" if old else "ADDED", ref, new)
        return copy(new)

    def _tell(self, kind: str, ref: Ref, content: Json) -> None:
        self.history.append(Happening(self.version, kind, ref, copy(content)))
        self.changed.notify_all()

    def _track(self, ref: Ref, old: Json, new: Json, manager: str) -> None:
        before, after = dict(_leaves(old)), dict(_leaves(new))
        owned = self._owned.setdefault(ref, {})
        written = {path for path, value in after.items() if before.get(path) != value}
        for fields in owned.values():
            fields.difference_update(written)
            fields.intersection_update(after.keys())
        owned.setdefault(manager, set()).update(written)
        self._times[ref, manager] = self._now()

    def _render_managers(self, ref: Ref) -> list[Json]:
        return [
            {
                "manager": manager,
                "operation": "Update",
                "apiVersion": ref.resource.api_version,
                "time": self._times[ref, manager],
                "fieldsType": "FieldsV1",
                "fieldsV1": _nest(fields),
            }
            for manager, fields in self._owned[ref].items()
            if fields
        ]

    def _now(self) -> str:
        return datetime.fromtimestamp(self.clock.wall(), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def merge(old: Any, patch: Any, *, strategic: bool) -> Any:  # noqa: ANN401  any JSON
    """A JSON merge patch; a strategic one merges lists of typed entries by their type."""
    if strategic and isinstance(old, list) and isinstance(patch, list):
        merged = {entry["type"]: entry for entry in old}
        for entry in patch:
            merged[entry["type"]] = {**merged.get(entry["type"], {}), **entry}
        return list(merged.values())
    if not isinstance(patch, dict):
        return patch
    result = dict(old) if isinstance(old, dict) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = merge(result.get(key), value, strategic=strategic)
    return result


def _leaves(content: Json) -> Iterator[tuple[tuple[str, ...], object]]:
    for key in _TRACKED_METADATA:
        for name, value in (content.get("metadata", {}).get(key) or {}).items():
            yield ("f:metadata", f"f:{key}", f"f:{name}"), value
    for key in content.keys() - _UNTRACKED:
        value = content[key]
        if isinstance(value, dict):
            yield from (((f"f:{key}", f"f:{name}"), inner) for name, inner in value.items())
        else:
            yield (f"f:{key}",), value


def _nest(paths: set[tuple[str, ...]]) -> Json:
    root: Json = {}
    for path in sorted(paths):
        level = root
        for step in path:
            level = level.setdefault(step, {})
    return root


def select_labels(content: Mapping[str, Any], selector: str) -> bool:
    """Whether the labels are those of `selector`, written ``a=b,c=d``."""
    labels = content["metadata"].get("labels") or {}
    wanted = [term.split("=", 1) for term in selector.split(",") if term]
    return all(labels.get(key) == value for key, value in wanted)
