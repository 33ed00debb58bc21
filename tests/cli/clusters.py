"""A cluster in memory for the commands, and what a sidecar would write into it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

from sidecar.cli.cluster import Cluster
from sidecar.clock import SystemClock
from sidecar.core.snapshot import Snapshot
from sidecar.kube.objects import read_snapshot
from sidecar.kube.ports import CONFIG_MAPS, Api, Json, Ref, Resource
from sidecar.record.annotations import AnnotationWriter, read_marks
from sidecar.record.revisions import Revisions
from sidecar.testing.apiserver import FakeApi

NAMESPACE = "shop"
POLL_S = 0.005
COMMANDS = ("status", "wait", "history", "diff", "rollback", "pause", "resume", "retry")


@dataclass
class Stage:
    """One ConfigMap named ``app`` unless another is asked for: who edits it, and its sidecar."""

    api: Api
    editor: Api
    namespace: str = NAMESPACE
    group: str = ""
    clock: SystemClock = field(default_factory=SystemClock)

    @property
    def cluster(self) -> Cluster:
        return Cluster(api=self.api, clock=self.clock, namespace=self.namespace, group=self.group)

    def refer(self, name: str = "app", resource: Resource = CONFIG_MAPS) -> Ref:
        return Ref(resource, self.namespace, name)

    def make(
        self,
        name: str = "app",
        *,
        kind: Resource = CONFIG_MAPS,
        **fields: Any,  # noqa: ANN401
    ) -> Json:
        metadata = {"name": name, **fields.pop("metadata", {})}
        return self.editor.create(kind, self.namespace, {"metadata": metadata, **fields})

    def edit(self, data: Mapping[str, str | None], name: str = "app") -> Json:
        return self.editor.patch(self.refer(name), {"data": dict(data)})

    def read(self, name: str = "app", resource: Resource = CONFIG_MAPS) -> Json:
        return self.api.get(self.refer(name, resource))

    def digest(self, name: str = "app", resource: Resource = CONFIG_MAPS) -> str:
        return self.snapshot(self.read(name, resource)).digest

    def snapshot(self, content: Json) -> Snapshot:
        return read_snapshot(content, salt=read_marks(content, self.group).get("salt"))

    def say(self, name: str = "app", *, of: Resource = CONFIG_MAPS, **marks: str | None) -> str:
        """Write `marks` as the sidecar would, on what the object holds; its digest."""
        content = self.read(name, of)
        digest = self.snapshot(content).digest
        writer = AnnotationWriter(
            self.api, self.refer(name, of), clock=self.clock, group=self.group
        )
        version = content["metadata"]["resourceVersion"]
        writer.write({"observed": digest, **marks}, version=version)
        return digest

    def apply(
        self, name: str = "app", *, of: Resource = CONFIG_MAPS, cause: str = "Applied"
    ) -> str:
        """Let the sidecar say `Applied` of what the object holds, and keep it; its digest."""
        content = self.read(name, of)
        number = Revisions(self.api).keep(content, self.snapshot(content), cause)
        digest = self.snapshot(content).digest
        return self.say(
            name,
            of=of,
            status="Applied",
            active=digest,
            revision=str(number),
            message="1/1 proven",
        )

    @contextmanager
    def later(self, *steps: Any) -> Iterator[None]:  # noqa: ANN401  any callable
        """Do `steps` one after the other while the block runs; their errors are the test's."""
        failed: list[BaseException] = []

        def play() -> None:
            try:
                for step in steps:
                    step()
            except BaseException as error:  # noqa: BLE001  raised again below
                failed.append(error)

        thread = threading.Thread(target=play)
        thread.start()
        try:
            yield
        finally:
            thread.join(10)
            assert not thread.is_alive()
            if failed:
                raise failed[0]


def make_stage(*, group: str = "") -> Stage:
    api = FakeApi(clock=SystemClock())
    return Stage(api=api, editor=api.make_other("editor"), group=group)


def fake_of(stage: Stage) -> FakeApi:
    assert isinstance(stage.api, FakeApi)
    return stage.api


def stand_in(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the commands speak with the cluster in memory; all else is as shipped."""

    @contextmanager
    def connect(args: Any, **_: object) -> Iterator[Cluster]:  # noqa: ANN401  a namespace of argparse
        namespace = args.namespace or stage.namespace
        yield Cluster(api=stage.api, clock=stage.clock, namespace=namespace, group=args.group)

    for name in COMMANDS:
        monkeypatch.setattr(f"sidecar.cli.{name}.connect", connect)


def until(is_so: Callable[[], bool], *, within_s: float = 8.0) -> None:
    """Look until it is so; fails after `within_s`."""
    ends_s = time.monotonic() + within_s
    while not is_so():
        assert time.monotonic() < ends_s
        time.sleep(POLL_S)
