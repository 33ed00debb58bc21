"""A journal in memory, for simulations and tests: it forgets nothing but its process."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any


class MemoryJournal:
    """Implements `core.ports.Journal`; entries pass through JSON, as on disk."""

    def __init__(self) -> None:
        self._entries: dict[str, str] = {}

    def load(self, bridge: str) -> Mapping[str, object] | None:
        """The last entry of `bridge`, or None."""
        text = self._entries.get(bridge)
        if text is None:
            return None
        entry: Any = json.loads(text)
        return dict(entry)

    def save(self, bridge: str, entry: Mapping[str, object]) -> None:
        """Replace the entry of `bridge`; one that is no JSON is not kept, and never raises."""
        try:
            self._entries[bridge] = json.dumps(entry)
        except (TypeError, ValueError):
            return
