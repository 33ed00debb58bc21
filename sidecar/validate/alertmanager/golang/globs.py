"""File patterns as Go's `filepath.Match` takes them."""

from __future__ import annotations


def check_glob(pattern: str) -> None:
    """Hold a pattern against Go's grammar.

    Raises:
        ValueError: a bracket is not closed, a range has no end, or a backslash stands last.
    """
    at = 0
    while at < len(pattern):
        if pattern[at] == "\\":
            at = _skip_character(pattern, at)
        elif pattern[at] == "[":
            at = _skip_class(pattern, at + 1)
        else:
            at += 1


def _skip_class(pattern: str, at: int) -> int:
    if pattern[at : at + 1] == "^":
        at += 1
    begin = at
    while pattern[at : at + 1] != "]" or at == begin:
        at = _skip_member(pattern, at)
        if pattern[at : at + 1] == "-":
            at = _skip_member(pattern, at + 1)
    return at + 1


def _skip_member(pattern: str, at: int) -> int:
    if pattern[at : at + 1] in {"", "-", "]"}:
        message = f"{pattern!r} is no file pattern: a [ in it has no proper ]"
        raise ValueError(message)
    return _skip_character(pattern, at)


def _skip_character(pattern: str, at: int) -> int:
    if pattern[at] != "\\":
        return at + 1
    if at + 1 == len(pattern):
        message = f"{pattern!r} is no file pattern: it ends in a backslash"
        raise ValueError(message)
    return at + 2
