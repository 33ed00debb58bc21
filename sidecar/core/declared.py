"""The object in the API: what the cluster asks for, and what was written on it.

The mount says what the daemon can read; this says what is coming, and carries the annotations.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from sidecar.core.snapshot import Snapshot


@dataclass(frozen=True, slots=True, kw_only=True)
class Declared:
    """A ConfigMap or Secret as the API showed it.

    `digest` names the whole object, in annotations and messages. `content` is what the daemon's
    folder will carry of it, named by a digest of its own where that is not the whole (`items`) or
    must not be told (Secrets). `marks` are our annotations on it, by their short keys.
    """

    uid: str
    version: str
    digest: str
    content: Snapshot
    marks: Mapping[str, str] = field(default_factory=dict)

    def is_older_than(self, other: Declared) -> bool:
        """Whether this was there earlier, which a slow watch may bring, or a late answer.

        Versions count up within one resource (KEP-5504), also from an object that was deleted to
        what was created in its place; any that do not are never called older.
        """
        counted = self.version.isdecimal() and other.version.isdecimal()
        return counted and int(self.version) < int(other.version)


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiSide:
    """What a bridge knows of the API.

    `answered`: it was asked what is there, with success; `declared` is None then where there is no
    object, and `last` is what was there last. `found` names the claim that a pod of this name,
    which is no more, left on it. Until `awaited_until_s` a first answer is waited for before
    anything is decided. `doubted`: a list told of an earlier state, and what a read that began
    later tells holds. `turn` is what the annotations say of whose turn it is, `turn_s` since when
    we see that. `mount_newer`: the mount changed while nobody could tell what the API shows; it is
    asked again from `fetch_from_s` on, after `fetch_tries` in vain. `earlier` is the digest to go
    back to that the annotations named before we wrote any. `stranger` is what another workload
    reloads whose annotations these are. `fetching`, `writing`, `keeping`, `recalling` and
    `restoring` are the effects under way. Its history, after `history_tries` in vain, is asked from
    `history_from_s` on. Since `unanswered_s` writes get no answer, though the watch is open: so it
    is while an API server shuts down, or has no etcd. `refused` says why annotations cannot be
    written. `told` are the marks that we wrote last. `kept`, `recalled` and `restoration` name what
    that was asked for, by whole digest, `numbered` what `revision` is the number of, `restored` the
    content that was undone, `overruled` what was proven here and failed in other pods; `handled` is
    the wish of a person that was heeded last.
    """

    connected: bool = False
    answered: bool = False
    awaited_until_s: float | None = None
    lost_s: float = float("-inf")
    declared: Declared | None = None
    last: Declared | None = None
    doubted: bool = False
    found: str = ""
    declared_s: float = float("-inf")
    turn: tuple[str, ...] = ()
    turn_s: float = float("-inf")
    mount_newer: bool = False
    fetch_from_s: float = float("inf")
    fetch_tries: int = 0
    earlier: str | None = None
    stranger: str = ""
    fetching: int | None = None
    writing: int | None = None
    write_from_s: float = float("-inf")
    write_tries: int = 0
    unanswered_s: float | None = None
    refused: str = ""
    told: Mapping[str, str | None] = field(default_factory=dict)
    keeping: int | None = None
    kept: str | None = None
    revision: int | None = None
    numbered: str | None = None
    history_from_s: float = float("-inf")
    history_tries: int = 0
    recalling: int | None = None
    recalled: str | None = None
    overruled: Snapshot | None = None
    restoring: int | None = None
    restoration: str | None = None
    restored: str | None = None
    handled: str = ""

    def number_of(self, digest: str | None) -> int | None:
        """The revision as which this pod has kept the content that the whole `digest` names."""
        return self.revision if self.numbered == digest else None

    @property
    def writable(self) -> Declared | None:
        """The object, where what is written on it now is ours to say, and arrives."""
        return self.declared if self.connected and not self.stranger else None

    @property
    def is_asked(self) -> bool:
        """Whether what it shows is being asked, and nothing is decided meanwhile."""
        return self.fetching is not None and not self.mount_newer

    @property
    def is_trusted(self) -> bool:
        """Whether what it shows is what the cluster asks for, as far as anybody can tell."""
        return self.declared is not None and not self.mount_newer and self.fetching is None

    @property
    def is_current(self) -> bool:
        """Whether that is so at this moment, and what others write would be seen."""
        return self.is_trusted and self.connected
