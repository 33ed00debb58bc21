"""Whether what was waited for has come: reads one look at an object, pure.

A verdict counts only on the content that is waited for, and only if the sidecar wrote it of that
content; so neither the verdict on the last edit nor one on the next is taken for it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sidecar.cli.standing import Standing
from sidecar.core.attempt import Status
from sidecar.core.errors import ExitCode
from sidecar.core.snapshot import short

EXIT_CODES: Mapping[str, ExitCode] = {
    Status.APPLIED: ExitCode.DONE,
    Status.REJECTED: ExitCode.INVALID,
    Status.FAILED: ExitCode.FAILED,
    Status.ROLLED_BACK: ExitCode.FAILED,
    Status.UNCONFIRMED: ExitCode.UNCONFIRMED,
}
"""The statuses that end a wait."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """The content that a verdict is wanted on: its `files`, or a `digest`, whole or its beginning.

    With `requested` the verdict has to be the answer to that request.
    """

    files: Mapping[str, bytes] | None = None
    digest: str = ""
    requested: str = ""

    def is_met_by(self, standing: Standing) -> bool:
        """Whether the object holds that content."""
        if self.files is not None:
            return standing.snapshot.files == self.files
        return standing.digest.startswith(self.digest) and bool(standing.digest)


@dataclass(frozen=True, slots=True)
class Verdict:
    """The end of a wait: the exit code, and the sentence to print."""

    code: ExitCode
    sentence: str


@dataclass(frozen=True, slots=True)
class Waiting:
    """No verdict yet: what is the matter, and whether the content was there."""

    why: str
    holds: bool


def judge(standing: Standing, wish: Wish, *, held: bool) -> Verdict | Waiting:
    """One look; `held` says whether the content was seen in the object before."""
    if not wish.is_met_by(standing):
        now = f"holds {short(standing.digest) or 'other content'} now"
        if not held and wish.digest:
            return Waiting(f"it {now}, not {short(wish.digest)}", holds=False)
        said = _say(standing)
        sentence = f"{standing.ref} was edited again before the verdict: it {now} ({said})"
        return Verdict(ExitCode.NOT_FOUND, sentence)
    if wish.requested and standing.marks.get("handled") != wish.requested:
        return Waiting("the sidecar has not taken the request yet", holds=True)
    said = _say(standing)
    code = EXIT_CODES.get(standing.status)
    if code is None:
        return Waiting(said, holds=True)
    return Verdict(code, f"{standing.ref} {short(standing.digest)} {said}")


def _say(standing: Standing) -> str:
    return f"{standing.status}: {standing.message}" if standing.message else standing.status
