"""What a daemon lets us see of a reload, as data.

A preset lists its daemon's evidence in one or more groups (alternative spellings of the same
facts); `confirm` reads it, `verdict` judges it. Sources of the facts: docs/presets.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Role(StrEnum):
    """What a reading means for the verdict.

    Attempt evidence moves on success and on failure alike; a digest proves that the file was read,
    not that it works; a probe must hold at the moment of the verdict.
    """

    OK_GAUGE = "ok_gauge"
    SUCCESS_TIMESTAMP = "success_timestamp"
    ATTEMPT_TIMESTAMP = "attempt_timestamp"
    SUCCESS_COUNTER = "success_counter"
    FAILURE_COUNTER = "failure_counter"
    DIGEST = "digest"
    GENERATION = "generation"
    ECHO = "echo"
    ANSWER = "answer"
    PROBE = "probe"


class Absent(StrEnum):
    """What a missing reading means: not ready yet, zero (created on first use), or not offered."""

    WAIT = "wait"
    ZERO = "zero"
    OPTIONAL = "optional"


class DigestAlgorithm(StrEnum):
    """How a daemon names its loaded file, where that can be computed beforehand.

    Alertmanager: the first six bytes of md5(raw file), little-endian, as a number.
    """

    MD5_LE48 = "md5-le48"
    SHA256_HEX = "sha256-hex"
    CRC32 = "crc32"


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """One sample line of a Prometheus text page: name, and labels that must all be present.

    Where several lines match, counters are summed, of other numbers the smallest is taken, and
    differing texts are joined.
    """

    metric: str
    labels: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class JsonField:
    """A field of a JSON page, by dotted path (`jetstream.config.store_dir`)."""

    field: str
    path: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """The sha256 of a whole page, for daemons that show their loaded configuration."""

    path: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Children:
    """PIDs of the target's children, less those whose title contains `leaving`.

    None at all counts as absent: a master without workers is not up yet.
    """

    leaving: str = ""
    replaced: str = "all"  # "all" must be new, or "any" new one suffices


@dataclass(frozen=True, slots=True, kw_only=True)
class ReloadAnswer:
    """The answer of the daemon's own HTTP reload, when that is the trigger."""


Source = Series | JsonField | Page | Children | ReloadAnswer


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """One observable: what it means, where to read it, and how exactly it can speak.

    `resolution_s`: two events closer than this look like one (1.0 for whole-second timestamps).
    `algorithm` and `file`: for a digest, how to predict it and from which key.
    `equals`: for a probe, the text the reading must have.
    """

    name: str
    role: Role
    source: Source
    absent: Absent = Absent.WAIT
    resolution_s: float = 0.0
    algorithm: DigestAlgorithm | None = None
    file: str = ""
    equals: str = ""


Reading = float | str | frozenset[int]
"""A value as read: numbers for gauges, counters and times; text for digests, echoes, probes and
answers (compared as text: some exceed 2**53); PIDs for generations."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Process:
    """One process, told apart from every other one that ever had its PID.

    `start_ticks` is field 22 of /proc/PID/stat; `started_s` the same as seconds since boot.
    """

    pid: int
    start_ticks: int
    started_s: float = 0.0
    name: str = ""
    container: str = ""

    def is_same(self, other: Process | None) -> bool:
        """Whether `other` is this very process (an exec keeps the identity)."""
        return other is not None and (self.pid, self.start_ticks) == (other.pid, other.start_ticks)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One look at the target: its process, what it shows, and which content was on disk meanwhile.

    `trouble` says in one sentence why the process cannot be signalled (`process` is then None);
    `error` why its evidence could not be read (`readings` is then empty). A reading that is absent
    from the page is absent here. `taken_s` is the monotonic time at which the look began.
    """

    taken_s: float
    process: Process | None = None
    trouble: str | None = None
    error: str | None = None
    fence: str | None = None
    readings: Mapping[str, Reading]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ends:
    """How often a container has ended, as the kubelet counts it: it never goes down in one pod.

    `last` says in words how it ended last.
    """

    count: int
    last: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Baseline(Sample):
    """A look from before a signal, which found its process up and showing its evidence."""

    process: Process
