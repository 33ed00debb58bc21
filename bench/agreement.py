"""Prints where our Alertmanager rules and `amtool check-config` agree, and where not.

    python -m bench.agreement [--count 3000] [--seed 1] [--amtool PATH[=VERSION]]...

Each amtool is asked about the corpus in tests/validate/alertmanager/corpus and about generated
files; ours is told the version that amtool says it has. Exit code 1 where they disagree.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from bench.alertmanager_corpus import Case, generate
from sidecar.core.report import Finding, Severity
from sidecar.validate.alertmanager.check import validate
from sidecar.validate.alertmanager.modes import Mode
from sidecar.validate.alertmanager.versions import Target, parse_version, spell

CORPUS = Path(__file__).parents[1] / "tests" / "validate" / "alertmanager" / "corpus"
MAIN_KEY = "alertmanager.yml"
POLICY = frozenset(("E002", "E003", "E004"))
"""What we refuse on purpose though amtool does not: size, depth, aliases."""
BATCH = 40
TIMEOUT_S = 60.0


@dataclass(slots=True)
class Amtool:
    """An installed amtool, and the version it says it has or is said to have."""

    path: str
    target: Target = field(init=False)

    def __post_init__(self) -> None:
        """Ask for the version, unless it stands behind the path."""
        self.path, _, version = self.path.partition("=")
        if version:
            self.target = Target(parse_version(version))
            return
        said = self._run(["--version"])
        match = re.search(r"version (\S+)", said)
        if match is None:
            message = f"{self.path} does not tell its version: write {self.path}=VERSION"
            raise SystemExit(message)
        self.target = Target(parse_version(match[1].rstrip(",")))

    @property
    def name(self) -> str:
        """For the table."""
        return f"amtool {spell(self.target.version)}" if self.target.version else self.path

    def judge(self, folders: list[Path]) -> list[str | None]:
        """What amtool has against the configuration in each folder; None where it accepts it."""
        verdicts: list[str | None] = []
        for begin in range(0, len(folders), BATCH):
            batch = folders[begin : begin + BATCH]
            sections = self._check(batch)
            if len(sections) != len(batch) or any("panic:" in each for each in sections):
                sections = ["".join(self._check([folder])) for folder in batch]
            verdicts += [_read_section(section) for section in sections]
        return verdicts

    def _check(self, folders: list[Path]) -> list[str]:
        said = self._run(["check-config", *(str(folder / MAIN_KEY) for folder in folders)])
        return re.split(r"^Checking ", said, flags=re.MULTILINE)[1:]

    def _run(self, arguments: list[str]) -> str:
        try:
            ended = subprocess.run(
                [self.path, *arguments],
                capture_output=True,
                text=True,
                errors="replace",
                timeout=TIMEOUT_S,
                check=False,
            )
        except OSError as error:
            message = f"{self.path} cannot be run: {error.strerror}; install it or name another"
            raise SystemExit(message) from error
        return ended.stdout + ended.stderr


def _read_section(section: str) -> str | None:
    failed = re.search(r"FAILED: (.*)", section)
    if failed:
        return failed[1]
    return None if "SUCCESS" in section and "panic:" not in section else "it crashed"


@dataclass(slots=True)
class Tally:
    """How often both agreed, and every case where they did not."""

    accepted: int = 0
    refused: int = 0
    policy: int = 0
    false_accepts: list[tuple[Case, str]] = field(default_factory=list)
    false_errors: list[tuple[Case, Finding]] = field(default_factory=list)
    codes: Counter[str] = field(default_factory=Counter)
    advice: Counter[str] = field(default_factory=Counter)

    @property
    def disagreements(self) -> int:
        """Both kinds together."""
        return len(self.false_accepts) + len(self.false_errors)

    def add(self, case: Case, verdict: str | None, findings: tuple[Finding, ...]) -> None:
        """Count one case."""
        errors = [each for each in findings if each.severity is Severity.ERROR]
        if verdict is None:
            self.accepted += 1
            self.advice.update({each.code for each in findings})
        else:
            self.refused += 1
            self.codes.update({each.code for each in errors})
        if verdict is not None and not errors:
            self.false_accepts.append((case, verdict))
        elif verdict is None and errors:
            if errors[0].code in POLICY:
                self.policy += 1
            else:
                self.false_errors.append((case, errors[0]))


def read_corpus() -> Iterable[Case]:
    """The hand-written files: `good` and `bad`, each alone or as a folder."""
    for path in sorted(CORPUS.glob("*/*.yml")):
        yield Case(f"corpus {path.parent.name}/{path.name}", path.read_text("utf-8"))


def compare(amtool: Amtool, cases: list[Case]) -> Tally:
    """Ask both about all cases."""
    tally = Tally()
    with tempfile.TemporaryDirectory() as scratch:
        folders = [Path(scratch, str(number)) for number in range(len(cases))]
        for folder, case in zip(folders, cases, strict=True):
            for key, text in {MAIN_KEY: case.text, **case.files}.items():
                (folder / key).parent.mkdir(parents=True, exist_ok=True)
                (folder / key).write_text(text, "utf-8", newline="")
        verdicts = amtool.judge(folders)
    for case, verdict in zip(cases, verdicts, strict=True):
        files = {MAIN_KEY: case.text, **case.files}
        content = {key: text.encode("utf-8") for key, text in files.items()}
        tally.add(case, verdict, validate(content, MAIN_KEY, Mode.LENIENT, amtool.target))
    return tally


def show(amtool: Amtool, tally: Tally, *, verbose: int) -> None:
    """Print one table."""
    print(f"\n{amtool.name}")
    print(
        f"  accepted by amtool         {tally.accepted:6}   codes seen there  {len(tally.advice):4}"
    )
    print(
        f"  refused by amtool          {tally.refused:6}   codes seen there  {len(tally.codes):4}"
    )
    print(f"  refused by policy only     {tally.policy:6}   (aliases, size, depth)")
    print(f"  false accepts              {len(tally.false_accepts):6}")
    print(f"  false errors               {len(tally.false_errors):6}")
    print("  by code: " + " ".join(f"{code}={n}" for code, n in sorted(tally.codes.items())))
    for case, verdict in tally.false_accepts[:verbose]:
        print(f"\n  FALSE ACCEPT ({case.kind}): {verdict}\n{case.text}{case.files}")
    for case, finding in tally.false_errors[:verbose]:
        print(f"\n  FALSE ERROR ({case.kind}): {finding.code} {finding}\n{case.text}{case.files}")


def main() -> int:
    """Compare and print; the last line counts."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--count", type=int, default=3000, help="generated files per amtool")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--amtool", action="append", help="repeat to compare several releases")
    parser.add_argument("--verbose", type=int, default=3, help="disagreements shown of each kind")
    options = parser.parse_args()
    tried = disagreements = 0
    for path in options.amtool or ["amtool"]:
        amtool = Amtool(path)
        newer = amtool.target.version != (0, 25)
        cases = [*read_corpus(), *generate(options.count, options.seed, newer=newer)]
        tally = compare(amtool, cases)
        show(amtool, tally, verbose=options.verbose)
        tried += len(cases)
        disagreements += tally.disagreements
    print(f"\nagreement: {tried} files tried, {disagreements} disagreements")
    return 1 if disagreements else 0


if __name__ == "__main__":
    sys.exit(main())
