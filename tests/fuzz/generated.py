"""Feeds one parser inputs made by Hypothesis, for a time.

    python -m tests.fuzz.generated NAME FOLDER SECONDS

The input under examination lies in `current`, so that one which kills the process is known as well.
Some inputs become the beginning of the corpus that coverage then grows.
"""

from __future__ import annotations

import contextlib
import hashlib
import math
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from hypothesis import HealthCheck, Phase, given, seed, settings

from tests.fuzz.examination import examine
from tests.fuzz.findings import Findings
from tests.fuzz.inputs import Bytes, inputs
from tests.fuzz.parsers import PARSERS, Read, clear

ROUND = settings(
    max_examples=400,
    deadline=None,
    database=None,
    phases=(Phase.generate, Phase.shrink),
    suppress_health_check=list(HealthCheck),
)
KEEP_EACH = 40


@dataclass(slots=True)
class Drive:
    """One parser, fed until `until_s` or for so many rounds; `runs` counts the inputs."""

    read: Read
    made: Bytes
    folder: Path
    until_s: float
    rounds_left: float = math.inf
    runs: int = 0

    def go(self) -> int:
        """Feed it, in rounds of their own seeds; how many inputs there were."""
        findings = Findings(self.folder / "findings")
        current, corpus = self.folder / "current", self.folder / "corpus"
        corpus.mkdir(parents=True, exist_ok=True)

        def feed(content: bytes) -> None:
            if time.monotonic() > self.until_s:
                return
            self.runs += 1
            current.write_bytes(content)
            if self.runs % KEEP_EACH == 0:
                (corpus / hashlib.sha256(content).hexdigest()[:40]).write_bytes(content)
            try:
                examine(self.read, content)
            except Exception as error:
                findings.take(error, content)
                raise

        while self.rounds_left > 0 and time.monotonic() < self.until_s:
            self.rounds_left -= 1
            number = time.monotonic_ns()
            with contextlib.suppress(Exception):  # kept already; it is raised to be made smaller
                seed(number)(ROUND(given(self.made)(feed)))()
        current.unlink(missing_ok=True)
        return self.runs


def main() -> None:
    """Print the number of runs."""
    name, folder, seconds = sys.argv[1], Path(sys.argv[2]), float(sys.argv[3])
    drive = Drive(PARSERS[name], inputs(name), folder, time.monotonic() + seconds)
    try:
        sys.stdout.write(f"{drive.go()}\n")
    finally:
        clear()


if __name__ == "__main__":
    main()
