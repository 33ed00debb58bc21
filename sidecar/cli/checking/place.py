"""Turns what was found in a unit into places in files that people can open, weighed by the mode."""

from __future__ import annotations

import re
from collections.abc import Iterator
from enum import StrEnum

from sidecar.cli.checking.unit import Unit
from sidecar.core.report import Finding, Severity
from sidecar.validate import hygiene
from sidecar.validate.manifests.origin import Origin, Place
from sidecar.validate.prometheus.table import BY_CODE, Family
from sidecar.validate.reports.links import find_link
from sidecar.validate.reports.model import Diagnostic, Subject
from sidecar.validate.text import clean, cut_line

_OWN_LINE = re.compile(r"(?<=on line )\d+")
_LOWERED = frozenset({Family.SECURITY, Family.PRACTICE})


class Mode(StrEnum):
    """How severe findings are taken.

    Strict: warnings are errors. Permissive: what is about security and good practice weighs one
    step less. No mode lets pass what the daemon itself refuses.
    """

    STRICT = "strict"
    LENIENT = "lenient"
    PERMISSIVE = "permissive"


def weigh(finding: Finding, mode: Mode) -> Severity:
    """The severity of `finding` in `mode`."""
    if mode is Mode.STRICT and finding.severity is Severity.WARNING:
        return Severity.ERROR
    if mode is Mode.PERMISSIVE and _is_practice(finding.code):
        return Severity.WARNING if finding.severity is Severity.ERROR else Severity.INFO
    return finding.severity


def _is_practice(code: str) -> bool:
    """Whether it is about security or good practice; Alertmanager's rules know the mode."""
    rule = BY_CODE.get(code)
    return code in hygiene.PRACTICE or (rule is not None and rule.family in _LOWERED)


def _find_title(code: str) -> str:
    """The title of a rule that stands in a table."""
    rule = BY_CODE.get(code)
    return rule.title if rule is not None else hygiene.TITLES.get(code, "")


class Placer:
    """Places the findings of one unit."""

    def __init__(self, unit: Unit, source: str, mode: Mode) -> None:
        """`source` is the text of the unit's file where it is a manifest."""
        self._unit = unit
        self._source = source
        self._mode = mode

    def place(self, finding: Finding) -> Diagnostic:
        """A finding whose line is that of its key's content."""
        key = finding.file
        origin = self._unit.origin_of(key)
        place = origin.find(finding.line, finding.column)
        if not self._unit.resource and finding.line is None:
            place = Place(0, None)
        if key not in self._unit.all_files:
            place = Place(self._unit.line or 0, None)
        message = _shift_lines(finding, origin)
        return self._make(finding, place, message)

    def place_own(self, finding: Finding) -> Diagnostic:
        """A finding about the object itself, whose line is that of the manifest."""
        place = Place(finding.line or self._unit.line or 0, finding.column)
        return self._make(finding, place, finding.message)

    def _make(self, finding: Finding, place: Place, message: str) -> Diagnostic:
        unit = self._unit
        return Diagnostic(
            path=unit.path_of(finding.file),
            message=message,
            severity=weigh(finding, self._mode),
            check=finding.check,
            code=finding.code,
            line=place.line or None,
            column=place.column if place.line else None,
            resource=unit.resource,
            key=finding.file if unit.resource else "",
            key_line=None if place.exact else finding.line,
            key_column=None if place.exact else finding.column,
            suggestion=finding.suggestion,
            link=finding.link or find_link(finding.check),
            source=self._quote(finding, place),
            title=_find_title(finding.code),
            output="" if unit.secret or finding.line else finding.excerpt,
        )

    def _quote(self, finding: Finding, place: Place) -> str:
        """The line as it may be shown; of a quoted or encoded value its own line, decoded."""
        if self._unit.secret or not place.line:
            return ""
        if self._unit.resource and place.exact:
            return clean(cut_line(self._source, place.line).rstrip())
        content = self._unit.all_files.get(finding.file, b"").decode("utf-8", "replace")
        return clean(cut_line(content, finding.line or place.line).rstrip())


def _shift_lines(finding: Finding, origin: Origin) -> str:
    """The message with its line numbers turned into those of the file.

    Only our own messages are spelled so; what programs say is left alone.
    """
    if origin.first_line in {None, 1} or finding.code.startswith("exit-"):
        return finding.message
    return _OWN_LINE.sub(lambda match: str(origin.find(int(match[0]), None).line), finding.message)


def list_subjects(unit: Unit) -> Iterator[Subject]:
    """What reports list as looked at."""
    if unit.resource:
        yield Subject(
            path=unit.path, resource=unit.resource, preset=unit.preset, keys=len(unit.files)
        )
        return
    for key in unit.files:
        of_preset = not unit.main_key or key == unit.main_key
        yield Subject(path=unit.path_of(key), preset=unit.preset if of_preset else "")
