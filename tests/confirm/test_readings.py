"""A reading has the form that its role is compared in."""

from __future__ import annotations

import math

import pytest

from sidecar.confirm.readings import parse_json, read_field, read_series
from sidecar.confirm.trouble import GarbledError
from sidecar.core.evidence import DigestAlgorithm, JsonField, Reading, Role, Series
from sidecar.core.prediction import canonical, predict

PAGE = b"""
reloads{listener="a"} 3
reloads{listener="b"} 4
ok{listener="a",zone="x"} 1
ok{listener="b",zone="x"} 0
hash{file="a"} 1.4032749571379e+14
version{} 7148434200721666028
none NaN
start 1.795552461e+09
"""


@pytest.mark.parametrize(
    ("metric", "labels", "role", "expected"),
    [
        ("reloads", {}, Role.SUCCESS_COUNTER, 7.0),
        ("reloads", {}, Role.FAILURE_COUNTER, 7.0),
        ("reloads", {"listener": "b"}, Role.SUCCESS_COUNTER, 4.0),
        ("reloads", {"listener": "c"}, Role.SUCCESS_COUNTER, None),
        ("reloads", {}, Role.DIGEST, "3,4"),
        ("ok", {}, Role.OK_GAUGE, 0.0),
        ("ok", {"zone": "x", "listener": "a"}, Role.OK_GAUGE, 1.0),
        ("ok", {}, Role.SUCCESS_TIMESTAMP, 0.0),
        ("hash", {}, Role.DIGEST, "140327495713790"),
        ("version", {}, Role.DIGEST, "7148434200721666028"),
        ("version", {}, Role.PROBE, "7148434200721666028"),
        ("none", {}, Role.OK_GAUGE, None),
        ("start", {}, Role.GENERATION, frozenset({1795552461})),
        ("absent", {}, Role.OK_GAUGE, None),
    ],
)
def test_a_series_is_read_by_its_role(
    metric: str, labels: dict[str, str], role: Role, expected: Reading | None
) -> None:
    series = Series(metric=metric, labels=tuple(labels.items()))
    assert read_series(PAGE, series, role) == expected


TIME = Role.SUCCESS_TIMESTAMP
VARZ = parse_json(
    b"""{
  "config_load_time": "2026-11-24T20:14:03.123456789Z",
  "zoned": "2026-11-24T21:14:03.5+01:00",
  "jetstream": {"config": {"store_dir": "/data"}, "peers": [{"name": "a"}, {"name": "b"}]},
  "ok": true, "off": null, "count": 12, "text": "13", "huge": 1%s, "big": 7148434200721666028,
  "share": 0.25, "hash": 1.5e3, "bad": "2026-13-45T99:00:00Z"
}"""
    % (b"0" * 400)
)


@pytest.mark.parametrize(
    ("field", "role", "expected"),
    [
        ("config_load_time", Role.SUCCESS_TIMESTAMP, 1795551243.1234567),
        ("zoned", Role.SUCCESS_TIMESTAMP, 1795551243.5),
        ("config_load_time", Role.ECHO, "2026-11-24T20:14:03.123456789Z"),
        ("jetstream.config.store_dir", Role.PROBE, "/data"),
        ("jetstream.config", Role.ECHO, '{"store_dir":"/data"}'),
        ("jetstream.peers.1.name", Role.PROBE, "b"),
        ("jetstream.peers.2.name", Role.PROBE, None),
        ("jetstream.peers.first", Role.PROBE, None),
        ("jetstream.config.store_dir.deeper", Role.PROBE, None),
        ("nowhere.at.all", Role.PROBE, None),
        ("off", Role.PROBE, None),
        ("ok", Role.OK_GAUGE, 1.0),
        ("ok", Role.PROBE, "true"),
        ("count", Role.SUCCESS_COUNTER, 12.0),
        ("count", Role.PROBE, "12"),
        ("count", Role.GENERATION, frozenset({12})),
        ("text", Role.SUCCESS_COUNTER, 13.0),
        ("huge", Role.SUCCESS_COUNTER, math.inf),
        ("huge", Role.GENERATION, frozenset()),
        ("big", Role.DIGEST, "7148434200721666028"),
        ("share", Role.PROBE, "0.25"),
        ("hash", Role.DIGEST, "1500"),
    ],
)
def test_a_field_is_read_by_its_role(field: str, role: Role, expected: Reading | None) -> None:
    assert read_field(VARZ, JsonField(field=field), role) == expected


def test_two_reloads_a_microsecond_apart_differ() -> None:
    first, second = (
        read_field({"t": f"2026-11-24T20:14:03.12345{n}Z"}, JsonField(field="t"), TIME)
        for n in (6, 7)
    )
    assert first != second


@pytest.mark.parametrize("field", ["jetstream", "jetstream.config.store_dir", "bad"])
def test_a_field_that_is_no_number_is_refused(field: str) -> None:
    with pytest.raises(GarbledError, match=f"the field {field} is neither a number nor a time"):
        read_field(VARZ, JsonField(field=field), Role.SUCCESS_TIMESTAMP)


@pytest.mark.parametrize("page", [b"", b"{", b"<html>", b"\xff", b"[" * 100_000])
def test_a_page_that_is_no_json_is_refused(page: bytes) -> None:
    with pytest.raises(GarbledError, match="the page is no JSON"):
        parse_json(page)


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("1.4032e+14", "140320000000000"),
        ("7148434200721666028", "7148434200721666028"),
        ("1.0", "1"),
        ("-2.50e1", "-25"),
        ("100e-2", "1"),
        ("+007", "7"),
        ("-0.0", "0"),
        ("0.5", "0.5"),
        ("1e-3", "1e-3"),
        ("12e9999", "12e9999"),
        ("NaN", "NaN"),
        ("+Inf", "+Inf"),
    ],
)
def test_whole_numbers_have_one_spelling(written: str, expected: str) -> None:
    assert canonical(written) == expected


@pytest.mark.parametrize(
    ("algorithm", "expected"),
    [
        (DigestAlgorithm.MD5_LE48, "83271534788957"),
        (
            DigestAlgorithm.SHA256_HEX,
            "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824",
        ),
        (DigestAlgorithm.CRC32, "907060870"),
    ],
)
def test_digests_are_predicted(algorithm: DigestAlgorithm, expected: str) -> None:
    assert predict(algorithm, b"hello") == expected
