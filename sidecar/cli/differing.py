"""Shows how two sets of files differ, as unified diff; of Secrets only which keys do. Pure."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator

from sidecar.cli.sides import Side

MASKED = "<masked>"
CHANGED = "<masked, changed>"
NO_NEWLINE = "\\ No newline at end of file"

_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
_PAINTS = (
    ("+++", "\x1b[1m"),
    ("---", "\x1b[1m"),
    ("@@", "\x1b[36m"),
    ("+", "\x1b[32m"),
    ("-", "\x1b[31m"),
)
_OFF = "\x1b[0m"


def compare(left: Side, right: Side, *, masked: bool = False) -> list[str]:
    """The lines of the difference; none where there is none.

    Where one side is about one key only, the others do not count.
    """
    only = left.key or right.key
    keys = sorted({only} if only else left.files.keys() | right.files.keys())
    if masked:
        return list(_compare_masked(left, right, keys))
    return [line for key in keys for line in _compare_key(left, right, key)]


def _compare_masked(left: Side, right: Side, keys: list[str]) -> Iterator[str]:
    """All keys and no value, nor anything from which one could be guessed."""
    if all(left.files.get(key) == right.files.get(key) for key in keys):
        return
    yield f"--- {left.title}"
    yield f"+++ {right.title}"
    for key in keys:
        before, after = left.files.get(key), right.files.get(key)
        if before == after:
            yield f" {key}: {MASKED}"
            continue
        if before is not None:
            yield f"-{key}: {MASKED}"
        if after is not None:
            yield f"+{key}: {MASKED if before is None else CHANGED}"


def _compare_key(left: Side, right: Side, key: str) -> Iterator[str]:
    before, after = left.files.get(key), right.files.get(key)
    if before == after:
        return
    titles = (_name(left, key, before), _name(right, key, after))
    try:
        old, new = _split(before), _split(after)
    except UnicodeDecodeError:
        sizes = " and ".join("none" if it is None else f"{len(it):,}" for it in (before, after))
        yield f"--- {titles[0]}"
        yield f"+++ {titles[1]}"
        yield f"Binary contents differ ({sizes} bytes)"
        return
    changes = list(difflib.unified_diff(old, new, *titles, lineterm="\n"))
    if not changes:  # an empty key on one side, and none on the other
        changes = [f"--- {titles[0]}\n", f"+++ {titles[1]}\n"]
    for line in changes:
        yield line.removesuffix("\n")
        if not line.endswith("\n"):
            yield NO_NEWLINE


def _name(side: Side, key: str, content: bytes | None) -> str:
    return f"{side.title}: {key}" if content is not None else f"{side.title}: no {key}"


def _split(content: bytes | None) -> list[str]:
    """Lines with their ends; nothing but a line feed ends one, all else is content."""
    return re.findall("[^\n]*\n|[^\n]+", (content or b"").decode())


def paint(lines: Iterable[str]) -> Iterator[str]:
    """The lines in colours, as other tools have them."""
    for line in lines:
        paints = (paint for start, paint in _PAINTS if line.startswith(start))
        colour = next(paints, "")
        yield f"{colour}{line}{_OFF}" if colour else line


def tame(lines: Iterable[str]) -> Iterator[str]:
    """The lines as a terminal may have them: content that steers it shows as question marks."""
    for line in lines:
        yield _CONTROL.sub("?", line)
