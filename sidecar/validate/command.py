"""Runs the daemon's own validator (promtool, ``nginx -t``, ``haproxy -c``) on a candidate."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePath

from sidecar.core.bridge import Command
from sidecar.core.ports import Cancel, Clock
from sidecar.core.report import Finding, Report, Severity
from sidecar.core.snapshot import Snapshot
from sidecar.validate.ends import say_breakdown
from sidecar.validate.job import CannotJudgeError
from sidecar.validate.mapping import Printed, map_output
from sidecar.validate.output import EXCERPT_LINES, find_essence, split_output
from sidecar.validate.process import Bounds, CannotStartError, Ended, How, run_program
from sidecar.validate.scratch import UnsafeKeyError, laid_out
from sidecar.validate.text import clean, shorten

_PLACEHOLDER = re.compile(r"\{(dir|file:([^{}]+))\}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Workplace:
    """Where commands run: files go below `scratch_dir`; `mount` is the folder the daemon sees."""

    clock: Clock
    tell: Callable[[str], None]
    scratch_dir: str
    mount: str = ""


class Commands:
    """Runs `Command` checks. Remembers only which missing programs were told of."""

    def __init__(self, workplace: Workplace) -> None:
        self._place = workplace
        self._told: set[str] = set()

    def run(self, check: Command, candidate: Snapshot, cancel: Cancel) -> Report:
        """Run one command on `candidate` and judge its end. Never raises.

        A key that the command names and the candidate lacks is a finding: the daemon would miss
        it as well. A program that is absent, crashes or is stopped has not judged: `cannot_run`.
        """
        name = PurePath(check.argv[0]).name
        try:
            return Report(findings=tuple(self._judge(check, name, candidate, cancel)))
        except CannotJudgeError as error:
            return Report(cannot_run=(f"{name} {error}",))

    def _judge(
        self, check: Command, name: str, candidate: Snapshot, cancel: Cancel
    ) -> Iterator[Finding]:
        missing = [key for key in named_keys(check) if key not in candidate.files]
        if missing:
            yield from (_miss(name, key, candidate) for key in missing)
            return
        program = self._find_program(check, name)
        if program is None:
            return
        try:
            with laid_out(
                candidate.files, parent=self._place.scratch_dir, mount=self._place.mount
            ) as folder:
                ended = self._run(check, program, folder, cancel)
        except UnsafeKeyError as error:
            message = f"the key {clean(error.key)!r} is no plain file name: rename it"
            yield Finding(check=name, code="key", file=error.key, message=message)
            return
        except OSError as error:
            message = (
                f"needs a folder for the candidate, and {self._place.scratch_dir} cannot be "
                f"written ({error.strerror}): mount an emptyDir there"
            )
            raise CannotJudgeError(message) from error
        yield from _read_verdict(check, name, candidate, str(folder), ended)

    def _find_program(self, check: Command, name: str) -> str | None:
        """The path of the program; None if it may be absent and is, which is told once."""
        asked = check.argv[0]
        found = shutil.which(asked)
        if found is not None:
            return found
        useless = shutil.which(asked, mode=os.F_OK)
        if useless is not None:
            message = f"cannot be run: {useless} is not executable by this user, so chmod +x it"
            raise CannotJudgeError(message)
        if not check.optional:
            message = (
                f"is not installed in the sidecar ({asked} was not found): add it to the image"
            )
            raise CannotJudgeError(message)
        if asked not in self._told:
            self._told.add(asked)
            self._place.tell(f"{name} is not installed in the sidecar, so its check is skipped")
        return None

    def _run(self, check: Command, program: str, folder: Path, cancel: Cancel) -> Ended:
        bounds = Bounds(timeout_s=check.timeout_s, memory_bytes=check.memory_bytes)
        argv = [program, *(fill_in(argument, folder) for argument in check.argv[1:])]
        try:
            ended = run_program(
                argv, bounds=bounds, clock=self._place.clock, cancel=cancel, folder=str(folder)
            )
        except CannotStartError as error:
            message = (
                f"cannot be run ({error}): the program, its interpreter or its loader does not "
                "fit into the sidecar's image"
            )
            raise CannotJudgeError(message) from error
        breakdown = say_breakdown(ended, bounds)
        if breakdown and (ended.how is not How.EXITED or ended.code not in check.ok_codes):
            raise CannotJudgeError(breakdown)
        return ended


def named_keys(check: Command) -> list[str]:
    """The keys that ``{file:KEY}`` names, in order, each once."""
    found = (match[2] for argument in check.argv for match in _PLACEHOLDER.finditer(argument))
    return list(dict.fromkeys(key for key in found if key))


def fill_in(argument: str, folder: Path) -> str:
    """`argument` with ``{dir}`` and ``{file:KEY}`` led into `folder`; other braces stay."""
    return _PLACEHOLDER.sub(
        lambda match: str(folder / match[2]) if match[2] else str(folder), argument
    )


def _miss(name: str, key: str, candidate: Snapshot) -> Finding:
    there = ", ".join(sorted(candidate.files)) or "no keys"
    message = f"is to be checked by {name} but is missing: the source has {shorten(there, 200)}"
    return Finding(check=name, code="missing-key", file=key, message=message)


def _read_verdict(
    check: Command, name: str, candidate: Snapshot, folder: str, ended: Ended
) -> Iterator[Finding]:
    printed = Printed(
        output=ended.output,
        folder=folder,
        keys=candidate.files,
        told=_told_keys(check, candidate),
        rejects=ended.code not in check.ok_codes,
    )
    mapped = list(map_output(check, name, printed))
    yield from mapped
    if any(finding.severity is Severity.ERROR for finding in mapped):
        return
    lines = split_output(ended.output, folder=folder)
    excerpt = "\n".join(lines[-EXCERPT_LINES:])
    if ended.code not in check.ok_codes:
        said = find_essence(lines, keys=candidate.files, told=printed.told)
        yield Finding(
            check=name,
            code=f"exit-{ended.code}",
            file=said.file,
            line=said.line,
            column=said.column,
            message=f"{name}: {said.message}",
            excerpt=excerpt,
        )
    elif check.must_match and not _matches(check.must_match, ended.output):
        message = (
            f"{name} ended well, but its output lacks {check.must_match!r}: "
            "it has probably not looked at everything"
        )
        yield Finding(check=name, code="output", message=message, excerpt=excerpt)


def _told_keys(check: Command, candidate: Snapshot) -> list[str]:
    """The keys that the command line names, as ``{file:KEY}`` or as ``{dir}/KEY``."""
    beside = (argument.partition("{dir}/")[2] for argument in check.argv)
    return named_keys(check) + [key for key in beside if key in candidate.files]


def _matches(pattern: str, output: str) -> bool:
    try:
        return re.search(pattern, output) is not None
    except re.error as error:
        message = f"is to print {pattern!r}, which is no regular expression ({error}): correct it"
        raise CannotJudgeError(message) from error
