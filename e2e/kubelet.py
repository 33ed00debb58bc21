"""What a kubelet says of itself and of the containers that it runs."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

from e2e.namespace import Namespace
from e2e.waiting import wait_until

RELISTS = 3
RELISTS_WITHIN_S = 30.0
SAMPLED_WITHIN_S = 60.0
NANO = 1e-9
MB = 1e6


@dataclass(frozen=True, slots=True)
class Usage:
    """What a container has used up to `at`, the kubelet's time of the sample."""

    at: str
    cpu_s: float
    rss_mb: float


def let_look(namespace: Namespace, pod: str) -> None:
    """Let the kubelet look at its containers a few times, which it does once a second.

    It syncs a pod again only after it has (podWorkers, GetNewerThan), so that edits at once would
    measure that.
    """
    node = find_node(namespace, pod)

    def count() -> int:
        page = _ask(namespace, node, "metrics")
        found = re.search(r"^kubelet_pleg_relist_duration_seconds_count (\d+)", page, re.MULTILINE)
        assert found is not None, "the kubelet does not say how often it has looked"
        return int(found[1])

    enough = count() + RELISTS
    wait_until(
        f"{RELISTS} looks of the kubelet",
        lambda: count() >= enough,
        within_s=RELISTS_WITHIN_S,
        shown=count,
    )


def find_node(namespace: Namespace, pod: str) -> str:
    """The node that a pod runs on."""
    return namespace.kubectl("get", "pod", pod, "--output=jsonpath={.spec.nodeName}")


def sample(namespace: Namespace, pod: str, container: str, *, after: str = "") -> Usage:
    """The next sample of a container that is later than `after`; there is one each 10 to 15 s."""
    node = find_node(namespace, pod)

    def look() -> Usage | None:
        for seen in json.loads(_ask(namespace, node, "stats/summary"))["pods"]:
            if seen["podRef"]["namespace"] != namespace.name or seen["podRef"]["name"] != pod:
                continue
            for one in seen.get("containers", []):
                if one["name"] == container and one["cpu"]["time"] > after:
                    return _read(one)
        return None

    return wait_until(
        f"sample of {container}", look, within_s=SAMPLED_WITHIN_S, shown=lambda: "none is later"
    )


def _read(one: dict[str, dict[str, str]]) -> Usage:
    return Usage(
        at=one["cpu"]["time"],
        cpu_s=int(one["cpu"]["usageCoreNanoSeconds"]) * NANO,
        rss_mb=int(one["memory"]["rssBytes"]) / MB,
    )


def _ask(namespace: Namespace, node: str, path: str) -> str:
    return namespace.kubectl("get", "--raw", f"/api/v1/nodes/{node}/proxy/{path}")
