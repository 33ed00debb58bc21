"""What validators say of a candidate."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """How much a finding weighs; only errors reject."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing a validator has to say, placed as exactly as it can.

    `check` names the validator (label of `surehup_validation_failures_total`), `file` is the key,
    `line` and `column` count from 1. `message` is one sentence and never quotes a secret.
    """

    check: str
    message: str
    severity: Severity = Severity.ERROR
    code: str = ""
    file: str = ""
    line: int | None = None
    column: int | None = None
    suggestion: str = ""
    link: str = ""
    excerpt: str = ""

    @property
    def place(self) -> str:
        """``file:line:column``, as far as known."""
        return ":".join(str(part) for part in (self.file, self.line, self.column) if part)

    def __str__(self) -> str:
        return f"{self.place}: {self.message}" if self.place else self.message


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """The verdict of all validators on one snapshot.

    `cannot_run` holds a sentence for each validator that could not judge (missing, killed, out of
    memory, timed out): the content is then neither valid nor invalid, and nobody is signalled.
    """

    findings: tuple[Finding, ...] = ()
    cannot_run: tuple[str, ...] = ()

    @property
    def errors(self) -> tuple[Finding, ...]:
        """The findings that reject."""
        return tuple(f for f in self.findings if f.severity is Severity.ERROR)

    @property
    def rejects(self) -> bool:
        """Whether the content was judged and found invalid."""
        return bool(self.errors)

    @property
    def passes(self) -> bool:
        """Whether every validator ran and none found an error."""
        return not self.errors and not self.cannot_run

    @property
    def summary(self) -> str:
        """One sentence for annotations and logs: the first error, and how many more."""
        if self.errors:
            more = f" (and {len(self.errors) - 1} more)" if len(self.errors) > 1 else ""
            return f"{self.errors[0]}{more}"
        return self.cannot_run[0] if self.cannot_run else "valid"
