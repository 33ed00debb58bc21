"""What a page of metrics says."""

from __future__ import annotations

import re

METRICS_PORT = 9808
"""The sidecar's."""


def add_up(page: str, name: str) -> float:
    """The sum of all samples of one metric, whatever their labels; 0 where there is none."""
    found = re.findall(rf"^{re.escape(name)}(?:{{.*}})? (\S+)$", page, re.MULTILINE)
    return sum(map(float, found))
