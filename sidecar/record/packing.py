"""Files as the `data` of a ControllerRevision, and back; pure.

Readable as a ConfigMap is (``data`` and ``binaryData``) where that fits, gzipped where it would
not: of a ConfigMap's 1 MiB, JSON may make six.
"""

from __future__ import annotations

import gzip
import json
import zlib
from base64 import b64decode, b64encode
from collections.abc import Mapping

from sidecar.kube.ports import Json
from sidecar.record.errors import HistoryError

MAX_BYTES = 1_450_000
"""etcd takes 1.5 MiB in one request; seen to pass: 1,536,000 bytes in all."""

MAX_UNPACKED_BYTES = 8 << 20
"""More than any 1 MiB becomes in JSON: what unpacks to more was not packed here."""

_ESCAPED_BYTES = {"<": 1, ">": 1, "&": 1, "\u2028": 3, "\u2029": 3}
"""What goes over the wire as six bytes, and how many it has here."""


def pack(files: Mapping[str, bytes]) -> tuple[Json, int]:
    """The data that holds `files`, and its size. Raises `HistoryError`: it is too large."""
    data = _lay_out(files)
    size_bytes = measure(data)
    if size_bytes > MAX_BYTES:
        # Without a time, so that all replicas make the same of the same.
        zipped = gzip.compress(_render(data).encode(), mtime=0)
        data = {"gzip": b64encode(zipped).decode()}
        size_bytes = measure(data)
    if size_bytes > MAX_BYTES:
        msg = (
            f"the content takes {size_bytes} bytes in the history, which is more than one"
            f" ControllerRevision holds ({MAX_BYTES}): split it over several ConfigMaps"
        )
        raise HistoryError(msg)
    return data, size_bytes


def unpack(data: Json) -> dict[str, bytes]:
    """The files that `data` holds. Raises `HistoryError`: it was not packed here."""
    try:
        if "gzip" in data:
            data = json.loads(_unzip(b64decode(data["gzip"], validate=True)))
        files = {key: text.encode() for key, text in (data.get("data") or {}).items()}
        for key, value in (data.get("binaryData") or {}).items():
            files[key] = b64decode(value, validate=True)
    except (ValueError, AttributeError, TypeError, zlib.error) as error:
        msg = "its data has another form than revisions are kept in"
        raise HistoryError(msg) from error
    return files


def measure(data: Json) -> int:
    """How many bytes `data` is as the client writes it, with what Go's JSON escapes."""
    text = _render(data)
    escapes = sum(text.count(char) * (6 - length) for char, length in _ESCAPED_BYTES.items())
    return len(text.encode()) + escapes


def _lay_out(files: Mapping[str, bytes]) -> Json:
    texts: dict[str, str] = {}
    binaries: dict[str, str] = {}
    for key, value in files.items():
        try:
            texts[key] = value.decode()
        except UnicodeDecodeError:
            binaries[key] = b64encode(value).decode()
    return {"data": texts, "binaryData": binaries}


def _render(data: Json) -> str:
    return json.dumps(data, separators=(",", ":"), ensure_ascii=False, sort_keys=True)


def _unzip(zipped: bytes) -> bytes:
    """At most so much: others may write revisions too, and small ones that grow without end."""
    unzip = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
    unpacked = unzip.decompress(zipped, MAX_UNPACKED_BYTES)
    if not unzip.eof:
        msg = "it does not end"
        raise ValueError(msg)
    return unpacked
