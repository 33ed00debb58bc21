"""Judges without giving a secret away: validators quote what they find fault with.

What is told goes to annotations, Events, conditions, logs, webhooks and HTTP, whose readers may not
read what was judged.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from sidecar.core.bridge import Check
from sidecar.core.errors import SurehupError
from sidecar.core.ports import Cancel, Clean, Validator
from sidecar.core.report import Finding, Report, Severity
from sidecar.core.snapshot import Snapshot

ADVICE = "its words are kept back, as they may quote a secret: run surehup check on the files"


class DiscreetValidator:
    """Implements `core.ports.Validator` by another one, whose words go through `clean`.

    Of a Secret (`is_secret`) the findings tell who refuses it and where, and nothing else: all of
    it may be secret. So it is where `clean` fails.
    """

    def __init__(self, validator: Validator, clean: Clean, *, is_secret: bool) -> None:
        self._validator = validator
        self._clean = clean
        self._is_secret = is_secret

    def validate(self, candidate: Snapshot, checks: Sequence[Check], cancel: Cancel) -> Report:
        """The other one's verdict, without secrets in its words."""
        report = self._validator.validate(candidate, checks, cancel)
        findings = report.findings
        quoting = () if self._is_secret else findings
        words = [word for one in quoting for word in (one.message, one.suggestion)]
        words += report.cannot_run
        try:
            cleaned = iter(self._clean(words, candidate) if words else ())
        except SurehupError as error:
            reasons = tuple(f"a check could not judge: {error.message}" for _ in report.cannot_run)
            return Report(findings=_hush(findings), cannot_run=reasons)
        told = tuple(
            replace(finding, message=next(cleaned), suggestion=next(cleaned), excerpt="")
            for finding in quoting
        )
        return Report(
            findings=_hush(findings) if self._is_secret else told, cannot_run=tuple(cleaned)
        )


def _hush(findings: Sequence[Finding]) -> tuple[Finding, ...]:
    return tuple(
        replace(finding, message=_say(finding), suggestion="", excerpt="") for finding in findings
    )


def _say(finding: Finding) -> str:
    verb = "refuses it" if finding.severity is Severity.ERROR else "has a remark"
    return f"{finding.check} {verb}; {ADVICE}"
