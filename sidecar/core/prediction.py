"""Predicts how a daemon will name content that it has loaded, before it is asked to load it.

`verdict` compares a prediction with a reading as text, so both are written in one form:
`canonical` gives it to numbers, whatever spelling a page uses.
"""

from __future__ import annotations

import hashlib
import re
import zlib
from typing import assert_never

from sidecar.core.evidence import DigestAlgorithm

_DECIMAL = re.compile(r"([+-]?)(\d+)(?:\.(\d*))?(?:[eE]([+-]?\d{1,3}))?", re.ASCII)


def predict(algorithm: DigestAlgorithm, content: bytes) -> str:
    """Name `content` as a daemon of this `algorithm` does once it runs it.

    Alertmanager takes the first six bytes of md5(raw file) as a little-endian number (its
    config/coordinator.go; measured equal on 0.25.0 for every file tried).
    """
    match algorithm:
        case DigestAlgorithm.MD5_LE48:
            head = hashlib.md5(content, usedforsecurity=False).digest()[:6]
            return str(int.from_bytes(head, "little"))
        case DigestAlgorithm.SHA256_HEX:
            return hashlib.sha256(content).hexdigest()
        case DigestAlgorithm.CRC32:
            return str(zlib.crc32(content))
        case _:
            assert_never(algorithm)


def canonical(number: str) -> str:
    """Write a decimal number that is whole as plain digits: `1.4032e+14` is `140320000000000`.

    Done on the text: a float would lose digits beyond 2**53, which Envoy's versions exceed.
    Anything else (fractions, `NaN`, words) comes back as it is.
    """
    parts = _DECIMAL.fullmatch(number)
    if parts is None:
        return number
    sign, whole, fraction, exponent = parts[1], parts[2], (parts[3] or "").rstrip("0"), parts[4]
    shift = int(exponent or 0) - len(fraction)
    digits = (whole + fraction).lstrip("0") or "0"
    if digits == "0":
        return "0"
    if shift < 0:
        if len(digits) <= -shift or digits[shift:].strip("0"):
            return number
        digits = digits[:shift]
    return ("-" if sign == "-" else "") + digits + "0" * max(shift, 0)
