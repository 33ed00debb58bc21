"""The inputs that every run begins with: small, kept beside the tests, one folder a parser."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parent / "corpus"
ALERTMANAGER = Path(__file__).parents[1] / "validate" / "alertmanager" / "corpus"
BORROWED = {"alertmanager": (ALERTMANAGER / "good", ALERTMANAGER / "bad")}
"""Examples of other tests that serve here as well."""
_WORD = re.compile(rb"[\w.-]{2,40}|[^\w\s]{1,3}")
MOST_WORDS = 400


def list_folders(name: str) -> tuple[Path, ...]:
    """Where the inputs of a parser lie."""
    return (ROOT / name, *BORROWED.get(name, ()))


@cache
def load_inputs(name: str) -> tuple[bytes, ...]:
    """All inputs of a parser, in a steady order."""
    paths = [path for folder in list_folders(name) for path in sorted(folder.iterdir())]
    return tuple(path.read_bytes() for path in paths)


@cache
def list_words(name: str) -> tuple[bytes, ...]:
    """What the inputs are made of, to make others from."""
    found = {word: None for content in load_inputs(name) for word in _WORD.findall(content)}
    return tuple(found)[:MOST_WORDS]
