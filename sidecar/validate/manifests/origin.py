"""Where a line of a key's content stands in the file that it was read from.

A literal block scalar keeps its lines, so that line and column can be told exactly. Folded, quoted
and encoded ones do not: there the place is that of the scalar, and the line within is told beside.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sidecar.validate.nodes import Scalar


@dataclass(frozen=True, slots=True)
class Place:
    """A place in a file, from 1; `exact` tells that it is the line that was asked for."""

    line: int
    column: int | None
    exact: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Maps places in a key's content to places in its file.

    `first_line` is the file's line of the content's line 1, None where lines are not kept: then
    `line` and `column` of the scalar stand for all. `indent` is what the block is indented by.
    """

    line: int = 1
    column: int = 1
    first_line: int | None = 1
    indent: int = 0

    def find(self, line: int | None, column: int | None) -> Place:
        """The place in the file of `line` and `column` of the content; None means the whole."""
        if line is None:
            return Place(self.line, self.column)
        if self.first_line is None:
            return Place(self.line, self.column, exact=False)
        return Place(self.first_line + line - 1, column + self.indent if column else None)


WHOLE_FILE = Origin()
"""Of a plain file: its own lines."""


def find_origin(scalar: Scalar, lines: Sequence[str]) -> Origin:
    """Where the content of `scalar` stands among the file's `lines`."""
    if scalar.style != "|":
        return Origin(line=scalar.line, column=scalar.column, first_line=None)
    return Origin(
        line=scalar.line,
        column=scalar.column,
        first_line=scalar.line + 1,
        indent=_find_indent(scalar, lines),
    )


def _find_indent(scalar: Scalar, lines: Sequence[str]) -> int:
    """How far the block is indented: told by its first line that is not blank."""
    for offset, line in enumerate(scalar.text.split("\n")):
        if line.strip() and scalar.line + offset < len(lines):
            return max(0, len(lines[scalar.line + offset].rstrip("\r")) - len(line))
    return 0
