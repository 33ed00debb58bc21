"""Fuzzes every parser, one after the other: ``python -m tests.fuzz.campaign SECONDS [NAME...]``.

A quarter of the time goes to inputs that Hypothesis makes by grammar, the rest to a fuzzer that is
guided by coverage and begins with those. What is found lies in the cache folder, with the grown
corpus; a finding that is mended belongs into the corpus beside the tests.
"""

from __future__ import annotations

import re
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.fuzz.corpus import list_folders, list_words
from tests.fuzz.findings import CACHE, Findings
from tests.fuzz.parsers import PARSERS

GENERATED_SHARE = 0.25
GRACE_S = 180.0
MOST_RESTARTS = 3
ROOT = Path(__file__).parents[2]
_RUNS = re.compile(rb"^#(\d+)\t", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Told:
    """What became of one parser."""

    runs: int
    seconds: float
    found: tuple[Path, ...]


def fuzz(name: str, seconds: float) -> Told:
    """Feed one parser for `seconds` by both ways."""
    folder = CACHE / name
    began_s = time.monotonic()
    runs = _generate(name, folder, seconds * GENERATED_SHARE)
    until_s = began_s + seconds
    for _ in range(MOST_RESTARTS):
        left_s = int(until_s - time.monotonic())
        if left_s < 1:
            break
        runs += _guide(name, folder, left_s)
    found = Findings(folder / "findings").list()
    return Told(runs, time.monotonic() - began_s, tuple(found))


def _generate(name: str, folder: Path, seconds: float) -> int:
    argv = [sys.executable, "-m", "tests.fuzz.generated", name, str(folder), str(seconds)]
    try:
        ended = subprocess.run(
            argv, cwd=ROOT, capture_output=True, timeout=seconds + GRACE_S, check=False
        )
    except subprocess.TimeoutExpired:
        _keep_current(folder, "hang")
        return 0
    if ended.returncode != 0:
        sys.stderr.buffer.write(ended.stderr)
        _keep_current(folder, f"ended-{ended.returncode}")
        return 0
    return int(ended.stdout)


def _keep_current(folder: Path, why: str) -> None:
    """The input that ended the process, or never ended; none where a busy machine began none."""
    (folder / "findings").mkdir(parents=True, exist_ok=True)
    if (folder / "current").exists():
        (folder / "current").rename(folder / "findings" / why)


def _guide(name: str, folder: Path, seconds: int) -> int:
    for inner in ("corpus", "findings"):
        (folder / inner).mkdir(parents=True, exist_ok=True)
    argv = [
        *(sys.executable, "-m", "tests.fuzz.guided", name, str(folder), str(folder / "corpus")),
        *(str(seeds) for seeds in list_folders(name)),
        f"-dict={_write_words(name, folder)}",
        f"-max_total_time={seconds}",
        f"-artifact_prefix={folder / 'findings'}/",
        *("-timeout=20", "-rss_limit_mb=2048", "-max_len=6000", "-reload=0"),
    ]
    log = folder / "guided.log"
    with log.open("wb") as stream:
        try:
            subprocess.run(
                argv, cwd=ROOT, stdout=stream, stderr=stream, timeout=seconds + GRACE_S, check=False
            )
        except subprocess.TimeoutExpired:
            _keep_current(folder, "hang")
    told = log.read_bytes()
    if b"INITED" not in told:
        sys.stderr.buffer.write(told)
        raise SystemExit(1)
    return int(_RUNS.findall(told)[-1])


def _write_words(name: str, folder: Path) -> Path:
    """The corpus's words in the form of libFuzzer's dictionaries."""
    path = folder / "words"
    spelled = ("".join(f"\\x{byte:02x}" for byte in word) for word in list_words(name))
    path.write_text("".join(f'"{word}"\n' for word in spelled), "ascii")
    return path


def main(argv: Sequence[str]) -> int:
    """Print a line a parser, and one for all. 1 if anything was found."""
    seconds, names = float(argv[0]), argv[1:] or list(PARSERS)
    all_told = []
    for name in names:
        told = fuzz(name, seconds)
        all_told.append(told)
        print(f"{name}: {told.runs:,} runs, {told.seconds:.0f} s", flush=True)  # noqa: T201
        for path in told.found:
            print(f"  {path}", flush=True)  # noqa: T201
    found = sum(len(told.found) for told in all_told)
    runs, took_s = sum(told.runs for told in all_told), sum(told.seconds for told in all_told)
    print(  # noqa: T201
        f"{len(names)} parsers, {runs:,} runs, {took_s:.0f} s, {found} findings"
    )
    return 1 if found else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
