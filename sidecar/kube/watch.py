"""Hands on one ConfigMap or Secret, as it is now and after every change.

A list says what is there, a watch from that version on says what changes; at rest nothing but the
one watch is open. Whatever breaks it (a restart of the API server, a cut, a hanging peer, a version
no longer kept, a rejected token, a missing permission) is told once and mended by itself: nothing
of the object's past is needed to go on.

The official client's own `Watch` is not used: it loses a 410 and the version it has reached.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, replace

from sidecar.core.backoff import Backoff
from sidecar.core.ports import Clock
from sidecar.kube.errors import ApiError, ForbiddenError, GoneError, UnreachableError
from sidecar.kube.ports import Api, Changes, Json, Ref

_EARLY_S = 1.0
"""How much earlier than asked a watch may end at its time."""

WATCH_TRIES = Backoff(first_s=1.0, most_s=30.0)
RETURNS_PER_S = 100
RETURN_MOST_S = 10.0
"""How many of a fleet come back to an API server that has started again, each second, and how long
the last of them waits at most: a TLS handshake and a list of each cost it 10 ms of CPU."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """The waits of a watch, in seconds.

    The server ends each watch after `watch_s` and up to `jitter_s` more, so that a fleet does not
    come back in step; a peer that is silent `grace_s` longer is dead. Between tries it waits a
    random part of `tries`' delay (full jitter); where a permission is missing that grows on, up to
    `forbidden_s`. It begins as short, since a server that has just started refuses what its Roles
    allow until it has read them (seen for 50 ms on Kubernetes 1.37). A watch that held for
    `steady_s` makes what comes next the first try, before which a random part of `return_s` passes,
    where that is longer: what broke it may have broken those of a whole fleet.
    """

    watch_s: float = 240.0
    jitter_s: float = 60.0
    grace_s: float = 10.0
    tries: Backoff = WATCH_TRIES
    forbidden_s: float = 60.0
    retry_after_most_s: float = 120.0
    steady_s: float = 5.0
    return_s: float = 0.0


def find_pace(watches: int) -> Pace:
    """The waits of a watch that is one of so many: all of them break at once."""
    return Pace(return_s=min(watches / RETURNS_PER_S, RETURN_MOST_S))


@dataclass(frozen=True, slots=True, kw_only=True)
class Listener:
    """Who hears of it; all is called in the thread of the watch.

    `on_object` gets the object as it is first found, and after every change; None while there is
    none. Between two calls several changes may pass: the newest is handed on. Another uid means
    that it was deleted and created again. `on_connected` tells whether changes are being seen,
    `tell` gets one sentence for the log when that changes, or its reason does. `on_crash` gets an
    exception that nobody foresaw; the thread has ended then.
    """

    on_object: Callable[[Json | None], None]
    on_connected: Callable[[bool], None]
    on_crash: Callable[[Exception], None]
    tell: Callable[[str], None]


class ObjectWatch:
    """Watches `ref` in a thread of its own, from `start` to `stop`. `random` gives [0, 1)."""

    def __init__(
        self,
        api: Api,
        ref: Ref,
        listener: Listener,
        *,
        clock: Clock,
        random: Callable[[], float],
        pace: Pace = Pace(),
    ) -> None:
        self._api = api
        self._ref = ref
        self._listener = listener
        self._clock = clock
        self._random = random
        self._pace = pace
        self._stopping = threading.Event()
        self._lock = threading.Lock()
        self._changes: Changes | None = None
        self._thread = threading.Thread(target=self._run, name="surehup-api-watch", daemon=True)
        self._version: str | None = None
        self._seen: tuple[str, str] | None = None
        self._connected: bool | None = None
        self._told = ""
        self._failures = 0
        self._refusals = 0

    def start(self) -> None:
        """Begin; the first `on_object` follows as soon as the API server has answered."""
        self._thread.start()

    def stop(self, timeout_s: float = 5.0) -> bool:
        """End the watch at once; False if its thread is still busy after `timeout_s`.

        It is busy where a callback is, or where the API server has not answered yet.
        """
        self._stopping.set()
        with self._lock:
            if self._changes is not None:
                self._changes.close()
        if self._thread.ident is not None and self._thread is not threading.current_thread():
            self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def renew(self) -> None:
        """Doubt a watch that may be silent for its peer is dead: list and watch anew.

        The object is handed on once more, also where nothing changed.
        """
        self._seen = None
        with self._lock:
            if self._changes is not None:
                self._changes.close()

    def _run(self) -> None:
        try:
            while not self._stopping.is_set():
                self._stopping.wait(self._try())
        except Exception as crash:  # noqa: BLE001  whatever it is, the loop must hear of it
            self._listener.on_crash(crash)

    def _try(self) -> float:
        """List where needed and watch until that ends; how long to wait before the next try."""
        started_s = self._clock.monotonic()
        try:
            if self._version is None:
                self._list()
            is_whole = self._follow()
        except ApiError as error:
            self._count_failures(started_s)
            # What broke it may have changed the past as well: of an etcd that was restored from a
            # backup, a watch from a version yet to come is silent for ever.
            self._version = None
            return self._recover(error)
        self._count_failures(started_s)
        if is_whole:
            return 0.0
        self._version = None
        return self._delay_s()

    def _count_failures(self, started_s: float) -> None:
        """Servers and proxies that end every watch at once must not be asked without pause."""
        is_steady = self._clock.monotonic() - started_s >= self._pace.steady_s
        self._failures = 0 if is_steady and self._connected else self._failures + 1

    def _list(self) -> None:
        ref = self._ref
        answer = self._api.list(ref.resource, ref.namespace, name=ref.name)
        version = _read_version(answer)
        items = answer.get("items") or []
        if not self._stopping.is_set():
            self._hand_on(items[0] if items else None)
        self._version = version

    def _follow(self) -> bool:
        """Watch until the server ends it; whether that was at its time. Raises `ApiError`."""
        ref, pace = self._ref, self._pace
        started_s = self._clock.monotonic()
        timeout_s = pace.watch_s + pace.jitter_s * self._random()
        changes = self._api.watch(
            ref.resource,
            ref.namespace,
            name=ref.name,
            resource_version=self._version or "",
            timeout_s=timeout_s,
            grace_s=pace.grace_s,
        )
        self._adopt(changes)
        try:
            self._hear(changes)
        finally:
            with self._lock:
                self._changes = None
        return self._clock.monotonic() - started_s >= timeout_s - _EARLY_S

    def _adopt(self, changes: Changes) -> None:
        """Let `stop` end it, also if that has been called already."""
        with self._lock:
            self._changes = changes
        if self._stopping.is_set():
            changes.close()
        else:
            self._refusals = 0
            self._announce(connected=True)

    def _hear(self, changes: Changes) -> None:
        for event in changes:
            if self._stopping.is_set():
                break
            content: Json = event["object"]
            version = _read_version(content)
            match event["type"]:
                case "ADDED" | "MODIFIED":
                    self._hand_on(content)
                case "DELETED":
                    self._hand_on(None)
            self._version = version

    def _hand_on(self, content: Json | None) -> None:
        metadata = content["metadata"] if content is not None else {}
        seen = (metadata.get("uid", ""), metadata.get("resourceVersion", ""))
        if seen != self._seen:
            self._seen = seen
            self._listener.on_object(content)

    def _recover(self, error: ApiError) -> float:
        """Say what is wrong, if that is news; how long to wait."""
        if isinstance(error, GoneError) and self._failures <= 1:
            # Nothing is wrong: so much happened meanwhile that the object must be read again.
            return 0.0
        if not self._stopping.is_set():
            self._announce(connected=False, why=error.message)
        if isinstance(error, ForbiddenError):
            self._refusals += 1
            tries = replace(self._pace.tries, most_s=self._pace.forbidden_s)
            return self._random() * tries.delay_s(self._refusals - 1)
        self._refusals = 0
        asked_s = min(error.retry_after_s or 0.0, self._pace.retry_after_most_s)
        return asked_s + self._delay_s()

    def _delay_s(self) -> float:
        most_s = self._pace.tries.delay_s(max(0, self._failures - 1))
        return self._random() * (most_s if self._failures else max(most_s, self._pace.return_s))

    def _announce(self, *, connected: bool, why: str = "") -> None:
        message = f"Changes of {self._ref} are {'' if connected else 'not '}seen"
        message += f": {why}" if why else ""
        if connected != self._connected:
            self._connected = connected
            self._listener.on_connected(connected)
        if message != self._told:
            self._told = message
            self._listener.tell(message)


def _read_version(content: Json) -> str:
    """Raises `UnreachableError`: without it there is no going on."""
    try:
        return str(content["metadata"]["resourceVersion"])
    except (KeyError, TypeError) as error:
        msg = "the API server sent an object without a resourceVersion: is a proxy between?"
        raise UnreachableError(msg) from error
