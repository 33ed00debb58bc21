"""What an API server refuses to keep: limits and forms that writers of records can run into.

Pure; below `apistore`, which asks before each write. Every rule here is one that Kubernetes 1.37
was seen to apply (tests/contract/test_api.py holds both to it); it has many more.
"""

from __future__ import annotations

import re
from base64 import b64decode
from collections.abc import Mapping
from typing import Any

from sidecar.kube.ports import Json

MAX_BYTES = 1 << 20
"""What data and binaryData may hold together."""
MAX_ANNOTATION_BYTES = 1 << 18
"""What all annotations of an object, keys and values, may hold together."""

_NAME = re.compile(r"(?=.{1,253}$)[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_QUALIFIED = re.compile(
    r"([a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?/)?[A-Za-z0-9]([-\w.]{0,61}[A-Za-z0-9])?", re.ASCII
)
_LABEL = re.compile(r"([A-Za-z0-9]([-\w.]{0,61}[A-Za-z0-9])?)?", re.ASCII)
_FILE = re.compile(r"(?!\.\.?$|\.\.)[-\w.]{1,253}", re.ASCII)
_FROZEN = ("data", "binaryData", "immutable")
_OWNER_FIELDS = ("apiVersion", "kind", "name", "uid")
_EVENT_FIELDS = ("eventTime", "reportingController", "reportingInstance", "action", "reason")
_EVENT_BYTES = {"note": 1024, "reason": 128, "action": 128, "reportingInstance": 128}


class RefusedError(Exception):
    """The server refuses; `status` and the text are what it would answer."""

    def __init__(self, status: int, message: str, reason: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.reason = reason

    @property
    def body(self) -> Json:
        """The Status object of the answer."""
        return {"message": str(self), "reason": self.reason, "code": self.status}


def refuse_invalid(old: Json, new: Json) -> None:
    """Raise `RefusedError` where `new` cannot follow `old`, which is empty for a new object."""
    _check_metadata(new["metadata"])
    match new["kind"]:
        case "ConfigMap" | "Secret":
            _check_files(old, new)
        case "ControllerRevision":
            _check_revision(old, new)
        case "Event":
            _check_event(new)


def _check_metadata(metadata: Mapping[str, Any]) -> None:
    labels, annotations = metadata.get("labels") or {}, metadata.get("annotations") or {}
    owners = metadata.get("ownerReferences") or []
    _hold(_NAME.fullmatch(metadata["name"]), "metadata.name: a lowercase RFC 1123 subdomain")
    for field, keys in (("labels", labels), ("annotations", annotations)):
        _hold(all(map(_QUALIFIED.fullmatch, keys)), f"metadata.{field}: name part must consist of")
    _hold(all(map(_LABEL.fullmatch, labels.values())), "metadata.labels: a valid label must be")
    size = sum(len(text.encode()) for pair in annotations.items() for text in pair)
    _hold(size <= MAX_ANNOTATION_BYTES, "metadata.annotations: Too long")
    _hold(
        all(owner.get(field) for owner in owners for field in _OWNER_FIELDS),
        "metadata.ownerReferences: Required value: must not be empty",
    )
    _hold(
        sum(owner.get("controller") is True for owner in owners) <= 1,
        "metadata.ownerReferences: Only one reference can have Controller set to true",
    )


def _check_files(old: Json, new: Json) -> None:
    data, binary = new.get("data") or {}, new.get("binaryData") or {}
    encoded = {**binary, **(data if new["kind"] == "Secret" else {})}
    total = sum(len(value.encode()) for key, value in data.items() if key not in encoded)
    total += sum(len(_decode(value)) for value in encoded.values())
    _hold(all(map(_FILE.fullmatch, (*data, *binary))), "data: a valid config key must consist of")
    _hold(not data.keys() & binary.keys(), "data: duplicate of key present in binaryData")
    _hold(total <= MAX_BYTES, f"Too long: may not be more than {MAX_BYTES} bytes")
    _hold(
        not old.get("immutable") or all(old.get(key) == new.get(key) for key in _FROZEN),
        "data: Forbidden: field is immutable when `immutable` is set",
    )


def _check_revision(old: Json, new: Json) -> None:
    _hold(new.get("data") is not None, "data: Required value: data is mandatory")
    _hold(new.get("revision", 0) >= 0, "revision: must be greater than or equal to 0")
    _hold(not old or old["data"] == new["data"], "data: Forbidden: field is immutable")


def _check_event(new: Json) -> None:
    for field in _EVENT_FIELDS:
        _hold(new.get(field), f"{field}: Required value")
    for field, most in _EVENT_BYTES.items():
        # Characters are said, bytes are counted.
        size = len((new.get(field) or "").encode())
        _hold(size <= most, f"{field}: can have at most {most} characters")
    _hold(_QUALIFIED.fullmatch(new["reportingController"]), "reportingController: name part must")
    _hold(new.get("type") in {"Normal", "Warning"}, "type: has invalid value")


def _hold(holds: object, otherwise: str) -> None:
    if not holds:
        raise RefusedError(422, otherwise, "Invalid")


def _decode(value: str) -> bytes:
    try:
        return b64decode(value, validate=True)
    except ValueError as error:
        raise RefusedError(400, f"illegal base64 data: {error}", "BadRequest") from error
