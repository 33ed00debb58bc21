"""Events on the ConfigMap, where ``kubectl describe`` shows them: what became of each edit."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from dataclasses import dataclass

from sidecar.core.attempt import Status
from sidecar.core.ports import Clock
from sidecar.kube.errors import AlreadyExistsError, ApiError
from sidecar.kube.ports import EVENTS, PODS, Json, Objects
from sidecar.record.rendering import cut, join_name, render_micros

CONTROLLER = "surehup.dev/sidecar"
NOTE_MAX_BYTES = 1 << 10
INSTANCE_MAX_CHARS = 128
TOLD_S = 3_600.0
"""How long the API server keeps Events by default (--event-ttl): then it may be told again."""

_TOLD_MAX = 64
_HEX_CHARS = 16
_REASONS = {
    Status.APPLIED: "ConfigApplied",
    Status.REJECTED: "ConfigRejected",
    Status.FAILED: "ConfigReloadFailed",
    Status.ROLLED_BACK: "ConfigRolledBack",
    Status.UNCONFIRMED: "ConfigUnconfirmed",
}


def reason_for(status: Status) -> str | None:
    """The reason of the Event that tells of `status`; None where there is nothing to tell yet."""
    return _REASONS.get(status)


@dataclass(frozen=True, slots=True)
class PodRef:
    """The pod that the sidecar runs in; `uid` is empty where it was not told."""

    namespace: str
    name: str
    uid: str = ""


class Events:
    """Tells each thing once, as `pod` or from outside of any."""

    def __init__(self, api: Objects, *, pod: PodRef | None, clock: Clock) -> None:
        self._api = api
        self._pod = pod
        self._clock = clock
        self._told: OrderedDict[str, float] = OrderedDict()

    def tell(
        self,
        regarding: Json,
        reason: str,
        action: str,
        note: str,
        *,
        warning: bool,
        digest: str,
    ) -> str | None:
        """Tell of the object `regarding` and its content `digest`, unless that was told.

        `reason` and `action` are UpperCamel words. Returns the trouble, where there is any; nothing
        is lost by asking again.
        """
        metadata = regarding["metadata"]
        name = self._name(metadata, reason, digest)
        if self._is_told(name):
            return None
        body = {
            "metadata": {"name": name},
            "eventTime": render_micros(self._clock.wall()),
            "reportingController": CONTROLLER,
            "reportingInstance": self._instance,
            "action": action,
            "reason": reason,
            "type": "Warning" if warning else "Normal",
            "note": cut(note, NOTE_MAX_BYTES),
            "regarding": {
                "apiVersion": regarding["apiVersion"],
                "kind": regarding["kind"],
                "namespace": metadata["namespace"],
                "name": metadata["name"],
                "uid": metadata["uid"],  # by which `kubectl describe` finds it
            },
            **self._relate(),
        }
        try:
            self._api.create(EVENTS, metadata["namespace"], body)
        except AlreadyExistsError:
            pass  # told before a restart, or its answer was lost
        except ApiError as error:
            return f"no Event {reason} was written: {error.message}"
        self._remember(name)
        return None

    @property
    def _instance(self) -> str:
        return self._pod.name[:INSTANCE_MAX_CHARS] if self._pod else CONTROLLER

    def _relate(self) -> Json:
        if self._pod is None:
            return {}
        related = {
            "apiVersion": PODS.api_version,
            "kind": PODS.kind,
            "namespace": self._pod.namespace,
            "name": self._pod.name,
        }
        return {"related": related | ({"uid": self._pod.uid} if self._pod.uid else {})}

    def _name(self, metadata: Json, reason: str, digest: str) -> str:
        """Of the object's name, and of what makes this Event the same when it is told again.

        Made here, as a generateName that ends in a dot is refused.
        """
        pod = f"{self._pod.namespace}/{self._pod.name}/{self._pod.uid}" if self._pod else ""
        same = "\n".join((pod, metadata["uid"], reason, digest))
        tail = hashlib.sha256(same.encode()).hexdigest()[:_HEX_CHARS]
        return join_name(metadata["name"], ".", tail)

    def _is_told(self, name: str) -> bool:
        told_s = self._told.get(name)
        return told_s is not None and self._clock.monotonic() - told_s < TOLD_S

    def _remember(self, name: str) -> None:
        self._told[name] = self._clock.monotonic()
        self._told.move_to_end(name)
        if len(self._told) > _TOLD_MAX:
            self._told.popitem(last=False)
