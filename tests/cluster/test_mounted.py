"""One replica over a mounted ConfigMap: the API says what comes, the kubelet brings it."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from sidecar.kube.ports import CONTROLLER_REVISIONS, Json
from sidecar.record.annotations import read_marks
from tests.apiserver.server import ApiServer
from tests.cluster.objects import read_digest
from tests.cluster.pods import Pod, Stage, digest_of, eventually, make_demo, running_pod, set_stage

REJECTED_WITHIN_S = 10.0


@pytest.fixture(scope="module")
def pod(api_server: ApiServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pod]:
    with (
        set_stage(api_server, tmp_path_factory.mktemp("mounted")) as stage,
        running_pod(stage, confirm={"deadline": "3s"}) as pod,
    ):
        pod.wait_marks(lambda marks: marks.get("status") == "Applied")
        yield pod


@pytest.fixture
def stage(api_server: ApiServer, tmp_path: Path) -> Iterator[Stage]:
    with set_stage(api_server, tmp_path) as stage:
        yield stage


def list_revisions(stage: Stage) -> list[int]:
    items: list[Json] = stage.subject.admin.list(CONTROLLER_REVISIONS, stage.namespace)["items"]
    return sorted(item["revision"] for item in items)


def find_condition(pod: Pod, kind: str = "surehup.dev/ConfigApplied") -> Json | None:
    conditions = pod.read_pod()["status"].get("conditions") or []
    return next((entry for entry in conditions if entry["type"] == kind), None)


def test_first_sight_is_applied_and_kept(pod: Pod) -> None:
    marks = pod.wait_marks(lambda marks: "revision" in marks)
    assert marks["observed"] == marks["active"] == read_digest(pod.stage.subject.read())
    assert (marks["status"], marks["protocol"]) == ("Applied", "1")
    assert "previous" not in marks
    assert int(marks["revision"]) in list_revisions(pod.stage)


def test_a_good_edit_is_hurried_and_applied_by_one_reload(pod: Pod) -> None:
    pod.apply()
    ready, reloads, syncs = find_condition(pod, "Ready"), pod.reloads, pod.kubelet.syncs
    before = pod.stage.subject.mark()
    pod.apply()
    assert (pod.reloads, pod.kubelet.syncs) == (reloads + 1, syncs + 1)
    statuses = [marks.get("status") for marks in pod.stage.subject.since(before)]
    assert statuses[-2:] == ["Reloading", "Applied"]
    pod.rest()
    assert (find_condition(pod) or {})["status"] == "True"
    assert find_condition(pod, "Ready") == ready


def test_a_bad_edit_is_rejected_before_the_mount_has_it(pod: Pod) -> None:
    good = pod.apply()
    pod.rest()
    active = read_marks(pod.stage.subject.read())["active"]
    reloads, syncs = pod.reloads, pod.kubelet.syncs
    started_s = time.monotonic()
    digest = pod.put(pod.broken())
    marks = pod.settle(digest, "Rejected")
    assert time.monotonic() - started_s < REJECTED_WITHIN_S
    assert marks["active"] == active
    assert "prometheus.yml" in marks["message"]
    assert "not a valid duration" in marks["message"]
    eventually(
        lambda: any(
            event["reason"] == "ConfigRejected" and digest[:12] in event["note"]
            for event in pod.stage.list_events()
        )
    )
    condition = find_condition(pod)
    assert condition is not None
    assert condition["status"] == "True"
    assert (pod.reloads, pod.kubelet.syncs) == (reloads, syncs)
    assert pod.shows(good)
    assert pod.sidecar.metric("surehup_config_restart_safe{") == 1
    pod.kubelet.sync()  # in the end the kubelet brings it all the same, and then it is told
    eventually(lambda: (find_condition(pod) or {}).get("reason") == "Rejected")
    assert pod.sidecar.metric("surehup_config_restart_safe{") == 0
    assert (pod.reloads, pod.shows(good)) == (reloads, True)
    pod.apply()


def test_what_the_daemon_refuses_is_rolled_back(pod: Pod) -> None:
    pod.apply()
    active = read_marks(pod.stage.subject.read())["active"]
    reloads = pod.reloads
    files = pod.refused()
    marks = pod.settle(pod.put(files), "RolledBack")
    assert marks["active"] == active
    assert "previous" not in marks
    assert "refused this content" in marks["message"]
    assert pod.reloads == reloads + 1
    assert pod.stage.subject.read()["data"] == files
    pod.apply()


def test_there_and_back(pod: Pod) -> None:
    first = pod.apply()
    second = pod.apply()
    reloads = pod.reloads
    pod.settle(pod.put(first), "Applied")
    assert pod.shows(first)
    assert pod.reloads == reloads + 1
    pod.put(second)
    pod.settle(pod.put(first), "Applied")
    eventually(lambda: pod.shows(first))


def test_an_edit_with_equal_content_changes_nothing(pod: Pod) -> None:
    files = pod.apply()
    reloads, before = pod.reloads, pod.stage.subject.mark()
    pod.stage.subject.admin.patch(pod.stage.subject.ref, {"metadata": {"labels": {"a": "b"}}})
    pod.put(files)
    pod.apply()
    assert pod.reloads == reloads + 1
    statuses = [marks.get("status") for marks in pod.stage.subject.since(before)]
    assert statuses.count("Reloading") == 1


def test_lost_annotations_are_rebuilt_from_what_runs(pod: Pod) -> None:
    pod.apply()
    reloads = pod.reloads
    content = pod.stage.subject.read()
    marks = read_marks(content)
    del content["metadata"]["annotations"]
    del content["metadata"]["resourceVersion"]
    del content["metadata"]["managedFields"]
    pod.stage.kubectl("replace", "-f-", stdin=json.dumps(content))
    again = pod.settle(marks["observed"], "Applied")
    assert again["active"] == marks["active"]
    assert again["revision"] == marks["revision"]
    assert pod.reloads == reloads


@pytest.mark.parametrize("force", [False, True])
def test_another_manager_applies(pod: Pod, force: bool) -> None:  # noqa: FBT001
    pod.apply()
    files = pod.valid()
    manifest = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": pod.stage.subject.ref.name},
        "data": files,
    }
    argv = ["apply", "--server-side", f"--field-manager=gitops-{force}", "-f-"]
    if force:
        argv.append("--force-conflicts")
        pod.stage.kubectl(*argv, stdin=json.dumps(manifest))
        pod.settle(read_digest(pod.stage.subject.read()), "Applied")
        assert pod.shows(files)
    else:
        active, reloads = read_marks(pod.stage.subject.read())["active"], pod.reloads
        with pytest.raises(AssertionError, match="conflict"):
            pod.stage.kubectl(*argv, stdin=json.dumps(manifest))
        assert read_marks(pod.stage.subject.read())["active"] == active
        assert pod.reloads == reloads


def test_paused_and_resumed(pod: Pod) -> None:
    old = pod.apply()
    pod.stage.subject.annotate(paused="true")
    reloads, files = pod.reloads, pod.valid()
    digest = pod.put(files)
    marks = pod.wait_marks(
        lambda marks: marks.get("status") == "Paused" and "passed" in marks.get("message", "")
    )
    assert marks["observed"] == digest != marks["active"]
    assert pod.shows(old)
    bad = pod.put(pod.broken())
    pod.settle(bad, "Rejected")
    pod.put(files)
    pod.settle(digest, "Paused")
    assert pod.reloads == reloads
    pod.stage.subject.annotate(paused=None)
    pod.settle(digest, "Applied")
    assert pod.shows(files)


def test_a_retry_is_heeded_once(pod: Pod) -> None:
    pod.apply()
    digest = pod.put(pod.refused())
    pod.settle(digest, "RolledBack")
    reloads = pod.reloads
    pod.stage.subject.annotate(requested="again, please")
    marks = pod.wait_marks(lambda marks: marks.get("handled") == "again, please")
    # A gauge that is 0 already tells nothing new of Prometheus.
    pod.wait_marks(lambda marks: marks.get("status") in {"RolledBack", "Unconfirmed"})
    assert pod.reloads == reloads + 1, marks
    pod.apply()


def test_without_the_permission_the_kubelets_pace_is_waited_for(
    api_server: ApiServer, tmp_path: Path
) -> None:
    with (
        set_stage(api_server, tmp_path, pod_status=False) as stage,
        running_pod(stage, kubelet={"delay_s": 0.5}) as pod,
    ):
        pod.wait_marks(lambda marks: marks.get("status") == "Applied")
        pod.apply()
        assert "pods/status" in pod.sidecar.log
        rule = 'apiGroups [\\"\\"] resources [pods/status]'
        assert rule in pod.sidecar.log, pod.sidecar.tail
        assert pod.sidecar.log.count("pods/status") == 1
        pod.kubelet.delay_s = 3600.0
        digest = pod.put(pod.valid())
        marks = pod.settle(digest, "Pending")
        assert marks["active"] != digest
        pod.kubelet.sync()
        pod.settle(digest, "Applied")


def test_an_edit_during_the_proof(stage: Stage) -> None:
    with running_pod(stage, kind=make_demo("--delay=0.5")) as pod:
        pod.wait_marks(lambda marks: marks.get("status") == "Applied")
        first = pod.put(pod.valid())
        pod.settle(first, "Reloading")
        files = pod.valid()
        pod.settle(pod.put(files), "Applied")
        assert pod.shows(files)


@pytest.mark.parametrize("rollback", ["none", "data"])
def test_other_ways_back(stage: Stage, rollback: str) -> None:
    with running_pod(stage, rollback=rollback) as pod:
        pod.wait_marks(lambda marks: marks.get("status") == "Applied")
        good = pod.apply()
        bad = pod.refused()
        digest = pod.put(bad)
        if rollback == "none":
            marks = pod.settle(digest, "Failed")
            assert marks["active"] == digest_of(good)
            assert stage.subject.read()["data"] == bad
            return
        pod.settle(digest, "RolledBack")
        stage.subject.wait(lambda content: content is not None and content["data"] == good)
        pod.settle(digest_of(good), "Applied")
        assert pod.shows(good)
        reloads = pod.reloads
        before = stage.subject.mark()
        marks = pod.settle(pod.put(bad), "Rejected")  # a tool that insists is not fought
        assert "failed before" in marks["message"]
        assert stage.subject.read()["data"] == bad
        assert pod.reloads == reloads
        assert stage.subject.mark() - before < 10
