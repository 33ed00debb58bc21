"""Runs the daemon's own validator (promtool, ``nginx -t``, ``haproxy -c``) on a candidate."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePath

from sidecar.core.bridge import Command, Companion, Origin, Output
from sidecar.core.ports import Cancel, Clock, TargetRoot
from sidecar.core.report import Finding, Report, Severity
from sidecar.core.snapshot import Snapshot
from sidecar.validate.borrowed import CannotBorrowError, Loan, borrow, find_missing
from sidecar.validate.ends import say_breakdown
from sidecar.validate.job import CannotJudgeError
from sidecar.validate.mapping import Printed, map_output
from sidecar.validate.matching import map_by_pattern, matches
from sidecar.validate.output import EXCERPT_LINES, find_essence, split_output
from sidecar.validate.process import (
    CANNOT_EXECUTE_CODES,
    Bounds,
    CannotStartError,
    Ended,
    How,
    Streams,
    run_program,
)
from sidecar.validate.scratch import UnsafeKeyError, laid_out
from sidecar.validate.text import clean, last_line, shorten

_PLACEHOLDER = re.compile(r"\{(dir|file:([^{}]+))\}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Workplace:
    """Where commands run: files go below `scratch_dir`; `mount` is the folder the daemon sees.

    `target` leads to the programs of the daemon's image, where those may be borrowed.
    """

    clock: Clock
    tell: Callable[[str], None]
    scratch_dir: str
    mount: str = ""
    companions: Sequence[Companion] = ()
    target: TargetRoot | None = None


class Commands:
    """Runs `Command` checks. Remembers only what was told of programs that cannot be had."""

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
    ) -> list[Finding]:
        missing = [key for key in named_keys(check) if key not in candidate.files]
        if missing:
            return [_miss(name, key, candidate) for key in missing]
        own, why = shutil.which(check.argv[0]), ""
        if self._place.target is not None and _is_borrowed(check, own):
            try:
                with borrow(self._place.target, check.argv[0]) as loan:
                    return self._judge_by(loan, check, name, candidate, cancel)
            except CannotBorrowError as error:
                if error.passing:
                    message = f"could not run, because {error}: it is tried again"
                    raise CannotJudgeError(message) from error
                why = str(error)
        if own is None:
            self._do_without(check, name, why)
            return []
        if why:
            self._tell_once(f"{name} of the sidecar judges, not the daemon's own: {why}")
        return self._judge_by(Loan(argv=(own,)), check, name, candidate, cancel)

    def _do_without(self, check: Command, name: str, why: str) -> None:
        """The program is nowhere: fine if it is optional, which is told once."""
        asked = check.argv[0]
        useless = shutil.which(asked, mode=os.F_OK)
        if useless is not None:
            message = f"cannot be run: {useless} is not executable by this user, so chmod +x it"
            raise CannotJudgeError(message)
        borrowed = f", nor can the daemon's own be run: {why}" if why else ""
        if not check.optional:
            message = f"is not installed in the sidecar ({asked} was not found)"
            raise CannotJudgeError(message + (borrowed or ": add it to the image"))
        self._tell_once(
            f"{name} is not installed in the sidecar, so its check is skipped{borrowed}"
        )

    def _tell_once(self, message: str) -> None:
        if message not in self._told:
            self._told.add(message)
            self._place.tell(message)

    def _judge_by(
        self, loan: Loan, check: Command, name: str, candidate: Snapshot, cancel: Cancel
    ) -> list[Finding]:
        """Judge by this program. Raises `CannotBorrowError` where it is not fit for that here."""
        try:
            with laid_out(
                candidate.files,
                parent=self._place.scratch_dir,
                mount=self._place.mount,
                companions=self._place.companions,
            ) as folder:
                ended = self._run(loan, check, folder, cancel)
        except UnsafeKeyError as error:
            message = f"the key {clean(error.key)!r} is no plain file name: rename it"
            return [Finding(check=name, code="key", file=error.key, message=message)]
        except OSError as error:
            message = (
                f"needs a folder for the candidate, and {self._place.scratch_dir} cannot be "
                f"written ({error.strerror}): mount an emptyDir there"
            )
            raise CannotJudgeError(message) from error
        printed = Printed(
            output=ended.output,
            folder=str(folder),
            keys=candidate.files,
            told=_told_keys(check, candidate),
            rejects=ended.code not in check.ok_codes,
        )
        findings = list(self._read_verdict(check, name, printed, ended.code, cancel))
        if any(finding.severity is Severity.ERROR for finding in findings):
            _doubt(loan, ended, str(folder))
        return findings

    def _read_verdict(
        self, check: Command, name: str, printed: Printed, code: int, cancel: Cancel
    ) -> Iterator[Finding]:
        mapped = self._map(check, name, printed, cancel)
        yield from mapped
        if any(finding.severity is Severity.ERROR for finding in mapped):
            return
        lines = split_output(printed.output, folder=printed.folder)
        excerpt = "\n".join(lines[-EXCERPT_LINES:])
        if printed.rejects:
            said = find_essence(lines, keys=printed.keys, told=printed.told)
            yield Finding(
                check=name,
                code=f"exit-{code}",
                file=said.file,
                line=said.line,
                column=said.column,
                message=f"{name}: {said.message}",
                excerpt=excerpt,
            )
        elif check.must_match and not matches(
            check.must_match, printed.output, clock=self._place.clock, cancel=cancel
        ):
            message = (
                f"{name} ended well, but its output lacks {check.must_match!r}: "
                "it has probably not looked at everything"
            )
            yield Finding(check=name, code="output", message=message, excerpt=excerpt)

    def _map(
        self, check: Command, name: str, printed: Printed, cancel: Cancel
    ) -> Sequence[Finding]:
        if check.pattern and check.output is Output.TEXT:
            clock = self._place.clock
            return map_by_pattern(check, name, printed, clock=clock, cancel=cancel)
        return list(map_output(check, name, printed))

    def _run(self, loan: Loan, check: Command, folder: Path, cancel: Cancel) -> Ended:
        bounds = Bounds(timeout_s=check.timeout_s, memory_bytes=check.memory_bytes)
        argv = [*loan.argv, *(fill_in(argument, folder) for argument in check.argv[1:])]
        try:
            ended = run_program(
                argv,
                bounds=bounds,
                clock=self._place.clock,
                cancel=cancel,
                folder=str(folder),
                streams=Streams(kept=loan.kept),
            )
        except CannotStartError as error:
            if loan.root is not None:
                message = f"the kernel does not execute it from here ({error})"
                raise CannotBorrowError(message, passing=loan.is_lost) from error
            message = (
                f"cannot be run ({error}): the program, its interpreter or its loader does not "
                "fit into the sidecar's image"
            )
            raise CannotJudgeError(message) from error
        ended = replace(ended, output=loan.translate(ended.output))
        breakdown = say_breakdown(ended, bounds)
        if breakdown and (ended.how is not How.EXITED or ended.code not in check.ok_codes):
            if ended.how in {How.EXITED, How.KILLED}:
                _doubt(loan, ended, str(folder))
            raise CannotJudgeError(breakdown)
        return ended


def _is_borrowed(check: Command, own: str | None) -> bool:
    return check.origin is Origin.TARGET or (check.origin is Origin.ANY and own is None)


def _doubt(loan: Loan, ended: Ended, folder: str) -> None:
    """Ask whether a failure may come of the borrowing. Raises `CannotBorrowError` if so."""
    if loan.root is None:
        return
    if loan.is_lost:
        message = "the daemon ended while its validator ran"
        raise CannotBorrowError(message, passing=True)
    if ended.code in CANNOT_EXECUTE_CODES:
        message = f"it does not start from here ({last_line(ended.output)})"
        raise CannotBorrowError(message)
    missing = find_missing(loan, ended.output, folder)
    if missing is not None:
        message = (
            f"it wants {missing}, which lies in the daemon's container and not in the sidecar's: "
            "mount the volume that holds it at the same path in both, or copy it into one"
        )
        raise CannotBorrowError(message)


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


def _told_keys(check: Command, candidate: Snapshot) -> list[str]:
    """The keys that the command line names, as ``{file:KEY}`` or as ``{dir}/KEY``."""
    beside = (argument.partition("{dir}/")[2] for argument in check.argv)
    return named_keys(check) + [key for key in beside if key in candidate.files]
