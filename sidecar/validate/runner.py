"""All checks of a bridge on one candidate: the room's front door (the port `Validator`).

Every check runs and every error is reported, in the order of the settings. Only commands wait: they
run when the cheap checks found no error, since a daemon's validator would but say again, and less
clearly, that a file is empty or cannot be parsed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from sidecar.core.bridge import Check, Command, Companion, Language, RefuseEmpty, Schema, Syntax
from sidecar.core.ports import Cancel, Clock, TargetRoot
from sidecar.core.report import Finding, Report
from sidecar.core.snapshot import Snapshot
from sidecar.validate.child import Task, run_in_child
from sidecar.validate.command import Commands, Workplace
from sidecar.validate.empty import check_empty
from sidecar.validate.globs import pick
from sidecar.validate.syntax import SMALL_BYTES, check_syntax

CANCELLED = Report(cannot_run=("the checks were stopped: their result is no longer wanted",))
_SYNTAXES = frozenset(language.value for language in Language)


class Validators:
    """Judges candidates (implements `core.ports.Validator`).

    `scratch_dir` must be writable where commands are used; `mount` is the folder in which the
    daemon sees the source (see `scratch`), `companions` are its other folders; `tell` takes
    sentences for the log; `target` leads to the programs of the daemon's image, for commands that
    borrow them.
    """

    def __init__(
        self,
        *,
        clock: Clock,
        tell: Callable[[str], None],
        scratch_dir: str = "/tmp",  # noqa: S108 - a fresh private folder is made within
        mount: str = "",
        companions: Sequence[Companion] = (),
        target: TargetRoot | None = None,
    ) -> None:
        self._clock = clock
        self._commands = Commands(
            Workplace(
                clock=clock,
                tell=tell,
                scratch_dir=scratch_dir,
                mount=mount,
                companions=companions,
                target=target,
            )
        )

    def validate(self, candidate: Snapshot, checks: Sequence[Check], cancel: Cancel) -> Report:
        """Run all `checks` and collect what each says; never raises for bad content.

        Commands run only if the other checks found no error. When `cancel` is set the running
        check ends within some 20 ms and the report says so: it neither passes nor rejects.
        """
        reports: dict[int, Report] = {}
        for number, check in enumerate(checks):
            if not isinstance(check, Command) and not cancel.is_set():
                reports[number] = self._check(check, candidate, reports.values(), cancel)
        if not any(report.rejects for report in reports.values()):
            for number, check in enumerate(checks):
                if isinstance(check, Command) and not cancel.is_set():
                    reports[number] = self._commands.run(check, candidate, cancel)
        return CANCELLED if cancel.is_set() else _join(reports)

    def _check(
        self,
        check: RefuseEmpty | Syntax | Schema,
        candidate: Snapshot,
        before: Iterable[Report],
        cancel: Cancel,
    ) -> Report:
        match check:
            case RefuseEmpty():
                return Report(findings=tuple(check_empty(candidate, check.files)))
            case Syntax():
                return self._check_syntax(check, candidate, cancel)
            case Schema():
                return self._check_schema(check, candidate, before, cancel)

    def _check_syntax(self, check: Syntax, candidate: Snapshot, cancel: Cancel) -> Report:
        files = pick(candidate.files, check.files)
        large = {key: content for key, content in files.items() if len(content) > SMALL_BYTES}
        small = {key: content for key, content in files.items() if key not in large}
        findings = check_syntax(small, check.language)
        if not large:
            return Report(findings=tuple(findings))
        task = Task(
            job="sidecar.validate.syntax:check_syntax_job",
            what=f"the {check.language} check",
            options={"language": check.language},
        )
        report = run_in_child(task, large, clock=self._clock, cancel=cancel)
        together = sorted([*findings, *report.findings], key=lambda finding: finding.file)
        return Report(findings=tuple(together), cannot_run=report.cannot_run)

    def _check_schema(
        self, check: Schema, candidate: Snapshot, before: Iterable[Report], cancel: Cancel
    ) -> Report:
        """Files whose syntax is known to be broken are left out: that was said already."""
        broken = {
            finding.file
            for report in before
            for finding in report.errors
            if finding.check in _SYNTAXES
        }
        picked = pick(candidate.files, check.files)
        files = {key: content for key, content in picked.items() if key not in broken}
        if not files:
            return Report()
        task = Task(
            job="sidecar.validate.schema:hold_against_schema",
            what="the schema check",
            options={"schema": check.schema},
        )
        return run_in_child(task, files, clock=self._clock, cancel=cancel)


def _join(reports: Mapping[int, Report]) -> Report:
    ordered = [report for _, report in sorted(reports.items())]
    findings: list[Finding] = [finding for report in ordered for finding in report.findings]
    reasons = [reason for report in ordered for reason in report.cannot_run]
    return Report(findings=tuple(findings), cannot_run=tuple(reasons))
