"""Files as the data of a revision."""

from __future__ import annotations

import base64
import gzip
import json
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.kube.client import _write
from sidecar.kube.ports import Json
from sidecar.record.errors import HistoryError
from sidecar.record.packing import MAX_BYTES, MAX_UNPACKED_BYTES, measure, pack, unpack

KEYS = st.text("abc._-", min_size=1, max_size=8)
MIB = 1 << 20
NOISE = random.Random(1).randbytes(MIB)  # noqa: S311  noise that is the same in each run


@given(st.dictionaries(KEYS, st.one_of(st.binary(), st.text('<>&\u2028\0ü\n"').map(str.encode))))
def test_what_is_packed_is_unpacked(files: dict[str, bytes]) -> None:
    data, size_bytes = pack(files)
    assert unpack(json.loads(json.dumps(data))) == files
    assert size_bytes == len(_write(data))


def test_small_content_is_kept_as_a_config_map_writes_it() -> None:
    data, _ = pack({"a.yml": "ü".encode(), "b": b"", "c": b"\0\xff"})
    assert data == {
        "data": {"a.yml": "ü", "b": ""},
        "binaryData": {"c": base64.b64encode(b"\0\xff").decode()},
    }


@pytest.mark.parametrize("filling", [b"<", b"\0", "\u2028".encode(), b"a: b\n", "ü".encode()])
def test_one_mebibyte_of_any_text_fits(filling: bytes) -> None:
    files = {"a": filling * (MIB // len(filling))}
    data, size_bytes = pack(files)
    assert size_bytes <= MAX_BYTES
    assert unpack(data) == files
    assert pack(files) == (data, size_bytes)
    if "gzip" in data:
        # No time in its header, by which replicas would differ.
        assert base64.b64decode(data["gzip"])[4:8] == bytes(4)


def test_one_mebibyte_of_noise_fits() -> None:
    data, size_bytes = pack({"a": NOISE})
    assert size_bytes <= MAX_BYTES
    assert unpack(data) == {"a": NOISE}


def test_what_would_be_too_large_even_zipped_is_refused() -> None:
    with pytest.raises(HistoryError, match=r"^the content takes \d+ bytes .*\(1450000\): split it"):
        pack({"a": NOISE, "b": NOISE[::-1]})


@pytest.mark.parametrize(
    "data",
    [
        {"gzip": "no base64!"},
        {"gzip": base64.b64encode(b"no gzip").decode()},
        {"gzip": base64.b64encode(gzip.compress(b"{")).decode()},
        {"gzip": base64.b64encode(gzip.compress(b"{}")[:-3]).decode()},
        {"gzip": base64.b64encode(gzip.compress(b"[1]")).decode()},
        {"gzip": 3},
        {"data": {"a": 1}},
        {"data": [1]},
        {"binaryData": {"a": "?"}},
        {"binaryData": {"a": None}},
    ],
)
def test_what_was_not_packed_here_is_refused(data: Json) -> None:
    with pytest.raises(HistoryError, match="another form"):
        unpack(data)


def test_what_grows_without_end_is_refused() -> None:
    bomb = gzip.compress(b" " * (MAX_UNPACKED_BYTES + 1) + b"{}")
    with pytest.raises(HistoryError):
        unpack({"gzip": base64.b64encode(bomb).decode()})


def test_the_size_is_that_of_the_wire() -> None:
    data = {"data": {"a": '<&>\u2028\u2029 ü \0\t\n"\\'}}
    assert measure(data) == len(_write(data))
