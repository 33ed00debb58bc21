"""The sidecar of a running pod is replaced by another version, and its daemon never notices."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from e2e.cluster import LOAD_TIMEOUT_S, Cluster, build_image
from e2e.metrics import METRICS_PORT
from e2e.namespace import Namespace
from e2e.prometheus import BAD, FILE, configure, find_interval
from e2e.release import CONFIG, GUARDED, Release, installed
from e2e.retag import retag
from sidecar.kube.ports import Json

NEXT = "localhost/surehup:next"
REPLACED_WITHIN_S = 90.0


@pytest.fixture
def _next(cluster: Cluster, tmp_path: Path) -> None:
    if cluster.load is None:
        pytest.skip("needs LOAD, to bring a second version of the image to the nodes")
    archive = retag(Path(build_image("surehup")), NEXT, tmp_path / "surehup-next.tar")
    subprocess.run([*cluster.load, str(archive)], check=True, timeout=LOAD_TIMEOUT_S)


def _read_containers(release: Release) -> dict[str, Json]:
    (pod,) = release.list_pods()
    listed = ("initContainerStatuses", "containerStatuses")
    return {one["name"]: one for kind in listed for one in pod["status"][kind]}


def _serves(release: Release) -> bool:
    """Whether the sidecar answers: the kubelet's word on its probes may still be the old one's."""
    namespace = release.namespace
    path = f"/api/v1/namespaces/{namespace.name}/pods/{release.pod}:{METRICS_PORT}/proxy/healthz"
    return namespace.cluster.try_kubectl("get", "--raw", path).returncode == 0


@pytest.mark.usefixtures("_next")
def test_set_image_on_a_running_pod(namespace: Namespace) -> None:
    with installed(namespace, "prometheus", {"sidecar": GUARDED}) as release:
        namespace.wait_status(CONFIG, "Applied")
        ref = namespace.config_map(CONFIG)
        namespace.api.patch(ref, {"data": {FILE: configure(45)}})
        applied = namespace.wait_status(CONFIG, "Applied")
        before, pod = _read_containers(release)["prometheus"], release.pod

        namespace.kubectl("set", "image", f"pod/{pod}", f"surehup={NEXT}")

        def is_replaced() -> bool:
            sidecar = _read_containers(release)["surehup"]
            return (sidecar["image"], sidecar["restartCount"]) == (NEXT, 1) and _serves(release)

        namespace.wait_for("other sidecar", is_replaced, within_s=REPLACED_WITHIN_S, name=CONFIG)
        marks = namespace.marks(CONFIG)
        assert (marks["status"], marks["active"]) == ("Applied", applied["active"])
        assert release.count_signals() == 0, "a new sidecar signals nobody by itself"

        namespace.api.patch(ref, {"data": {FILE: BAD}})
        namespace.wait_status(CONFIG, "Rejected")
        namespace.api.patch(ref, {"data": {FILE: configure(20)}})
        namespace.wait_status(CONFIG, "Applied")
        assert find_interval(namespace, pod) == "20s"
        assert _read_containers(release)["prometheus"] == before
        assert before["restartCount"] == 0
