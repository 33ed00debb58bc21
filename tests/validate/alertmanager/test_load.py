"""What is refused before anything is built, and what the first document is."""

from __future__ import annotations

import time

import pytest

from sidecar.validate.alertmanager.golang.scalars import Kind
from sidecar.validate.alertmanager.load import MOST_BYTES, Refusal, load
from sidecar.validate.alertmanager.positions import find, locate, locate_value
from sidecar.validate.alertmanager.tree import Listing, Scalar, Table

BOMB = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{name}: &{name} [{', '.join([f'*{before}'] * 9)}]\n"
    for before, name in zip("abcdefgh", "bcdefghi", strict=True)
)


@pytest.mark.parametrize(
    ("text", "code", "place"),
    [
        ("a: [", "E001", (2, 1)),
        ("a: b\n\tc: d", "E001", (2, 1)),
        ("a: \x07", "E001", (1, 4)),
        ("ab: é\x08", "E001", (1, 6)),
        ("#" * (MOST_BYTES + 1), "E002", (1, 1)),
        ("a:\n  " + "[" * 100, "E003", (2, 102)),
        ("a: &x 1\nb: *x", "E004", (2, 4)),
        ("a: {<<: {b: c}}", "E004", (1, 5)),
        (BOMB, "E004", (2, 8)),
        ("a: !!int x", "E006", (1, 4)),
        ("a: !!binary '?'", "E006", (1, 4)),
        ("a: !!null x", "E006", (1, 4)),
        ("a: !!float true", "E006", (1, 4)),
        ("? [a]\n: b", "E006", (1, 3)),
        ("a: !!null []", "E006", (1, 4)),
    ],
)
def test_refused(text: str, code: str, place: tuple[int, int]) -> None:
    with pytest.raises(Refusal) as caught:
        load(text.encode())
    assert (caught.value.code, caught.value.place) == (code, place)


@pytest.mark.parametrize("content", [b"a: \xff", b"\x00", b'a: "\\ud800"', b"\xef\xbb"])
def test_bytes_that_are_no_text(content: bytes) -> None:
    with pytest.raises(Refusal):
        load(content)


def test_a_hundred_levels_are_taken() -> None:
    load(("[" * 100 + "]" * 100).encode())


def test_a_bomb_costs_nothing() -> None:
    started = time.monotonic()
    with pytest.raises(Refusal):
        load(BOMB.encode())
    assert time.monotonic() - started < 1


def test_second_document_is_seen_and_not_read() -> None:
    loaded = load(b"a: b\n---\n*broken [")
    assert loaded.second == (2, 1)
    assert load(b"a: b\n...\n").second is None
    assert load(b"a: b\n--- {").second == (2, 1)
    assert load(b"a: b\n...\n%").second is None


def test_duplicates_are_told_with_both_places() -> None:
    loaded = load(b"a: 1\nb: {c: 1, c: 2}\na: 3\n")
    assert loaded.duplicates == [("c", (2, 11), (2, 5)), ("a", (3, 1), (1, 1))]
    assert isinstance(loaded.root, Table)
    first = loaded.root["a"]
    assert isinstance(first, Scalar)
    assert (first.kind, first.text, first.place) == (Kind.INT, "1", (1, 4))


def test_places() -> None:
    root = load(b"a:\n- b: c\n  d: [e,  f]\n").root
    assert locate(root, ("a",)) == (1, 1)
    assert locate(root, ("a", 0)) == (2, 3)
    assert locate(root, ("a", 0, "d", 1)) == (3, 11)
    assert locate_value(root, ("a", 0, "b")) == (2, 6)
    assert locate_value(root, ("a", 0, "d")) == (3, 3)
    assert locate(root, ("a", 0, "nothing", "here")) == (2, 3)
    assert locate(root, ("a", 7)) == (1, 1)
    assert locate(root, ("a", "x")) == (1, 1)
    assert find(root, ("a", 0, "b", "x")) is None
    assert isinstance(find(root, ("a",)), Listing)
    assert find(root, ("z", 0)) is None
