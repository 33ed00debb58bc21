"""Three replicas and one refused edit: one of them tries it, and the others are spared."""

from __future__ import annotations

from e2e.metrics import add_up
from e2e.namespace import Namespace
from e2e.prometheus import FILE, PORT, configure, find_interval
from e2e.release import CONFIG, GUARDED, Release, installed
from e2e.waiting import wait_until

REPLICAS = 3
ROLLED_OUT_WITHIN_S = 90.0
"""Within seconds by themselves; the kubelet of a busy machine takes its time."""
REFUSED = "global:\n  query_log_file: /no/such/folder/queries.log\n"
"""Checkers let it pass, and Prometheus does not."""
LOADED = "prometheus_config_last_reload_successful"
LOADED_AT = "prometheus_config_last_reload_success_timestamp_seconds"


def _measure(release: Release, metric: str) -> list[float]:
    """What the daemon of each pod says."""
    names = sorted(pod["metadata"]["name"] for pod in release.list_pods())
    return [add_up(release.ask(PORT, "/metrics", pod=name), metric) for name in names]


def test_a_refused_edit_costs_one_signal_over_all(namespace: Namespace) -> None:
    rollout = {"rollout": {"replicas": REPLICAS, "spread": "1s"}}
    sidecar = {**GUARDED, "settings": {"bridges": [rollout]}}
    values = {"replicas": REPLICAS, "sidecar": sidecar}
    with installed(namespace, "prometheus", values) as release:
        namespace.wait_status(CONFIG, "Applied")
        ref = namespace.config_map(CONFIG)

        namespace.api.patch(ref, {"data": {FILE: configure(45)}})
        applied = namespace.wait_status(CONFIG, "Applied", within_s=ROLLED_OUT_WITHIN_S)
        assert f"{REPLICAS}/{REPLICAS} proven" in applied["message"]
        names = [pod["metadata"]["name"] for pod in release.list_pods()]
        assert [find_interval(namespace, name) for name in names] == ["45s"] * REPLICAS
        before = release.count_signals()
        assert before == REPLICAS
        loaded_at = _measure(release, LOADED_AT)

        namespace.api.patch(ref, {"data": {FILE: REFUSED}})
        back = namespace.wait_status(CONFIG, "RolledBack", within_s=ROLLED_OUT_WITHIN_S)
        assert back["active"] == applied["active"]
        assert _measure(release, LOADED).count(0) == 1, "one daemon was told to load it"
        assert release.count_signals() == before + 1

        namespace.api.patch(ref, {"data": {FILE: configure(20)}})
        namespace.wait_status(CONFIG, "Applied", within_s=ROLLED_OUT_WITHIN_S)

        def are_all_well() -> bool:
            return _measure(release, LOADED) == [1.0] * REPLICAS

        wait_until("three that loaded it", are_all_well, within_s=30.0, shown=lambda: loaded_at)
        assert release.count_signals() == before + 1 + REPLICAS
        moved = zip(loaded_at, _measure(release, LOADED_AT), strict=True)
        assert all(now > then for then, now in moved)
