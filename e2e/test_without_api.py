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
from sidecar.core.snapshot import short

LOGS = "/var/log/pods"
READ_TIMEOUT_S = 20.0
KUBELET_WITHIN_S = 200.0
"""Nobody nudges it without the API server: its period is a minute to a minute and a half."""
BACK_WITHIN_S = 120.0
MOST_EDITS = 3
"""The kubelet may be about to look at the pod, and is not again for a minute."""


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


def _is_applied(log: NodeLog, digest: str) -> bool:
    ended = [line for line in log.read().splitlines() if "Attempt ended" in line]
    return any(short(digest) in line and '"applied"' in line for line in ended)


def _edit_alone(cluster: Cluster, release: Release, log: NodeLog, text: str) -> bool:
    """Edit, take the API server away, and wait; False where the kubelet was quicker than that."""
    namespace = release.namespace
    namespace.api.patch(namespace.config_map(CONFIG), {"data": {FILE: text}})
    digest = namespace.digest_of(CONFIG)
    with cluster.without("kube-apiserver"):
        if _is_applied(log, digest):
            return False
        wait_until(
            f"attempt on {short(digest)} that was applied",
            lambda: _is_applied(log, digest),
            within_s=KUBELET_WITHIN_S,
            shown=log.read,
        )
    return True


@pytest.mark.alone
@pytest.mark.timeout(600, func_only=True)
def test_a_mount_that_changes_meanwhile_is_applied(cluster: Cluster, namespace: Namespace) -> None:
    with installed(namespace, "prometheus") as release:
        namespace.wait_status(CONFIG, "Applied")
        before, log, pod = release.identify(), _find_log(release), release.pod
        alone = (
            edits
            for edits in range(1, MOST_EDITS + 1)
            if _edit_alone(cluster, release, log, configure(edits))
        )
        edits = next(alone, None)
        assert edits is not None, "the kubelet was always quicker"
        namespace.wait_status(CONFIG, "Applied", within_s=BACK_WITHIN_S)
        assert find_interval(namespace, pod) == f"{edits}s"
        assert release.count_signals() == edits
        assert release.identify() == before
