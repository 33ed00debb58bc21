"""Judges a Secret: tells who refuses it and where, never what was said, which may quote a value.

What is told goes to Events, conditions, logs and webhooks, whose readers may not read the Secret.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from sidecar.core.bridge import Check
from sidecar.core.ports import Cancel, Validator
from sidecar.core.report import Finding, Report, Severity
from sidecar.core.snapshot import Snapshot

ADVICE = "its words are kept back, as they may quote the Secret: run surehup check on the files"


class DiscreetValidator:
    """Implements `core.ports.Validator` by another one, whose words it keeps back."""

    def __init__(self, validator: Validator) -> None:
        self._validator = validator

    def validate(self, candidate: Snapshot, checks: Sequence[Check], cancel: Cancel) -> Report:
        """The other one's verdict, with places and checks alone."""
        report = self._validator.validate(candidate, checks, cancel)
        return replace(report, findings=tuple(map(_hush, report.findings)))


def _hush(finding: Finding) -> Finding:
    verb = "refuses it" if finding.severity is Severity.ERROR else "has a remark"
    message = f"{finding.check} {verb}; {ADVICE}"
    return replace(finding, message=message, suggestion="", excerpt="")
