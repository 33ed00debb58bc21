"""The health scripts for Argo CD and Flux, made from the words of `surehup.dev/status`.

Argo CD runs Lua without its string library; a status it has no word for is still on its way. Flux
evaluates inProgress, then failed, then current, and takes an error for "wait".
"""

from __future__ import annotations

from collections.abc import Iterable

from sidecar.core.attempt import Status

HEALTHY, DEGRADED, SUSPENDED, PROGRESSING = "Healthy", "Degraded", "Suspended", "Progressing"
HEALTH = {
    Status.PENDING: PROGRESSING,
    Status.RELOADING: PROGRESSING,
    Status.ROLLING_OUT: PROGRESSING,
    Status.APPLIED: HEALTHY,
    Status.REJECTED: DEGRADED,
    Status.ROLLED_BACK: DEGRADED,
    Status.FAILED: DEGRADED,
    Status.UNCONFIRMED: DEGRADED,
    Status.PAUSED: SUSPENDED,
}
"""What each status is to Argo CD."""

FLUX = {
    HEALTHY: "current",
    DEGRADED: "failed",
    SUSPENDED: "neither: waits until its timeout",
    PROGRESSING: "in progress",
}
"""And what that is to Flux."""


def write_lua() -> str:
    """The value of `resource.customizations.health.ConfigMap` in argocd-cm."""
    table = ", ".join(f'{status.value} = "{HEALTH[status]}"' for status in Status)
    return f"""\
local health = {{ {table} }}
local annotations = obj.metadata ~= nil and obj.metadata.annotations or {{}}
local status = annotations["surehup.dev/status"]
local desired = annotations["surehup.dev/desired"]
if status == nil and desired == nil then
  return {{ status = "Healthy", message = "" }}
end
if status == nil then
  return {{ status = "Progressing", message = "no sidecar has reported yet" }}
end
if desired ~= nil and desired ~= annotations["surehup.dev/observed"] then
  return {{ status = "Progressing", message = "the content of the manifest (surehup.dev/desired) was not judged yet, or was edited since" }}
end
return {{ status = health[status] or "Progressing", message = annotations["surehup.dev/message"] or status }}
"""


def write_cel() -> dict[str, str]:
    """The expressions of one item of a Flux Kustomization's `healthCheckExprs`."""
    status, desired, observed = (
        f"metadata.?annotations[?'surehup.dev/{key}'].orValue('')"
        for key in ("status", "desired", "observed")
    )
    return {
        "inProgress": f"({desired} != '' && {desired} != {observed}) || {status} in {_list(PROGRESSING)}",
        "failed": f"{status} in {_list(DEGRADED)}",
        "current": f"{status} in {_quote(['', *_with(HEALTHY)])}",
    }


def _with(health: str) -> list[str]:
    return [status.value for status in Status if HEALTH[status] == health]


def _list(health: str) -> str:
    return _quote(_with(health))


def _quote(words: Iterable[str]) -> str:
    return f"[{', '.join(repr(word) for word in words)}]"
