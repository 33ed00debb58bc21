"""The images of the daemons come up in a pod with nothing but an unprivileged user's rights."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from e2e.cluster import Cluster
from e2e.namespace import Namespace
from sidecar.kube.ports import Json

FOLDER = "/etc/daemon"
SCRATCH = "/tmp"  # noqa: S108  within the pod


@dataclass(frozen=True, slots=True)
class Example:
    """How a daemon is started with the one file that it needs."""

    name: str
    file: str
    content: str
    args: tuple[str, ...]
    port: int
    path: str


EXAMPLES = (
    Example(
        "prometheus",
        "prometheus.yml",
        "global:\n  scrape_interval: 60s\n",
        (f"--config.file={FOLDER}/prometheus.yml", "--storage.tsdb.path=/tmp"),
        9090,
        "/-/ready",
    ),
    Example(
        "alertmanager",
        "alertmanager.yml",
        "route: {receiver: nobody}\nreceivers: [{name: nobody}]\n",
        (f"--config.file={FOLDER}/alertmanager.yml", "--storage.path=/tmp"),
        9093,
        "/-/ready",
    ),
    Example(
        "nginx",
        "nginx.conf",
        "pid /tmp/pid; error_log stderr; events {}\n"
        "http { access_log off; client_body_temp_path /tmp/b; proxy_temp_path /tmp/p;\n"
        "  fastcgi_temp_path /tmp/f; uwsgi_temp_path /tmp/u; scgi_temp_path /tmp/s;\n"
        "  server { listen 8080; location / { return 200 here; } } }\n",
        ("-c", f"{FOLDER}/nginx.conf", "-g", "daemon off;"),
        8080,
        "/",
    ),
    Example(
        "haproxy",
        "haproxy.cfg",
        "defaults\n  mode http\n  timeout client 5s\n  timeout server 5s\n  timeout connect 5s\n"
        "frontend stats\n  bind :8404\n  http-request use-service prometheus-exporter if"
        " { path /metrics }\n",
        ("-W", "-f", f"{FOLDER}/haproxy.cfg"),
        8404,
        "/metrics",
    ),
)


def _make_pod(example: Example) -> Json:
    restricted = {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": example.name},
        "spec": {
            "terminationGracePeriodSeconds": 1,
            "securityContext": {
                "runAsNonRoot": True,
                "runAsUser": 65534,
                "seccompProfile": {"type": "RuntimeDefault"},
            },
            "containers": [
                {
                    "name": example.name,
                    "image": f"localhost/{example.name}:debian12",
                    "args": list(example.args),
                    "readinessProbe": {
                        "httpGet": {"path": example.path, "port": example.port},
                        "periodSeconds": 1,
                    },
                    "securityContext": restricted,
                    "volumeMounts": [
                        {"name": "config", "mountPath": FOLDER},
                        {"name": "scratch", "mountPath": SCRATCH},
                    ],
                }
            ],
            "volumes": [
                {"name": "config", "configMap": {"name": "daemon"}},
                {"name": "scratch", "emptyDir": {}},
            ],
        },
    }


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.name)
def test_the_daemon_is_ready(cluster: Cluster, namespace: Namespace, example: Example) -> None:
    cluster.provide(example.name)
    namespace.put_config("daemon", **{example.file: example.content})
    enforced = "pod-security.kubernetes.io/enforce=restricted"
    cluster.kubectl("label", "namespace", namespace.name, enforced)
    namespace.apply(_make_pod(example))
    namespace.wait_ready(example.name)
