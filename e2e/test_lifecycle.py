"""A pod from its first start to its end, with good and bad configurations."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from e2e.cluster import KUBECTL_WAIT
from e2e.namespace import Namespace, read_manifest
from e2e.prometheus import BAD, CONFIG, FILE, configure, find_interval
from e2e.release import CONFIG as RELEASED
from e2e.release import GUARDED, RELEASE, Release, installed
from e2e.sightings import watching
from sidecar.kube.ports import PODS, Json, Ref

GUARD: Mapping[str, Any] = {"sidecar": GUARDED}
PUBLISHED = {"config": {"published": True}}
POD_WITHIN_S = 60.0
HEALED_WITHIN_S = 200.0
"""The kubelet waits 10, 20 and 40 seconds before it starts what has ended again."""
ENDED_WITHIN_S = 60.0
REFUSED = "global:\n  query_log_file: /no/such/folder/queries.log\n"
"""Checkers let it pass, and Prometheus does not start with it."""


ROLLBACKS: Mapping[str, Mapping[str, Any]] = {
    "published": PUBLISHED,
    "rollback of data": {
        "sidecar": {"rollback": "data", "guard": {"enabled": True, "allowData": True}}
    },
}
END = """
import os, signal
for entry in os.listdir("/proc"):
    if entry.isdecimal() and os.path.basename(os.readlink(f"/proc/{entry}/exe")) == "prometheus":
        os.kill(int(entry), signal.SIGKILL)
"""
"""By the sidecar's interpreter, as the daemon's image has no shell."""


def _edit(namespace: Namespace, name: str, text: str) -> None:
    namespace.api.patch(namespace.config_map(name), {"data": {FILE: text}})


def _read_states(pod: Json) -> dict[str, Json]:
    """The state of each container by its name."""
    listed = ("initContainerStatuses", "containerStatuses")
    return {one["name"]: one for kind in listed for one in pod["status"].get(kind, [])}


def _end_daemon(release: Release) -> None:
    release.namespace.kubectl(
        *("exec", release.pod, "--container=surehup", "--"), "python3.11", "-c", END
    )


def _wait_other_pod(release: Release, old: str) -> str:
    """Delete a pod, and wait for the one in its place."""
    namespace = release.namespace
    namespace.kubectl("delete", "pod", old, "--wait=false")

    def look() -> str | None:
        names = [pod["metadata"]["name"] for pod in release.list_pods()]
        return names[0] if names and old not in names else None

    new = namespace.wait_for("pod in its place", look, within_s=POD_WITHIN_S, name=RELEASED)
    release.wait_rolled_out()
    return new


def test_a_first_start_waits_for_a_configuration_that_passes(namespace: Namespace) -> None:
    bad = {"config": {"published": True, "files": {FILE: "global: [\n"}}}
    with installed(namespace, "prometheus", GUARD, bad, ready=False) as release:
        namespace.wait_status(RELEASED, "Rejected")
        (pod,) = release.list_pods()
        assert "waiting" in _read_states(pod)["prometheus"]["state"], "no daemon was started"

        _edit(namespace, RELEASED, configure(45))
        namespace.wait_status(RELEASED, "Applied")
        release.wait_rolled_out()
        assert find_interval(namespace, release.pod) == "45s"
        assert release.identify() == {(pod["metadata"]["uid"], 0)}


@pytest.mark.timeout(400, func_only=True)
def test_a_first_configuration_that_only_the_daemon_refuses_is_mended(namespace: Namespace) -> None:
    """Nobody can run the daemon's own checker before the first start of its container."""
    bad = {"config": {"published": True, "files": {FILE: BAD}}}
    with installed(namespace, "prometheus", GUARD, bad, ready=False) as release:

        def is_looping() -> bool:
            found = [_read_states(pod) for pod in release.list_pods()]
            return any("prometheus" in one and one["prometheus"]["restartCount"] for one in found)

        namespace.wait_for("restart", is_looping, within_s=POD_WITHIN_S, name=RELEASED)
        assert namespace.marks(RELEASED)["status"] != "Applied"

        _edit(namespace, RELEASED, configure(45))
        namespace.wait_status(RELEASED, "Applied", within_s=HEALED_WITHIN_S)
        assert find_interval(namespace, release.pod) == "45s"


def test_a_pod_that_is_replaced_comes_up_on_the_last_good_one(namespace: Namespace) -> None:
    with installed(namespace, "prometheus", GUARD, PUBLISHED) as release:
        namespace.wait_status(RELEASED, "Applied")
        _edit(namespace, RELEASED, configure(45))
        good = namespace.wait_status(RELEASED, "Applied")
        _edit(namespace, RELEASED, BAD)
        namespace.wait_status(RELEASED, "Rejected")

        new = _wait_other_pod(release, release.pod)
        assert find_interval(namespace, new) == "45s"
        rejected = namespace.wait_status(RELEASED, "Rejected")
        assert rejected["active"] == good["observed"]

        _edit(namespace, RELEASED, configure(20))
        namespace.wait_status(RELEASED, "Applied")
        assert find_interval(namespace, new) == "20s"


@pytest.mark.parametrize("values", ROLLBACKS.values(), ids=ROLLBACKS)
def test_a_daemon_that_ends_after_a_refused_edit_comes_up_on_the_last_good_one(
    namespace: Namespace, values: Mapping[str, Any]
) -> None:
    own = {"config": {"existing": CONFIG}}
    namespace.put_config(CONFIG, **{FILE: configure(45)})
    with installed(namespace, "prometheus", GUARD, own, values) as release:
        good = namespace.wait_status(CONFIG, "Applied")
        _edit(namespace, CONFIG, REFUSED)
        back = namespace.wait_for(
            "RolledBack",
            lambda: marks if (marks := namespace.marks(CONFIG))["status"] == "RolledBack" else None,
            within_s=POD_WITHIN_S,
            name=CONFIG,
        )
        assert back["active"] == good["observed"]

        _end_daemon(release)

        def is_up_again() -> bool:
            main = _read_states(release.list_pods()[0])["prometheus"]
            return bool(main["ready"] and main["restartCount"] > 0)

        namespace.wait_for("restart", is_up_again, within_s=HEALED_WITHIN_S, name=CONFIG)
        assert find_interval(namespace, release.pod) == "45s"
        assert _read_states(release.list_pods()[0])["surehup"]["restartCount"] == 0


@pytest.mark.timeout(500, func_only=True)
def test_a_daemon_that_ends_at_each_start_comes_up_on_the_last_good_one(
    namespace: Namespace,
) -> None:
    """It ends before a look can find it, but by chance: the kubelet's count tells of its ends."""

    def read_main() -> Json:
        return _read_states(release.list_pods()[0])["prometheus"]

    def is_up(restarts: int) -> bool:
        main = read_main()
        return bool(main["ready"] and main["restartCount"] >= restarts)

    with installed(namespace, "prometheus", GUARD, PUBLISHED) as release:
        _edit(namespace, RELEASED, configure(45))
        good = namespace.wait_status(RELEASED, "Applied")
        _end_daemon(release)
        namespace.wait_for("start", lambda: is_up(1), within_s=POD_WITHIN_S, name=RELEASED)
        _end_daemon(release)
        namespace.wait_for(
            "back-off",
            lambda: "waiting" in read_main()["state"],
            within_s=POD_WITHIN_S,
            name=RELEASED,
        )
        # While no container runs, nobody can run the daemon's own checker.
        _edit(namespace, RELEASED, BAD)
        back = namespace.wait_status(RELEASED, "RolledBack", within_s=HEALED_WITHIN_S)
        assert back["active"] == good["observed"]
        told = back["message"]
        seen = told.startswith("the process ended ")
        assert seen or (told.startswith("the container ended ") and "exit code" in told)

        restarts = read_main()["restartCount"]
        namespace.wait_for(
            "start on good files",
            lambda: is_up(restarts),
            within_s=HEALED_WITHIN_S,
            name=RELEASED,
        )
        assert find_interval(namespace, release.pod) == "45s"
        assert namespace.marks(RELEASED)["status"] == "RolledBack"
        assert _read_states(release.list_pods()[0])["surehup"]["restartCount"] == 0


def test_the_daemon_ends_before_the_sidecar_and_no_claim_is_left(namespace: Namespace) -> None:
    with installed(namespace, "prometheus", GUARD) as release:
        namespace.wait_status(RELEASED, "Applied")
        ref = Ref(PODS, namespace.name, release.pod)
        with watching(namespace.api, ref) as sightings:
            _edit(namespace, RELEASED, configure(45))
            namespace.kubectl("scale", f"deployment/{RELEASE}", "--replicas=0")
            sight = sightings.wait(
                "end of both containers",
                lambda sight: all(
                    "terminated" in one["state"] for one in _read_states(sight.content).values()
                ),
                within_s=ENDED_WITHIN_S,
            )
        ended = {
            name: one["state"]["terminated"] for name, one in _read_states(sight.content).items()
        }
        assert ended["prometheus"]["finishedAt"] <= ended["surehup"]["finishedAt"]
        assert ended["surehup"]["exitCode"] == 0
        namespace.kubectl("wait", "--for=delete", f"pod/{ref.name}", KUBECTL_WAIT)
        marks = namespace.marks(RELEASED)
        assert marks["status"] in {"Applied", "Pending"}
        if marks["status"] == "Applied":
            assert marks["active"] == marks["observed"]

        namespace.kubectl("scale", f"deployment/{RELEASE}", "--replicas=1")
        release.wait_rolled_out()
        namespace.wait_status(RELEASED, "Applied")
        assert find_interval(namespace, release.pod) == "45s"


@pytest.mark.usefixtures("prometheus")
def test_a_job_ends_though_the_sidecar_would_go_on(namespace: Namespace) -> None:
    namespace.put_config(CONFIG, **{FILE: configure(60)})
    spec = read_manifest("prometheus")["spec"]
    spec["restartPolicy"] = "Never"
    main = spec["containers"][0]
    main["command"], main["args"] = ["promtool"], ["check", "config", f"/etc/prometheus/{FILE}"]
    del main["readinessProbe"]
    job = {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": "once"},
        "spec": {"backoffLimit": 0, "template": {"spec": spec}},
    }
    namespace.apply(job)
    namespace.kubectl("wait", "--for=condition=Complete", "job/once", KUBECTL_WAIT)
    selected = ("get", "pods", "--selector=job-name=once", "--output=json")
    (pod,) = json.loads(namespace.kubectl(*selected))["items"]
    states = _read_states(pod)
    assert states["surehup"]["state"]["terminated"]["exitCode"] == 0
