"""Pods and workloads as users have them before surehup, and what an API server makes of them."""

from __future__ import annotations

import json
import subprocess
import time
from typing import Any

from tests.apiserver.server import ACCOUNT, KUBECTL_TIMEOUT_S, ApiServer

IN_FORCE_TIMEOUT_S = 30.0
POLL_S = 0.2
Object = dict[str, Any]


def make_pod(
    name: str = "app",
    *,
    labels: dict[str, str] | None = None,
    annotations: dict[str, str] | None = None,
    **spec: Any,  # noqa: ANN401  any field of a pod's spec
) -> Object:
    """A pod as "restricted" wants it, with the ConfigMap app-config mounted."""
    main = {
        "name": "main",
        "image": "daemon:1",
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "runAsUser": 1234,
        },
        "volumeMounts": [{"name": "config", "mountPath": "/etc/app"}],
    }
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "labels": labels or {}, "annotations": annotations or {}},
        "spec": {
            "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
            "serviceAccountName": ACCOUNT,
            "containers": [main],
            "volumes": [{"name": "config", "configMap": {"name": "app-config"}}],
            **spec,
        },
    }


def make_asking_pod(**changes: Any) -> Object:  # noqa: ANN401  as above
    """The same, asking for the sidecar."""
    annotations = {"surehup.dev/configmap": "app-config", **changes.pop("annotations", {})}
    return make_pod(labels={"surehup.dev/inject": "enabled"}, annotations=annotations, **changes)


def make_deployment(pod: Object) -> Object:
    """A Deployment that makes such pods."""
    metadata = pod["metadata"]
    labels = {"app": "app", **metadata["labels"]}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "app"},
        "spec": {
            "selector": {"matchLabels": {"app": "app"}},
            "template": {
                "metadata": {"labels": labels, "annotations": metadata["annotations"]},
                "spec": pod["spec"],
            },
        },
    }


def ask(server: ApiServer, namespace: str, *argv: str, stdin: str = "") -> tuple[bool, str, str]:
    """Run kubectl: whether it worked, its output, and its errors and warnings."""
    done = subprocess.run(
        [
            *(str(server.bin_dir / "kubectl"), f"--kubeconfig={server.kubeconfig}"),
            *(f"--namespace={namespace}", *argv),
        ],
        input=stdin,
        capture_output=True,
        text=True,
        timeout=KUBECTL_TIMEOUT_S,
        check=False,
    )
    return done.returncode == 0, done.stdout, done.stderr


def try_out(server: ApiServer, namespace: str, content: Object) -> tuple[Object, str]:
    """What the server would make of `content`, and its warnings."""
    worked, out, err = ask(
        *(server, namespace, "create", "--dry-run=server", "--output=json", "--filename=-"),
        stdin=json.dumps(content),
    )
    assert worked, err
    made: Object = json.loads(out)
    return made, err


def wait_in_force(server: ApiServer) -> None:
    """Wait until policies that were just applied are in force."""
    namespace = server.make_namespace()
    deadline_s = time.monotonic() + IN_FORCE_TIMEOUT_S
    while True:
        made, _ = try_out(server, namespace, make_asking_pod())
        if "initContainers" in made["spec"]:
            return
        assert time.monotonic() < deadline_s, "the policies did not come into force"
        time.sleep(POLL_S)
