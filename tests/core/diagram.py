"""Draws the machine's table into docs/how-it-works.md, between its markers.

python tests/core/diagram.py
"""

from __future__ import annotations

import sys
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).parents[2]
if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))

from sidecar.core.table import STOPPED, TRANSITIONS  # noqa: E402  the path comes first

PAGE = ROOT / "docs" / "how-it-works.md"
BEGIN = "<!-- states: begin (drawn by tests/core/diagram.py) -->"
END = "<!-- states: end -->"


def draw() -> str:
    """The Mermaid diagram: one arrow for each pair of phases, labelled with its events."""
    events: dict[tuple[str, str], set[str]] = defaultdict(set)
    for before, event, after in TRANSITIONS:
        if before != after:
            events[before, after].add(event)
    lines = ["```mermaid", "stateDiagram-v2", "    [*] --> Idle: Started"]
    for (before, after), names in sorted(events.items()):
        target = "[*]" if after == STOPPED else after
        lines.append(f"    {before} --> {target}: {', '.join(sorted(names))}")
    return "\n".join([*lines, "```"])


def renew(page: str) -> str:
    """The page with today's diagram. Raises `ValueError` where it has no markers."""
    head, _, rest = page.partition(BEGIN)
    _, end, tail = rest.partition(END)
    if not end:
        message = f"{PAGE} has no {BEGIN} … {END}"
        raise ValueError(message)
    return f"{head}{BEGIN}\n{draw()}\n{END}{tail}"


if __name__ == "__main__":
    PAGE.write_text(renew(PAGE.read_text()))
