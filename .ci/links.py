"""Checks that every relative link between the repository's documents leads to a file or heading."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

LINK = re.compile(r"(?<!\\)\[[^\]]*\]\(<?([^)\s>]+)>?(?:\s+\"[^\"]*\")?\)")
FENCE = re.compile(r"^(```|~~~).*?^\1", re.MULTILINE | re.DOTALL)
HEADING = re.compile(r"^#+\s+(.+?)\s*#*$", re.MULTILINE)
ELSEWHERE = re.compile(r"[a-z][a-z0-9+.-]*:|//")


def list_documents() -> list[Path]:
    """All documents that are, or may become, part of the repository."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.md"]
    listed = subprocess.run(command, capture_output=True, text=True, check=True)
    return [Path(line) for line in listed.stdout.splitlines() if Path(line).exists()]


def name_anchors(document: Path) -> set[str]:
    """The anchors that headings get: lower case, spaces as hyphens, no punctuation."""
    titles = HEADING.findall(FENCE.sub("", document.read_text()))
    headings = (re.sub(r"[`*]|\[|\]\([^)]*\)", "", title) for title in titles)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in headings}


def find_broken(document: Path) -> Iterator[str]:
    """A sentence for each link of `document` that leads nowhere."""
    for link in LINK.findall(FENCE.sub("", document.read_text())):
        if ELSEWHERE.match(link):
            continue
        path, _, anchor = unquote(link).partition("#")
        target = document.parent / path if path else document
        if not target.exists():
            yield f"{document}: {link} is no file"
        elif anchor and target.suffix == ".md" and anchor not in name_anchors(target):
            yield f"{document}: {link} is no heading"


def main() -> int:
    """Print what is broken."""
    broken = [line for document in list_documents() for line in find_broken(document)]
    print("\n".join(broken), end="\n" if broken else "")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
