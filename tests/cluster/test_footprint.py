"""What the running sidecar carries with the API client, as in a pod."""

from __future__ import annotations

import json
from pathlib import Path

from tests.apiserver.server import ApiServer
from tests.cluster.pods import eventually, make_demo, running_pod, set_stage

MOST_RSS_MB = 52.0
"""Measured: 47.5 to 48.3 on CPython 3.11; with the client's models it would be 70."""


def test_no_model_is_loaded_and_memory_stays_small(api_server: ApiServer, tmp_path: Path) -> None:
    path = tmp_path / "told"
    with (
        set_stage(api_server, tmp_path) as stage,
        running_pod(stage, kind=make_demo(), published=True, in_pod=["--dump", str(path)]) as pod,
    ):
        pod.settle_now("Applied")
        for _ in range(20):
            pod.apply()
        path.with_suffix(".asked").touch()
        eventually(path.exists)
    told = json.loads(path.read_text())
    loaded = set(told["modules"])
    assert not {name for name in loaded if name.startswith("kubernetes.client.models.")}
    assert not {"oauthlib", "requests", "websocket"} & loaded
    assert told["rss_mb"] <= MOST_RSS_MB
