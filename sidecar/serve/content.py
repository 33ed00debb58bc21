"""Content of a bridge on its way to somebody who asks for it, with its secrets still in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from sidecar.core.report import Report


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """Files, and what says which parts of them are secret.

    `source` is for people: where they come from. `secrets` are dotted paths of names that are
    masked besides those that always are. `is_secret`: all values are, as they come from a Secret.
    """

    files: Mapping[str, bytes] = field(repr=False)
    digest: str
    source: str
    secrets: tuple[str, ...] = ()
    is_secret: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ActiveContent:
    """What the process is proven to run, since `loaded_s` (monotonic)."""

    content: Content
    loaded_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class DryRun:
    """What would be reloaded now. `mounted` None: the folder cannot be read, as `trouble` says.

    `report` is None where `mounted` is what is active already, so that nothing was judged; else it
    quotes no secret.
    """

    active: Content | None = None
    mounted: Content | None = None
    report: Report | None = None
    trouble: str = ""
