"""Removes from folders of installed packages all that a list does not keep.

    python3 docker/prune.py KEEP.txt FOLDER...

The list's form is told in docker/keep-packages.txt. Distributions of which no module stays lose
their metadata, too; the others keep what the list names, but for the record of files, which would
no longer be true.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

INFO = ".dist-info"
TOKEN = re.compile(r"\*\*/?|\*|\?|\[[^]]+\]|[^*?\[]+")


@dataclass(frozen=True, slots=True)
class Pattern:
    """One line of the list."""

    text: str
    keeps: bool
    expression: re.Pattern[str]


def read_patterns(text: str) -> list[Pattern]:
    """The patterns of a list."""
    lines = (line.partition("#")[0].strip() for line in text.splitlines())
    return [_parse(line) for line in lines if line]


def _parse(line: str) -> Pattern:
    glob = line.removeprefix("!")
    parts = (_translate(token) for token in TOKEN.findall(glob))
    return Pattern(text=line, keeps=glob == line, expression=re.compile("".join(parts)))


def _translate(token: str) -> str:
    match token:
        case "**":
            return ".*"
        case "**/":
            return "(?:.*/)?"
        case "*":
            return "[^/]*"
        case "?":
            return "[^/]"
    return token if token.startswith("[") else re.escape(token)


def is_kept(path: str, patterns: Iterable[Pattern]) -> bool:
    """Whether the last pattern that matches `path` keeps it."""
    kept = False
    for pattern in patterns:
        if pattern.expression.fullmatch(path):
            kept = pattern.keeps
    return kept


def list_files(folder: Path) -> list[str]:
    """All files below `folder`, relative to it."""
    paths = (path for path in folder.rglob("*") if path.is_symlink() or not path.is_dir())
    return sorted(path.relative_to(folder).as_posix() for path in paths)


def find_idle(patterns: Sequence[Pattern], paths: Sequence[str]) -> list[str]:
    """The patterns that match none of `paths`: a list that has outlived what it speaks of."""
    return [
        pattern.text
        for pattern in patterns
        if not any(pattern.expression.fullmatch(path) for path in paths)
    ]


def prune(folder: Path, patterns: Sequence[Pattern]) -> None:
    """Remove what the list does not keep."""
    modules = {info.name: _list_modules(info) for info in folder.glob(f"*{INFO}")}
    for path in list_files(folder):
        if not is_kept(path, patterns):
            (folder / path).unlink()
    for name, paths in modules.items():
        if not any((folder / path).exists() for path in paths):
            for path in list_files(folder / name):
                (folder / name / path).unlink()
    _remove_empty_folders(folder)


def _list_modules(info: Path) -> list[str]:
    record = (info / "RECORD").read_text("utf-8").splitlines()
    paths = (line.rsplit(",", 2)[0].strip('"') for line in record)
    return [path for path in paths if INFO not in path and not path.startswith("..")]


def _remove_empty_folders(folder: Path) -> None:
    for path in sorted(folder.rglob("*"), reverse=True):
        if path.is_dir() and not path.is_symlink() and not any(path.iterdir()):
            path.rmdir()


def main() -> int:
    """Prune as the command line says."""
    keep, *names = sys.argv[1:]
    patterns = read_patterns(Path(keep).read_text("utf-8"))
    folders = [Path(name) for name in names]
    idle = find_idle(patterns, [path for folder in folders for path in list_files(folder)])
    if idle:
        print(f"{keep} keeps or drops what is not there: {', '.join(idle)}: correct the list")
        return 1
    for folder in folders:
        prune(folder, patterns)
    return 0


if __name__ == "__main__":
    sys.exit(main())
