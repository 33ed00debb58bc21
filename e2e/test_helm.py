"""The door `helm install`: a release, its upgrades, good and bad, and `helm test`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from e2e.namespace import Namespace
from e2e.prometheus import BAD, FILE, configure, find_interval
from e2e.release import CONFIG, GUARDED, installed

SIDECAR = {"sidecar": GUARDED}


def _hold(text: str) -> Mapping[str, Any]:
    return {"config": {"files": {FILE: text}}}


def test_install_then_a_good_and_a_bad_upgrade(namespace: Namespace) -> None:
    with installed(namespace, "prometheus", SIDECAR) as release:
        namespace.wait_status(CONFIG, "Applied")
        tested = release.test()
        assert tested.returncode == 0, tested.stdout + tested.stderr
        assert "Applied" in tested.stdout
        before, pod = release.identify(), release.pod

        release.upgrade(SIDECAR, _hold(configure(45)))
        applied = namespace.wait_status(CONFIG, "Applied")
        assert applied["desired"] == applied["observed"] == applied["active"]
        assert find_interval(namespace, pod) == "45s"
        assert release.test().returncode == 0

        signals = release.count_signals()
        release.upgrade(SIDECAR, _hold(BAD))
        rejected = namespace.wait_status(CONFIG, "Rejected")
        assert rejected["desired"] == rejected["observed"]
        assert rejected["active"] == applied["active"]
        refused = release.test()
        assert refused.returncode != 0
        assert "not a valid duration" in refused.stdout + refused.stderr
        assert find_interval(namespace, pod) == "45s"

        release.upgrade(SIDECAR, _hold(configure(45)))
        namespace.wait_status(CONFIG, "Applied")
        assert release.count_signals() == signals
        assert release.identify() == before
