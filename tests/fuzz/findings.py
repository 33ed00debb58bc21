"""What a run has found: one input a cause, kept with the trace of its failure."""

from __future__ import annotations

import hashlib
import traceback
from pathlib import Path

CACHE = Path(__file__).parents[2] / ".cache" / "fuzz"


class Findings:
    """Keeps findings in a folder; a cause is the kind of failure and the line that failed."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def take(self, error: BaseException, content: bytes) -> None:
        """Keep `content`, unless an input of no more bytes with the same cause is kept."""
        self._folder.mkdir(parents=True, exist_ok=True)
        frames = traceback.extract_tb(error.__traceback__)
        cause = f"{type(error).__name__} {frames[-1].filename}:{frames[-1].lineno}"
        name = f"{type(error).__name__}-{hashlib.sha256(cause.encode()).hexdigest()[:8]}"
        path = self._folder / name
        if not path.exists() or path.stat().st_size > len(content):
            path.write_bytes(content)
            told = "".join(traceback.format_exception(error))
            (self._folder / f"{name}.txt").write_text(told, "utf-8", "replace")

    def list(self) -> list[Path]:
        """The inputs that are kept."""
        found = self._folder.iterdir() if self._folder.is_dir() else ()
        return sorted(path for path in found if path.suffix != ".txt")
