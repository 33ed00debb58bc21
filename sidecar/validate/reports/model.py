"""A check's result as all formats need it: findings placed in files, and what was looked at."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from sidecar.core.report import Severity

_TABLE_CODE = re.compile(r"[A-Z]{1,3}\d{3}")
_ORDER = {Severity.ERROR: 0, Severity.WARNING: 1, Severity.INFO: 2}


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnostic:
    """One finding at a place in a file that people can open.

    `resource` and `key` name the part of a manifest that it is about. `key_line` is the line within
    the key where the file's own line could not be told, `key_column` its column. `source` is the
    line as it may be shown, empty where it must not be (a Secret); `output` what a program printed.
    `title` is that of the rule, whatever it was found in.
    """

    path: str
    message: str
    severity: Severity
    check: str
    code: str = ""
    line: int | None = None
    column: int | None = None
    resource: str = ""
    key: str = ""
    key_line: int | None = None
    key_column: int | None = None
    suggestion: str = ""
    link: str = ""
    source: str = ""
    output: str = ""
    title: str = ""

    @property
    def rule(self) -> str:
        """The stable name of what is broken: ``PW101``, ``yaml/duplicate-key``."""
        if _TABLE_CODE.fullmatch(self.code):
            return self.code
        return f"{self.check}/{self.code}" if self.code else self.check

    @property
    def place(self) -> str:
        """``path:line:column`` as far as known."""
        return ":".join(str(part) for part in (self.path, self.line, self.column) if part)

    @property
    def sentence(self) -> str:
        """The message, preceded by the part of the manifest that it is about."""
        key = f"key {self.key}" if self.key else ""
        line = f"line {self.key_line} of it" if self.key_line else ""
        about = ", ".join(part for part in (self.resource, key, line) if part)
        return f"{about}: {self.message}" if about else self.message

    @property
    def sort_key(self) -> tuple[object, ...]:
        """Files by name, then places from top to bottom, then the graver first."""
        where = (self.path, self.line or 0, self.column or 0)
        inside = (self.resource, self.key, self.key_line or 0, self.key_column or 0)
        return (*where, *inside, _ORDER[self.severity], self.rule, self.message)


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """What was looked at: a file, or an object in one; `keys` counts the object's keys."""

    path: str
    resource: str = ""
    preset: str = ""
    keys: int | None = None

    @property
    def title(self) -> str:
        """How reports call it."""
        return f"{self.path} ({self.resource})" if self.resource else self.path

    @property
    def sort_key(self) -> tuple[str, str]:
        """By path, then by object."""
        return self.path, self.resource


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckReport:
    """All that a check has to say, in a stable order.

    `notes` are sentences on what was skipped. `unjudged` are those on what could not be judged: a
    program that was asked for and cannot run.
    """

    mode: str
    diagnostics: Sequence[Diagnostic] = ()
    subjects: Sequence[Subject] = ()
    notes: Sequence[str] = ()
    unjudged: Sequence[str] = ()
    counts: dict[Severity, int] = field(init=False)

    def __post_init__(self) -> None:
        """Sort, drop what is said twice, and count."""
        distinct = sorted(set(self.diagnostics), key=lambda each: each.sort_key)
        counts = dict.fromkeys(Severity, 0)
        for each in distinct:
            counts[each.severity] += 1
        object.__setattr__(self, "diagnostics", tuple(distinct))
        subjects = tuple(sorted(self.subjects, key=lambda each: each.sort_key))
        object.__setattr__(self, "subjects", subjects)
        object.__setattr__(self, "notes", tuple(sorted(set(self.notes))))
        object.__setattr__(self, "unjudged", tuple(dict.fromkeys(self.unjudged)))
        object.__setattr__(self, "counts", counts)

    @property
    def is_good(self) -> bool:
        """Whether everything was judged and no error found."""
        return not self.counts[Severity.ERROR] and not self.unjudged

    @property
    def files(self) -> int:
        """How many files were looked at; a manifest is one, however many objects it holds."""
        return len({subject.path for subject in self.subjects})
