"""The own pod's status: the nudge that lets the kubelet sync at once, and the condition.

Needs no right but to patch ``pods/status``; the answer to a patch is the pod, so an empty one reads
it. Patches are strategic: a JSON merge patch would replace the kubelet's conditions by ours.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sidecar.core.attempt import BridgeStatus
from sidecar.core.backoff import Backoff
from sidecar.core.evidence import Ends
from sidecar.core.ports import Clock
from sidecar.kube.errors import ApiError, ForbiddenError
from sidecar.kube.objects import read_annotations
from sidecar.kube.ports import Json, Objects, Ref
from sidecar.record.annotations import whole_key
from sidecar.record.condition import Condition, Truth, describe, judge, list_proven
from sidecar.record.rendering import render_seconds

CONDITION = whole_key("ConfigApplied")
NUDGE = whole_key("nudge")
PROVEN = whole_key("proven")
UNTOLD = "whether its container ends again and again cannot be told"
QUIET = Backoff(first_s=5.0, most_s=600.0)
"""For how long nothing is tried after each refusal in a row. Rights are not granted by the second;
but an API server that has just started refuses all, until it has read its roles."""


@dataclass(frozen=True, slots=True)
class _Shown:
    """What the pod carries."""

    condition: Condition | None
    since: str
    proven: str
    ends: Mapping[str, Ends]


class PodStatus:
    """Writes nudges and the condition of one pod; tells trouble as a sentence, never raises it."""

    def __init__(self, api: Objects, ref: Ref, *, clock: Clock, own: str = "") -> None:
        self._api = api
        self._ref = ref
        self._clock = clock
        self._own = own
        self._shown: _Shown | None = None
        self._refusal = ""
        self._refusals = 0
        self._truths: dict[str, Truth] = {}
        self._quiet_until_s = float("-inf")

    def nudge(self, digest12: str, number: int) -> str | None:
        """Change the pod, so that its kubelet mounts what is new; the same again does nothing.

        Measured: files follow within 0.15 s, and after up to 90 s without.
        """
        return self._try({"metadata": {"annotations": {NUDGE: f"{digest12}.{number}"}}})

    def show(self, statuses: Sequence[BridgeStatus]) -> str | None:
        """Let condition and annotation say what the processes of all bridges run.

        Nothing is written where nothing changed, nor for an attempt on its way that leaves the
        condition as it is. What failed is made up for by the next call.
        """
        if not statuses:
            return None
        self._truths = {
            status.bridge: judge(status, self._truths.get(status.bridge)) for status in statuses
        }
        if self._shown is None:
            trouble = self._try({})
            if self._shown is None:
                return trouble
        body = self._compare(self._shown, describe(statuses, self._truths), list_proven(statuses))
        return self._try(body) if body else None

    def count_ends(self, container: str) -> tuple[Ends | None, str]:
        """How often `container` has ended, or the only one that is not `own`: see `ports.Pod`.

        The kubelet counts in ``restartCount`` how often it has started one again; the last that ran
        is one more, once it has ended. What runs as an initial container is not listed among them.
        """
        trouble = self._try({})
        if self._shown is None or trouble is not None:
            return None, f"{UNTOLD}: {self._refusal}" if self._refusal else ""
        others = {name: ends for name, ends in self._shown.ends.items() if name != self._own}
        found = others.get(container) if container else None
        if not container and len(others) == 1:
            (found,) = others.values()
        if found is not None or not others:
            return found, ""
        return None, f"{UNTOLD}: name one of {', '.join(sorted(others))} as target.container"

    def _compare(self, shown: _Shown, wanted: Condition, proven: str) -> Json:
        """The patch from what is shown to what is wanted."""
        body: Json = {}
        if proven and proven != shown.proven:
            body["metadata"] = {"annotations": {PROVEN: proven}}
        if not _says(shown.condition, wanted):
            stands = shown.condition is not None and shown.condition.truth is wanted.truth
            since = shown.since if stands else ""
            condition = {
                "type": CONDITION,
                "status": wanted.truth.value,
                "reason": wanted.reason,
                "message": wanted.message,
                "lastTransitionTime": since or render_seconds(self._clock.wall()),
            }
            body["status"] = {"conditions": [condition]}
        return body

    def _try(self, body: Json) -> str | None:
        if self._clock.monotonic() < self._quiet_until_s:
            return None
        self._refusal = ""
        try:
            pod = self._api.patch(self._ref, body, subresource="status", strategic=True)
        except ApiError as error:
            # It may have been written all the same: look again before the next.
            self._shown = None
            if isinstance(error, ForbiddenError):
                self._quiet_until_s = self._clock.monotonic() + QUIET.delay_s(self._refusals)
                self._refusals += 1
                self._refusal = error.message
            return f"the pod's status was not written: {error.message}"
        self._shown, self._refusals = _read(pod), 0
        return None


def _read_ends(status: Json) -> Ends:
    state = status.get("state") or {}
    over = state.get("terminated") or (status.get("lastState") or {}).get("terminated") or {}
    has_ended = bool(over) and "running" not in state
    words = [f"exit code {over['exitCode']}" if "exitCode" in over else "", over.get("reason", "")]
    return Ends(
        count=int(status.get("restartCount") or 0) + int(has_ended),
        last=", ".join(word for word in words if word),
    )


def _says(shown: Condition | None, wanted: Condition) -> bool:
    if shown is None:
        return False
    if wanted.passing:
        return shown.truth is wanted.truth
    return (shown.truth, shown.reason, shown.message) == (
        wanted.truth,
        wanted.reason,
        wanted.message,
    )


def _read(pod: Json) -> _Shown:
    status = pod.get("status") or {}
    conditions = status.get("conditions") or []
    found = next((entry for entry in conditions if entry.get("type") == CONDITION), None)
    condition = None
    if found is not None:
        # Others may write any word, which is then none that this pod would say.
        truth = Truth(found["status"]) if found.get("status") in set(Truth) else Truth.UNKNOWN
        condition = Condition(truth, found.get("reason", ""), found.get("message", ""))
    return _Shown(
        condition=condition,
        since=(found or {}).get("lastTransitionTime") or "",
        proven=read_annotations(pod).get(PROVEN, ""),
        ends={entry["name"]: _read_ends(entry) for entry in status.get("containerStatuses") or []},
    )
