"""Check configuration before it reaches a cluster: in an editor, a hook, CI or a pull request.

PATH is a file, a folder or "-": configuration files, mounted folders, manifests with ConfigMaps and
Secrets (lists and kubectl's JSON too), or what kustomize and helm template print. The daemon is
told by --preset, by the annotation surehup.dev/preset on a manifest, or by the content.

Exit codes: 0 good, 3 usage, or a program that was asked for cannot run, 4 invalid configuration.
"""

from __future__ import annotations

import argparse
import os
import re
import socket
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from sidecar import __version__
from sidecar.cli.checking.gather import Wanted, gather
from sidecar.cli.checking.judge import KNOWN_ENDINGS, Judge, Ways
from sidecar.cli.checking.place import Mode, Placer, list_subjects
from sidecar.cli.checking.reading import Notes
from sidecar.cli.checking.settle import NONE, list_unknown, settle
from sidecar.cli.checking.unit import Unit
from sidecar.clock import SystemClock
from sidecar.core.bridge import Command, Output
from sidecar.core.errors import ExitCode, SettingsError
from sidecar.core.report import Severity
from sidecar.presets.fields import parse_command, parse_regex
from sidecar.presets.loading import say_unknown
from sidecar.presets.names import list_presets
from sidecar.validate.alertmanager.versions import NEWEST, OLDEST, parse_version, spell
from sidecar.validate.reports import as_json, human, junit, sarif
from sidecar.validate.reports.model import CheckReport, Diagnostic, Subject

FORMATS = ("human", "json", "junit", "sarif")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what is checked, how, and how it is told."""
    parser.add_argument(
        "paths", nargs="*", metavar="PATH", help="files, folders, - for standard input"
    )
    what = parser.add_argument_group("what is checked")
    what.add_argument("--preset", metavar="NAME", help="the daemon (surehup presets), or none")
    what.add_argument("--file", metavar="KEY", help="the key that the daemon starts from")
    what.add_argument("--mount", metavar="DIR", help="the folder that the daemon sees the files in")
    what.add_argument(
        "--exclude",
        action="append",
        default=[],
        metavar="GLOB",
        help="leave out; repeatable",
    )
    how = parser.add_argument_group("how it is checked")
    how.add_argument(
        "--mode",
        choices=tuple(Mode),
        default=Mode.LENIENT,
        help="strict: warnings are errors; permissive: security and good practice weigh less",
    )
    how.add_argument(
        "--validate",
        action="append",
        metavar="CMD",
        help="check with this program; {dir}, {file} and {file:KEY} are replaced; repeatable",
    )
    how.add_argument(
        "--validate-output", choices=tuple(Output), default=Output.TEXT, help="what it prints"
    )
    how.add_argument(
        "--validate-pattern",
        metavar="REGEX",
        help="finds its findings: groups file, line, column, severity, code, message",
    )
    how.add_argument(
        "--alertmanager-version",
        metavar="0.28",
        default="",
        help="judge for this release; else for all that its rules know",
    )
    how.add_argument("--no-commands", action="store_true", help="do not run promtool and its like")
    told = parser.add_argument_group("how it is told")
    told.add_argument("--format", choices=FORMATS, default=FORMATS[0], help="default: human")
    told.add_argument("-q", "--quiet", action="store_true", help="errors only, no summary")


def run(args: argparse.Namespace) -> ExitCode:
    """Check and print the report."""
    notes = Notes()
    wanted = _read_wanted(args)
    paths = args.paths or ([wanted.mount] if wanted.mount else [])
    if not paths:
        message = "there is nothing to check: name files or folders, or - for standard input"
        raise SettingsError(message)
    ways = _read_ways(args, notes)
    units = settle(gather(paths, wanted, notes, sys.stdin.buffer), wanted)
    if not ways.own:
        for path in list_unknown(units, KNOWN_ENDINGS):
            notes.add(f"nothing is known of {path}: give --preset or --validate")
    report = _judge(units, ways, notes)
    sys.stdout.write(_print_safely(_write(report, args)))
    if report.counts[Severity.ERROR]:
        return ExitCode.INVALID
    return ExitCode.USAGE if report.unjudged else ExitCode.DONE


def _read_wanted(args: argparse.Namespace) -> Wanted:
    """The flags, with the variables that the sidecar itself knows behind them."""
    preset = args.preset or os.environ.get("SUREHUP_PRESET", "")
    if preset and preset != NONE and preset not in list_presets():
        message = f"--preset: {say_unknown(preset)}"
        raise SettingsError(message)
    return Wanted(
        exclude=tuple(args.exclude),
        preset=preset,
        file=args.file or os.environ.get("SUREHUP_FILE", ""),
        mount=args.mount or os.environ.get("SUREHUP_MOUNT", ""),
    )


def _read_ways(args: argparse.Namespace, notes: Notes) -> Ways:
    lines = args.validate or os.environ.get("SUREHUP_VALIDATE", "").splitlines()
    try:
        pattern = parse_regex(args.validate_pattern) if args.validate_pattern else ""
        commands = [parse_command(line) for line in lines if line.strip()]
    except ValueError as error:
        message = f"--validate: {error}"
        raise SettingsError(message) from error
    if pattern and not re.compile(pattern).groupindex:
        message = "--validate-pattern has no named group: write (?P<file>...), (?P<line>...)"
        raise SettingsError(message)
    output = Output(args.validate_output)
    own = tuple(Command(argv=tuple(words), output=output, pattern=pattern) for words in commands)
    return Ways(
        mode=Mode(args.mode),
        commands=not args.no_commands,
        own=own,
        alertmanager_version=_read_version(args.alertmanager_version, notes),
    )


def _read_version(text: str, notes: Notes) -> str:
    """The release to judge for; of one that the rules do not reach it is said."""
    if not text:
        return ""
    try:
        version = parse_version(text)
    except ValueError as error:
        message = f"--alertmanager-version: {error}"
        raise SettingsError(message) from error
    known = f"the rules know Alertmanager {spell(OLDEST)} to {spell(NEWEST)}"
    if version < OLDEST:
        message = f"--alertmanager-version: {text} is too old: {known}"
        raise SettingsError(message)
    if version > NEWEST:
        notes.add(f"{known}: what {text} added is not known to them")
    return text


def _judge(units: Sequence[Unit], ways: Ways, notes: Notes) -> CheckReport:
    judge = Judge(ways, notes)
    diagnostics: list[Diagnostic] = []
    subjects: list[Subject] = []
    unjudged: list[str] = []
    sources = _collect_sources(units)
    for unit in units:
        placer = Placer(unit, sources.get(unit.path, ""), Mode(ways.mode))
        judged = judge.judge(unit)
        diagnostics += [placer.place(finding) for finding in judged.findings]
        diagnostics += [placer.place_own(finding) for finding in unit.findings]
        unjudged += judged.unjudged
        subjects += list_subjects(unit)
    return CheckReport(
        mode=ways.mode,
        diagnostics=diagnostics,
        subjects=subjects,
        notes=notes.lines,
        unjudged=unjudged,
    )


def _collect_sources(units: Sequence[Unit]) -> dict[str, str]:
    """The texts of the manifests, to quote lines from."""
    return {
        unit.path: content.decode("utf-8", "replace")
        for unit in units
        if unit.is_manifest_file
        for content in unit.files.values()
    }


def _write(report: CheckReport, args: argparse.Namespace) -> str:
    match args.format:
        case "json":
            return as_json.write(report)
        case "junit":
            now = datetime.fromtimestamp(SystemClock().wall(), UTC)
            timestamp = now.strftime("%Y-%m-%dT%H:%M:%S")
            return junit.write(report, timestamp=timestamp, hostname=socket.gethostname())
        case "sarif":
            return sarif.write(report, version=__version__, root=str(Path.cwd()))
        case _:
            colour = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
            return human.write(report, colour=colour, quiet=args.quiet)


def _print_safely(text: str) -> str:
    """`text` as standard output can spell it: file names may hold any bytes."""
    encoding = sys.stdout.encoding or "utf-8"
    return text.encode(encoding, "backslashreplace").decode(encoding)
