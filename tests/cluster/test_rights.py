"""Each right of the shipped Role taken away in turn: what is left still works, and is told."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from tests.apiserver.server import ACCOUNT, CONFIG_MAP, ApiServer
from tests.cluster.pods import Pod, change_rule, eventually, make_demo, running_pod, set_stage

RULES = (
    ("", "configmaps", ("get", "list", "watch", "patch")),
    ("apps", "controllerrevisions", ("create", "get", "list", "patch", "delete")),
    ("events.k8s.io", "events", ("create",)),
)
SILENT = {
    ("configmaps", "get"),
    *(("controllerrevisions", verb) for verb in ("get", "patch", "delete")),
}
"""Rights that an edit after the other needs in no usual case."""


@pytest.fixture(scope="module")
def pod(api_server: ApiServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pod]:
    with (
        set_stage(api_server, tmp_path_factory.mktemp("rights")) as stage,
        running_pod(stage, published=True, kind=make_demo()) as pod,
    ):
        pod.settle_now("Applied")
        yield pod


def await_right(pod: Pod, group: str, resource: str, verb: str, *, allowed: bool) -> None:
    """Roles take effect a moment after they were written."""
    stage = pod.stage
    name = f"{resource}.{group}" if group else f"{resource}/{CONFIG_MAP}"
    account = f"--as=system:serviceaccount:{stage.namespace}:{ACCOUNT}"
    # `can-i` ends with an error where the answer is no.
    argv = ("auth", "can-i", verb, name, account)

    def is_settled() -> bool:
        try:
            return (stage.kubectl(*argv).strip() == "yes") is allowed
        except AssertionError:
            return not allowed

    eventually(is_settled)


@pytest.mark.parametrize(
    ("rule", "verb"),
    [(rule, verb) for rule, (_, _, verbs) in enumerate(RULES) for verb in verbs],
    ids=[f"{resource}-{verb}" for _, resource, verbs in RULES for verb in verbs],
)
def test_without_one_right(pod: Pod, rule: int, verb: str) -> None:
    group, resource, verbs = RULES[rule]
    stage = pod.stage
    left = [other for other in verbs if other != verb] or ["deletecollection"]
    change_rule(stage.server, stage.namespace, rule, verbs=left)
    await_right(pod, group, resource, verb, allowed=False)
    try:
        pod.sidecar.stop()
        size = len(pod.sidecar.log)
        pod.sidecar.start()
        files = pod.valid()
        digest = pod.put(files)
        if (resource, verb) != ("configmaps", "list"):
            eventually(lambda: pod.shows(files), lambda: pod.sidecar.tail)
        if resource != "configmaps":
            pod.settle(digest, "Applied")
        if (resource, verb) not in SILENT:
            named = rf"resources \[{resource}\].* verbs \[{verb}\]"
            eventually(
                lambda: re.search(named, pod.sidecar.log[size:]) is not None,
                lambda: pod.sidecar.tail,
            )
    finally:
        change_rule(stage.server, stage.namespace, rule, verbs=list(verbs))
        await_right(pod, group, resource, verb, allowed=True)
    if (resource, verb) != ("configmaps", "patch"):
        pod.settle(digest, "Applied")
        assert pod.shows(files)
