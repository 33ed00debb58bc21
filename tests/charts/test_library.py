from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml
from kubernetes.client import V1PodStatus

from sidecar import __version__
from sidecar.core.bridge import Command
from sidecar.core.snapshot import digest_of
from sidecar.record.annotations import WRITABLE
from sidecar.settings.flags import FLAGS
from tests.charts.helm import CHARTS, Helm, Objects, pick, pod_of, sidecar_of
from tests.charts.settings import read_settings

README = CHARTS / "surehup-lib" / "README.md"
SIDECAR: dict[str, Any] = {
    "configMap": "app-config",
    "mount": "/etc/app",
    "preset": "prometheus",
}


@pytest.fixture
def consumer(tmp_path: Path) -> Path:
    """A chart of somebody's own, as the README tells to make it."""
    dependency, _, deployment, *_ = re.findall(r"```yaml\n(.+?)```", README.read_text(), re.DOTALL)
    chart = tmp_path / "app"
    (chart / "charts").mkdir(parents=True)
    (chart / "templates").mkdir()
    head = "apiVersion: v2\nname: app\nversion: 7.0.0\nappVersion: 7.7.7\n"
    (chart / "Chart.yaml").write_text(head + dependency)
    text = deployment.replace(
        "spec:\n  template",
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: app}\nspec:\n  template",
        1,
    )
    (chart / "templates" / "deployment.yaml").write_text(text)
    shutil.copytree(CHARTS / "surehup-lib", chart / "charts" / "surehup-lib")
    return chart


def render(helm: Helm, chart: Path, **changes: Any) -> Objects:  # noqa: ANN401
    return helm.render(chart, {"surehup": {**SIDECAR, **changes}})


def add(chart: Path, template: str) -> None:
    (chart / "templates" / "more.yaml").write_text(template)


def test_readme_is_a_working_chart(helm: Helm, consumer: Path, tmp_path: Path) -> None:
    objects = render(helm, consumer)

    pod = pod_of(pick(objects, "Deployment"))
    (bridge,) = read_settings(pod, sidecar_of(pod), tmp_path).bridges
    assert bridge.source.config_map == "default/app-config"
    assert bridge.source.mount == "/etc/app"
    assert pick(objects, "Role")["rules"][0]["resourceNames"] == ["app-config"]
    assert pick(objects, "RoleBinding")["subjects"][0]["name"] == "default"


def test_image_is_of_this_version_and_not_the_consumers(helm: Helm, consumer: Path) -> None:
    pod = pod_of(pick(render(helm, consumer), "Deployment"))

    assert sidecar_of(pod)["image"] == f"surehup:{__version__}"


@pytest.mark.parametrize(
    ("image", "expected"),
    [
        ({"registry": "registry.example/team/"}, f"registry.example/team/surehup:{__version__}"),
        ({"tag": "edge"}, "surehup:edge"),
        ({"tag": "edge", "digest": "sha256:1234"}, "surehup@sha256:1234"),
    ],
)
def test_image_is_put_together(
    helm: Helm, consumer: Path, image: dict[str, str], expected: str
) -> None:
    pod = pod_of(pick(render(helm, consumer, image=image), "Deployment"))

    assert sidecar_of(pod)["image"] == expected


def test_published_mode(helm: Helm, consumer: Path) -> None:
    spec = pod_of(pick(render(helm, consumer, publish="/etc/live"), "Deployment"))["spec"]

    assert spec["containers"][0]["volumeMounts"] == [
        {"name": "surehup-published", "mountPath": "/etc/live", "readOnly": True}
    ]


def test_plain_container(helm: Helm, consumer: Path) -> None:
    spec = pod_of(pick(render(helm, consumer, native=False), "Deployment"))["spec"]

    assert not spec["initContainers"]
    assert [one["name"] for one in spec["containers"]] == ["app", "surehup"]


def test_several_bridges_are_told_by_a_settings_file(
    helm: Helm, consumer: Path, tmp_path: Path
) -> None:
    bridges = [
        {"preset": "nginx", "source": {"configMap": "default/app-config", "mount": "/etc/app"}},
        {"name": "tls", "preset": "nginx", "source": {"secret": "app-tls", "mount": "/etc/tls"}},
    ]
    mounts = [{"name": "config", "mountPath": "/etc/app"}, {"name": "tls", "mountPath": "/etc/tls"}]
    objects = helm.render(
        consumer, {"surehup": {"settings": {"bridges": bridges}, "volumeMounts": mounts}}
    )

    pod = pod_of(pick(objects, "Deployment"))
    settings = read_settings(pod, sidecar_of(pod), tmp_path)
    assert [bridge.name for bridge in settings.bridges] == ["nginx", "tls"]
    rules = {rule["resources"][0]: rule for rule in pick(objects, "Role")["rules"]}
    assert rules["configmaps"]["resourceNames"] == ["app-config"]
    assert rules["secrets"]["resourceNames"] == ["app-tls"]


def test_all_flags_may_be_given(helm: Helm, consumer: Path, tmp_path: Path) -> None:
    given = {
        "preset": "",
        "process": "daemon.*",
        "container": "app",
        "signal": "SIGUSR1",
        "metricsUrl": "http://127.0.0.1:8080/metrics",
        "deadline": "7s",
        "file": "app.yml",
        "rollback": "none",
        "group": "blue",
        "logFormat": "text",
        "logLevel": "debug",
        "validate": ["daemon --check {file}", "true"],
        "settings": {
            "bridges": [
                {"confirm": {"evidence": [[{"role": "success_counter", "metric": "ok_total"}]]}}
            ]
        },
    }
    pod = pod_of(pick(render(helm, consumer, **given), "Deployment"))

    settings = read_settings(pod, sidecar_of(pod), tmp_path)

    (bridge,) = settings.bridges
    assert bridge.target.process == "daemon.*"
    assert bridge.proof.deadline_s == 7
    assert bridge.policy.group == "blue"
    commands = [check.argv[0] for check in bridge.checks if isinstance(check, Command)]
    assert commands == ["daemon", "true"]
    assert settings.log_format == "text"


def test_two_sources_in_one_bridge_are_refused(helm: Helm, consumer: Path) -> None:
    told = helm.refuse(consumer, {"surehup": {**SIDECAR, "secret": "x"}})

    assert "configMap and secret are both set" in told


def test_missing_mount_is_told(helm: Helm, consumer: Path) -> None:
    assert "mount is empty" in helm.refuse(consumer, {"surehup": {**SIDECAR, "mount": ""}})


def test_mount_alone_asks_for_no_rights(helm: Helm, consumer: Path) -> None:
    objects = render(helm, consumer, configMap="")

    assert {one["kind"] for one in objects} == {"Deployment"}


def test_monitoring_is_there_for_consumers_too(helm: Helm, consumer: Path) -> None:
    add(
        consumer,
        """
{{- $surehup := dict "root" $ "values" .Values.surehup "selector" (dict "app" "app") }}
{{ include "surehup.podMonitor" $surehup }}
---
{{ include "surehup.prometheusRule" $surehup }}
---
{{ include "surehup.dashboard" $surehup }}
---
{{ include "surehup.releaseGuard" $surehup }}
""",
    )
    on = {"enabled": True}

    objects = render(helm, consumer, podMonitor=on, prometheusRule=on, dashboard=on, guard=on)

    assert pick(objects, "PodMonitor")["spec"]["selector"] == {"matchLabels": {"app": "app"}}
    assert pick(objects, "PrometheusRule")["spec"]["groups"]
    assert pick(objects, "ConfigMap")["metadata"]["labels"]["grafana_dashboard"] == "1"
    assert pick(objects, "ValidatingAdmissionPolicy")


def test_digest_covers_binary_data(helm: Helm, consumer: Path) -> None:
    add(
        consumer,
        """
{{- $files := dict "data" (dict "b" "text") "binaryData" (dict "a" "/w==") }}
apiVersion: v1
kind: ConfigMap
metadata:
  name: x
  annotations:
    surehup.dev/desired: {{ include "surehup.desiredDigest" $files }}
""",
    )

    annotations = pick(render(helm, consumer), "ConfigMap")["metadata"]["annotations"]

    assert annotations["surehup.dev/desired"] == digest_of({"a": b"\xff", "b": b"text"})


def test_guard_lets_pass_what_the_sidecar_writes() -> None:
    text = (CHARTS / "surehup-lib" / "templates" / "_guard.tpl").read_text()
    (keys,) = re.findall(r"surehup\\+\.dev/\((.+?)\)\$", text)

    assert set(keys.split("|")) == WRITABLE | {"updated"}


def test_guard_knows_all_fields_of_a_pods_status() -> None:
    text = (CHARTS / "surehup-lib" / "templates" / "_guard.tpl").read_text()
    (listed,) = re.findall(r"range \$field := list (.+?) }}", text)

    fields = set(V1PodStatus.attribute_map.values())
    assert fields - {"conditions"} <= set(re.findall(r'"(\w+)"', listed))


def test_annotations_are_flags() -> None:
    text = (CHARTS / "surehup-lib" / "templates" / "_sidecar.tpl").read_text()
    listed = yaml.safe_load(text.partition('"surehup.annotatedFlags" -}}')[2].partition("{{-")[0])

    known = {flag.name for flag in FLAGS}
    assert set(listed) <= known
    not_by_annotation = {"mount", "container", "publish", "pid", "listen", "http-control"}
    assert known - set(listed) == not_by_annotation | {"state-dir", "poll"}


def test_no_template_takes_the_consumers_version() -> None:
    for path in (CHARTS / "surehup-lib" / "templates").iterdir():
        code = re.sub(r"\{\{-? */\*.*?\*/ *-?\}\}", "", path.read_text(), flags=re.DOTALL)
        assert ".Chart." not in code
        for name in re.findall(r'define "([^"]+)"', code):
            assert name.startswith("surehup.")
