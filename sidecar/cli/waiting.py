"""Waits for the verdict on one content of one object, by a watch, until a deadline.

Whatever ends the watch is mended by reading the object again; no edit is missed by that, as every
look is judged by itself.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from sidecar.cli.cluster import Cluster
from sidecar.cli.standing import read_standing
from sidecar.cli.verdict import Verdict, Wish, judge
from sidecar.core.backoff import Backoff
from sidecar.core.errors import ExitCode, SurehupError
from sidecar.kube.errors import (
    ApiError,
    GoneError,
    NotFoundError,
    TooManyRequestsError,
    UnreachableError,
)
from sidecar.kube.ports import Changes, Json, Ref
from sidecar.presets.fields import write_duration

GRACE_S = 2.0
TRIES = Backoff(first_s=0.25, most_s=5.0)
_PASSING = (UnreachableError, TooManyRequestsError, GoneError)


class NoVerdictError(SurehupError):
    """The deadline passed without a verdict."""

    exit_code = ExitCode.TIMED_OUT


class VerdictWait:
    """One wait; `tell` gets a line whenever there is news of why it goes on."""

    def __init__(
        self,
        cluster: Cluster,
        ref: Ref,
        wish: Wish,
        *,
        timeout_s: float,
        tell: Callable[[str], None],
    ) -> None:
        self._cluster = cluster
        self._ref = ref
        self._wish = wish
        self._timeout_s = timeout_s
        self._tell = tell
        self._ends_s = cluster.clock.monotonic() + timeout_s
        self._held = False
        self._why = "nothing was read yet"
        self._told = ""
        self._trouble: ApiError | None = None
        self._failures = 0

    def run(self) -> Verdict:
        """Wait. Raises `NoVerdictError` at the deadline, `ApiError` where waiting cannot help."""
        while (left_s := self._left_s()) > 0:
            try:
                verdict = self._follow(left_s)
            except _PASSING as error:
                self._trouble = error
                self._note(f"changes are not seen: {error.message}")
                verdict = None
            if verdict is not None:
                return verdict
            self._rest()
        if self._trouble is not None:
            raise self._trouble
        msg = f"{self._ref} has no verdict after {write_duration(self._timeout_s)}: {self._why}"
        raise NoVerdictError(msg)

    def _left_s(self) -> float:
        return self._ends_s - self._cluster.clock.monotonic()

    def _rest(self) -> None:
        """A server or proxy that ends every watch at once must not be asked without pause."""
        delay_s = TRIES.delay_s(self._failures)
        self._failures += 1
        threading.Event().wait(max(0.0, min(delay_s, self._left_s())))

    def _follow(self, left_s: float) -> Verdict | None:
        """Read the object and watch it; None where the watch ended before a verdict."""
        ref, api = self._ref, self._cluster.api
        listed = api.list(ref.resource, ref.namespace, name=ref.name)
        self._trouble = None
        items = listed.get("items") or []
        verdict = self._look(items[0] if items else None)
        if verdict is not None:
            return verdict
        changes = api.watch(
            ref.resource,
            ref.namespace,
            name=ref.name,
            resource_version=str(listed["metadata"]["resourceVersion"]),
            timeout_s=left_s,
            grace_s=GRACE_S,
        )
        with _ended_after(changes, self._left_s()):
            return self._hear(changes)

    def _hear(self, changes: Changes) -> Verdict | None:
        for event in changes:
            if event["type"] == "BOOKMARK":
                continue
            self._failures = 0
            verdict = self._look(event["object"] if event["type"] != "DELETED" else None)
            if verdict is not None:
                return verdict
        return None

    def _look(self, content: Json | None) -> Verdict | None:
        if content is None:
            msg = f"{self._ref} does not exist: it was deleted, or its name or namespace is wrong"
            raise NotFoundError(msg, status=404)
        standing = read_standing(content, self._cluster.group)
        found = judge(standing, self._wish, held=self._held)
        if isinstance(found, Verdict):
            return found
        self._held = self._held or found.holds
        self._why = found.why
        self._note(found.why)
        return None

    def _note(self, text: str) -> None:
        if text != self._told:
            self._told = text
            self._tell(text)


@contextmanager
def _ended_after(changes: Changes, seconds: float) -> Iterator[None]:
    """Close `changes` by then: the server counts whole seconds, and may hang."""
    timer = threading.Timer(max(0.0, seconds), changes.close)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        changes.close()
        timer.join()
