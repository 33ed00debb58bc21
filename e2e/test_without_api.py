"""The API server is away while the mount changes: the sidecar goes on by that, and tells later."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from e2e.cluster import Cluster, find_cache
from e2e.namespace import Namespace
from e2e.prometheus import FILE, configure, find_interval
from e2e.release import CONFIG, Release, installed
from e2e.waiting import wait_until

LOGS = "/var/log/pods"
READ_TIMEOUT_S = 20.0
KUBELET_WITHIN_S = 200.0
"""Nobody nudges it without the API server: its period is a minute to a minute and a half."""
BACK_WITHIN_S = 120.0


@dataclass(frozen=True, slots=True)
class NodeLog:
    """The log of a container, as the kubelet keeps it: on this machine, or in a node of kind."""

    node: str
    folder: str

    def read(self) -> str:
        """What was written up to now."""
        here = Path(self.folder)
        if here.is_dir():
            return "".join(path.read_text() for path in sorted(here.glob("*.log")))
        done = subprocess.run(
            ["podman", "exec", self.node, "sh", "-c", f"cat {self.folder}/*.log"],
            env={**os.environ, "CONTAINERS_CONF": str(find_cache() / "kind" / "containers.conf")},
            capture_output=True,
            text=True,
            timeout=READ_TIMEOUT_S,
            check=True,
        )
        return done.stdout


def _find_log(release: Release) -> NodeLog:
    (pod,) = release.list_pods()
    metadata = pod["metadata"]
    name = f"{metadata['namespace']}_{metadata['name']}_{metadata['uid']}"
    return NodeLog(node=pod["spec"]["nodeName"], folder=f"{LOGS}/{name}/surehup")


@pytest.mark.timeout(500, func_only=True)
def test_a_mount_that_changes_meanwhile_is_applied(cluster: Cluster, namespace: Namespace) -> None:
    with installed(namespace, "prometheus") as release:
        namespace.wait_status(CONFIG, "Applied")
        before, log, pod = release.identify(), _find_log(release), release.pod
        ref = namespace.config_map(CONFIG)
        namespace.api.patch(ref, {"data": {FILE: configure(45)}})
        digest = namespace.digest_of(CONFIG)
        with cluster.without("kube-apiserver"):

            def is_applied() -> bool:
                ended = [line for line in log.read().splitlines() if "Attempt ended" in line]
                return any(digest[:12] in line and '"applied"' in line for line in ended)

            wait_until(
                f"attempt on {digest[:12]} that was applied",
                is_applied,
                within_s=KUBELET_WITHIN_S,
                shown=log.read,
            )
        namespace.wait_status(CONFIG, "Applied", within_s=BACK_WITHIN_S)
        assert find_interval(namespace, pod) == "45s"
        assert release.count_signals() == 1
        assert release.identify() == before
