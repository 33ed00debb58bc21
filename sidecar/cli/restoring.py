"""What `rollback` writes, which revision it takes, and who would undo it; pure."""

from __future__ import annotations

from collections.abc import Sequence

from sidecar.cli.cluster import StateError
from sidecar.cli.sides import find_revision
from sidecar.cli.standing import Standing
from sidecar.core.snapshot import short
from sidecar.kube.objects import read_annotations
from sidecar.kube.ports import Json
from sidecar.record.data import find_deployer
from sidecar.record.revisions import Revision

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
    """The tool that deploys the object, also where others edited its data since; or empty."""
    labels = content["metadata"].get("labels") or {}
    present = labels.keys() | read_annotations(content).keys()
    signs = {**LABELS, **ANNOTATIONS}
    return find_deployer(content) or next((signs[sign] for sign in signs if sign in present), "")


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
