"""Helm, asked for what the charts of this checkout come to."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests.apiserver.server import ROOT

CHARTS = ROOT / "charts"
TIMEOUT_S = 60.0
Object = dict[str, Any]
Objects = list[Object]
Values = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Helm:
    """A helm program; charts are named, or a folder."""

    program: Path

    def render(
        self,
        chart: str | Path,
        values: Values,
        *,
        release: str = "demo",
        namespace: str = "default",
        kube_version: str = "",
    ) -> Objects:
        """The objects of a release, hooks among them."""
        done = self._template(chart, values, release, namespace, kube_version)
        assert done.returncode == 0, done.stderr
        return [content for content in yaml.safe_load_all(done.stdout) if content]

    def print(self, chart: str | Path, values: Values) -> str:
        """The same as helm's own text, in which a key may stand twice."""
        done = self._template(chart, values, "demo", "default", "")
        assert done.returncode == 0, done.stderr
        return done.stdout

    def refuse(self, chart: str | Path, values: Values, *, kube_version: str = "") -> str:
        """Why there is no release with these values."""
        done = self._template(chart, values, "demo", "default", kube_version)
        assert done.returncode != 0, done.stdout
        return done.stderr

    def run(self, *argv: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        """Run it."""
        return subprocess.run(
            [str(self.program), *argv],
            input=stdin,
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
            check=False,
        )

    def _template(
        self, chart: str | Path, values: Values, release: str, namespace: str, kube_version: str
    ) -> subprocess.CompletedProcess[str]:
        version = [f"--kube-version={kube_version}"] if kube_version else []
        return self.run(
            *("template", release, str(CHARTS / chart), f"--namespace={namespace}"),
            *("--values=-", *version),
            stdin=json.dumps(values),
        )


def load_example(name: str) -> dict[str, Any]:
    """The values of one of the application chart's examples."""
    path = CHARTS / "surehup" / "examples" / f"{name}.yaml"
    values: dict[str, Any] = yaml.safe_load(path.read_text())
    return values


def pick(objects: Objects, kind: str, name: str = "") -> Object:
    """The one object of this kind (and name)."""
    found = [
        one
        for one in objects
        if one["kind"] == kind and (not name or one["metadata"]["name"] == name)
    ]
    assert len(found) == 1, [(one["kind"], one["metadata"]["name"]) for one in objects]
    return found[0]


def pod_of(workload: Object) -> Object:
    """The pod that a workload makes."""
    template: Object = workload["spec"]["template"]
    return template


def sidecar_of(pod: Object, name: str = "surehup") -> Object:
    """The sidecar's container, wherever it is."""
    containers = [*pod["spec"].get("initContainers", []), *pod["spec"]["containers"]]
    (found,) = [one for one in containers if one["name"] == name]
    container: Object = found
    return container
