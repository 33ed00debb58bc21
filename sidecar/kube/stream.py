"""A running watch over one HTTP response: lines in, events out, ended at once from any thread."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable, Iterator
from contextlib import suppress

from urllib3.exceptions import HTTPError
from urllib3.response import HTTPResponse

from sidecar.kube.errors import ApiError, UnreachableError
from sidecar.kube.ports import Json


class Stream:
    """Implements `ports.Changes` over a `response` whose headers have arrived.

    Not even a byte for `silence_s` breaks it: a peer whose kernel still answers keepalive probes,
    but which hangs, is found in no other way. `fail` makes the error of a broken connection,
    `refuse` that of a Status the server sends as an event.
    """

    def __init__(
        self,
        response: HTTPResponse,
        *,
        silence_s: float,
        fail: Callable[[Exception], ApiError],
        refuse: Callable[[Json], ApiError],
    ) -> None:
        self._response = response
        self._fail = fail
        self._refuse = refuse
        self._closed = False
        # The connection leaves the response once it is read to its end.
        self._socket = getattr(response.connection, "sock", None)
        if self._socket is not None:
            self._socket.settimeout(silence_s)

    def close(self) -> None:
        """End it, from any thread, also while another one waits for an event.

        Shuts the raw socket: closing waits for locks that the reader holds, and the shutdown of
        TLS sockets takes their TLS away under the reader's hands.
        """
        self._closed = True
        if self._socket is not None:
            with suppress(OSError):
                socket.socket.shutdown(self._socket, socket.SHUT_RDWR)

    def __iter__(self) -> Iterator[Json]:
        """Events as they come. Raises `ApiError`."""
        try:
            for line in self._lines():
                yield self._read(line)
        except (HTTPError, OSError) as error:
            if not self._closed:
                raise self._fail(error) from error
        finally:
            self._response.close()

    def _lines(self) -> Iterator[bytes]:
        """Whole lines: a chunk may hold half an event, or several."""
        rest = bytearray()
        for chunk in self._response.stream(amt=None):
            *lines, tail = chunk.split(b"\n")
            for line in lines:
                yield bytes(rest) + line
                rest.clear()
            rest += tail

    def _read(self, line: bytes) -> Json:
        try:
            event = json.loads(line)
            kind, content = event["type"], event["object"]
        except (ValueError, TypeError, KeyError) as error:
            msg = "the API server sent something in a watch that is no event: is a proxy between?"
            raise UnreachableError(msg) from error
        if kind == "ERROR":
            raise self._refuse(content)
        return {"type": kind, "object": content}
