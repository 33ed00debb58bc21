"""Tables and documents on standard output, as kubectl prints them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

import yaml

GAP = "   "
NOTHING = "-"
OUTPUTS = ("table", "wide", "json", "yaml")


def tabulate(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Lines of aligned columns; an empty cell is a dash, and the last column is not padded."""
    filled = [[cell or NOTHING for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*filled, strict=True)]
    for *cells, last in filled:
        padded = [cell.ljust(width) for cell, width in zip(cells, widths, strict=False)]
        yield GAP.join([*padded, last])


def write_document(content: object, output: str) -> str:
    """`content` as ``json`` or ``yaml``."""
    if output == "json":
        return json.dumps(content, indent=2) + "\n"
    return yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=1_000)
