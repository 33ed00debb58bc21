"""One ConfigMap or Secret in memory: its data, annotations and revisions, and what befalls it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from sidecar.core.attempt import AttemptRecord, Status
from sidecar.core.declared import Declared
from sidecar.core.errors import LostError
from sidecar.core.events import Answer
from sidecar.core.ports import ApiAnswer
from sidecar.core.snapshot import Snapshot, digest_of

Files = Mapping[str, bytes]
History = dict[str, tuple[int, Files]]
"""By digest: the revision's number, and what it holds."""

REVISIONS_KEPT = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Naming:
    """What contents are called: of the whole object, and of what a volume carries of it.

    `items` are keys and their paths in the volume; none: all keys. `salt` is the object's, where it
    is a Secret, `own_salt` the pod's.
    """

    items: tuple[tuple[str, str], ...] = ()
    salt: str | None = None
    own_salt: str | None = None

    def name_whole(self, files: Files) -> str:
        """The digest that annotations carry."""
        return digest_of(files, salt=self.salt)

    def project(self, files: Files) -> Files:
        """The files of the object as its volume has them."""
        if not self.items:
            return files
        return {path: files[key] for key, path in self.items if key in files}

    def name_mounted(self, files: Files) -> Snapshot:
        """What a volume carries, by the digest that the sidecar gives it."""
        return Snapshot.of(files, salt=self.own_salt)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """The object at one version."""

    uid: str
    version: int
    files: Files
    marks: Mapping[str, str] = field(default_factory=dict)


@dataclass(kw_only=True)
class FakeConfig:
    """Implements `core.ports.ConfigObject`; people change it by the other methods.

    `is_away`: nothing is answered. `is_mute`: no call is, but watches go on. `loses`: so many calls
    are done, and their answers lost. `forbidden` are the calls that RBAC refuses, by name.
    `deployer` owns the data and would undo a rollback. `wholes` has what each mounted content was
    called as a whole. `hear` hears of every change: what was there, what is, and by whom.
    """

    naming: Naming = field(default_factory=Naming)
    now: Stored | None = None
    is_away: bool = False
    is_mute: bool = False
    loses: int = 0
    forbidden: set[str] = field(default_factory=set)
    deployer: str = ""
    histories: dict[str, History] = field(default_factory=dict)
    wholes: dict[str, set[str]] = field(default_factory=dict)
    told: list[tuple[AttemptRecord, Status]] = field(default_factory=list)
    writes: int = 0
    conflicts: int = 0
    hear: Callable[[Stored | None, Stored | None, str], None] = lambda _before, _after, _who: None
    _versions: int = 1
    _uids: int = 0
    _declared: tuple[Stored, Declared] | None = None

    # --- what people and other programs do

    def create(self, files: Files, **marks: str) -> None:
        """A new object, with a uid and a history of its own."""
        self._uids += 1
        self._set(files, marks, "person", uid=f"uid{self._uids}")

    def edit(self, files: Files) -> None:
        """Other data; the annotations stay."""
        self._set(files, self.there.marks, "person")

    def replace(self, files: Files) -> None:
        """``kubectl replace`` with a manifest that has no annotations."""
        self._set(files, {}, "person")

    def annotate(self, **marks: str | None) -> None:
        """Set annotations of ours or anybody's, or take them away (None)."""
        self._set(self.there.files, _merge(self.there.marks, marks), "person")

    def delete(self) -> None:
        """There is no object any more."""
        before, self.now = self.now, None
        self.hear(before, None, "person")

    def back_up(self) -> FakeConfig:
        """A copy of what etcd holds: the object, and the history of each that was there."""
        histories = {uid: dict(history) for uid, history in self.histories.items()}
        return replace(self, histories=histories)

    def take_over(self, other: FakeConfig) -> None:
        """From now on this is the same object, with the same history; versions count on there."""
        before, self.now = self.now, other.now
        self._versions, self._uids = other._versions, other._uids
        self.histories, self.wholes = other.histories, other.wholes
        self.hear(before, self.now, "person")

    @property
    def there(self) -> Stored:
        """The object; only where there is one."""
        if self.now is None:
            msg = "there is no object"
            raise AssertionError(msg)
        return self.now

    @property
    def revisions(self) -> History:
        """The history of the newest object, also where it is gone by now."""
        return self._list_revisions(f"uid{self._uids}")

    def _list_revisions(self, uid: str) -> History:
        return self.histories.setdefault(uid, {})

    @property
    def digest(self) -> str:
        """What the data is called."""
        return self.naming.name_whole(self.there.files)

    def declare(self) -> Declared | None:
        """The object as a watch brings it: each of many watches brings the same."""
        if self.now is None:
            return None
        if self._declared is None or self._declared[0] is not self.now:
            self._declared = self.now, self._declare(self.now)
        return self._declared[1]

    def _declare(self, now: Stored, *, version: str = "") -> Declared:
        """What `now` declares; as if of another `version`."""
        digest = self.naming.name_whole(now.files)
        content = self.naming.name_mounted(self.naming.project(now.files))
        return Declared(
            uid=now.uid,
            version=version or str(now.version),
            digest=digest,
            content=content,
            marks=dict(now.marks),
        )

    # --- the port

    def read(self) -> ApiAnswer:
        """The object as it is now."""
        return self._fail("read") or self._answer(Answer.DONE)

    def write(self, marks: Mapping[str, str | None], declared: Declared) -> ApiAnswer:
        """Write annotations, if it is as it was declared."""
        failed = self._fail("write")
        if failed is not None:
            return failed
        if self.now is None:
            return _miss()
        if self._declare(self.now, version=declared.version) != declared:
            self.conflicts += 1
            return self._answer(Answer.CONFLICT)
        self.writes += 1
        self._set(self.now.files, _merge(self.now.marks, marks), "sidecar")
        return self._answer(Answer.DONE)

    def keep(
        self, declared: Declared, cause: str, protected: Sequence[str]
    ) -> tuple[int | None, str]:
        """Store its data under the next number, and prune all but the newest."""
        if (failed := self._fail_history("keep")) is not None:
            return None, f"no revision is kept: {failed.message} ({cause})"
        if self.naming.items and (self.now is None or self.digest != declared.digest):
            return None, ""  # what is mounted is not all that is to be kept
        known = self._list_revisions(declared.uid)
        number = 1 + max((number for number, _ in known.values()), default=0)
        newest = max(known.values(), default=None, key=lambda kept: kept[0])
        if newest is not None and newest == known.get(declared.digest):
            return newest[0], ""
        files = self.there.files if self.naming.items else dict(declared.content.files)
        known[declared.digest] = (number, files)
        spare = sorted(known.keys() - set(protected), key=lambda digest: known[digest][0])
        for digest in spare[: max(len(known) - REVISIONS_KEPT, 0)]:
            del known[digest]
        return number, ""

    def recall(self, digest: str) -> Snapshot | None:
        """What the revision of `digest` holds, as it is mounted."""
        if self._fail_history("recall") is not None or digest not in self.revisions:
            return None
        return self.naming.name_mounted(self.naming.project(self.revisions[digest][1]))

    def restore(self, failed: str, good: str, files: Files | None) -> ApiAnswer:
        """Put the data that `good` names back, where it still is what `failed` names."""
        trouble = self._fail("restore")
        if trouble is not None:
            return trouble
        if self.now is None:
            return _miss()
        if self.digest != failed:
            return self._answer(Answer.CONFLICT)
        if self.deployer:
            return ApiAnswer(answer=Answer.REFUSED, message=f"{self.deployer} would undo it")
        if files is None and good not in self.revisions:
            return ApiAnswer(answer=Answer.REFUSED, message="the history does not hold it")
        restored = self.revisions[good][1] if files is None else files
        self._set(restored, self.now.marks, "sidecar")
        return self._answer(Answer.DONE)

    def tell(self, record: AttemptRecord, status: Status) -> None:
        """Note the Event."""
        self.told.append((record, status))

    def _fail(self, call: str) -> ApiAnswer | None:
        if self.is_away or self.is_mute:
            return ApiAnswer(answer=Answer.LOST, message="the API server does not answer")
        if call in self.forbidden:
            return ApiAnswer(answer=Answer.REFUSED, message=f"grant {call}")
        return None

    def _fail_history(self, call: str) -> ApiAnswer | None:
        failed = self._fail(call)
        if failed is not None and failed.answer is Answer.LOST:
            raise LostError(failed.message)
        return failed

    def _answer(self, answer: Answer) -> ApiAnswer:
        if self.loses:
            self.loses -= 1
            return ApiAnswer(answer=Answer.LOST, message="the connection was cut")
        return ApiAnswer(answer=answer, declared=self.declare())

    def _set(self, files: Files, marks: Mapping[str, str], who: str, *, uid: str = "") -> None:
        before = self.now
        same = before is not None and not uid and (before.files, before.marks) == (files, marks)
        if same:
            return  # the API server writes nothing, and nobody hears of it
        self._versions += 1
        known = before.uid if before is not None else ""
        self.now = Stored(
            uid=uid or known, version=self._versions, files=dict(files), marks=dict(marks)
        )
        content = self.naming.name_mounted(self.naming.project(files)).digest
        self.wholes.setdefault(content, set()).add(self.digest)
        self.hear(before, self.now, who)


def _miss() -> ApiAnswer:
    return ApiAnswer(answer=Answer.LOST, message="the object is not there")


def _merge(marks: Mapping[str, str], changes: Mapping[str, str | None]) -> dict[str, str]:
    merged = {**marks, **changes}
    return {key: value for key, value in merged.items() if value is not None}
