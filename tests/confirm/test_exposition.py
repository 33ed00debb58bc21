"""Samples are read as the text formats of Prometheus and OpenMetrics write them."""

from __future__ import annotations

import math
import time
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sidecar.confirm.exposition import find_series
from sidecar.confirm.trouble import GarbledError


def read(page: str, metric: str = "m") -> list[tuple[dict[str, str], str]]:
    return [(dict(line.labels), line.value) for line in find_series(page.encode(), metric)]


@pytest.mark.parametrize(
    ("page", "expected"),
    [
        ("m 1\n", [({}, "1")]),
        ("m 1", [({}, "1")]),
        ("m{} 7148434200721666028\n", [({}, "7148434200721666028")]),
        ("m 1.79e+09 1795552461197\n", [({}, "1.79e+09")]),
        ("m +Inf\nm -Inf\nm NaN\n", [({}, "+Inf"), ({}, "-Inf"), ({}, "NaN")]),
        (" \tm\t 1 \r\n", [({}, "1")]),
        ('m{a="1",b="2",} 3\n', [({"a": "1", "b": "2"}, "3")]),
        ('m { a = "1" , b = "2" } 3\n', [({"a": "1", "b": "2"}, "3")]),
        (r'm{a="q\"b\\s\nl"} 1', [({"a": 'q"b\\s\nl'}, "1")]),
        ('m{a="}, # {"} 1\n', [({"a": "}, # {"}, "1")]),
        ('m 1 1.5 # {trace="x"} 2 3\n# EOF\n', [({}, "1")]),
        ('m 1 # {trace="x"} 2\n# EOF\n', [({}, "1")]),
        ("# HELP m 1\n# TYPE m gauge\nm 2\n", [({}, "2")]),
        ("mm 1\nm_total 2\nx m 3\nm:r 4\n# m 5\n", []),
        ("x 1\n\n\nm 2", [({}, "2")]),
        ("", []),
        ("m", []),
    ],
)
def test_samples_are_found(page: str, expected: list[tuple[dict[str, str], str]]) -> None:
    assert read(page) == expected


@pytest.mark.parametrize(
    "page",
    [
        "m one\n",
        "m \n",
        "m 1_0\n",
        "m 0x1\n",
        "m 1 2 3\n",
        'm{a="1} 1\n',
        "m{a=1} 1\n",
        'm{a="1"\n',
    ],
)
def test_a_line_that_is_no_sample_is_refused(page: str) -> None:
    with pytest.raises(GarbledError, match="of m "):
        read(page)


names = st.from_regex(r"[a-z][a-z0-9_]{0,8}", fullmatch=True)
texts = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=12)
numbers = st.floats(allow_nan=False).map(repr) | st.sampled_from(["+Inf", "-Inf", "1.79e+09"])


def write(name: str, labels: dict[str, str], value: str, tail: str) -> str:
    escaped = {
        label: text.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
        for label, text in labels.items()
    }
    inner = ",".join(f'{label}="{text}"' for label, text in escaped.items())
    return f"{name}{{{inner}}} {value}{tail}\n"


@settings(max_examples=200, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["m", "m_total", "x_m", "other"]),
            st.dictionaries(names, texts, max_size=3),
            numbers,
            st.sampled_from(["", " 1795552461197", ' # {a="b"} 1']),
        ),
        max_size=8,
    )
)
def test_what_is_written_is_read_back(
    samples: list[tuple[str, dict[str, str], str, str]],
) -> None:
    page = "".join(f"# HELP {sample[0]} m 1\n{write(*sample)}" for sample in samples)
    expected = [(labels, value) for name, labels, value, _ in samples if name == "m"]
    assert read(page) == expected


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=60).map(lambda noise: b"m{" + noise))
def test_noise_is_refused_or_read_but_never_crashes(page: bytes) -> None:
    found = []
    with suppress(GarbledError):
        found = list(find_series(page, "m"))
    assert all(math.isfinite(float(line.value)) or "n" in line.value.lower() for line in found)


@pytest.mark.parametrize(
    "line", ['m{a="' + '\\"' * 50_000, "m " + "1" * 99_999, "m{" + "," * 99_999]
)
def test_no_line_makes_it_slow(line: str) -> None:
    began = time.monotonic()
    with suppress(GarbledError):
        read(line)
    assert time.monotonic() - began < 1
