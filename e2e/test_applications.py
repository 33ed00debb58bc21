"""The daemons of the chart's examples: what each runs after a good edit, and after a bad one."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from e2e.namespace import Namespace
from e2e.release import CONFIG, GUARDED, Release, installed, read_example
from e2e.waiting import wait_until

SERVED_WITHIN_S = 30.0
KUBELET_WITHIN_S = 200.0
"""The kubelet looks at a pod each minute to minute and a half, and more rarely where it is busy."""


@dataclass(frozen=True, slots=True)
class Daemon:
    """`good` and `bad` replace `first` in its file; `new` then stands on its page."""

    name: str
    file: str
    first: str
    good: str
    bad: str
    page: tuple[int, str]
    new: str

    def edit(self, namespace: Namespace, before: str, after: str) -> None:
        """Change the file in the ConfigMap."""
        ref = namespace.config_map(CONFIG)
        content = namespace.read(ref)
        assert content is not None
        text = content["data"][self.file]
        assert before in text
        namespace.api.patch(ref, {"data": {self.file: text.replace(before, after, 1)}})

    def wait_new(self, release: Release) -> None:
        """Wait until it serves what is new: beside new processes the old ones go on for a while."""
        wait_until(
            f"page with {self.new}",
            lambda: self.new in release.ask(*self.page),
            within_s=SERVED_WITHIN_S,
            shown=lambda: release.ask(*self.page),
        )


DAEMONS = (
    Daemon(
        *("prometheus", "prometheus.yml", "interval: 30s", "interval: 45s", "interval: soon"),
        page=(9090, "/api/v1/status/config"),
        new="scrape_interval: 45s",
    ),
    Daemon(
        *("alertmanager", "alertmanager.yml", "route:\n", "route:\n  group_wait: 17s\n"),
        bad="rotue:\n",
        page=(9093, "/api/v2/status"),
        new="group_wait: 17s",
    ),
    Daemon(
        *("nginx", "nginx.conf", 'return 200 "hello', 'return 200 "changed', "retrun 200"),
        page=(8080, "/"),
        new="changed",
    ),
    Daemon(
        *("haproxy", "haproxy.cfg", "string hello", "string changed", "strnig changed"),
        page=(8080, "/"),
        new="changed",
    ),
)
PUBLISHED = {"config": {"published": True}}
MODES = {"mounted": {}, "published": PUBLISHED}
PROMETHEUS, *_, HAPROXY = DAEMONS
CASES = [(daemon, mode) for daemon in DAEMONS for mode in MODES]
CASES.remove((HAPROXY, "published"))
"""What is not there is tested below."""


@pytest.mark.parametrize(("daemon", "mode"), CASES, ids=lambda one: getattr(one, "name", one))
def test_good_and_bad_edits(namespace: Namespace, daemon: Daemon, mode: str) -> None:
    with installed(namespace, daemon.name, {"sidecar": GUARDED}, MODES[mode]) as release:
        namespace.wait_status(CONFIG, "Applied")
        before = release.identify()

        daemon.edit(namespace, daemon.first, daemon.good)
        applied = namespace.wait_status(CONFIG, "Applied")
        daemon.wait_new(release)

        signals = release.count_signals()
        assert signals == 1
        daemon.edit(namespace, daemon.good, daemon.bad)
        rejected = namespace.wait_status(CONFIG, "Rejected")
        assert daemon.file in rejected["message"]
        assert rejected["active"] == applied["observed"]
        assert daemon.new in release.ask(*daemon.page)
        assert (release.count_signals(), release.identify()) == (signals, before)
        log = namespace.kubectl("logs", release.pod, "--container=surehup")
        assert "lies in the daemon's container" not in log, "its checker found all that it opens"


def test_haproxy_is_not_published_to_unchecked(namespace: Namespace) -> None:
    """Its check is never skipped, and nobody can run it before the first start of its container."""
    with installed(namespace, HAPROXY.name, PUBLISHED, ready=False):

        def look() -> str | None:
            message = namespace.marks(CONFIG).get("message", "")
            return message if message.startswith("blocked") else None

        message = namespace.wait_for("reason", look, within_s=SERVED_WITHIN_S, name=CONFIG)
        assert "haproxy is not installed in the sidecar" in message


def test_haproxy_is_published_to_by_an_image_with_its_checker(namespace: Namespace) -> None:
    """What only the checker sees keeps the daemon from its first start, until it is mended."""
    image = f"surehup-{HAPROXY.name}"
    namespace.cluster.provide(image)
    registry = namespace.cluster.registry
    own = {"image": {"registry": registry, "repository": image, "tag": "dev"}, **GUARDED}
    text = read_example(HAPROXY.name)["config"]["files"][HAPROXY.file]
    bad = {"files": {HAPROXY.file: text.replace(HAPROXY.first, HAPROXY.bad, 1)}}
    values = ({"sidecar": own}, PUBLISHED, {"config": bad})
    with installed(namespace, HAPROXY.name, *values, ready=False) as release:
        rejected = namespace.wait_status(CONFIG, "Rejected")
        assert f"{HAPROXY.file}:" in rejected["message"]
        assert "strnig" in rejected["message"]
        (pod,) = release.list_pods()
        (main,) = pod["status"]["containerStatuses"]
        assert main["state"].keys() == {"waiting"}, "no daemon was started"

        HAPROXY.edit(namespace, HAPROXY.bad, HAPROXY.good)
        namespace.wait_status(CONFIG, "Applied")
        release.wait_rolled_out()
        HAPROXY.wait_new(release)
        assert release.identify() == {(pod["metadata"]["uid"], 0)}


@pytest.mark.timeout(400, func_only=True)
def test_without_the_nudge_the_kubelets_own_pace_is_enough(namespace: Namespace) -> None:
    with installed(namespace, PROMETHEUS.name) as release:
        namespace.wait_status(CONFIG, "Applied")
        PROMETHEUS.edit(namespace, PROMETHEUS.first, PROMETHEUS.bad)
        namespace.wait_status(CONFIG, "Rejected")
        PROMETHEUS.edit(namespace, PROMETHEUS.bad, PROMETHEUS.good)
        namespace.wait_status(CONFIG, "Applied", within_s=KUBELET_WITHIN_S)
        PROMETHEUS.wait_new(release)
        assert release.count_signals() == 1
