"""Puts files back as the data of an object, and tells who would undo it; pure."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping

from sidecar.kube.objects import list_managers
from sidecar.kube.ports import SECRETS, Json

MANAGERS = {
    "argocd": "Argo CD",
    "kustomize-controller": "Flux",
    "helm-controller": "Flux",
    "flux": "Flux",
    "helm": "Helm",
    "fleet": "Fleet",
    "pulumi": "Pulumi",
    "terraform": "Terraform",
}
"""How the field managers of tools begin that bring back what they deployed: Argo CD's processes and
its ``ArgoCDSSAManager``, Flux's controllers, other programs by their names."""


def find_deployer(content: Json) -> str:
    """The tool that owns the data, and would put its own there again; empty where none is seen."""
    managers = sorted(name.lower() for name in list_managers(content))
    found = (tool for sign, tool in MANAGERS.items() for name in managers if name.startswith(sign))
    return next(found, "")


def compose_patch(content: Json, files: Mapping[str, bytes]) -> Json:
    """The merge patch that makes `files` the whole data; what is binary there stays binary."""
    texts: dict[str, str | None] = dict.fromkeys(content.get("data") or {})
    if content.get("kind") == SECRETS.kind:
        return {"data": {**texts, **{key: _encode(value) for key, value in files.items()}}}
    binaries: dict[str, str | None] = dict.fromkeys(content.get("binaryData") or {})
    for key, value in files.items():
        text = None if key in binaries else _text(value)
        if text is None:
            binaries[key] = _encode(value)
        else:
            texts[key] = text
    return {"data": texts, "binaryData": binaries}


def _encode(value: bytes) -> str:
    return b64encode(value).decode()


def _text(value: bytes) -> str | None:
    try:
        return value.decode()
    except UnicodeDecodeError:
        return None
