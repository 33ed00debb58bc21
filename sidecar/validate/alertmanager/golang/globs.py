"""File patterns as Go's `filepath.Glob` and `filepath.Match` take them.

Go looks at a pattern piece by piece, between the stars: a later piece that is malformed only shows
once a file's name fits all the earlier ones.
"""

from __future__ import annotations

_META = frozenset("*?[\\")


class PatternError(ValueError):
    """Go refuses the pattern."""

    def __init__(self, pattern: str) -> None:
        super().__init__(
            f"{pattern!r} is no file pattern: close its brackets, end no \\ in nothing"
        )


def check_glob(pattern: str) -> None:
    """Refuse what Go refuses whatever files there are, in the pattern and in its folders.

    Raises:
        PatternError: it does.
    """
    match_glob(pattern, "")
    folder, slash, _ = pattern.rpartition("/")
    while slash and _META & set(folder):
        match_glob(folder, "")
        folder, slash, _ = folder.rpartition("/")


def check_whole(pattern: str) -> None:
    """Refuse what Go would refuse once a name reaches it.

    Raises:
        PatternError: a piece is malformed.
    """
    rest = pattern
    while rest:
        _, piece, rest = _cut_piece(rest)
        _match_piece(piece, "", pattern)


def match_glob(pattern: str, name: str) -> bool:
    """Whether `name`, without slashes, fits the pattern.

    Raises:
        PatternError: a piece that had to be looked at is malformed.
    """
    rest = pattern
    while rest:
        star, piece, rest = _cut_piece(rest)
        if star and not piece:
            return "/" not in name
        left = _match_piece(piece, name, pattern)
        if left is None or (left and not rest):
            left = _slide(piece, name, pattern, last=not rest) if star else None
        if left is None:
            return False
        name = left
    return not name


def _slide(piece: str, name: str, pattern: str, *, last: bool) -> str | None:
    """What is left of `name` behind the first place where a piece fits, after a star."""
    for begin in range(1, len(name) + 1):
        if name[begin - 1] == "/":
            return None
        left = _match_piece(piece, name[begin:], pattern)
        if left is not None and not (last and left):
            return left
    return None


def _cut_piece(pattern: str) -> tuple[bool, str, str]:
    """Whether stars stand first, what follows up to the next star, and the rest."""
    bare = pattern.lstrip("*")
    in_class, at = False, 0
    while at < len(bare):
        character = bare[at]
        if character == "*" and not in_class:
            break
        if character in "[]":
            in_class = character == "["
        at += 2 if character == "\\" else 1
    return bare != pattern, bare[:at], bare[at:]


def _match_piece(piece: str, name: str, pattern: str) -> str | None:
    """What is left of `name` behind a piece without stars; None where it does not fit."""
    at, left = 0, name
    fits = True
    while at < len(piece):
        fits = fits and left != ""
        first, left = left[:1], left[1:]
        if piece[at] == "[":
            at, found = _match_class(piece, at + 1, first, pattern)
            fits = fits and found
            continue
        if piece[at] == "\\":
            at += 1
            if at == len(piece):
                raise PatternError(pattern)
            fits = fits and piece[at] == first
        elif piece[at] == "?":
            fits = fits and first != "/"
        else:
            fits = fits and piece[at] == first
        at += 1
    return left if fits else None


def _match_class(piece: str, at: int, character: str, pattern: str) -> tuple[int, bool]:
    negated = piece[at : at + 1] == "^"
    at += negated
    found, members = False, 0
    while piece[at : at + 1] != "]" or not members:
        at, low = _take_member(piece, at, pattern)
        high = low
        if piece[at] == "-":
            at, high = _take_member(piece, at + 1, pattern)
        found = found or low <= character <= high
        members += 1
    return at + 1, found != negated


def _take_member(piece: str, at: int, pattern: str) -> tuple[int, str]:
    """A character of a class; something must follow it."""
    if piece[at : at + 1] in {"", "-", "]"}:
        raise PatternError(pattern)
    at += piece[at] == "\\"
    if at + 1 >= len(piece):
        raise PatternError(pattern)
    return at + 1, piece[at]
