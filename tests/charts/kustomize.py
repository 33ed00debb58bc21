"""Kustomize, as kubectl carries it."""

from __future__ import annotations

import subprocess
from pathlib import Path

TIMEOUT_S = 60.0


def kustomize(bin_dir: Path, folder: Path) -> str:
    """The manifests that a kustomization comes to."""
    done = subprocess.run(
        [str(bin_dir / "kubectl"), "kustomize", str(folder)],
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
