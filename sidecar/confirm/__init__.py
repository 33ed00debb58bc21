"""The room that looks: reads a daemon's evidence and leaves the verdict to the core."""

from sidecar.confirm.reader import EvidenceReader

__all__ = ["EvidenceReader"]
