"""The ConfigMap or Secret of one bridge, as the core asks for it: the room behind one port."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from sidecar.core.attempt import AttemptRecord, Outcome, Status
from sidecar.core.declared import Declared
from sidecar.core.errors import LostError, SurehupError
from sidecar.core.events import Answer
from sidecar.core.ports import ApiAnswer
from sidecar.core.snapshot import Snapshot, short
from sidecar.kube.errors import (
    ApiError,
    ConflictError,
    ForbiddenError,
    InvalidError,
    NotFoundError,
    UnreachableError,
)
from sidecar.kube.objects import is_immutable, read_files
from sidecar.kube.ports import SECRETS, Json, Objects, Ref
from sidecar.record.annotations import AnnotationWriter
from sidecar.record.data import compose_patch, find_deployer
from sidecar.record.declaration import Reader
from sidecar.record.errors import HistoryError
from sidecar.record.events import Events, reason_for
from sidecar.record.revisions import Revisions

STATUSES = {
    Outcome.APPLIED: Status.APPLIED,
    Outcome.REJECTED: Status.REJECTED,
    Outcome.UNCONFIRMED: Status.UNCONFIRMED,
}
"""How attempts end whatever else is going on; a failure has the word that the bridge shows."""


STORM_TRIES = 8
"""How often a write meets others who change nothing of ours, before it takes a rest."""


class ApiConfig:
    """Implements `core.ports.ConfigObject` for the object `ref`.

    `tell` hears, once for each sentence, what could not be written and what to grant. `on_silence`
    is called when the object could not be read, as nobody answered.
    """

    def __init__(  # noqa: PLR0913  its object, what writes on it, and who hears of trouble
        self,
        api: Objects,
        ref: Ref,
        reader: Reader,
        *,
        writer: AnnotationWriter,
        events: Events,
        tell: Callable[[str], None],
        on_silence: Callable[[], None],
    ) -> None:
        self._api = api
        self._ref = ref
        self._reader = reader
        self._writer = writer
        self._events = events
        self._revisions = Revisions(api)
        self._tell = tell
        self._on_silence = on_silence
        self._told: set[str] = set()
        self._uid = ""
        self._seen: Json | None = None
        self._protected: Sequence[str] | None = None

    def declare_again(self) -> Declared | None:
        """What the object declares by its companions' files of now; None before it was seen."""
        return self.declare(self._seen) if self._seen is not None else None

    def declare(self, content: Json) -> Declared | None:
        """What an object that was read declares; None, and said, where it cannot be read."""
        self._uid = content["metadata"]["uid"]
        if self._reader.companions:
            self._seen = content
        try:
            return self._reader.read(content)
        except InvalidError as error:
            self._tell_once(error.message)
            return None

    def read(self) -> ApiAnswer:
        """The object as it is now."""
        try:
            return ApiAnswer(answer=Answer.DONE, declared=self.declare(self._api.get(self._ref)))
        except NotFoundError:
            return ApiAnswer(answer=Answer.DONE)
        except ApiError as error:
            if isinstance(error, UnreachableError):
                self._on_silence()
            return _explain(error)

    def write(self, marks: Mapping[str, str | None], declared: Declared) -> ApiAnswer:
        """Write annotations on the object as it was declared.

        A conflict with somebody who changed nothing that was decided upon is tried again at once:
        another decision would be the same, and in a storm of writers it would come too late.
        """
        if self._ref.resource == SECRETS and "salt" not in declared.marks:
            marks = {**marks, "salt": self._reader.fresh_salt}
        found = declared
        for _ in range(STORM_TRIES):
            try:
                version = found.version
                content = self._writer.write(marks, version=version, marks=declared.marks)
            except ConflictError:
                now = self.read().declared
                if now is None or replace(now, version=declared.version) != declared:
                    return ApiAnswer(answer=Answer.CONFLICT, declared=now)
                found = now
            except ApiError as error:
                return _explain(error)
            else:
                return ApiAnswer(answer=Answer.DONE, declared=self.declare(content))
        return ApiAnswer(answer=Answer.CONFLICT, declared=found)

    def keep(
        self, declared: Declared, cause: str, protected: Sequence[str]
    ) -> tuple[int | None, str]:
        """Store the content as a revision."""
        self._protected = protected
        try:
            snapshot = self._find_whole(declared)
            if snapshot is None:
                return None, ""  # a newer edit; what it comes to is kept in its turn
            return self._revisions.keep(self._owner(declared.uid), snapshot, cause), ""
        except (ApiError, HistoryError) as error:
            _raise_if_lost(error)
            return None, f"no revision is kept: {error.message}"

    def recall(self, digest: str) -> Snapshot | None:
        """The content of the stored revision that `digest` names."""
        try:
            files = self._revisions.load(self._owner(self._uid), digest)
        except (ApiError, HistoryError) as error:
            self._tell_once(f"the last good content was not read from the history: {error.message}")
            _raise_if_lost(error)
            return None
        return None if files is None else self._reader.recalled(files)

    def restore(self, failed: str, good: str, files: Mapping[str, bytes] | None) -> ApiAnswer:
        """Put the data that `good` names back in place of `failed`."""
        try:
            content = self._api.get(self._ref)
            if self._reader.read(content).digest != failed:
                return ApiAnswer(answer=Answer.CONFLICT, declared=self.declare(content))
            files = self._revisions.load(self._owner(self._uid), good) if files is None else files
            refusal = _find_refusal(content, files, good)
            if refusal or files is None:
                return ApiAnswer(answer=Answer.REFUSED, message=refusal)
            version = content["metadata"]["resourceVersion"]
            patch = compose_patch(content, files)
            restored = self._api.patch(self._ref, patch, resource_version=version)
        except ConflictError:
            return ApiAnswer(answer=Answer.CONFLICT, declared=self.read().declared)
        except HistoryError as error:
            return ApiAnswer(answer=Answer.REFUSED, message=error.message)
        except ApiError as error:
            return _explain(error)
        return ApiAnswer(answer=Answer.DONE, declared=self.declare(restored))

    def tell(self, record: AttemptRecord, status: Status) -> None:
        """Write the Event of an attempt that ended, and tidy the history."""
        reason = reason_for(STATUSES.get(record.outcome, status))
        if reason is None or not self._uid:
            return
        trouble = self._events.tell(
            self._owner(self._uid),
            reason,
            "Reload" if record.signalled else "Check",
            f"{short(record.digest)}: {record.message}",
            warning=record.outcome is not Outcome.APPLIED,
            digest=record.digest,
        )
        if trouble is not None:
            self._tell_once(trouble)
        if record.outcome is Outcome.APPLIED:
            self._prune()

    def _prune(self) -> None:
        """Tidy after a revision of our own: of a thousand replicas one keeps, and one lists.

        It alone was told what is protected.
        """
        protected, self._protected = self._protected, None
        if protected is None:
            return
        try:
            self._revisions.prune(self._owner(self._uid), protected=protected)
        except ApiError as error:
            self._tell_once(f"the history is not pruned: {error.message}")

    def _find_whole(self, declared: Declared) -> Snapshot | None:
        """All files of the object, which a mapped volume carries only in part."""
        if not (self._reader.items or self._reader.companions):
            return Snapshot(declared.content.files, declared.digest)
        content = self._api.get(self._ref)
        if self._reader.read(content).digest != declared.digest:
            return None
        return Snapshot(read_files(content), declared.digest)

    def _owner(self, uid: str) -> Json:
        resource = self._ref.resource
        return {
            "apiVersion": resource.api_version,
            "kind": resource.kind,
            "metadata": {"namespace": self._ref.namespace, "name": self._ref.name, "uid": uid},
        }

    def _tell_once(self, message: str) -> None:
        if message not in self._told:
            self._told.add(message)
            self._tell(message)


def _find_refusal(content: Json, files: Mapping[str, bytes] | None, good: str) -> str:
    deployer = find_deployer(content)
    if deployer:
        return f"{deployer} owns it and would undo a rollback: revert it there"
    if is_immutable(content):
        return "the object is immutable: deploy another one"
    return "" if files is not None else f"the history holds no content of {short(good)}"


def _raise_if_lost(error: SurehupError) -> None:
    if isinstance(error, ApiError) and _explain(error).answer is Answer.LOST:
        raise LostError(error.message) from error


def _explain(error: ApiError) -> ApiAnswer:
    refused = isinstance(error, ForbiddenError | InvalidError)
    answer = Answer.REFUSED if refused else Answer.LOST
    return ApiAnswer(answer=answer, message=error.message)
