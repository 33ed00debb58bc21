"""What the demo looks like: a timeline for each edit, and the table at the end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TextIO


class Colour(StrEnum):
    """Terminal colours, by what they mean."""

    GOOD = "32"
    BAD = "31"
    WARN = "33"
    QUIET = "2"
    STRONG = "1"
    NAME = "36"


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table: what was edited, the verdict, when, and what was seen besides."""

    scene: str
    outcome: str
    after_s: float
    seen: str
    holds: bool


class Screen:
    """Writes to `stream`; with colours only if `colours`."""

    def __init__(self, stream: TextIO, *, colours: bool) -> None:
        self._stream = stream
        self._colours = colours

    def paint(self, colour: Colour, text: str) -> str:
        """`text` in `colour`, or as it is."""
        return f"\x1b[{colour.value}m{text}\x1b[0m" if self._colours else text

    def say(self, text: str = "") -> None:
        """One line, at once."""
        print(text, file=self._stream, flush=True)

    def open(self, facts: Sequence[tuple[str, str]]) -> None:
        """The first lines: who plays."""
        self.say(self.paint(Colour.STRONG, "surehup demo: an edit is not live until it is proven"))
        self.say()
        for name, text in facts:
            self.say(f"  {self.paint(Colour.QUIET, name.ljust(8))} {text}")

    def begin_scene(self, number: int, title: str, shown: str) -> None:
        """The heading of one edit, and its content."""
        self.say()
        head = self.paint(Colour.STRONG, f"{number}  {title}")
        self.say(head)
        for line in shown.rstrip().splitlines():
            self.say(f"   {self.paint(Colour.QUIET, '│')} {self.paint(Colour.NAME, line)}")

    def step(self, after_s: float, mark: str, colour: Colour, text: str) -> None:
        """One event on the timeline."""
        time = self.paint(Colour.QUIET, f"{after_s * 1000:7.0f} ms")
        self.say(f"   {time}  {self.paint(colour, mark)} {text}")

    def show_table(self, rows: Sequence[Row]) -> None:
        """What was proven, and how fast."""
        heads = ("edit", "verdict", "after", "seen on the daemon itself")
        cells = [(row.scene, row.outcome, f"{row.after_s * 1000:.0f} ms", row.seen) for row in rows]
        widths = [max(len(line[i]) for line in (heads, *cells)) for i in range(len(heads))]
        self.say()
        self.say("   " + self._join(heads, widths))
        self.say("   " + "  ".join("─" * width for width in widths))
        for row, line in zip(rows, cells, strict=True):
            mark = self.paint(Colour.GOOD, "✔") if row.holds else self.paint(Colour.BAD, "✘")
            self.say(f" {mark} {self._join(line, widths)}")

    @staticmethod
    def _join(cells: Sequence[str], widths: Sequence[int]) -> str:
        parts = [cell.ljust(width) for cell, width in zip(cells, widths, strict=True)]
        parts[2] = cells[2].rjust(widths[2])
        return "  ".join(parts).rstrip()
