"""What breaks around an attempt, at each of its steps; in the end all is as if nothing had been."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from sidecar.kube.errors import ConflictError
from sidecar.record.annotations import read_marks
from tests.apiserver.server import ApiServer
from tests.cluster.pods import Pod, digest_of, eventually, make_demo, running_pod, set_stage
from tests.cluster.proxies import running_proxy

# A server that is killed in a handshake leaves the test's own client a socket for the collector.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")

RESTART_S = 60.0
"""Who finds a server gone asks it ever more slowly, for up to 30 s."""

STORM_PAUSE_S = 0.005
"""Without it nobody else would ever win on a machine with more to do."""

SLOW = make_demo("--delay=0.4")

Reached = Callable[[Pod, str, int], bool]
"""Whether an attempt on a digest has come to a step; the log's size before it is the third."""


def _says(text: str) -> Reached:
    return lambda pod, _digest, size: text in pod.sidecar.log[size:]


def _stands(*statuses: str) -> Reached:
    def reached(pod: Pod, digest: str, _size: int) -> bool:
        marks = read_marks(pod.stage.subject.seen[-1] or {})
        return (marks.get("observed"), marks.get("status") in statuses) == (digest, True)

    return reached


STEPS: dict[str, Reached] = {
    "edited": lambda *_: True,
    "seen": _says("New content arrived"),
    "claimed": _stands("Reloading", "Applied", "RolledBack"),
    "signalled": _says("Process was told to reload"),
    "decided": _says("Attempt ended"),
    "told": _stands("Applied", "RolledBack"),
}


@pytest.fixture(scope="module")
def pod(api_server: ApiServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pod]:
    with (
        set_stage(api_server, tmp_path_factory.mktemp("faults")) as stage,
        running_pod(stage, published=True, kind=SLOW) as pod,
    ):
        pod.settle_now("Applied")
        yield pod


def reach(pod: Pod, step: str, files: dict[str, str]) -> str:
    """Edit, and come back at that step of the attempt."""
    size = len(pod.sidecar.log)
    digest = pod.put(files)
    eventually(lambda: STEPS[step](pod, digest, size), lambda: pod.sidecar.tail)
    return digest


@pytest.mark.parametrize("step", STEPS)
def test_the_api_server_dies_during_an_attempt(pod: Pod, step: str) -> None:
    pod.apply()
    reloads, files = pod.reloads, pod.valid()
    digest = reach(pod, step, files)
    pod.stage.server.restart()
    marks = pod.settle(digest, "Applied", within_s=RESTART_S)
    if "revision" not in marks:  # what could not be kept is kept later
        pod.wait_marks(lambda marks: "revision" in marks, within_s=RESTART_S)
    assert pod.shows(files)
    assert pod.reloads == reloads + 1


@pytest.mark.parametrize("step", STEPS)
def test_the_sidecar_dies_during_an_attempt(pod: Pod, step: str) -> None:
    pod.apply()
    reloads, files = pod.reloads, pod.valid()
    digest = reach(pod, step, files)
    pod.sidecar.kill()
    pod.sidecar.start()
    pod.settle(digest, "Applied")
    eventually(lambda: pod.shows(files))
    # Between the signal and its journal nobody can tell: this daemon bears another one.
    assert reloads + 1 <= pod.reloads <= reloads + 1 + (step == "claimed"), pod.sidecar.tail


@pytest.mark.parametrize("step", STEPS)
def test_the_sidecar_dies_while_content_fails(pod: Pod, step: str) -> None:
    good = pod.apply()
    digest = reach(pod, step, pod.refused())
    pod.sidecar.kill()
    pod.sidecar.start()
    # Between the signal and its journal nobody can tell, and a second failure in a row is silent.
    words = {"RolledBack", "Unconfirmed"} if step == "claimed" else {"RolledBack"}
    marks = pod.wait_marks(
        lambda marks: marks.get("observed") == digest and marks.get("status") in words
    )
    assert marks["active"] == digest_of(good)
    path = pod.daemon.folder / pod.kind.key
    eventually(lambda: path.read_text() == good[pod.kind.key], lambda: pod.sidecar.tail)
    eventually(lambda: pod.shows(good))


def test_another_writer_storms(pod: Pod) -> None:
    """Most writes of ours meet a newer version, for as long as it lasts."""
    pod.apply()
    stopping = threading.Event()
    conflicts = []

    def storm() -> None:
        while not stopping.wait(STORM_PAUSE_S):
            try:
                pod.stage.subject.admin.patch(
                    pod.stage.subject.ref,
                    {"metadata": {"annotations": {"example.com/storm": str(time.monotonic())}}},
                )
            except ConflictError as conflict:
                conflicts.append(conflict)

    threads = [threading.Thread(target=storm) for _ in range(2)]
    for thread in threads:
        thread.start()
    reloads = pod.reloads
    try:
        for _ in range(2):
            pod.apply()
    finally:
        stopping.set()
        for thread in threads:
            thread.join()
    assert pod.reloads == reloads + 2
    assert pod.sidecar.metric('surehup_api_requests_total{code="409"') > 0


def test_a_silent_watch_is_no_excuse_once_the_mount_moves(
    api_server: ApiServer, tmp_path: Path
) -> None:
    """The peer is dead without a word; the kubelet has another way to the API."""
    with set_stage(api_server, tmp_path) as stage, running_proxy(api_server.url) as proxy:
        config = json.loads(stage.kubeconfig.read_text())
        config["clusters"][0]["cluster"]["server"] = f"https://127.0.0.1:{proxy.port}"
        stage.kubeconfig.write_text(json.dumps(config))
        with running_pod(stage) as pod:
            pod.settle_now("Applied")
            pod.apply()
            pod.rest()
            proxy.silence()
            files = pod.valid()
            digest = pod.put(files)
            stage.subject.wait_content(digest)
            pod.kubelet.sync()
            eventually(lambda: pod.shows(files), lambda: pod.sidecar.tail)
            pod.settle(digest, "Applied", within_s=40)


def test_a_token_that_ends_is_replaced(api_server: ApiServer, tmp_path: Path) -> None:
    with set_stage(api_server, tmp_path) as stage:
        minted = api_server.mint_token(stage.namespace)
        expired = api_server.renew(minted, ends_s=-60)
        good = stage.kubeconfig.read_text()
        config = json.loads(good)
        config["users"][0]["user"]["token"] = expired
        stage.kubeconfig.write_text(json.dumps(config))
        with running_pod(stage, published=True, start=False) as pod:
            pod.sidecar.wait_for_log("does not know who asks")
            stage.kubeconfig.write_text(good)
            pod.wait_connected()
            eventually((pod.daemon.folder / pod.kind.key).exists, lambda: pod.sidecar.tail)
            pod.daemon.start()
            pod.settle_now("Applied")
            pod.apply()
            assert minted not in pod.sidecar.log


def test_a_clock_that_steps_by_days_changes_nothing(api_server: ApiServer, tmp_path: Path) -> None:
    with (
        set_stage(api_server, tmp_path) as stage,
        running_pod(stage, in_pod=["--stepping"]) as pod,
    ):
        pod.settle_now("Applied")
        dates = set()
        for _ in range(8):
            reloads = pod.reloads
            pod.apply()
            assert pod.reloads == reloads + 1
            dates.add(read_marks(stage.subject.read())["updated"].partition("T")[0])
            time.sleep(0.3)
        assert len(dates) == 2
        pod.settle(pod.put(pod.broken()), "Rejected")
        pod.settle(pod.put(pod.refused()), "RolledBack")
        pod.apply()
