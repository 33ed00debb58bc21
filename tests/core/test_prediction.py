from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.core.evidence import DigestAlgorithm
from sidecar.core.prediction import canonical, predict


@pytest.mark.parametrize(
    ("algorithm", "content", "digest"),
    [
        (
            DigestAlgorithm.MD5_LE48,
            b"",
            str(int.from_bytes(bytes.fromhex("d41d8cd98f00"), "little")),
        ),
        (DigestAlgorithm.SHA256_HEX, b"x", hashlib.sha256(b"x").hexdigest()),
        (DigestAlgorithm.CRC32, b"123456789", str(0xCBF43926)),
    ],
)
def test_known_content_has_a_known_name(
    algorithm: DigestAlgorithm, content: bytes, digest: str
) -> None:
    assert predict(algorithm, content) == digest


@pytest.mark.parametrize(
    ("written", "plain"),
    [
        ("1.4032e+14", "140320000000000"),
        ("0", "0"),
        ("-0.0", "0"),
        ("0e9", "0"),
        ("007", "7"),
        ("12.0", "12"),
        ("12.", "12"),
        ("1200e-2", "12"),
        ("-1.5e1", "-15"),
        ("+3", "3"),
        ("18446744073709551615", "18446744073709551615"),
        ("1.8446744073709551615e19", "18446744073709551615"),
        ("1.5", "1.5"),
        ("5e-1", "5e-1"),
        ("NaN", "NaN"),
        ("+Inf", "+Inf"),
        ("1e9999", "1e9999"),
        ("", ""),
        ("abc", "abc"),
    ],
)
def test_whole_numbers_have_one_spelling(written: str, plain: str) -> None:
    assert canonical(written) == plain


@given(st.integers(-(2**53), 2**53))
def test_every_spelling_of_a_float_agrees_with_the_integer(number: int) -> None:
    spellings = {f"{float(number):.17e}", f"{number}.000", f"{number}e0", str(number)}
    assert {canonical(spelling) for spelling in spellings} == {str(number)}
