"""Objects of other kinds and shapes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest

from sidecar.kube.ports import CONFIG_MAPS, CONTROLLER_REVISIONS, SECRETS, Ref
from tests.apiserver.server import CONFIG_MAP, ApiServer
from tests.cluster.objects import Subject, read_digest, watching
from tests.cluster.pods import (
    DEMO_KIND,
    PROMETHEUS_KIND,
    Stage,
    change_rule,
    digest_of,
    eventually,
    number,
    running_pod,
    set_stage,
    wait_for_files,
)
from tests.daemons.harness import Place, Running
from tests.daemons.processes import find_free_port


@pytest.fixture
def stage(api_server: ApiServer, tmp_path: Path) -> Iterator[Stage]:
    with set_stage(api_server, tmp_path) as stage:
        yield stage


def test_only_mapped_keys_reach_the_daemon(stage: Stage) -> None:
    items = [("main", "prometheus.yml")]
    stage.subject.put({"main": PROMETHEUS_KIND.valid(number()), "notes": "one"})
    source = {"items": [{"key": key, "path": path} for key, path in items]}
    with running_pod(stage, first=False, kubelet={"items": items}, source=source) as pod:

        def put(**files: str) -> str:
            pod.good.add(digest_of(files))
            return stage.subject.put(files)

        pod.good.add(read_digest(stage.subject.read()))
        pod.settle_now("Applied")
        text = PROMETHEUS_KIND.valid(number())
        pod.settle(put(main=text, notes="two"), "Applied")
        assert pod.shows({"prometheus.yml": text})
        reloads = pod.reloads
        pod.settle(put(main=text, notes="three"), "Applied")
        assert pod.reloads == reloads
        pod.settle(stage.subject.put({"main": PROMETHEUS_KIND.broken(1), "notes": "4"}), "Rejected")
        assert pod.reloads == reloads


def test_a_secret_is_applied_and_nothing_of_it_is_told(
    api_server: ApiServer, tmp_path: Path
) -> None:
    password = "hunter2"  # noqa: S105  the one that nobody may read
    with (
        set_stage(api_server, tmp_path, resource=SECRETS) as stage,
        running_pod(stage, kind=DEMO_KIND) as pod,
    ):
        pod.settle_now("Applied")
        digest = pod.put({"demo.conf": f"message: {password}\n"})
        pod.settle(digest, "Applied")
        assert pod.shows({"demo.conf": f"message: {password}\n"})
        bare = digest_of({"demo.conf": f"message: {password}\n"})
        marks = pod.settle(pod.put({"demo.conf": f"{password}: 1\n"}), "Rejected")
        assert password not in json.dumps(marks)
        assert password not in json.dumps(stage.list_events())
        assert password not in json.dumps(pod.read_pod())
        revisions = stage.subject.admin.list(CONTROLLER_REVISIONS, stage.namespace)
        assert revisions["items"]
        assert password not in json.dumps(revisions)
        told = [json.dumps(known) for known in (marks, stage.list_events(), pod.read_pod())]
        assert bare[:12] not in "".join([*told, json.dumps(revisions), pod.sidecar.log])
        assert password not in pod.sidecar.log
        first = next(filter(None, stage.subject.seen))
        pod.good = {digest, read_digest(first | {"metadata": stage.subject.read()["metadata"]})}


def test_an_optional_object_comes_later(stage: Stage) -> None:
    with running_pod(stage, first=False, start=False, kubelet={"optional": True}) as pod:
        pod.wait_connected()
        files = pod.valid()
        digest = pod.put(files)
        pod.sidecar.wait_for(lambda status: status["observed"] == digest)
        wait_for_files(pod)
        pod.daemon.start()
        pod.settle(digest, "Applied")
        assert pod.shows(files)
        stage.subject.delete()
        stage.subject.wait(lambda content: content is None)
        pod.kubelet.sync()
        eventually(lambda: not (pod.daemon.folder / pod.kind.key).exists(), lambda: "not emptied")
        assert pod.shows(files)
        pod.settle(pod.put(files), "Applied")
        assert pod.shows(files)


def test_two_bridges_in_one_sidecar(stage: Stage) -> None:
    other = Subject(admin=stage.subject.admin, ref=Ref(CONFIG_MAPS, stage.namespace, "other"))
    change_rule(stage.server, stage.namespace, 0, resourceNames=[CONFIG_MAP, "other"])
    place = Place(
        folder=stage.folder / "shared",
        scratch=stage.folder / "beside",
        port=find_free_port(),
        other_port=find_free_port(),
    )
    place.folder.mkdir()
    place.scratch.mkdir()
    program = stage.folder / "program-beside"
    program.symlink_to(DEMO_KIND.spec.program)
    daemon = Running(spec=replace(DEMO_KIND.spec, program=str(program)), place=place)
    bridge = {
        **DEMO_KIND.bridge,
        "source": {"configMap": f"{stage.namespace}/other"},
        "mode": "published",
        "publish": str(place.folder),
        "target": {"process": str(program)},
        "rollout": {"replicas": 1},
    }
    bridge["confirm"] = {**bridge["confirm"], "url": f"http://127.0.0.1:{place.port}/metrics"}
    first = other.put({"demo.conf": "message: first\n"})
    with watching(stage.subject.admin, other), running_pod(stage, others=[bridge]) as pod:
        eventually((place.folder / "demo.conf").exists, lambda: pod.sidecar.tail)
        with ExitStack() as stack:
            stack.callback(daemon.stop)
            daemon.start()
            beside = replace(
                pod, stage=replace(stage, subject=other), daemon=daemon, kind=DEMO_KIND, good=set()
            )
            beside.settle(first, "Applied")
            pod.settle_now("Applied")
            reloads = pod.reloads
            beside.apply()
            assert pod.reloads == reloads
            beside.settle(beside.put(beside.broken()), "Rejected")
            pod.apply()
            condition = next(
                entry
                for entry in pod.read_pod()["status"]["conditions"]
                if entry["type"] == "surehup.dev/ConfigApplied"
            )
            assert condition["reason"] == "Rejected"
            assert condition["message"].startswith("demo: ")
