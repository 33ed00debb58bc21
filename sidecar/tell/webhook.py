"""Tells other systems how attempts ended: one POST of JSON to each address that asked for it.

An attempt is never delayed: what it has to tell goes into a bounded queue, and each address has a
lane (a thread, begun with its first notice) that delivers, retries with growing delays and gives
up. Where an address is away for long, the oldest notices are dropped, counted and logged.
"""

from __future__ import annotations

import json
import logging
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from sidecar import __version__
from sidecar.core.attempt import AttemptRecord, Outcome, Status
from sidecar.core.backoff import Backoff
from sidecar.core.ports import Clock
from sidecar.core.report import Finding
from sidecar.tell.log import fields
from sidecar.tell.post import PostError, mask_address, parse_address, post

log = logging.getLogger(__name__)

VERSION = 1
MOST_FINDINGS = 20
RETRIES = Backoff(first_s=1.0, most_s=30.0)


class Occasion(StrEnum):
    """What a webhook may be told of (the words of `on`)."""

    APPLIED = "applied"
    REJECTED = "rejected"
    ROLLED_BACK = "rolledback"
    FAILED = "failed"
    UNCONFIRMED = "unconfirmed"


@dataclass(frozen=True, slots=True)
class Webhook:
    """An address and what it is told of."""

    url: str
    on: frozenset[Occasion]


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long a notice is tried: `tries` calls of at most `timeout_s`, `backoff` between them.

    At most `queued` notices wait for one address.
    """

    timeout_s: float = 5.0
    tries: int = 6
    backoff: Backoff = RETRIES
    queued: int = 64


class Webhooks:
    """All addresses that are told. Raises `SettingsError` for an address that is none.

    `origin` names this sidecar in each notice, as ``{"namespace": ..., "pod": ...}``; `random`
    gives numbers from 0 to 1, to spread the retries of many pods.
    """

    def __init__(
        self,
        hooks: Sequence[Webhook],
        *,
        clock: Clock,
        random: Callable[[], float],
        origin: Mapping[str, str],
        patience: Patience | None = None,
    ) -> None:
        patience = patience or Patience()
        self._clock = clock
        self._origin = dict(origin)
        self._lanes = [(hook.on, _Lane(hook.url, patience, random)) for hook in hooks]

    def attempt_ended(self, bridge: str, record: AttemptRecord, status: Status) -> None:
        """Queue a notice for every address that wants to hear of this end. Never blocks.

        `status` is what the bridge shows after it: it tells `rolledback` from `failed`.
        """
        occasion = find_occasion(record.outcome, status)
        lanes = [lane for on, lane in self._lanes if occasion in on]
        if occasion is None or not lanes:
            return
        notice = write_notice(occasion, bridge, record, wall_s=self._clock.wall())
        body = json.dumps({**notice, "origin": self._origin}).encode()
        for lane in lanes:
            lane.put(body)

    @property
    def dropped(self) -> int:
        """Notices that were given up or never sent, since the start."""
        return sum(lane.dropped for _, lane in self._lanes)

    def stop(self, timeout_s: float) -> None:
        """Send what is queued, without further retries, for at most `timeout_s`."""
        until_s = self._clock.monotonic() + timeout_s
        for _, lane in self._lanes:
            lane.stop()
        for _, lane in self._lanes:
            lane.join(max(0.0, until_s - self._clock.monotonic()))


def find_occasion(outcome: Outcome, status: Status) -> Occasion | None:
    """What an ended attempt is called here; None for a superseded one, whose content lives on."""
    match outcome:
        case Outcome.APPLIED:
            return Occasion.APPLIED
        case Outcome.REJECTED:
            return Occasion.REJECTED
        case Outcome.UNCONFIRMED:
            return Occasion.UNCONFIRMED
        case Outcome.FAILED:
            return Occasion.ROLLED_BACK if status is Status.ROLLED_BACK else Occasion.FAILED
        case Outcome.SUPERSEDED:
            return None


def write_notice(
    occasion: Occasion, bridge: str, record: AttemptRecord, *, wall_s: float
) -> Mapping[str, object]:
    """The document that is sent, `origin` aside (schema: docs/webhooks.md).

    `text` alone is a whole sentence, which chat systems show as the message. `id` stays the same
    over retries, so that a receiver can drop what it has seen. No content of the configuration.
    """
    at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(wall_s))
    short = record.digest[:12]
    return {
        "version": VERSION,
        "id": os.urandom(8).hex(),
        "time": at,
        "event": occasion.value,
        "text": f"surehup: {bridge} {short} {occasion.value}: {record.message}",
        "bridge": bridge,
        "digest": record.digest,
        "trigger": record.trigger.value,
        "outcome": record.outcome.value,
        "message": record.message,
        "signalled": record.signalled,
        "adopted": record.adopted,
        "durationSeconds": round(record.duration_s, 6),
        "findings": [_write_finding(finding) for finding in record.findings[:MOST_FINDINGS]],
    }


def _write_finding(finding: Finding) -> Mapping[str, object]:
    return {
        "check": finding.check,
        "severity": finding.severity.value,
        "code": finding.code,
        "file": finding.file,
        "line": finding.line,
        "column": finding.column,
        "message": finding.message,
    }


class _Lane:
    """Delivers to one address, in order."""

    def __init__(self, address: str, patience: Patience, random: Callable[[], float]) -> None:
        self._url = parse_address(address)
        self._shown = mask_address(self._url)
        self._patience = patience
        self._random = random
        self._queue: deque[bytes] = deque()
        self._changed = threading.Condition()
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self.dropped = 0

    def put(self, body: bytes) -> None:
        with self._changed:
            if self._stopping.is_set():
                self._drop("surehup is stopping")
                return
            if len(self._queue) >= self._patience.queued:
                self._queue.popleft()
                self._drop("too many notices wait for this address")
            self._queue.append(body)
            self._changed.notify()
            if self._thread is None:
                name = f"webhook-{self._url.host}"
                self._thread = threading.Thread(target=self._run, name=name, daemon=True)
                self._thread.start()

    def stop(self) -> None:
        with self._changed:
            self._stopping.set()
            self._changed.notify()

    def join(self, timeout_s: float) -> None:
        if self._thread is not None:
            self._thread.join(timeout_s)

    def _run(self) -> None:
        while (body := self._next()) is not None:
            self._deliver(body)

    def _next(self) -> bytes | None:
        with self._changed:
            self._changed.wait_for(lambda: self._queue or self._stopping.is_set())
            return self._queue.popleft() if self._queue else None

    def _deliver(self, body: bytes) -> None:
        agent = f"surehup/{__version__}"
        for number in range(self._patience.tries):
            try:
                post(self._url, body, user_agent=agent, timeout_s=self._patience.timeout_s)
            except PostError as error:
                last = number + 1 == self._patience.tries or not error.retryable
                if last or self._stopping.wait(self._delay_s(number, error.after_s)):
                    self._drop(str(error))
                    return
                log.debug("Webhook is tried again", extra=fields(url=self._shown, reason=error))
            else:
                log.debug("Webhook delivered", extra=fields(url=self._shown, tries=number + 1))
                return

    def _delay_s(self, number: int, after_s: float | None) -> float:
        delay_s = self._patience.backoff.delay_s(number) * (0.5 + self._random())
        return max(delay_s, after_s or 0.0)

    def _drop(self, reason: str) -> None:
        with self._changed:
            self.dropped += 1
        told = fields(url=self._shown, reason=reason, dropped=self.dropped)
        log.warning("Webhook not delivered", extra=told)
