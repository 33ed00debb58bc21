"""Turns the API server's refusals into errors: from the Status object, or from the bare status.

Between `client`, which speaks HTTP, and `errors`; pure, so that watch events that carry a Status
are read the same way.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from sidecar.kube.errors import (
    AlreadyExistsError,
    ApiError,
    ConflictError,
    ForbiddenError,
    GoneError,
    InvalidError,
    NotFoundError,
    TooManyRequestsError,
    UnauthorizedError,
    UnreachableError,
)
from sidecar.kube.ports import CONFIG_MAPS, SECRETS, Ref, Resource

_SHOWN_CHARS = 300
_RBAC = re.compile(r'User "(?P<user>[^"]*)" cannot (?P<verb>\w+) resource "(?P<resource>[^"]*)"')
_TOO_LARGE = re.compile("request is too large|message larger than max")
_FIXES = "the ServiceAccount's token was rejected: see that it exists and is mounted in the sidecar"


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A request in words: `verb` as RBAC names it; without `name` many objects were meant."""

    verb: str
    resource: Resource
    namespace: str
    name: str = ""
    subresource: str = ""

    @classmethod
    def about(cls, ref: Ref, verb: str, subresource: str = "") -> Asked:
        """The request `verb` for one object."""
        return cls(
            verb=verb,
            resource=ref.resource,
            namespace=ref.namespace,
            name=ref.name,
            subresource=subresource,
        )

    @property
    def target(self) -> str:
        """What it was about."""
        if not self.name:
            return f"{self.resource.plural} in namespace {self.namespace}"
        below = f"'s {self.subresource}" if self.subresource else ""
        return f"{self.resource.kind} {self.namespace}/{self.name}{below}"

    @property
    def rule(self) -> str:
        """The RBAC rule that allows it."""
        plural = self.resource.plural
        resource = f"{plural}/{self.subresource}" if self.subresource else plural
        named = f" resourceNames [{self.name}]" if self._is_narrowed else ""
        group = f'"{self.resource.group}"'
        return f"apiGroups [{group}] resources [{resource}]{named} verbs [{self.verb}]"

    @property
    def _is_narrowed(self) -> bool:
        # Names of other objects are made anew, and a rule that named one would help but once.
        has_steady_name = self.resource in {CONFIG_MAPS, SECRETS}
        return has_steady_name and bool(self.name) and self.verb != "create"


def explain(
    asked: Asked, status: int, body: bytes | Mapping[str, Any], retry_after: str = ""
) -> ApiError:
    """The error for an answer with this `status`; `body` is the Status object, if it is one."""
    answer = body if isinstance(body, Mapping) else _parse(body)
    said, reason = _shorten(answer.get("message")), answer.get("reason")
    text = f"the API server refused to {asked.verb} {asked.target}"
    # What is invalid may be quoted, and of a Secret nothing may be.
    why = "" if asked.resource == SECRETS else f": {said}"
    if status == HTTPStatus.INTERNAL_SERVER_ERROR and _TOO_LARGE.search(said):
        status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE  # which etcd says in its own way
    match status:
        case 401:
            return UnauthorizedError(f"{text}, as it does not know who asks: {_FIXES}", status=401)
        case 403:
            return _explain_forbidden(asked, said)
        case 404:
            return NotFoundError(
                f"{asked.target} does not exist: create it, or correct its name and namespace",
                status=404,
            )
        case 409 if reason == "AlreadyExists":
            return AlreadyExistsError(f"{asked.target} exists already", status=409)
        case 409:
            msg = f"{asked.target} was changed by somebody else meanwhile: read it again"
            return ConflictError(msg, status=409)
        case 410:
            msg = f"the API server no longer keeps that version of {asked.target}: list it again"
            return GoneError(msg, status=410)
        case 400 | 413 | 422:
            return InvalidError(f"{text}, as the content is invalid{why}", status=status)
        case 429:
            return TooManyRequestsError(
                f"{text} for now, as it has too much to do: nothing to do but to wait",
                status=429,
                retry_after_s=parse_retry_after(retry_after),
            )
    return UnreachableError(
        f"the API server could not {asked.verb} {asked.target} (HTTP {status}){why}: its log says"
        " more",
        status=status,
        retry_after_s=parse_retry_after(retry_after),
    )


def _explain_forbidden(asked: Asked, said: str) -> ForbiddenError:
    denied = _RBAC.search(said)
    if denied is None:
        # Admission, quota, or a namespace that is going away: no rule would help.
        why = "" if asked.resource == SECRETS else f": {said}"
        return ForbiddenError(f"the API server refused to {asked.verb} {asked.target}{why}")
    return ForbiddenError(
        f"{denied['user']} may not {asked.verb} {asked.target}: add to its Role in namespace"
        f" {asked.namespace} the rule {asked.rule}",
        rule=asked.rule,
    )


def parse_retry_after(value: str) -> float | None:
    """Seconds of a Retry-After header; the API server never sends a date."""
    return float(value) if value.isascii() and value.isdigit() else None


def _parse(body: bytes) -> Mapping[str, Any]:
    try:
        answer = json.loads(body)
    except ValueError:
        answer = None
    return answer if isinstance(answer, dict) else {"message": body.decode(errors="replace")}


def _shorten(message: object) -> str:
    text = " ".join(str(message or "no reason was given").split())
    return text if len(text) <= _SHOWN_CHARS else f"{text[: _SHOWN_CHARS - 1]}…"
