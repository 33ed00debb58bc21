"""The door `kubectl edit`: an editor's process changes the object, and saves what it changed."""

from __future__ import annotations

import pytest

from e2e.namespace import Namespace
from e2e.prometheus import find_interval
from e2e.release import CONFIG, GUARDED, installed

EDITORS = ("KUBE_EDITOR", "EDITOR")


def _edit(namespace: Namespace, before: str, after: str) -> None:
    """`kubectl edit` with an editor that replaces one text by another, as a person would."""
    with pytest.MonkeyPatch.context() as environ:
        for variable in EDITORS:
            environ.setenv(variable, f"sed --in-place 's/{before}/{after}/'")
        told = namespace.kubectl("edit", "configmap", CONFIG)
    assert f"configmap/{CONFIG} edited" in told


def test_a_good_and_a_bad_edit(namespace: Namespace) -> None:
    with installed(namespace, "prometheus", {"sidecar": GUARDED}) as release:
        first = namespace.wait_status(CONFIG, "Applied")
        before, pod = release.identify(), release.pod

        _edit(namespace, "scrape_interval: 30s", "scrape_interval: 45s")
        applied = namespace.wait_status(CONFIG, "Applied")
        assert applied["observed"] != first["observed"]
        assert applied["desired"] == first["observed"], "a gate waits: it is not the manifest's"
        assert find_interval(namespace, pod) == "45s"
        assert int(applied["revision"]) == int(first["revision"]) + 1

        signals = release.count_signals()
        _edit(namespace, "scrape_interval: 45s", "scrape_interval: soon")
        rejected = namespace.wait_status(CONFIG, "Rejected")
        assert "soon" in rejected["message"]
        assert rejected["active"] == applied["observed"]
        told = namespace.kubectl("get", "events.events.k8s.io", "--output=yaml")
        assert "Rejected" in told
        assert "soon" in told

        _edit(namespace, "scrape_interval: soon", "scrape_interval: 45s")
        namespace.wait_status(CONFIG, "Applied")
        assert find_interval(namespace, pod) == "45s"
        assert (release.count_signals(), release.identify()) == (signals, before)
