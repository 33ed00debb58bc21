"""One replica over a shared folder that only the sidecar writes."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest

from sidecar.record.annotations import read_marks
from tests.apiserver.server import ApiServer
from tests.cluster.pods import (
    Pod,
    Stage,
    digest_of,
    eventually,
    running_pod,
    set_stage,
    wait_for_files,
)

MIB = 1 << 20
NO_TEXT = b"\xff\xfe\x00\x80"
OK_GAUGE = "prometheus_config_last_reload_successful"


@pytest.fixture(scope="module")
def pod(api_server: ApiServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pod]:
    with (
        set_stage(api_server, tmp_path_factory.mktemp("published"), pod_status=False) as stage,
        running_pod(stage, published=True) as pod,
    ):
        pod.settle_now("Applied")
        yield pod


@pytest.fixture
def stage(api_server: ApiServer, tmp_path: Path) -> Iterator[Stage]:
    with set_stage(api_server, tmp_path, pod_status=False) as stage:
        yield stage


def read_published(pod: Pod, key: str = "") -> bytes:
    return (pod.daemon.folder / (key or pod.kind.key)).read_bytes()


def fetch_code(pod: Pod, path: str) -> int:
    try:
        with urlopen(f"{pod.sidecar.url}{path}", timeout=5) as answer:  # noqa: S310  loopback
            return int(answer.status)
    except HTTPError as error:
        with error:
            return error.code


def test_a_good_edit_is_published_and_applied_by_one_reload(pod: Pod) -> None:
    reloads = pod.reloads
    files = pod.apply()
    assert pod.reloads == reloads + 1
    assert read_published(pod).decode() == files[pod.kind.key]


def test_a_bad_edit_is_never_published(pod: Pod) -> None:
    good = pod.apply()
    reloads = pod.reloads
    pod.settle(pod.put(pod.broken()), "Rejected")
    assert read_published(pod).decode() == good[pod.kind.key]
    assert (pod.reloads, pod.shows(good)) == (reloads, True)
    assert pod.sidecar.metric("surehup_config_restart_safe{") == 1


def test_what_fails_is_taken_back_and_the_daemon_told_again(pod: Pod) -> None:
    good = pod.apply()
    for _ in range(2):  # a second failure in a row is told as the first
        reloads = pod.reloads
        digest = pod.put(pod.refused())
        marks = pod.settle(digest, "RolledBack")
        assert marks["active"] == digest_of(good)
        eventually(lambda: pod.reloads == reloads + 2, lambda: pod.sidecar.tail)  # noqa: B023
        eventually(lambda: pod.shows(good))
        assert read_published(pod).decode() == good[pod.kind.key]
        told = pod.wait_marks(lambda marks: "runs, proven" in marks.get("message", ""))
        assert (told["status"], told["observed"]) == ("RolledBack", digest)
    pod.apply()


def test_there_and_back(pod: Pod) -> None:
    first = pod.apply()
    second = pod.apply()
    pod.settle(pod.put(first), "Applied")
    assert pod.shows(first)
    pod.put(second)
    pod.settle(pod.put(first), "Applied")
    eventually(lambda: pod.shows(first))
    assert read_published(pod).decode() == first[pod.kind.key]


def test_a_mebibyte_and_what_is_no_text(pod: Pod) -> None:
    files = pod.valid()
    whole: dict[str, str | bytes] = {**files, "big": "x" * (MIB - 2048), "blob": NO_TEXT}
    pod.good.add(digest_of(whole))
    marks = pod.settle(pod.put(whole), "Applied")
    assert read_published(pod, "blob") == NO_TEXT
    assert len(read_published(pod, "big")) == MIB - 2048
    assert int(marks["revision"]) > 1, pod.sidecar.tail
    pod.apply()
    assert not (pod.daemon.folder / "blob").exists()


def test_a_daemon_that_restarts_is_adopted(pod: Pod) -> None:
    files = pod.apply()
    time.sleep(0.1)  # a start within the same tick as the edit proves nothing
    pod.daemon.stop()
    pod.sidecar.wait_for(lambda status: status["target"] is None)
    pod.daemon.start()
    reloads = pod.reloads
    pod.sidecar.wait_for(
        lambda status: status["target"] is not None and status["outOfSyncSeconds"] is None
    )
    assert read_marks(pod.stage.subject.read())["status"] == "Applied"
    assert pod.reloads == reloads
    assert pod.shows(files)


def test_a_restart_of_the_sidecar_changes_nothing(pod: Pod) -> None:
    good = digest_of(pod.apply())
    reloads, before = pod.reloads, pod.stage.subject.mark()
    pod.sidecar.stop()
    pod.sidecar.start()
    pod.wait_connected()
    files = pod.apply()
    assert pod.reloads == reloads + 1
    assert pod.shows(files)
    told = pod.stage.subject.since(before)
    assert {marks["status"] for marks in told if marks["observed"] == good} <= {"Applied"}


def test_deleted_and_created_again(pod: Pod) -> None:
    files = pod.apply()
    reloads = pod.reloads
    pod.stage.subject.delete()
    eventually(lambda: pod.sidecar.metric("surehup_config_restart_safe{") == 0)
    assert pod.shows(files)
    pod.settle(pod.put(files), "Applied")
    assert pod.reloads == reloads
    pod.stage.subject.delete()
    other = pod.valid()
    pod.settle(pod.put(other), "Applied")
    assert pod.shows(other)
    assert pod.reloads == reloads + 1


def test_what_cannot_change_is_applied_and_told(pod: Pod) -> None:
    files = pod.valid()
    pod.stage.subject.delete()
    pod.stage.subject.create(files, immutable=True)
    pod.settle(digest_of(files), "Applied")
    assert pod.shows(files)


def test_a_daemon_comes_up_on_the_last_good_content_while_the_newest_is_bad(stage: Stage) -> None:
    with running_pod(stage, "web-0", published=True) as old:
        good = old.apply()
        old.wait_marks(lambda marks: "revision" in marks)
    digest = stage.subject.put(old.broken())
    with running_pod(stage, "web-1", published=True, first=False) as new:
        new.good |= old.good
        assert new.shows(good)
        marks = new.settle(digest, "Rejected")
        assert marks["active"] == digest_of(good)
        assert new.reloads <= 2
        new.apply()


def test_a_first_content_that_is_bad_is_never_published_and_a_repair_is(stage: Stage) -> None:
    digest = stage.subject.put({"prometheus.yml": "global: [\n"})
    with running_pod(stage, published=True, first=False, start=False) as pod:
        marks = pod.settle(digest, "Rejected")
        assert "active" not in marks
        assert not (pod.daemon.folder / pod.kind.key).exists()
        assert fetch_code(pod, "/startupz") == 503
        files = pod.valid()
        digest = pod.put(files)
        wait_for_files(pod)
        eventually(lambda: fetch_code(pod, "/startupz") == 200, lambda: pod.sidecar.tail)
        pod.daemon.start()
        pod.settle(digest, "Applied")
        assert pod.shows(files)


def test_a_bad_content_outlives_a_kill_of_the_sidecar(pod: Pod) -> None:
    good = pod.valid()
    if pod.stage.subject.read().get("immutable"):
        pod.stage.subject.delete()
    pod.settle(pod.put(good), "Applied")
    reloads = pod.reloads
    digest = pod.put(pod.broken())
    pod.sidecar.kill()
    pod.sidecar.start()
    marks = pod.settle(digest, "Rejected")
    assert marks["active"] == digest_of(good)
    assert read_published(pod).decode() == good[pod.kind.key]
    assert (pod.reloads, pod.shows(good)) == (reloads, True)
