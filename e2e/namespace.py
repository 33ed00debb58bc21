"""One test's own namespace: what is put there, looked at, and shown when a test fails."""

from __future__ import annotations

import itertools
import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from e2e.cluster import LOCAL, ROOT, Cluster
from e2e.sightings import Sightings, watching
from e2e.waiting import Found, wait_until
from sidecar.core.snapshot import Snapshot
from sidecar.kube.client import KubeClient
from sidecar.kube.errors import NotFoundError
from sidecar.kube.objects import read_files
from sidecar.kube.ports import CONFIG_MAPS, PODS, Json, Ref
from sidecar.record.annotations import read_marks

MANIFESTS = ROOT / "manifests" / "rbac"
OWN_MANIFESTS = ROOT / "e2e" / "manifests"
POD_STATUS = "pod-status.yaml"
OBJECTS = "objects.yaml"
READY_WITHIN_S = 90.0
VERDICT_WITHIN_S = 60.0
LOG_LINES = "60"
SHOWN_TIMEOUT_S = 20.0


def read_manifest(name: str) -> Json:
    """An object of `e2e/manifests`, to be changed at will."""
    content: Json = yaml.safe_load((OWN_MANIFESTS / f"{name}.yaml").read_text())
    return content


@dataclass(slots=True, kw_only=True)
class Namespace:
    """A namespace of `cluster`. `folder` is for what kubectl is given to read."""

    cluster: Cluster
    name: str
    api: KubeClient
    folder: Path
    _overlays: Iterator[int] = field(default_factory=itertools.count)

    def kubectl(self, *argv: str, stdin: str | None = None) -> str:
        """What kubectl prints, in this namespace."""
        return self.cluster.kubectl(f"--namespace={self.name}", *argv, stdin=stdin)

    def apply(self, *objects: Json, patches: Sequence[Mapping[str, Any]] = ()) -> None:
        """Apply objects and the rights that a sidecar needs, as shipped, changed by `patches`."""
        overlay = self.folder / f"overlay-{next(self._overlays)}"
        overlay.mkdir()
        # Files outside of its folder are nothing that kustomize reads; folders are.
        (overlay / POD_STATUS).write_text((MANIFESTS / POD_STATUS).read_text())
        (overlay / OBJECTS).write_text(yaml.safe_dump_all(objects))
        registry = self.cluster.registry
        kustomization = {
            "namespace": self.name,
            "resources": [os.path.relpath(MANIFESTS, overlay), POD_STATUS, OBJECTS],
            "patches": list(patches),
            "images": [
                {"name": f"{LOCAL}/{image}", "newName": f"{registry}/{image}"}
                for image in ("surehup", "prometheus", "alertmanager", "nginx", "haproxy")
                if registry != LOCAL
            ],
        }
        (overlay / "kustomization.yaml").write_text(json.dumps(kustomization))
        self.kubectl("apply", "-k", str(overlay))

    def put_config(self, name: str, **data: str) -> None:
        """Create or change a ConfigMap as `kubectl apply` does; its annotations stay."""
        body = {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": name},
            "data": data,
        }
        self.kubectl("apply", "--filename=-", stdin=json.dumps(body))

    def read(self, ref: Ref) -> Json | None:
        """An object as it is now; None where there is none."""
        try:
            return self.api.get(ref)
        except NotFoundError:
            return None

    def config_map(self, name: str) -> Ref:
        """Names a ConfigMap of this namespace."""
        return Ref(CONFIG_MAPS, self.name, name)

    def marks(self, name: str) -> dict[str, str]:
        """The sidecar's annotations on a ConfigMap."""
        content = self.read(self.config_map(name))
        return {} if content is None else read_marks(content)

    def wait_for(
        self, what: str, look: Callable[[], Found | None], *, within_s: float, name: str
    ) -> Found:
        """Wait for something that `look` finds; a failure shows the annotations of `name`."""
        return wait_until(what, look, within_s=within_s, shown=lambda: self.marks(name))

    def wait_ready(self, pod: str, *, within_s: float = READY_WITHIN_S) -> None:
        """Wait until all containers of a pod are ready."""

        def look() -> bool:
            content = self.read(Ref(PODS, self.name, pod))
            conditions = content["status"].get("conditions", []) if content else []
            return any(seen["type"] == "Ready" and seen["status"] == "True" for seen in conditions)

        wait_until(
            f"ready pod {pod}",
            look,
            within_s=within_s,
            shown=lambda: self.kubectl("get", "pods", "--output=wide"),
        )

    def wait_status(
        self, name: str, *statuses: str, within_s: float = VERDICT_WITHIN_S
    ) -> dict[str, str]:
        """Wait until the sidecar says one of `statuses` about what the ConfigMap now holds."""
        digest = self.digest_of(name)

        def look() -> dict[str, str] | None:
            marks = self.marks(name)
            decided = marks.get("status") in statuses and marks.get("observed") == digest
            return marks if decided else None

        return self.wait_for(f"{' or '.join(statuses)}", look, within_s=within_s, name=name)

    def digest_of(self, name: str) -> str:
        """What the sidecar calls the present content of a ConfigMap."""
        content = self.read(self.config_map(name))
        assert content is not None, f"there is no ConfigMap {name}"
        return Snapshot.of(read_files(content)).digest

    def get_through_proxy(self, pod: str, port: int, path: str) -> str:
        """A page of a pod, by way of the API server."""
        return self.kubectl(
            "get", "--raw", f"/api/v1/namespaces/{self.name}/pods/{pod}:{port}/proxy{path}"
        )

    @contextmanager
    def watching(self, name: str) -> Iterator[Sightings]:
        """What becomes of a ConfigMap, however short it lasts."""
        with watching(self.api, self.config_map(name)) as sightings:
            yield sightings

    def describe(self) -> str:
        """All that tells why a test failed."""
        inside = f"--namespace={self.name}"
        asked = [
            ("get", "pods,configmaps,controllerrevisions", "--output=wide"),
            ("get", "configmaps", "--output=yaml"),
            ("describe", "pods"),
            ("get", "events", "--sort-by=.lastTimestamp"),
        ]
        pods = self.cluster.try_kubectl(inside, "get", "pods", "--output=name")
        asked += [
            ("logs", pod, "--all-containers", "--prefix", f"--tail={LOG_LINES}", *extra)
            for pod in pods.stdout.split()
            for extra in ((), ("--previous",))
        ]
        parts = []
        for argv in asked:
            answer = self.cluster.try_kubectl(inside, *argv, timeout_s=SHOWN_TIMEOUT_S)
            parts.append(f"$ kubectl {' '.join(argv)}\n{answer.stdout or answer.stderr}")
        return "\n".join(parts)
