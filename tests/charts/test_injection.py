from __future__ import annotations

import pytest

from tests.apiserver.server import ACCOUNT, ApiServer
from tests.charts.helm import Helm, Objects, load_example, pick, pod_of, sidecar_of
from tests.charts.pods import make_asking_pod, make_deployment, make_pod, try_out

pytestmark = pytest.mark.usefixtures("injector")


def read_env(container: dict[str, object]) -> dict[str, str]:
    listed: list[dict[str, object]] = container["env"]  # type: ignore[assignment]
    return {str(one["name"]): str(one.get("value") or one["valueFrom"]) for one in listed}


def test_pod_with_the_label_gets_the_sidecar(api_server: ApiServer, restricted: str) -> None:
    pod, told = try_out(api_server, restricted, make_asking_pod())

    sidecar = sidecar_of(pod)
    assert pod["spec"]["shareProcessNamespace"] is True
    assert pod["metadata"]["annotations"]["surehup.dev/injected"] == sidecar["image"]
    assert sidecar["restartPolicy"] == "Always"
    assert sidecar["args"] == ["run"]
    assert told == ""


def test_the_main_containers_mounts_and_user_are_copied(
    api_server: ApiServer, restricted: str
) -> None:
    pod, _ = try_out(api_server, restricted, make_asking_pod())

    sidecar = sidecar_of(pod)
    mounts = {mount["name"]: mount for mount in sidecar["volumeMounts"]}
    assert mounts["config"] == {"name": "config", "mountPath": "/etc/app", "readOnly": True}
    assert mounts["surehup-state"]["mountPath"] == "/run/surehup"
    assert sidecar["securityContext"]["runAsUser"] == 1234
    env = read_env(sidecar)
    assert env["SUREHUP_MOUNT"] == "/etc/app"
    assert env["SUREHUP_CONTAINER"] == "main"
    assert "metadata.annotations['surehup.dev/configmap']" in env["SUREHUP_CONFIGMAP"]


@pytest.mark.parametrize(
    "volume",
    [
        {"projected": {"sources": [{"configMap": {"name": "app-config"}}]}},
        {
            "projected": {
                "sources": [{"secret": {"name": "s"}}, {"configMap": {"name": "app-config"}}]
            }
        },
    ],
)
def test_projected_volume_is_found(
    api_server: ApiServer, restricted: str, volume: dict[str, object]
) -> None:
    asking = make_asking_pod(volumes=[{"name": "config", **volume}])

    pod, _ = try_out(api_server, restricted, asking)

    assert sidecar_of(pod)


def test_secret_is_watched_as_well(api_server: ApiServer, restricted: str) -> None:
    asking = make_asking_pod(volumes=[{"name": "config", "secret": {"secretName": "app-tls"}}])
    asking["metadata"]["annotations"] = {"surehup.dev/secret": "app-tls"}

    pod, told = try_out(api_server, restricted, asking)

    assert "config" in {mount["name"] for mount in sidecar_of(pod)["volumeMounts"]}
    assert told == ""


def test_settings_come_as_a_file_from_the_annotation(
    api_server: ApiServer, restricted: str
) -> None:
    asking = make_asking_pod(annotations={"surehup.dev/settings": "bridges: []"})

    pod, _ = try_out(api_server, restricted, asking)

    sidecar = sidecar_of(pod)
    volumes = {volume["name"]: volume for volume in pod["spec"]["volumes"]}
    (item,) = volumes["surehup-settings"]["downwardAPI"]["items"]
    assert item["fieldRef"]["fieldPath"] == "metadata.annotations['surehup.dev/settings']"
    assert sidecar["args"] == ["run", "--config=/etc/surehup/settings.yaml"]
    assert "/etc/surehup" in {mount["mountPath"] for mount in sidecar["volumeMounts"]}


def test_sidecar_comes_last_and_once(api_server: ApiServer, restricted: str) -> None:
    first = {
        "name": "first",
        "image": "mesh:1",
        "restartPolicy": "Always",
        "securityContext": make_pod()["spec"]["containers"][0]["securityContext"],
    }
    pod, _ = try_out(api_server, restricted, make_asking_pod(initContainers=[first]))
    assert [one["name"] for one in pod["spec"]["initContainers"]] == ["first", "surehup"]

    own = {**first, "name": "surehup", "image": "own:1"}
    pod, _ = try_out(api_server, restricted, make_asking_pod(initContainers=[own]))
    assert [one["image"] for one in pod["spec"]["initContainers"]] == ["own:1"]


def test_pod_without_the_label_is_left_alone(api_server: ApiServer, restricted: str) -> None:
    pod, told = try_out(
        api_server, restricted, make_pod(annotations={"surehup.dev/configmap": "app-config"})
    )

    assert "initContainers" not in pod["spec"]
    assert "shareProcessNamespace" not in pod["spec"]
    assert told == ""


def test_namespaces_of_the_system_are_left_alone(api_server: ApiServer) -> None:
    api_server.kubectl("create", "serviceaccount", ACCOUNT, namespace="kube-system")

    pod, _ = try_out(api_server, "kube-system", make_asking_pod())

    assert "initContainers" not in pod["spec"]


WRONG = {
    "container": (
        {"annotations": {"surehup.dev/container": "mian"}},
        "no container mian, which the annotation surehup.dev/container names; there are main",
    ),
    "object": (
        {"annotations": {"surehup.dev/configmap": "other"}},
        "ConfigMap other is not mounted in container main",
    ),
    "nothing named": (
        {"annotations": {"surehup.dev/configmap": ""}},
        "no annotation surehup.dev/configmap or surehup.dev/secret says what to watch",
    ),
    "sharing": (
        {"shareProcessNamespace": False},
        "the pod forbids a shared process namespace",
    ),
}


@pytest.mark.parametrize("kind", ["Pod", "Deployment"])
@pytest.mark.parametrize(("changes", "warning"), WRONG.values(), ids=WRONG)
def test_what_keeps_the_sidecar_out_is_warned_of(
    api_server: ApiServer, restricted: str, kind: str, changes: dict[str, object], warning: str
) -> None:
    asking = make_asking_pod(**changes)

    made, told = try_out(
        api_server, restricted, asking if kind == "Pod" else make_deployment(asking)
    )

    assert "Warning: " in told
    assert warning in told
    assert "surehup" not in str(made["spec"].get("initContainers", ""))


def test_mount_by_sub_path_is_warned_of(api_server: ApiServer, restricted: str) -> None:
    asking = make_asking_pod()
    asking["spec"]["containers"][0]["volumeMounts"][0]["subPath"] = "app.yml"

    _, told = try_out(api_server, restricted, make_deployment(asking))

    assert "it mounts ConfigMap app-config by subPath, and such a mount never changes" in told


PARTIAL = {
    "items": {"configMap": {"name": "app-config", "items": [{"key": "a", "path": "b"}]}},
    "other sources": {
        "projected": {
            "sources": [{"configMap": {"name": "app-config"}}, {"configMap": {"name": "more"}}]
        }
    },
}


BLOCK = """
bridges:
- source:
    items:
    - key: a
      path: b
"""
ITEMIZED = {
    "flow": "bridges: [{source: {items: [{key: a, path: b}]}}]",
    "block": BLOCK,
    "json": '{"bridges": [{"source": {"items": [{"key": "a", "path": "b"}]}}]}',
}
NOT_ITEMIZED = {
    "none": "",
    "other settings": "bridges: [{rollout: {replicas: 3}}]",
    "no item": "bridges: [{source: {items: []}}]",
    "a comment": "# items: [{key: a, path: b}]\nbridges: []",
    "another word": "bridges: [{source: {myitems: [{key: a}]}}]",
}


def warn_of(server: ApiServer, namespace: str, volume: dict[str, object], settings: str) -> str:
    annotations = {"surehup.dev/settings": settings} if settings else {}
    asking = make_asking_pod(annotations=annotations, volumes=[{"name": "config", **volume}])
    _, told = try_out(server, namespace, make_deployment(asking))
    return told


@pytest.mark.parametrize("volume", PARTIAL.values(), ids=PARTIAL)
@pytest.mark.parametrize("settings", NOT_ITEMIZED.values(), ids=NOT_ITEMIZED)
def test_folder_that_is_not_as_the_object_is_warned_of(
    api_server: ApiServer, restricted: str, volume: dict[str, object], settings: str
) -> None:
    told = warn_of(api_server, restricted, volume, settings)

    assert "by items, or adds other sources to it" in told


@pytest.mark.parametrize("volume", PARTIAL.values(), ids=PARTIAL)
@pytest.mark.parametrize("settings", ITEMIZED.values(), ids=ITEMIZED)
def test_items_that_settings_name_are_not_warned_of(
    api_server: ApiServer, restricted: str, volume: dict[str, object], settings: str
) -> None:
    assert warn_of(api_server, restricted, volume, settings) == ""


def test_cron_job_is_looked_into(api_server: ApiServer, restricted: str) -> None:
    pod = make_asking_pod(annotations={"surehup.dev/container": "mian"}, restartPolicy="Never")
    template = {"metadata": pod["metadata"], "spec": pod["spec"]}
    del template["metadata"]["name"]
    cron_job = {
        "apiVersion": "batch/v1",
        "kind": "CronJob",
        "metadata": {"name": "app"},
        "spec": {"schedule": "0 0 * * *", "jobTemplate": {"spec": {"template": template}}},
    }

    _, told = try_out(api_server, restricted, cron_job)

    assert "there is no container mian" in told


def test_workload_that_is_right_is_not_warned_of(api_server: ApiServer, restricted: str) -> None:
    made, told = try_out(api_server, restricted, make_deployment(make_asking_pod()))

    assert told == ""
    assert "initContainers" not in made["spec"]["template"]["spec"]


def test_what_is_injected_is_what_the_charts_write(
    api_server: ApiServer, restricted: str, helm: Helm
) -> None:
    objects = helm.render("surehup", load_example("prometheus"))
    spec = {**pod_of(pick(objects, "Deployment"))["spec"], "serviceAccountName": ACCOUNT}
    written, _ = try_out(api_server, restricted, {**make_pod(), "spec": spec})
    injected, _ = try_out(api_server, restricted, make_asking_pod())

    ours, theirs = sidecar_of(written), sidecar_of(injected)
    told_apart = {"args", "env", "volumeMounts"}
    assert theirs["securityContext"].pop("runAsUser") == 1234
    assert {key: ours[key] for key in ours.keys() - told_apart} == {
        key: theirs[key] for key in theirs.keys() - told_apart
    }


def test_injected_pods_are_monitored_in_all_namespaces(helm: Helm) -> None:
    on = {"enabled": True}
    sidecar = {"podMonitor": on, "prometheusRule": on, "dashboard": on}

    objects = helm.render("surehup-injector", {"sidecar": sidecar})

    spec = pick(objects, "PodMonitor")["spec"]
    assert spec["namespaceSelector"] == {"any": True}
    assert spec["selector"]["matchLabels"] == {"surehup.dev/inject": "enabled"}
    assert pick(objects, "PrometheusRule")["spec"]["groups"]
    assert pick(objects, "ConfigMap")


def test_policies_are_all_there_is(injector: Objects) -> None:
    assert {one["kind"] for one in injector} == {
        "MutatingAdmissionPolicy",
        "MutatingAdmissionPolicyBinding",
        "ValidatingAdmissionPolicy",
        "ValidatingAdmissionPolicyBinding",
    }
