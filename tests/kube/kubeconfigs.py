"""A kubeconfig for servers that a test scripts."""

from __future__ import annotations

import json
from pathlib import Path

TOKEN = "secret-token"  # noqa: S105  which must show up nowhere


def write_kubeconfig(folder: Path, url: str, token: str = TOKEN) -> str:
    path = folder / "kubeconfig"
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "c", "cluster": {"server": url}}],
        "users": [{"name": "u", "user": {"token": token}}],
        "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
        "current-context": "c",
    }
    path.write_text(json.dumps(config))
    return str(path)
