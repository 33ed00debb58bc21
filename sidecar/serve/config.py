"""`GET /api/v2/config`: what the process of each bridge is proven to run, secrets masked."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from http import HTTPStatus

from sidecar.core.ports import Clock
from sidecar.serve.content import ActiveContent
from sidecar.serve.masking.child import MaskingError, show
from sidecar.serve.message import JSON, Request, Response

FORMATS: Mapping[str, str] = {"json": JSON, "yaml": "application/yaml"}
PARAMETERS = ("format", "section", "bridge")
MOST_LISTED = 50

Active = Callable[[str], ActiveContent | None]


def answer_config(
    request: Request, bridges: Sequence[str], active: Active, clock: Clock
) -> Response:
    """The document, for all `bridges` or the one that is asked for."""
    query = request.query
    kind, section, bridge = query.get("format", "json"), query.get("section"), query.get("bridge")
    unknown = [name for name in query if name not in PARAMETERS]
    if unknown:
        reason = f"there is no parameter {unknown[0][:100]!r}: there are {', '.join(PARAMETERS)}"
        return Response.of_error(HTTPStatus.BAD_REQUEST, reason)
    if kind not in FORMATS:
        reason = f"there is no format {kind[:100]!r}: there are {', '.join(FORMATS)}"
        return Response.of_error(HTTPStatus.BAD_REQUEST, reason)
    if bridge is not None and bridge not in bridges:
        return refuse_bridge(bridge, bridges)
    contents = {name: active(name) for name in bridges if bridge in {None, name}}
    told = [
        (_tell(name, content, clock), None if content is None else content.content)
        for name, content in contents.items()
    ]
    try:
        shown = show(told, kind=kind, section=section)
    except MaskingError as error:
        return Response.of_error(HTTPStatus.SERVICE_UNAVAILABLE, error.message)
    if shown.text is None:
        return _refuse_section(section or "", shown.sections)
    body = shown.text.encode("utf-8", "backslashreplace")
    return Response(HTTPStatus.OK, body, FORMATS[kind])


def refuse_bridge(bridge: str, bridges: Sequence[str]) -> Response:
    """There is none of that name."""
    reason = f"no bridge is named {bridge[:100]!r}: there are {', '.join(bridges) or 'none'}"
    return Response.of_error(HTTPStatus.NOT_FOUND, reason)


def _refuse_section(section: str, sections: Sequence[str]) -> Response:
    known = ", ".join(sections[:MOST_LISTED])
    there = f"there are {known}" if known else "no file that is proven active has sections"
    return Response.of_error(
        HTTPStatus.NOT_FOUND, f"no file has a section {section[:100]!r}: {there}"
    )


def _tell(bridge: str, active: ActiveContent | None, clock: Clock) -> Mapping[str, object]:
    """What is said of a bridge; all unknown before the first proof."""
    if active is None:
        return {"bridge": bridge, "version": None, "source": None, "loaded_at": None}
    loaded_at = clock.wall() - (clock.monotonic() - active.loaded_s)
    return {
        "bridge": bridge,
        "version": active.content.digest,
        "source": active.content.source,
        "loaded_at": _write_time(loaded_at),
    }


def _write_time(wall_s: float) -> str:
    """RFC 3339, in UTC, to the millisecond."""
    return (
        datetime.fromtimestamp(wall_s, UTC)
        .isoformat(timespec="milliseconds")
        .replace("+00:00", "Z")
    )
