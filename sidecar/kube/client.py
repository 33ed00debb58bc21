"""Speaks HTTP with the API server: plain dicts in and out, every call within a deadline.

Implements `ports.Api` over the official client's lowest layer: `param_serialize` for address and
token, its connection pool for the rest. Its typed API classes are never used: importing `CoreV1Api`
alone costs 21 MB of memory. Bodies are written here, as `call_api` would write them with spaces and
every letter beyond ASCII as six: the server takes 3 MiB at most, and keeps a ControllerRevision's
data as it came, so that any later patch of it would be refused as a change.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator
from http import HTTPStatus
from typing import cast
from urllib.parse import quote

from kubernetes.client import ApiClient
from urllib3.exceptions import HTTPError
from urllib3.response import HTTPResponse
from urllib3.util import Timeout

from sidecar import __version__
from sidecar.core.ports import Clock
from sidecar.kube.access import Access
from sidecar.kube.answers import Asked, explain
from sidecar.kube.errors import ApiError, UnreachableError
from sidecar.kube.pools import POOLS
from sidecar.kube.ports import FIELD_MANAGER, Json, Ref, Resource, count_nothing
from sidecar.kube.stream import Stream
from sidecar.kube.trouble import explain_silence

DEADLINE_S = 10.0
MERGE_PATCH = "application/merge-patch+json"
STRATEGIC_PATCH = "application/strategic-merge-patch+json"
METADATA_ONLY = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
_CHUNK_BYTES = 1 << 16
_ESCAPED_BY_GO = {char: f"\\u{ord(char):04x}" for char in "<>&\u2028\u2029"}
_METHODS = {"create": "POST", "patch": "PATCH", "delete": "DELETE"}


class KubeClient:
    """Implements `ports.Api`; may be used from several threads at once.

    `on_request` gets verb and HTTP status of each request that was made, ``error`` where there was
    no answer. A call ends within `deadline_s`, or twice that where an answer trickles in.
    """

    def __init__(
        self,
        access: Access,
        *,
        clock: Clock,
        on_request: Callable[[str, str], None] = count_nothing,
        deadline_s: float = DEADLINE_S,
    ) -> None:
        self._access = access
        self._clock = clock
        self._on_request = on_request
        self._deadline_s = deadline_s
        self._http = ApiClient(access.configuration)
        self._http.rest_client.pool_manager.pool_classes_by_scheme = POOLS
        self._http.user_agent = f"{FIELD_MANAGER}/{__version__}"

    def close(self) -> None:
        """Close all connections that no call is using."""
        self._http.close()  # type: ignore[no-untyped-call]

    def get(self, ref: Ref) -> Json:
        """Read one object. Raises `NotFoundError`."""
        return self._call(Asked.about(ref, "get"))

    def list(
        self,
        resource: Resource,
        namespace: str,
        *,
        name: str = "",
        labels: str = "",
        metadata_only: bool = False,
    ) -> Json:
        """Read many, as a list object. Raises `ApiError`."""
        asked = Asked(verb="list", resource=resource, namespace=namespace, name=name)
        query = {"labelSelector": labels} if labels else {}
        answer = self._call(asked, query, accept=METADATA_ONLY if metadata_only else "")
        for item in answer.get("items") or []:
            # Lists leave out what their own kind says; who reads an object wants to know.
            item.setdefault("kind", resource.kind)
            item.setdefault("apiVersion", resource.api_version)
        return answer

    def patch(
        self,
        ref: Ref,
        body: Json,
        *,
        resource_version: str | None = None,
        subresource: str = "",
        strategic: bool = False,
    ) -> Json:
        """Change one object and return it. Raises `NotFoundError`, `ConflictError`."""
        if resource_version is not None:
            metadata = {**(body.get("metadata") or {}), "resourceVersion": resource_version}
            body = {**body, "metadata": metadata}
        return self._call(
            Asked.about(ref, "patch", subresource),
            {"fieldManager": FIELD_MANAGER},
            body=body,
            content_type=STRATEGIC_PATCH if strategic else MERGE_PATCH,
        )

    def create(self, resource: Resource, namespace: str, body: Json) -> Json:
        """Create one object and return it. Raises `AlreadyExistsError`."""
        name = body.get("metadata", {}).get("name", "")
        asked = Asked(verb="create", resource=resource, namespace=namespace, name=name)
        return self._call(asked, {"fieldManager": FIELD_MANAGER}, body=body)

    def delete(self, ref: Ref, *, uid: str | None = None) -> None:
        """Delete one object. Raises `NotFoundError`, `ConflictError`."""
        preconditions = {} if uid is None else {"preconditions": {"uid": uid}}
        self._call(
            Asked.about(ref, "delete"), body={"propagationPolicy": "Background", **preconditions}
        )

    def watch(
        self,
        resource: Resource,
        namespace: str,
        *,
        name: str,
        resource_version: str,
        timeout_s: float,
        grace_s: float,
    ) -> Stream:
        """Watch one object. Raises `ApiError`."""
        asked = Asked(verb="watch", resource=resource, namespace=namespace, name=name)
        query = {
            "watch": "true",
            "allowWatchBookmarks": "true",
            "resourceVersion": resource_version,
            "timeoutSeconds": str(math.ceil(timeout_s)),
        }
        response = self._open(asked, query)
        silence_s = timeout_s + grace_s
        return Stream(
            response,
            silence_s=silence_s,
            fail=lambda error: explain_silence(error, self._host, silence_s),
            refuse=lambda status: explain(asked, int(status.get("code") or 0), status),
        )

    def _call(
        self,
        asked: Asked,
        query: dict[str, str] | None = None,
        *,
        body: Json | None = None,
        content_type: str = "application/json",
        accept: str = "",
    ) -> Json:
        headers = {"Accept": accept or "application/json"}
        if body is not None:
            headers["Content-Type"] = content_type
        response = self._open(asked, query or {}, headers=headers, body=body)
        try:
            answer = json.loads(self._read(response))
        except ValueError as error:
            msg = f"{self._host} does not answer as an API server does: is that its address?"
            raise UnreachableError(msg, status=response.status) from error
        if not isinstance(answer, dict):
            msg = f"{self._host} answers no object: is that an API server's address?"
            raise UnreachableError(msg, status=response.status)
        return answer

    def _open(
        self,
        asked: Asked,
        query: dict[str, str],
        *,
        headers: dict[str, str] | None = None,
        body: Json | None = None,
    ) -> HTTPResponse:
        """Send one request, once more with a renewed token, and return a good answer unread."""
        used, response = self._send(asked, query, headers or {}, body)
        if response.status == HTTPStatus.UNAUTHORIZED:
            refusal = self._explain(asked, response)
            if not self._access.renew(used):
                raise refusal
            _, response = self._send(asked, query, headers or {}, body)
        if HTTPStatus.OK <= response.status < HTTPStatus.MULTIPLE_CHOICES:
            return response
        raise self._explain(asked, response)

    def _send(
        self, asked: Asked, query: dict[str, str], headers: dict[str, str], body: Json | None
    ) -> tuple[str | None, HTTPResponse]:
        selected = {"fieldSelector": f"metadata.name={asked.name}"} if _is_selected(asked) else {}
        method = _METHODS.get(asked.verb, "GET")
        code = "error"
        try:
            _, url, sent, *_ = self._http.param_serialize(
                method,
                _path(asked),
                query_params=list({**selected, **query}.items()),
                header_params=dict(headers),
                # Without it no token is sent, and none renewed.
                auth_settings=["BearerToken"],
            )
            response = self._http.rest_client.pool_manager.request(
                method,
                url,
                body=None if body is None else _write(body),
                headers=sent,
                timeout=Timeout(total=self._deadline_s),
                preload_content=False,
            )
            code = str(response.status)
        except (HTTPError, OSError) as error:
            raise explain_silence(error, self._host, self._deadline_s) from error
        finally:
            self._on_request(asked.verb, code)
        return sent.get("authorization"), cast("HTTPResponse", response)

    def _explain(self, asked: Asked, response: HTTPResponse) -> ApiError:
        body = self._read(response)
        return explain(asked, response.status, body, response.headers.get("Retry-After", ""))

    def _read(self, response: HTTPResponse) -> bytes:
        """The whole body; afterwards the connection serves the next call."""
        ends_s = self._clock.monotonic() + self._deadline_s
        body = bytearray()
        try:
            for chunk in _chunks(response):
                body += chunk
                if self._clock.monotonic() >= ends_s:
                    raise TimeoutError
        except (HTTPError, OSError) as error:
            raise explain_silence(error, self._host, self._deadline_s) from error
        finally:
            response.close()
        return bytes(body)

    @property
    def _host(self) -> str:
        return str(self._access.configuration.host)


def _write(body: Json) -> bytes:
    """To the byte as the server's own language writes it, down to what it escapes."""
    text = json.dumps(body, separators=(",", ":"), ensure_ascii=False, sort_keys=True)
    for char, escaped in _ESCAPED_BY_GO.items():
        text = text.replace(char, escaped)
    return text.encode()


def _chunks(response: HTTPResponse) -> Iterator[bytes]:
    while chunk := response.read1(_CHUNK_BYTES):
        yield chunk


def _is_selected(asked: Asked) -> bool:
    return asked.verb in {"list", "watch"} and bool(asked.name)


def _path(asked: Asked) -> str:
    resource = asked.resource
    root = f"/apis/{resource.group}" if resource.group else "/api"
    place = f"/namespaces/{quote(asked.namespace, '')}" if asked.namespace else ""
    path = f"{root}/{resource.version}{place}/{resource.plural}"
    if asked.verb in {"get", "patch", "delete"}:
        path += f"/{quote(asked.name, '')}"
    return f"{path}/{asked.subresource}" if asked.subresource else path
