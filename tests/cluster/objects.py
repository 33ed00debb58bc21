"""One object in the API, seen by somebody who misses nothing, and edited as people and tools do."""

from __future__ import annotations

import base64
import json
import random
import threading
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from sidecar.clock import SystemClock
from sidecar.core.backoff import Backoff
from sidecar.core.snapshot import Snapshot
from sidecar.kube.errors import NotFoundError
from sidecar.kube.objects import read_files
from sidecar.kube.ports import SECRETS, Api, Json, Ref
from sidecar.kube.watch import Listener, ObjectWatch, Pace
from sidecar.record.annotations import read_marks

WITHIN_S = 60.0
POLL_S = 0.01
SWIFT = Pace(tries=Backoff(first_s=0.05, most_s=0.2), forbidden_s=0.2)
"""Of an observer, who must not be late."""

Marks = Mapping[str, str]


def read_digest(content: Json, group: str = "") -> str:
    """The digest of what an object holds, as its sidecar names it."""
    salt = None
    if content.get("kind") == SECRETS.kind:
        salt = read_marks(content, group).get("salt")
    return Snapshot.of(read_files(content), salt=salt).digest


@dataclass(kw_only=True)
class Subject:
    """An object under test: `admin` edits it, every version of it is kept in `seen`."""

    admin: Api
    ref: Ref
    seen: list[Json | None] = field(default_factory=list)
    heard: threading.Condition = field(default_factory=threading.Condition)
    listeners: list[Callable[[Json | None], None]] = field(default_factory=list)
    crashes: list[Exception] = field(default_factory=list)

    def take(self, content: Json | None) -> None:
        with self.heard:
            self.seen.append(content)
            self.heard.notify_all()
            for listener in self.listeners:
                listener(content)

    def follow(self, listener: Callable[[Json | None], None]) -> None:
        """Have `listener` hear of the newest version, and of all that follow."""
        with self.heard:
            if self.seen:
                listener(self.seen[-1])
            self.listeners.append(listener)

    def read(self) -> Json:
        return self.admin.get(self.ref)

    def create(self, files: Mapping[str, str | bytes], **fields: Any) -> Json:  # noqa: ANN401
        metadata = {"name": self.ref.name, **fields.pop("metadata", {})}
        body = {"metadata": metadata, **encode(self.ref, files), **fields}
        return self.admin.create(self.ref.resource, self.ref.namespace, body)

    def put(self, files: Mapping[str, str | bytes]) -> str:
        """Make `files` the whole content, as an editor does; the digest."""
        written = encode(self.ref, files)
        body: Json = {}
        with suppress(NotFoundError):
            now = self.read()
            for name in ("data", "binaryData"):
                old = dict.fromkeys(now.get(name) or {})
                if old or written.get(name):
                    body[name] = {**old, **written.get(name, {})}
            return read_digest(self.admin.patch(self.ref, body))
        return read_digest(self.create(files))

    def annotate(self, **marks: str | None) -> None:
        annotations = {f"surehup.dev/{key}": value for key, value in marks.items()}
        self.admin.patch(self.ref, {"metadata": {"annotations": annotations}})

    def delete(self) -> None:
        self.admin.delete(self.ref)

    def wait(
        self,
        holds: Callable[[Json | None], bool],
        *,
        within_s: float = WITHIN_S,
        tell: Callable[[], str] = str,
    ) -> Json | None:
        """The first version that `holds`, the newest one included."""
        end_s = time.monotonic() + within_s
        with self.heard:
            position = max(0, len(self.seen) - 1)
            while True:
                for content in self.seen[position:]:
                    if holds(content):
                        return content
                position = len(self.seen)
                left_s = end_s - time.monotonic()
                assert left_s > 0, f"{self.ref}: {self.show_last()}{tell()}"
                self.heard.wait(left_s)

    def wait_content(self, digest: str) -> None:
        """Wait until its observers, the kubelet among them, have seen it with this content."""
        self.wait(lambda content: content is not None and read_digest(content) == digest)

    def wait_marks(
        self,
        holds: Callable[[Marks], bool],
        *,
        within_s: float = WITHIN_S,
        tell: Callable[[], str] = str,
    ) -> Marks:
        """The first annotations that `holds`."""
        found = self.wait(
            lambda content: content is not None and holds(read_marks(content)),
            within_s=within_s,
            tell=tell,
        )
        assert found is not None
        return read_marks(found)

    def show_last(self) -> str:
        """The newest version but for its content."""
        last = self.seen[-1] if self.seen else None
        return json.dumps(read_marks(last) if last is not None else None, indent=1)

    def mark(self) -> int:
        """A place in time, for `since`."""
        with self.heard:
            return len(self.seen)

    def since(self, mark: int) -> list[Marks]:
        """The annotations of every version since `mark`."""
        with self.heard:
            return [read_marks(content) for content in self.seen[mark:] if content is not None]

    def check_truth(self, good: Collection[str]) -> None:
        """No reader may ever have read a lie: that content was applied which no daemon takes."""
        with self.heard:
            for content in filter(None, self.seen):
                marks = read_marks(content)
                if marks.get("status") == "Applied" and marks.get("observed") == read_digest(
                    content
                ):
                    assert marks["observed"] in good, f"said to be applied: {marks}"
                    assert marks["active"] == marks["observed"], marks


def encode(ref: Ref, files: Mapping[str, str | bytes]) -> Json:
    """`files` as the object's fields."""
    if ref.resource is SECRETS:
        return {"data": {key: _base64(value) for key, value in files.items()}}
    texts = {key: value for key, value in files.items() if isinstance(value, str)}
    binaries = {key: _base64(value) for key, value in files.items() if isinstance(value, bytes)}
    return {"data": texts, "binaryData": binaries}


def _base64(value: str | bytes) -> str:
    return base64.b64encode(value.encode() if isinstance(value, str) else value).decode()


@contextmanager
def watching(admin: Api, subject: Subject) -> Iterator[Subject]:
    """Let `subject` see every version of its object."""
    listener = Listener(
        on_object=subject.take,
        on_connected=lambda _: None,
        on_crash=subject.crashes.append,
        tell=lambda _: None,
    )
    watch = ObjectWatch(
        admin, subject.ref, listener, clock=SystemClock(), random=random.random, pace=SWIFT
    )
    watch.start()
    try:
        yield subject
    finally:
        watch.stop()
    assert not subject.crashes, subject.crashes
