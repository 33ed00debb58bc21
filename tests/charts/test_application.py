from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from sidecar import __version__
from sidecar.core.bridge import Mode
from sidecar.core.snapshot import digest_of
from tests.charts.helm import CHARTS, Helm, Object, Objects, load_example, pick, pod_of, sidecar_of
from tests.charts.settings import read_settings

EXAMPLES = sorted(path.stem for path in (CHARTS / "surehup" / "examples").glob("*.yaml"))


def merge(values: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    merged = dict(values)
    for key, value in changes.items():
        old = merged.get(key)
        both = isinstance(old, dict) and isinstance(value, dict)
        merged[key] = merge(old, value) if both else value  # type: ignore[arg-type]
    return merged


def render(helm: Helm, kube_version: str = "", **changes: Any) -> Objects:  # noqa: ANN401
    values = merge(load_example("prometheus"), changes)
    return helm.render("surehup", values, kube_version=kube_version)


def pod(objects: Objects) -> Object:
    return pod_of(pick(objects, "Deployment"))


@pytest.mark.parametrize("name", EXAMPLES)
def test_each_example_passes_lint(helm: Helm, name: str) -> None:
    values = CHARTS / "surehup" / "examples" / f"{name}.yaml"

    done = helm.run("lint", "--strict", str(CHARTS / "surehup"), f"--values={values}")

    assert done.returncode == 0, done.stdout
    assert "0 chart(s) failed" in done.stdout


@pytest.mark.parametrize("name", EXAMPLES)
@pytest.mark.parametrize("published", [False, True])
@pytest.mark.parametrize("replicas", [1, 3])
def test_sidecar_takes_the_settings_it_is_given(
    helm: Helm,
    tmp_path: Path,
    name: str,
    published: bool,  # noqa: FBT001  a parameter of the test
    replicas: int,
) -> None:
    values = merge(load_example(name), {"config": {"published": published}, "replicas": replicas})
    made = pod(helm.render("surehup", values))

    (bridge,) = read_settings(made, sidecar_of(made), tmp_path).bridges

    assert bridge.preset == values["sidecar"]["preset"]
    assert bridge.source.config_map == "default/demo-config"
    assert bridge.source.mode is (Mode.PUBLISHED if published else Mode.MOUNTED)
    assert bridge.target.container == values["main"]["name"]
    assert bridge.policy.rollout.replicas == replicas


def test_settings_file_of_ones_own_is_kept_beside_the_replicas(helm: Helm, tmp_path: Path) -> None:
    own = {"settings": {"debounce": "3s"}}
    made = pod(render(helm, replicas=2, sidecar=own))

    settings = read_settings(made, sidecar_of(made), tmp_path)

    (bridge,) = settings.bridges
    assert bridge.policy.debounce_s == 3
    assert bridge.policy.rollout.replicas == 2


def test_several_bridges_stand_in_the_settings_alone(helm: Helm, tmp_path: Path) -> None:
    tls = {"secret": "tls", "mount": "/etc/tls"}
    bridges = [
        {"preset": "nginx", "source": {"configMap": "demo-config", "mount": "/etc/nginx"}},
        {"name": "tls", "preset": "nginx", "source": tls},
    ]
    sidecar = {"settings": {"bridges": bridges}, "logLevel": "debug"}
    objects = helm.render("surehup", merge(load_example("nginx"), {"sidecar": sidecar}))

    made = pod(objects)
    settings = read_settings(made, sidecar_of(made), tmp_path)
    assert [bridge.source.mount for bridge in settings.bridges] == ["/etc/nginx", "/etc/tls"]
    assert settings.log_level == "debug"
    rules = {rule["resources"][0]: rule for rule in pick(objects, "Role")["rules"]}
    assert rules["secrets"]["resourceNames"] == ["tls"]


def test_sidecar_is_native(helm: Helm) -> None:
    (sidecar,) = pod(render(helm))["spec"]["initContainers"]

    assert sidecar["restartPolicy"] == "Always"
    assert sidecar["image"] == f"surehup:{__version__}"


def test_sidecar_is_a_plain_container_where_it_is_told_to(helm: Helm) -> None:
    spec = pod(render(helm, kube_version="1.27.0", sidecar={"native": False}))["spec"]

    assert "initContainers" not in spec
    assert [one["name"] for one in spec["containers"]] == ["prometheus", "surehup"]
    assert "restartPolicy" not in spec["containers"][1]


def test_clusters_without_native_sidecars_are_told_so(helm: Helm) -> None:
    told = helm.refuse("surehup", load_example("prometheus"), kube_version="1.28.9")

    assert "set native to false" in told


@pytest.mark.parametrize("version", ["1.29.0", "v1.31.4-gke.100", "1.37.2"])
def test_kubernetes_versions_of_all_spellings_are_taken(helm: Helm, version: str) -> None:
    assert render(helm, kube_version=version)


def test_pod_shares_its_processes_and_its_user(helm: Helm) -> None:
    spec = pod(render(helm))["spec"]

    assert spec["shareProcessNamespace"] is True
    assert spec["securityContext"]["runAsUser"] == 65534
    for container in [*spec["initContainers"], *spec["containers"]]:
        context = container["securityContext"]
        assert "runAsUser" not in context
        assert context["capabilities"] == {"drop": ["ALL"]}
        assert context["readOnlyRootFilesystem"] is True


def test_token_is_the_sidecars_alone(helm: Helm) -> None:
    spec = pod(render(helm))["spec"]

    assert spec["automountServiceAccountToken"] is False
    holders = [
        one["name"]
        for one in [*spec["initContainers"], *spec["containers"]]
        if "surehup-token" in {mount["name"] for mount in one["volumeMounts"]}
    ]
    assert holders == ["surehup"]


def test_probes_are_the_sidecars_own_and_none_is_of_readiness(helm: Helm) -> None:
    sidecar = sidecar_of(pod(render(helm)))

    assert sidecar["ports"] == [{"name": "surehup", "containerPort": 9808}]
    assert sidecar["startupProbe"]["httpGet"] == {"path": "/startupz", "port": "surehup"}
    assert sidecar["livenessProbe"]["httpGet"] == {"path": "/healthz", "port": "surehup"}
    assert "readinessProbe" not in sidecar


def test_another_port_is_listened_on(helm: Helm, tmp_path: Path) -> None:
    made = pod(render(helm, sidecar={"port": 9900}))

    sidecar = sidecar_of(made)
    assert sidecar["ports"][0]["containerPort"] == 9900
    assert str(read_settings(made, sidecar, tmp_path).listen) == ":9900"


def test_published_folder_is_written_by_the_sidecar_alone(helm: Helm) -> None:
    spec = pod(render(helm, config={"published": True}))["spec"]

    (main,) = spec["containers"]
    mounts = {mount["name"]: mount for mount in main["volumeMounts"]}
    assert "config" not in mounts
    assert mounts["surehup-published"] == {
        "name": "surehup-published",
        "mountPath": "/etc/prometheus",
        "readOnly": True,
    }
    ours = {mount["name"]: mount for mount in spec["initContainers"][0]["volumeMounts"]}
    assert ours["surehup-published"] == {
        "name": "surehup-published",
        "mountPath": "/etc/prometheus",
    }
    assert ours["config"]["readOnly"] is True
    assert "emptyDir" in {v["name"]: v for v in spec["volumes"]}["surehup-published"]


AWKWARD = {
    "plain": {"a.yml": "a: 1\n"},
    "order": {"b": "1", "a": "2", "B": "3", "a.b": "4", "a-b": "5", "a_b": "6"},
    "line ends": {"crlf": "a\r\nb\r\n", "none": "a", "blank": "\n\n a\n", "tabs": "\ta\t\n"},
    "letters": {"a": "größe: ☃\n", "template": "{{ .Values }} {{`x`}}"},
    "empty": {"a": ""},
    "looks like another type": {"a": "007", "b": "true", "c": "1e3"},
}


@pytest.mark.parametrize("files", AWKWARD.values(), ids=AWKWARD)
def test_desired_is_the_digest_that_the_sidecar_computes(helm: Helm, files: dict[str, str]) -> None:
    values = merge(load_example("nginx"), {})
    values["config"] = {"mountPath": "/etc/nginx", "files": files}

    config_map = pick(helm.render("surehup", values), "ConfigMap")

    assert config_map["data"] == files
    expected = digest_of({key: text.encode() for key, text in files.items()})
    assert config_map["metadata"]["annotations"] == {"surehup.dev/desired": expected}


def test_no_key_of_the_sidecar_is_written(helm: Helm) -> None:
    everything = yaml.safe_dump_all(render(helm, replicas=3))

    assert "surehup.dev/status" not in everything
    assert "checksum/" not in everything


def test_existing_config_map_is_used(helm: Helm, tmp_path: Path) -> None:
    values = load_example("prometheus")
    values["config"] = {"existing": "mine", "mountPath": "/etc/prometheus"}
    objects = helm.render("surehup", values)

    assert not [one for one in objects if one["kind"] == "ConfigMap"]
    made = pod(objects)
    (bridge,) = read_settings(made, sidecar_of(made), tmp_path).bridges
    assert bridge.source.config_map == "default/mine"
    assert pick(objects, "Role")["rules"][0]["resourceNames"] == ["mine"]


def test_role_names_the_one_config_map(helm: Helm) -> None:
    objects = render(helm)

    rules = {rule["resources"][0]: rule for rule in pick(objects, "Role")["rules"]}
    assert rules.keys() == {"configmaps", "controllerrevisions", "events"}
    assert rules["configmaps"]["resourceNames"] == ["demo-config"]
    assert rules["configmaps"]["verbs"] == ["get", "list", "watch", "patch"]
    (subject,) = pick(objects, "RoleBinding")["subjects"]
    assert subject == {"kind": "ServiceAccount", "name": "demo", "namespace": "default"}


@pytest.mark.parametrize(
    ("sidecar", "expected"),
    [
        ({"rbac": {"history": False, "events": False}}, {"configmaps"}),
        ({"rbac": {"podStatus": True}}, {"pods/status"}),
        ({"guard": {"enabled": True}}, {"pods/status"}),
    ],
)
def test_rights_are_values(helm: Helm, sidecar: dict[str, Any], expected: set[str]) -> None:
    rules = pick(render(helm, sidecar=sidecar), "Role")["rules"]

    given = {rule["resources"][0] for rule in rules}
    usual = {"configmaps", "controllerrevisions", "events"}
    assert given == expected if expected < usual else given == usual | expected


def test_guard_is_for_the_pods_account(helm: Helm) -> None:
    objects = render(helm, sidecar={"guard": {"enabled": True}})

    policy = pick(objects, "ValidatingAdmissionPolicy")
    (condition,) = policy["spec"]["matchConditions"]
    assert "['system:serviceaccount:default:demo']" in condition["expression"]
    binding = pick(objects, "ValidatingAdmissionPolicyBinding")
    assert binding["spec"]["policyName"] == policy["metadata"]["name"]
    assert "default" in policy["metadata"]["name"]


def test_guard_needs_a_newer_cluster(helm: Helm) -> None:
    values = merge(load_example("prometheus"), {"sidecar": {"guard": {"enabled": True}}})

    assert "from Kubernetes 1.30 on" in helm.refuse("surehup", values, kube_version="1.29.3")


def test_nothing_of_the_sidecar_is_left_where_it_is_off(helm: Helm) -> None:
    on = {"enabled": True}
    monitors = {"podMonitor": on, "prometheusRule": on, "dashboard": on, "guard": on}
    objects = render(helm, sidecar={"enabled": False, **monitors})

    assert {one["kind"] for one in objects} == {
        "ConfigMap",
        "Deployment",
        "Service",
        "ServiceAccount",
    }
    assert "surehup-" not in yaml.safe_dump(pod(objects)["spec"])


def test_monitoring_is_off_and_comes_when_asked_for(helm: Helm) -> None:
    kinds = {one["kind"] for one in render(helm)}
    assert not kinds & {"PodMonitor", "PrometheusRule"}

    on = {"enabled": True}
    objects = render(
        helm, sidecar={"podMonitor": {**on, "labels": {"release": "x"}}, "prometheusRule": on}
    )
    monitor = pick(objects, "PodMonitor")
    assert monitor["metadata"]["labels"]["release"] == "x"
    assert monitor["spec"]["podMetricsEndpoints"][0]["port"] == "surehup"
    labels = pod(objects)["metadata"]["labels"]
    assert monitor["spec"]["selector"]["matchLabels"].items() <= labels.items()


def test_helm_test_waits_for_the_verdict(helm: Helm) -> None:
    test_pod = pick(render(helm), "Pod")

    assert test_pod["metadata"]["annotations"]["helm.sh/hook"] == "test"
    (container,) = test_pod["spec"]["containers"]
    assert container["args"][:2] == ["wait", "demo-config"]
    labels = pick(render(helm), "Deployment")["spec"]["selector"]["matchLabels"]
    assert not labels.items() <= test_pod["metadata"]["labels"].items()


@pytest.mark.parametrize("chart", ["surehup-lib", "surehup-injector"])
def test_other_charts_pass_lint(helm: Helm, chart: str) -> None:
    done = helm.run("lint", "--strict", str(CHARTS / chart))

    assert done.returncode == 0, done.stdout


CHECKS = {
    "alertmanager": ["amtool", "check-config", "alertmanager.yml"],
    "haproxy": ["haproxy", "-c", "-f", "haproxy.cfg"],
    "nginx": ["nginx", "-t", "-p", ".", "-c", "nginx.conf"],
    "prometheus": ["promtool", "check", "config", "prometheus.yml"],
}


@pytest.mark.parametrize("name", EXAMPLES)
def test_each_example_is_valid_to_its_daemon(name: str, tmp_path: Path) -> None:
    for key, text in load_example(name)["config"]["files"].items():
        (tmp_path / key).write_text(text.replace("/tmp/", f"{tmp_path}/"))  # noqa: S108  the pod's
    path = f"{os.environ['PATH']}:/usr/sbin"

    done = subprocess.run(
        CHECKS[name], cwd=tmp_path, env={"PATH": path}, capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stdout + done.stderr


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "misspelt value": ({"sidecar": {"presett": "nginx"}}, "presett"),
    "misspelt in main": ({"main": {"imagee": {}}}, "imagee"),
    "file that is no text": ({"config": {"files": {"a": {"b": 1}}}}, "/config/files/a"),
    "no number": ({"replicas": "many"}, "/replicas"),
    "root": ({"sidecar": {"runAsUser": 0}}, "/runAsUser"),
    "no image": ({"main": {"image": {"repository": ""}}}, "main.image.repository is empty"),
    "no tag": ({"main": {"image": {"tag": ""}}}, "neither tag nor digest"),
    "unknown word": ({"sidecar": {"rollback": "maybe"}}, "/rollback"),
    "other namespace": (
        {"sidecar": {"settings": {"bridges": [{"source": {"configMap": "other/x"}}]}}},
        "other/x is in another namespace",
    ),
}


@pytest.mark.parametrize(("changes", "told"), WRONG.values(), ids=WRONG)
def test_wrong_values_are_refused(helm: Helm, changes: dict[str, Any], told: str) -> None:
    assert told in helm.refuse("surehup", merge(load_example("prometheus"), changes))


def test_chart_is_packaged_whole(helm: Helm, tmp_path: Path) -> None:
    for chart in ("surehup", "surehup-injector", "surehup-lib"):
        done = helm.run("package", str(CHARTS / chart), f"--destination={tmp_path}")
        assert done.returncode == 0, done.stderr

    packed = tmp_path / f"surehup-{__version__}.tgz"
    assert helm.render(packed, load_example("prometheus")) == render(helm)


def test_chart_works_as_a_dependency(helm: Helm, tmp_path: Path) -> None:
    chart = {"apiVersion": "v2", "name": "parent", "version": "1.0.0", "appVersion": "9.9.9"}
    chart["dependencies"] = [{"name": "surehup", "version": __version__}]  # type: ignore[assignment]
    (tmp_path / "Chart.yaml").write_text(yaml.safe_dump(chart))
    (tmp_path / "charts").mkdir()
    (tmp_path / "charts" / "surehup").symlink_to(CHARTS / "surehup")

    objects = helm.render(tmp_path, {"surehup": load_example("prometheus"), "global": {"x": 1}})

    assert sidecar_of(pod(objects))["image"] == f"surehup:{__version__}"


def test_two_releases_do_not_meet(helm: Helm) -> None:
    values = merge(load_example("prometheus"), {"sidecar": {"guard": {"enabled": True}}})
    names = [
        {(one["kind"], one["metadata"]["name"]) for one in helm.render("surehup", values, **where)}
        for where in (
            {"release": "a", "namespace": "x"},
            {"release": "b", "namespace": "x"},
        )
    ]

    assert not names[0] & names[1]


def test_chart_versions_are_one() -> None:
    for name in ("surehup-lib", "surehup", "surehup-injector"):
        text = (CHARTS / name / "Chart.yaml").read_text()
        assert set(re.findall(r"surehup:([0-9.]+)", text)) <= {__version__}
        chart = yaml.safe_load((CHARTS / name / "Chart.yaml").read_text())
        assert chart["version"] == __version__
        assert chart.get("appVersion", __version__) == __version__
        for dependency in chart.get("dependencies", []):
            assert dependency["version"] == __version__
        assert chart["kubeVersion"].endswith("-0")
