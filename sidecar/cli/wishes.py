"""The annotations by which people ask something of the sidecar: pause, and try again.

They are written by the field manager `surehup`, as Flux strips what managers have written whose
names begin with kubectl.
"""

from __future__ import annotations

from sidecar.cli.cluster import Cluster
from sidecar.kube.ports import Json, Ref
from sidecar.record.annotations import whole_key

PAUSED = "paused"
REQUESTED = "requested"


def write_wish(cluster: Cluster, ref: Ref, key: str, value: str | None) -> Json:
    """Set one of them, or remove it (None), and return the object. Raises `ApiError`."""
    annotations = {whole_key(key, cluster.group): value}
    return cluster.api.patch(ref, {"metadata": {"annotations": annotations}})
