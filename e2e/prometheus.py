"""Prometheus in a pod of the tests: what it is given, and what it says that it runs."""

from __future__ import annotations

import re

from e2e.namespace import Namespace

CONFIG = "app-config"
"""The name in the shipped rights."""
FILE = "prometheus.yml"
PORT = 9090
BAD = "global:\n  scrape_interval: every now and then\n"


def configure(interval_s: int) -> str:
    """A configuration that can be told from others by its interval."""
    return f"global:\n  scrape_interval: {interval_s}s\n"


def find_interval(namespace: Namespace, pod: str) -> str:
    """The interval that the Prometheus of a pod has loaded."""
    page = namespace.get_through_proxy(pod, PORT, "/api/v1/status/config")
    found = re.search(r"scrape_interval: (\w+)", page)
    assert found is not None, page
    return found[1]
