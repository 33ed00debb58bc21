"""Judges one unit: emptiness, syntax, generic checks, the daemon's rule set, then programs.

Each step runs where the ones before found no error: a program would but say again, and less
clearly, that a file cannot be parsed.
"""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import PurePath

from sidecar.cli.checking.reading import Notes
from sidecar.cli.checking.unit import Unit
from sidecar.clock import SystemClock
from sidecar.core.bridge import Check, Command, Language, RefuseEmpty, Schema, Syntax
from sidecar.core.report import Finding, Report, Severity
from sidecar.core.snapshot import Snapshot
from sidecar.presets.convert import fill_placeholder, to_checks
from sidecar.presets.loading import load_preset
from sidecar.validate.child import Task, run_in_child
from sidecar.validate.command import named_keys
from sidecar.validate.empty import check_empty
from sidecar.validate.globs import pick
from sidecar.validate.hygiene import check_hygiene
from sidecar.validate.prometheus.lint import Kept, lint
from sidecar.validate.prometheus.promtool import adapt
from sidecar.validate.runner import Validators
from sidecar.validate.syntax import check_syntax, language_of

KNOWN_ENDINGS = frozenset({"yml", "yaml", "json", "toml"})
ALERTMANAGER_JOB = "sidecar.validate.alertmanager.check:check_alertmanager"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ways:
    """How to judge: the mode, whether presets' programs run, and the user's own programs.

    `alertmanager_version` is the release that files are for, empty for all that are known.
    """

    mode: str
    commands: bool = True
    own: tuple[Command, ...] = ()
    alertmanager_version: str = ""


@dataclass(frozen=True, slots=True)
class Judged:
    """What was found in a unit, by key and line of the content, and what could not be judged."""

    findings: tuple[Finding, ...]
    unjudged: tuple[str, ...] = ()


class Judge:
    """Judges units, and notes what it leaves out."""

    def __init__(self, ways: Ways, notes: Notes) -> None:
        self._ways = ways
        self._notes = notes
        self._clock = SystemClock()
        self._cancel = threading.Event()

    def judge(self, unit: Unit) -> Judged:
        """Everything there is to say about `unit`, whose preset and main key are settled."""
        checks = _load_checks(unit.preset, unit.main_key) if unit.preset else ()
        findings = list(_check_files(unit, checks))
        missing = _find_missing(unit)
        if missing is not None:
            return Judged((*findings, missing))
        if _rejects(findings):
            return Judged(tuple(findings))
        rules = self._hold_against_rules(unit)
        findings += rules.findings
        if _rejects(findings):
            return Judged(tuple(findings), rules.cannot_run)
        said = self._run_programs(unit, checks)
        return Judged((*findings, *said.findings), (*rules.cannot_run, *said.cannot_run))

    def _hold_against_rules(self, unit: Unit) -> Report:
        """What the daemon's own rule set says, where there is one."""
        match unit.preset:
            case "prometheus":
                options = {"main_key": unit.main_key, "mount": unit.mount, "kept": _keep(unit)}
                return Report(findings=tuple(lint(unit.all_files, options)))
            case "alertmanager":
                task = Task(
                    job=ALERTMANAGER_JOB,
                    what="the Alertmanager check",
                    options={
                        "main": unit.main_key,
                        "mode": self._ways.mode,
                        "version": self._ways.alertmanager_version,
                    },
                )
                files = unit.all_files
                return run_in_child(task, files, clock=self._clock, cancel=self._cancel)
            case _:
                return Report()

    def _run_programs(self, unit: Unit, checks: Iterable[Check]) -> Report:
        """The preset's programs where they are installed, and the user's own in any case."""
        wanted: list[Check] = [check for check in checks if isinstance(check, Schema)]
        if self._ways.commands:
            wanted += self._choose_commands(unit, checks)
        if not unit.is_manifest_file:
            wanted += [one for own in self._ways.own for one in _fill(own, unit)]
        if not wanted:
            return Report()
        validators = Validators(clock=self._clock, tell=self._notes.add, mount=unit.mount)
        candidate = Snapshot.of(unit.all_files)
        report = validators.validate(candidate, wanted, self._cancel)
        return _hide_words(report) if unit.secret else report

    def _choose_commands(self, unit: Unit, checks: Iterable[Check]) -> Iterator[Command]:
        for check in checks:
            if not isinstance(check, Command):
                continue
            if shutil.which(check.argv[0]) is None:
                name = PurePath(check.argv[0]).name
                self._notes.add(f"{name} is not installed here, so that its own check was skipped")
            elif unit.preset == "prometheus":
                files = unit.all_files
                yield from adapt(check, files, unit.main_key, unit.mount, exists=os.path.exists)
            else:
                yield check


@cache
def _load_checks(preset: str, main_key: str) -> tuple[Check, ...]:
    daemon = load_preset(preset)
    return to_checks(daemon.model_copy(update={"file": main_key or daemon.file}))


def _rejects(findings: Iterable[Finding]) -> bool:
    return any(finding.severity is Severity.ERROR for finding in findings)


def _keep(unit: Unit) -> Kept:
    if unit.secret:
        return Kept.SECRET
    return Kept.CONFIG_MAP if unit.resource else Kept.FILE


def _check_files(unit: Unit, checks: Iterable[Check]) -> Iterator[Finding]:
    """Emptiness where a preset asks for it, syntax by preset or by ending, generic checks."""
    languages = tell_languages(unit, checks)
    empty = set()
    for check in checks:
        if isinstance(check, RefuseEmpty) and unit.files:
            for finding in check_empty(Snapshot.of(unit.files), check.files):
                empty.add(finding.file)
                yield finding
    for key, content in unit.files.items():
        if key in empty:
            continue
        language = languages.get(key)
        if language is not None:
            yield from check_syntax({key: content}, language)
        if not unit.is_manifest_file:
            # Daemons with a preset know what kind of value each field takes.
            yield from check_hygiene(key, content, None if unit.preset else language)


def tell_languages(unit: Unit, checks: Iterable[Check]) -> Mapping[str, Language]:
    """The language of each key, as the preset or its ending tells."""
    languages = {
        key: language_of(key)
        for key in unit.files
        if key.rpartition(".")[2].lower() in KNOWN_ENDINGS
    }
    for check in checks:
        if isinstance(check, Syntax):
            picked = pick(unit.files, check.files)
            alone = {unit.main_key} & unit.files.keys() if not picked else set()
            languages |= dict.fromkeys([*picked, *alone], check.language)
    return languages


def _find_missing(unit: Unit) -> Finding | None:
    """The main file of the preset that the unit lacks."""
    if not unit.preset or not unit.main_key or unit.main_key in unit.all_files:
        return None
    there = ", ".join(sorted(unit.all_files)[:10]) or "nothing"
    message = (
        f"the preset {unit.preset} starts from {unit.main_key!r}, which is not there "
        f"(there is {there})"
    )
    fix = "name the right key with --file, or another preset"
    return Finding(check="preset", code="missing-file", message=message, suggestion=fix)


def _fill(command: Command, unit: Unit) -> Iterator[Command]:
    """`command` with ``{file}`` filled in: the main file, or each file where there is none.

    A command that names a key is for the units that have it.
    """
    if any(key not in unit.all_files for key in named_keys(command)):
        return
    keys = [unit.main_key] if unit.main_key else list(unit.files)
    distinct = dict.fromkeys(
        tuple(fill_placeholder(word, key) for word in command.argv) for key in keys
    )
    for argv in distinct:
        yield replace(command, argv=argv)


def _hide_words(report: Report) -> Report:
    """Programs quote what they refuse: of a Secret only that, and where, may be told."""
    return Report(
        findings=tuple(
            replace(
                finding,
                message=f"{finding.check} refuses it; its words may quote the Secret",
                excerpt="",
            )
            for finding in report.findings
        ),
        cannot_run=report.cannot_run,
    )
