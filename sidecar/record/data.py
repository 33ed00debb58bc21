"""Puts files back as the data of an object, and tells who would undo it; pure."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping

from sidecar.kube.objects import list_managers
from sidecar.kube.ports import SECRETS, Json

DEPLOYERS = ("argocd", "kustomize-controller", "helm", "flux", "fleet", "pulumi", "terraform")
"""How the field managers of tools begin that bring back what they deployed."""


def find_deployer(content: Json) -> str | None:
    """The tool that owns the data, and would put its own content there again."""
    managers = sorted(list_managers(content))
    return next((name for name in managers if name.lower().startswith(DEPLOYERS)), None)


def compose_patch(content: Json, files: Mapping[str, bytes]) -> Json:
    """The merge patch that makes `files` the whole data of the object `content`."""
    if content.get("kind") == SECRETS.kind:
        return {"data": _replace(content, "data", {key: _encode(files[key]) for key in files})}
    texts = {key: text for key, value in files.items() if (text := _text(value)) is not None}
    binaries = {key: _encode(value) for key, value in files.items() if key not in texts}
    return {
        "data": _replace(content, "data", texts),
        "binaryData": _replace(content, "binaryData", binaries),
    }


def _replace(content: Json, field: str, values: Mapping[str, str]) -> dict[str, str | None]:
    present: Mapping[str, str] = content.get(field) or {}
    return {**dict.fromkeys(present), **values}


def _encode(value: bytes) -> str:
    return b64encode(value).decode()


def _text(value: bytes) -> str | None:
    try:
        return value.decode()
    except UnicodeDecodeError:
        return None
