"""Breaks the core on purpose, one promise at a time, and demands that its tests notice.

    python tests/mutants.py [--tests tests/core] [--jobs 2] [--only WORD]

Each mutation is applied to a copy of the checkout, never to the checkout itself. One line per
mutant; the last line counts them. Ends with 1 if one of them was not noticed.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
MOST_S = 240


@dataclass(frozen=True, slots=True, kw_only=True)
class Mutant:
    """One mutation: the exact text in one file of the core, and what takes its place."""

    name: str
    file: str
    text: str
    replacement: str


MUTANTS = (
    Mutant(
        name="the content on disk never moves",
        file="proof.py",
        text="    return fence is not None and fence != draft.attempt.candidate.fence",
        replacement="    return False",
    ),
    Mutant(
        name="the deciding look does not ask for the fence",
        file="proof.py",
        text="    if _moved(draft, sample.fence):\n        supersede(draft, MOVED)\n"
        "        return\n    judgement",
        replacement="    judgement",
    ),
    Mutant(
        name="a baseline of other content is taken",
        file="process.py",
        text="    elif sample.fence != draft.attempt.candidate.fence:",
        replacement="    elif False:",
    ),
    Mutant(
        name="an unreadable fence is no reason to wait",
        file="proof.py",
        text="in {Verdict.CONFIRMED, Verdict.FAILED} and after.fence is None:",
        replacement="in set() and after.fence is None:",
    ),
    Mutant(
        name="failed content is signalled again by itself",
        file="content.py",
        text="        attempt.asked\n        or decided is None",
        replacement="        True\n        or decided is None",
    ),
    Mutant(
        name="validation is skipped",
        file="content.py",
        text="not is_approved(draft.state, attempt):",
        replacement="False:",
    ),
    Mutant(
        name="errors do not reject",
        file="report.py",
        text="        return bool(self.errors)",
        replacement="        return False",
    ),
    Mutant(
        name="what replaced an attempt is not looked at again",
        file="content.py",
        text="    draft.rest()\n    draft.state = replace(draft.state, restart_pending=True)\n",
        replacement="    draft.rest()\n",
    ),
    Mutant(
        name="a signal leaves what was loaded before as proven",
        file="proof.py",
        text="    draft.state = replace(draft.state, attempt=attempt, loaded=loaded)\n"
        "    draft.unblock",
        replacement="    draft.state = replace(draft.state, attempt=attempt)\n    draft.unblock",
    ),
    Mutant(
        name="a slow reload is not waited for",
        file="process.py",
        text="    if draft.now_s < (busy_until_s := _busy_until(draft, sample)):",
        replacement="    busy_until_s = 0.0\n    if False:",
    ),
    Mutant(
        name="a start-up does not look for the process that is remembered",
        file="machine.py",
        text="            restart_pending=memory.decided is not None,",
        replacement="            restart_pending=False,",
    ),
    Mutant(
        name="a signal that a crash cut off leaves what was loaded as proven",
        file="machine.py",
        text="memory.interrupted is not None and not memory.interrupted.signalled:",
        replacement="memory.interrupted is not None and False:",
    ),
    Mutant(
        name="unproven content counts as loaded",
        file="process.py",
        text="    if known is not None and known.proven and known.digest == attempt.digest:",
        replacement="    if known is not None and known.digest == attempt.digest:",
    ),
    Mutant(
        name="unproven content counts as unchanged",
        file="content.py",
        text="        and loaded.proven\n",
        replacement="",
    ),
    Mutant(
        name="another process counts as the one that was proven",
        file="content.py",
        text="        and loaded.process.is_same(state.process)\n",
        replacement="",
    ),
    Mutant(
        name="the look before the signal is skipped",
        file="process.py",
        text="fence=sample.fence, readings=sample.readings\n",
        replacement="fence=sample.fence, readings=dict.fromkeys(sample.readings, 0.0)\n",
    ),
    Mutant(
        name="a scrape that contradicts itself fails",
        file="verdict.py",
        text="    if failing and not (moved and all(mark.torn_by_success for mark in failing)):",
        replacement="    if failing:",
    ),
    Mutant(
        name="half of the evidence confirms",
        file="verdict.py",
        text="    if moved and not lacking and not failing:",
        replacement="    if moved:",
    ),
    Mutant(
        name="a gauge that stays 0 fails",
        file="verdict.py",
        text="    fell = old is not None and _number(old) >= 1\n",
        replacement="    fell = old is not None\n",
    ),
    Mutant(
        name="a gauge that is 1 proves",
        file="verdict.py",
        text='        return _Mark(text=f"{name} is 1")',
        replacement='        return _Mark(text=f"{name} is 1", proves=True)',
    ),
    Mutant(
        name="a process that is not ready is signalled",
        file="process.py",
        text="    if sample.process is None or unready is not None:",
        replacement="    if sample.process is None:",
    ),
    Mutant(
        name="a sick process is taken for one that runs the content",
        file="process.py",
        text="    if attempt.trigger is Trigger.CLI or not is_healthy(proof, sample):",
        replacement="    if attempt.trigger is Trigger.CLI:",
    ),
    Mutant(
        name="an old process is taken for one that started with the content",
        file="process.py",
        text="    return process.started_s > attempt.candidate.since_s + START_MARGIN_S",
        replacement="    return True",
    ),
    Mutant(
        name="a process that was signalled since counts as untouched",
        file="process.py",
        text="    untouched = known is None or known.signalled_s is None",
        replacement="    untouched = True",
    ),
    Mutant(
        name="a daemon that it harms is signalled again after a crash",
        file="content.py",
        text="    return same and (interrupted.signalled or not bears_repeating(proof))",
        replacement="    return False",
    ),
    Mutant(
        name="every daemon bears a second signal",
        file="content.py",
        text="    return proof.noop is not Noop.FAILS and proof.on_invalid not in {",
        replacement="    return True or proof.on_invalid not in {",
    ),
    Mutant(
        name="a cached page is looked at once",
        file="process.py",
        text="    elif proof.cache_s > 0 and (",
        replacement="    elif False and (",
    ),
    Mutant(
        name="signals come closer than the daemon's clock can tell",
        file="process.py",
        text="    if resolution_s == 0:\n",
        replacement="    if True:\n",
    ),
    Mutant(
        name="a restarted process is judged like the one before",
        file="verdict.py",
        text="    if not after.process.is_same(before.process):",
        replacement="    if False:",
    ),
    Mutant(
        name="edits within the window are dropped",
        file="machine.py",
        text="        times.extend([state.debounce.opens_at()] if state.deferred else [])\n",
        replacement="",
    ),
    Mutant(
        name="one agreeing look is enough",
        file="proof.py",
        text="    if agreeing >= draft.state.bridge.proof.agree:",
        replacement="    if True:",
    ),
    Mutant(
        name="nobody is told that an exit ended the rest",
        file="machine.py",
        text="    elif isinstance(phase, Idle | Lingering):\n        draft.rest()\n"
        "        draft.state = replace(draft.state, restart_pending=True)\n",
        replacement="",
    ),
    Mutant(
        name="the attempt is not journalled before the signal",
        file="process.py",
        text="    draft.enter(Signalling(baseline=baseline))\n    save(draft)\n",
        replacement="    draft.enter(Signalling(baseline=baseline))\n",
    ),
    Mutant(
        name="a stale answer is taken",
        file="machine.py",
        text="    if event.effect != draft.state.awaiting:\n        return\n",
        replacement="    if draft.state.awaiting is None:\n        return\n",
    ),
)


def main() -> int:
    """Run all mutants; 0 if every one was caught."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--tests", nargs="+", default=["tests/core"])
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--only", default="", help="mutants whose name holds this word")
    arguments = parser.parse_args()
    chosen = [mutant for mutant in MUTANTS if arguments.only in mutant.name]
    with tempfile.TemporaryDirectory(prefix="mutants-") as scratch:
        clean = _run(_copy(Path(scratch) / "clean"), arguments.tests)
        if clean:
            say(f"the tests fail without any mutant:\n{clean}")
            return 1
        with ThreadPoolExecutor(arguments.jobs) as pool:
            caught = sum(
                pool.map(
                    lambda pair: _try(pair[1], Path(scratch) / str(pair[0]), arguments.tests),
                    enumerate(chosen),
                )
            )
    say(f"{len(chosen)} mutants, {caught} caught")
    return 0 if caught == len(chosen) else 1


def say(line: str) -> None:
    """At once, also into a pipe."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _copy(folder: Path) -> Path:
    """A checkout of its own: the package, the tests of the core, and how they are run."""
    ignore = shutil.ignore_patterns("__pycache__", ".hypothesis")
    for part in ("sidecar", "tests/core", "docs"):
        shutil.copytree(ROOT / part, folder / part, ignore=ignore)
    shutil.copy(ROOT / "pyproject.toml", folder)
    return folder


def _try(mutant: Mutant, folder: Path, tests: list[str]) -> bool:
    path = _copy(folder) / "sidecar" / "core" / mutant.file
    text = path.read_text()
    if text.count(mutant.text) != 1:
        say(f"STALE   {mutant.name}: its text is not in {mutant.file} exactly once")
        return False
    path.write_text(text.replace(mutant.text, mutant.replacement))
    started_s = time.monotonic()
    complaint = _run(folder, tests)
    took_s = time.monotonic() - started_s
    say(f"{'caught ' if complaint else 'MISSED '} {mutant.name} ({took_s:.1f} s)")
    return bool(complaint)


def _run(folder: Path, tests: list[str]) -> str:
    """What the tests complain of; empty if nothing."""
    command = [sys.executable, "-m", "pytest", *tests, "-x", "-q", "-p", "no:cacheprovider"]
    environment = {**os.environ, "SUREHUP_HISTORIES": "mutants", "PYTHONDONTWRITEBYTECODE": "1"}
    environment.pop("PYTHONPATH", None)
    try:
        done = subprocess.run(
            command,
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
            timeout=MOST_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"no end within {MOST_S} s"
    return done.stdout + done.stderr if done.returncode else ""


if __name__ == "__main__":
    sys.exit(main())
