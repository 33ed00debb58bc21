"""A request, its answer, and the route that leads from one to the other."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus

JSON = "application/json"
TEXT = "text/plain; charset=utf-8"


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What a client asks. Header names are in lower case; of repeated ones the last counts."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    client: str


@dataclass(frozen=True, slots=True)
class Response:
    """What it is answered."""

    status: HTTPStatus
    body: bytes
    content_type: str = TEXT
    headers: Mapping[str, str] = field(default_factory=dict)

    @staticmethod
    def of_text(status: HTTPStatus, text: str) -> Response:
        """Plain text, which gets its last newline here."""
        return Response(status, f"{text}\n".encode("utf-8", "backslashreplace"))

    @staticmethod
    def of_json(
        status: HTTPStatus, document: object, headers: Mapping[str, str] | None = None
    ) -> Response:
        """A JSON document."""
        return Response(status, f"{json.dumps(document)}\n".encode(), JSON, headers or {})

    @staticmethod
    def of_error(
        status: HTTPStatus, reason: str, headers: Mapping[str, str] | None = None
    ) -> Response:
        """``{"error": reason}``."""
        return Response.of_json(status, {"error": reason}, headers)


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One path and method. `control`: it tells or changes more than a stranger may know or do.

    `handle` may take its time, but has a deadline of its own. A GET route answers HEAD too.
    """

    method: str
    path: str
    handle: Callable[[Request], Response]
    control: bool = False


def answer(routes: Mapping[str, Mapping[str, Route]], request: Request) -> Response | Route:
    """Find the route for `request` by path and method, or the answer that says there is none."""
    found = routes.get(request.path)
    if found is None:
        document = {"error": f"no such path: {request.path[:200]}", "paths": sorted(routes)}
        return Response.of_json(HTTPStatus.NOT_FOUND, document)
    method = "GET" if request.method == "HEAD" else request.method
    route = found.get(method)
    if route is None:
        allowed = sorted({*found, *(["HEAD"] if "GET" in found else [])})
        reason = f"{request.path} does not take {request.method[:20]}"
        headers = {"Allow": ", ".join(allowed)}
        return Response.of_error(HTTPStatus.METHOD_NOT_ALLOWED, reason, headers)
    return route
