"""What `rollback` writes, which revision it takes, and who would undo it; pure."""

from __future__ import annotations

from collections.abc import Sequence

from sidecar.cli.cluster import StateError
from sidecar.cli.sides import find_revision
from sidecar.cli.standing import Standing
from sidecar.core.snapshot import short
from sidecar.kube.objects import list_managers, read_annotations
from sidecar.kube.ports import Json
from sidecar.record.revisions import Revision

MANAGERS = {
    "argocd-controller": "Argo CD",
    "argocd-application-controller": "Argo CD",
    "kustomize-controller": "Flux",
    "helm-controller": "Flux",
    "helm": "Helm",
}
"""Field managers, as these tools write them (Argo CD's ``ArgoCDSSAManager``, Flux's controllers'
own names, Helm's program name); a client-side Argo CD has the name of its process."""

LABELS = {
    "argocd.argoproj.io/instance": "Argo CD",
    "kustomize.toolkit.fluxcd.io/name": "Flux",
    "helm.toolkit.fluxcd.io/name": "Flux",
}
ANNOTATIONS = {
    "argocd.argoproj.io/tracking-id": "Argo CD",
    "meta.helm.sh/release-name": "Helm",
}


def find_owner(content: Json) -> str:
    """The tool that would put its own data back; empty where none can be told."""
    managers = list_managers(content)
    labels = content["metadata"].get("labels") or {}
    annotations = read_annotations(content)
    for signs, present in ((MANAGERS, managers), (LABELS, labels), (ANNOTATIONS, annotations)):
        for sign, owner in signs.items():
            if sign in present:
                return owner
    return ""


def choose_revision(
    history: Sequence[Revision], standing: Standing, number: int | None
) -> Revision:
    """The revision to go back to: `number`, or the newest of other content. Raises `StateError`."""
    if number is not None:
        chosen = find_revision(list(history), number, standing)
        if is_of(chosen, standing):
            msg = f"{standing.ref} holds the content of revision {number} already"
            raise StateError(msg)
        return chosen
    for revision in history:
        if not is_of(revision, standing):
            return revision
    what = "no other content" if history else "no content"
    msg = f"{standing.ref} cannot be rolled back: its history holds {what}"
    raise StateError(msg)


def is_of(revision: Revision, standing: Standing) -> bool:
    """Whether this is a revision of the content that the object holds."""
    return bool(standing.digest) and revision.holds(standing.digest)


def say_revision(revision: Revision) -> str:
    """As messages name it."""
    return f"revision {revision.number} ({short(revision.digest)})"
