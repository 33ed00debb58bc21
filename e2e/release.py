"""A release of the shipped application chart, as `helm` makes, changes and ends it."""

from __future__ import annotations

import itertools
import json
import os
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml

from e2e.cluster import E2E, KUBECTL_WAIT, ROOT, Cluster
from e2e.metrics import METRICS_PORT, add_up
from e2e.namespace import Namespace
from sidecar.kube.ports import Json

CHARTS = ROOT / "charts"
EXAMPLES = CHARTS / "surehup" / "examples"
RELEASE = "demo"
CONFIG = "demo-config"
TAG = "debian12"
HELM_TIMEOUT_S = 120.0
BUILD_TIMEOUT_S = 1800.0
"""The first time it is compiled."""
GUARDED = {"guard": {"enabled": True}}
"""The sidecar with the nudge: what lets an edit arrive within a second."""
Values = Mapping[str, Any]


def find_helm() -> str:
    """The helm that HELM names, else that of this repository, built where it is missing."""
    if "HELM" in os.environ:
        return os.environ["HELM"]
    checked = _build("--check", "helm")
    if checked.returncode != 0:
        subprocess.run([str(ROOT / ".ci" / "setup"), "go"], check=True, timeout=BUILD_TIMEOUT_S)
        checked = _build("helm")
    assert checked.returncode == 0, checked.stderr
    folder = checked.stdout.strip().rpartition("\n")[2]
    return str(Path(folder) / "helm")


def _build(*argv: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(E2E / "build"), *argv],
        capture_output=True,
        text=True,
        timeout=BUILD_TIMEOUT_S,
        check=False,
    )


def read_example(name: str) -> dict[str, Any]:
    """The values of one of the application chart's examples."""
    values: dict[str, Any] = yaml.safe_load((EXAMPLES / f"{name}.yaml").read_text())
    return values


def name_images(cluster: Cluster) -> dict[str, str]:
    """The value `image` of the sidecar, in every chart."""
    return {"registry": cluster.registry, "repository": "surehup", "tag": "dev"}


@dataclass(slots=True, kw_only=True)
class Release:
    """A release in the namespace of a test, made of one of the chart's own examples."""

    namespace: Namespace
    daemon: str
    helm: str
    _files: Iterator[int] = field(default_factory=itertools.count)

    def install(self, *changes: Values) -> None:
        """`helm install`, with the example and `changes` of it."""
        self._put("install", changes)

    def upgrade(self, *changes: Values) -> None:
        """`helm upgrade`, likewise."""
        self._put("upgrade", changes)

    def test(self) -> subprocess.CompletedProcess[str]:
        """`helm test`, with the log of the pod that waits."""
        return self._run("test", RELEASE, "--logs")

    def uninstall(self) -> None:
        """`helm uninstall`, which alone ends what belongs to no namespace."""
        self._run("uninstall", RELEASE, "--ignore-not-found")

    def wait_rolled_out(self) -> None:
        """Wait until all replicas are there and ready."""
        self.namespace.kubectl("rollout", "status", f"deployment/{RELEASE}", KUBECTL_WAIT)

    def list_pods(self) -> list[Json]:
        """The pods of the Deployment that are not about to end."""
        selected = "--selector=app.kubernetes.io/name=surehup,app.kubernetes.io/instance=demo"
        found = json.loads(self.namespace.kubectl("get", "pods", selected, "--output=json"))
        return [pod for pod in found["items"] if "deletionTimestamp" not in pod["metadata"]]

    @property
    def pod(self) -> str:
        """The name of the only pod."""
        (found,) = self.list_pods()
        name: str = found["metadata"]["name"]
        return name

    def ask(self, port: int, path: str, *, pod: str = "") -> str:
        """A page of the daemon."""
        return self.namespace.get_through_proxy(pod or self.pod, port, path)

    def count_signals(self) -> float:
        """How many signals the sidecars of all pods have sent."""
        return sum(
            add_up(
                self.ask(METRICS_PORT, "/metrics", pod=pod["metadata"]["name"]),
                "surehup_signals_total",
            )
            for pod in self.list_pods()
        )

    def identify(self) -> set[tuple[str, int]]:
        """Which pods there are, and how often their containers were started anew."""
        return {
            (
                pod["metadata"]["uid"],
                sum(
                    one["restartCount"]
                    for kind in ("containerStatuses", "initContainerStatuses")
                    for one in pod["status"].get(kind, [])
                ),
            )
            for pod in self.list_pods()
        }

    def _put(self, verb: str, changes: tuple[Values, ...]) -> None:
        cluster = self.namespace.cluster
        local: Values = {
            "main": {"image": {"repository": f"{cluster.registry}/{self.daemon}", "tag": TAG}},
            "sidecar": {"image": name_images(cluster)},
            "terminationGracePeriodSeconds": 5,
        }
        files = [str(EXAMPLES / f"{self.daemon}.yaml")]
        for values in (local, *changes):
            path = self.namespace.folder / f"values-{next(self._files)}.yaml"
            path.write_text(json.dumps(values))
            files.append(str(path))
        chart = str(CHARTS / "surehup")
        done = self._run(verb, RELEASE, chart, *(f"--values={file}" for file in files))
        assert done.returncode == 0, done.stderr

    def _run(self, *argv: str) -> subprocess.CompletedProcess[str]:
        return run_helm(self.helm, self.namespace, *argv)


def run_helm(helm: str, namespace: Namespace, *argv: str) -> subprocess.CompletedProcess[str]:
    """Run helm on a namespace of the cluster."""
    target = (f"--kubeconfig={namespace.cluster.kubeconfig}", f"--namespace={namespace.name}")
    return subprocess.run(
        [helm, *argv, *target],
        capture_output=True,
        text=True,
        timeout=HELM_TIMEOUT_S,
        check=False,
    )


@contextmanager
def installed(
    namespace: Namespace, daemon: str, *changes: Values, ready: bool = True
) -> Iterator[Release]:
    """A release that is uninstalled afterwards; its pods are `ready`, if they are to be."""
    namespace.cluster.provide("surehup", daemon)
    release = Release(namespace=namespace, daemon=daemon, helm=find_helm())
    try:
        release.install(*changes)
        if ready:
            release.wait_rolled_out()
        yield release
    except (Exception, pytest.fail.Exception) as error:
        error.add_note(namespace.describe())  # which shows nothing any more once that is gone
        raise
    finally:
        release.uninstall()
