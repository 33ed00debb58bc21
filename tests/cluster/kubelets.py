"""Mounts an object as a kubelet does: late, unless the pod itself changes.

The kubelet refreshes a ConfigMap volume 20 to 65 s after an edit, and within 0.15 s of any change
of the pod (measured on a real one). Here the slow pace is a setting, so that tests need not wait.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from sidecar.kube.objects import read_files
from sidecar.kube.ports import Json
from sidecar.record.declaration import project
from sidecar.testing.kubelet import AtomicWriter

NUDGED_S = 0.1
NEVER_S = 3600.0


class Kubelet:
    """Keeps `folder` as the object has it, `delay_s` after each edit or at once after a nudge.

    An object that is gone leaves the volume as it is; an `optional` one empties it.
    """

    def __init__(
        self,
        folder: Path,
        *,
        delay_s: float = NEVER_S,
        items: Sequence[tuple[str, str]] = (),
        optional: bool = False,
    ) -> None:
        self.delay_s = delay_s
        self.syncs = 0
        self._folder = folder
        self._items = items
        self._optional = optional
        self._wanted: Mapping[str, bytes] | None = None
        self._due_s = float("inf")
        self._pod_version = ""
        self._changed = threading.Condition()
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="kubelet", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        with self._changed:
            self._stopping = True
            self._changed.notify()
        if self._thread.ident is not None:
            self._thread.join()

    def take_object(self, content: Json | None) -> None:
        """The object as the API has it now."""
        files = project(read_files(content), self._items) if content is not None else None
        if files is None and self._optional:
            files = {}
        with self._changed:
            if files is not None and files != self._wanted:
                self._wanted = files
                self._due_s = min(self._due_s, time.monotonic() + self.delay_s)
                self._changed.notify()

    def take_pod(self, pod: Json | None) -> None:
        """The pod as the API has it now: a change makes its kubelet sync."""
        version = pod["metadata"]["resourceVersion"] if pod is not None else ""
        with self._changed:
            if self._pod_version not in {"", version}:
                self._due_s = min(self._due_s, time.monotonic() + NUDGED_S)
                self._changed.notify()
            self._pod_version = version

    def sync(self) -> None:
        """What the slow pace brings in the end, now."""
        with self._changed:
            self._due_s = time.monotonic()
            self._changed.notify()

    @property
    def is_idle(self) -> bool:
        """Whether nothing is about to be mounted, but for the slow pace."""
        with self._changed:
            return self._due_s - time.monotonic() > NUDGED_S

    def _run(self) -> None:
        with self._changed:
            while not self._stopping:
                wait_s = self._due_s - time.monotonic()
                if wait_s > 0:
                    self._changed.wait(min(wait_s, NEVER_S))
                    continue
                self._due_s = float("inf")
                if self._wanted is not None and AtomicWriter(self._folder).write(self._wanted):
                    self.syncs += 1
