"""How severe findings are taken: a choice of whoever runs the validator.

strict: warnings reject too. lenient: as the rules say. permissive: warnings about security and good
practice only inform. No mode lets pass what Alertmanager refuses.
"""

from __future__ import annotations

from enum import StrEnum

from sidecar.core.report import Severity
from sidecar.validate.alertmanager.rules.registry import Family, Rule


class Mode(StrEnum):
    """The three modes."""

    STRICT = "strict"
    LENIENT = "lenient"
    PERMISSIVE = "permissive"


def weigh(rule: Rule, mode: Mode) -> Severity:
    """The severity of what breaks `rule`, in `mode`."""
    if rule.severity is not Severity.WARNING:
        return rule.severity
    if mode is Mode.STRICT:
        return Severity.ERROR
    if mode is Mode.PERMISSIVE and rule.family in {Family.SECURITY, Family.PRACTICE}:
        return Severity.INFO
    return Severity.WARNING
