"""A series whose labels change: which content each bridge runs.

A gauge with children would show two contents, or none, to a scrape that comes between removing the
old child and adding the new one. Here one assignment replaces what a scrape sees.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from prometheus_client.core import GaugeMetricFamily


class ConfigInfo:
    """Collects `surehup_config_info`: 1 for the content a bridge runs, 0 while it is unknown."""

    def __init__(self, bridges: Sequence[str]) -> None:
        self._labels = dict.fromkeys(bridges, ("", ""))

    def set(self, bridge: str, *, digest: str, revision: int | None) -> None:
        """From now on `bridge` runs the content `digest` (short form), stored as `revision`."""
        self._labels[bridge] = (digest, "" if revision is None else str(revision))

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """The one family (implements the collector protocol of prometheus_client)."""
        labels = ("bridge", "digest", "revision")
        family = GaugeMetricFamily(
            "surehup_config_info", "The content that the process is believed to run.", labels=labels
        )
        for bridge, (digest, revision) in list(self._labels.items()):
            family.add_metric((bridge, digest, revision), 1.0 if digest else 0.0)
        yield family
