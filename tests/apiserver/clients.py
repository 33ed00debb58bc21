"""Clients of the real API server: as the sidecar has them, and as an administrator."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from sidecar.clock import SystemClock
from sidecar.kube.access import from_kubeconfig, in_cluster
from sidecar.kube.client import KubeClient
from sidecar.kube.ports import count_nothing
from tests.apiserver.server import ApiServer

DEADLINE_S = 10.0


def make_pod_client(
    server: ApiServer,
    namespace: str,
    folder: Path,
    *,
    on_request: Callable[[str, str], None] = count_nothing,
    deadline_s: float = DEADLINE_S,
) -> KubeClient:
    """A client with the shipped Role that finds the server as in a pod; `folder` has its token."""
    server.write_account(folder, server.mint_token(namespace))
    access = in_cluster(SystemClock(), server.environ, str(folder))
    return KubeClient(access, clock=SystemClock(), on_request=on_request, deadline_s=deadline_s)


def make_admin_client(server: ApiServer) -> KubeClient:
    """A client that may do everything."""
    access = from_kubeconfig({}, str(server.kubeconfig))
    return KubeClient(access, clock=SystemClock(), deadline_s=DEADLINE_S)
