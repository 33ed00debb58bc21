"""The API server is away while the mount changes: the sidecar goes on by that, and tells later."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from e2e.cluster import Cluster, find_cache
from e2e.kubelet import let_look
from e2e.namespace import Namespace
from e2e.prometheus import FILE, configure, find_interval
from e2e.release import CONFIG, Release, installed
from e2e.waiting import wait_until
from sidecar.core.snapshot import short

LOGS = "/var/log/pods"
READ_TIMEOUT_S = 20.0
KUBELET_WITHIN_S = 150.0
"""It syncs a pod 60 to 90 s after it last did; the rest is for the sidecar, and a busy machine."""
BACK_WITHIN_S = 120.0
EDITS = 2


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


def _bring(namespace: Namespace, pod: str, text: str) -> None:
    """Have the kubelet mount this: it watches, then, and looks at the pod again in a minute.

    A change of the pod makes it sync that at once, and a sync sets the time of the next one (60 s
    and up to half of it more: completeWork in its pod_workers.go). After the API server was away
    the kubelet's watch comes back with a backoff of up to half a minute, unseen by others; an edit
    that it misses so, it never mounts while the API server is away again. What it sees of its
    containers, or of its own report, may make it sync once more within a second or two.
    """
    namespace.api.patch(namespace.config_map(CONFIG), {"data": {FILE: text}})
    namespace.kubectl("annotate", "pod", pod, "e2e/synced=yes")
    namespace.wait_status(CONFIG, "Applied", within_s=KUBELET_WITHIN_S)
    let_look(namespace, pod)


@pytest.mark.alone
@pytest.mark.timeout(600, func_only=True)
def test_a_mount_that_changes_meanwhile_is_applied(cluster: Cluster, namespace: Namespace) -> None:
    with installed(namespace, "prometheus") as release:
        namespace.wait_status(CONFIG, "Applied")
        before, log, pod = release.identify(), _find_log(release), release.pod
        _bring(namespace, pod, configure(45))
        namespace.api.patch(namespace.config_map(CONFIG), {"data": {FILE: configure(20)}})
        digest = namespace.digest_of(CONFIG)
        with cluster.without("kube-apiserver"):
            assert not _is_applied(log, digest), "the kubelet was quicker than the API server's end"
            wait_until(
                f"attempt on {short(digest)} that was applied",
                lambda: _is_applied(log, digest),
                within_s=KUBELET_WITHIN_S,
                shown=log.read,
            )
        namespace.wait_status(CONFIG, "Applied", within_s=BACK_WITHIN_S)
        assert find_interval(namespace, pod) == "20s"
        assert release.count_signals() == EDITS
        assert release.identify() == before
