"""Each language: what is refused, where, and in which words."""

from __future__ import annotations

import pytest

from sidecar.core.report import Finding
from sidecar.validate.json_syntax import check_json
from sidecar.validate.toml_syntax import check_toml
from sidecar.validate.yaml_syntax import MOST_FINDINGS, check_yaml

BOMB = b"a: &a [x,x,x,x,x,x,x,x,x,x]\n" + b"".join(
    b"%c: &%c [%s]\n" % (98 + i, 98 + i, b",".join([b"*%c" % (97 + i)] * 10)) for i in range(8)
)


def _spot(finding: Finding) -> tuple[str, int | None, int | None]:
    return finding.code, finding.line, finding.column


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"a: 1\n---\nb: 2\n---\n",
        b"\xef\xbb\xbfa: 1\n",
        b"a: !vault {x: 1}\n",
        b"base: &b {x: 1}\nc:\n  <<: *b\n  <<: *b\n",
        b"a: &x 1\n---\nb: &x 2\nc: *x\n",
        b"? [complex, key]\n: 1\n? [complex, key]\n: 2\n",
        b"1: a\n",
        b"just text\n",
        "ключ: значение\n".encode(),
    ],
)
def test_yaml_that_is_fine(content: bytes) -> None:
    assert check_yaml("k.yml", content) == []


@pytest.mark.parametrize(
    ("content", "spot", "words"),
    [
        (b"a: 1\n\tb: 2\n", ("tab", 2, 1), "a tab indents this line"),
        (b"a: 1\nb:\n  c: d: e\n", ("syntax", 3, 7), "mapping values are not allowed"),
        (b'a: 1\nb: "x\n', ("syntax", 2, 6), "quoted scalar"),
        (b"a: 1\nb: [1, 2\nc: 3\n", ("syntax", 3, 2), "flow sequence that begins on line 2"),
        (b"a: x\nb: \x07\n", ("characters", 2, 4), "byte 0x07"),
        (b"ok: 1\nx\xff: 2\n", ("encoding", 2, 2), "byte 0xff"),
        ("é: 1\n".encode("latin-1"), ("encoding", 1, 1), "byte 0xe9"),
        ("a: 1\n".encode("utf-16"), ("encoding", None, None), "UTF-16"),
        (b"a: 1\nb: 2\na: 3\n", ("duplicate-key", 3, 1), "'a' stands twice"),
        (b"x: {c: 1, c: 2}\n", ("duplicate-key", 1, 11), "on the same line"),
        (b"- a: 1\n  b: {}\n  a: []\n", ("duplicate-key", 3, 3), "first on line 1"),
        (b'"<<": 1\n"<<": 2\n', ("duplicate-key", 2, 1), "'<<'"),
        (b"a: *nobody\n", ("alias", 1, 4), "no &nobody stands before it"),
        (b"a: &a [*a]\n", ("alias", 1, 8), "never ends"),
        (b"a: " + b"[" * 101 + b"]" * 101, ("depth", 1, 103), "100 levels"),
        (BOMB, ("alias-bomb", 6, 29), "aliases expand"),
        (b" " * (10 << 20) + b"a", ("size", None, None), "10 MiB"),
    ],
)
def test_yaml_faults(content: bytes, spot: tuple[str, int | None, int | None], words: str) -> None:
    [finding] = check_yaml("k.yml", content)
    assert (finding.check, finding.file, _spot(finding)) == ("yaml", "k.yml", spot)
    assert words in finding.message


def test_yaml_nested_to_the_bound_is_fine() -> None:
    assert check_yaml("k.yml", b"[" * 100 + b"]" * 100) == []


def test_a_document_may_repeat_itself_moderately() -> None:
    shared = b"base: &b {a: 1, b: 2}\n" + b"".join(b"k%d: *b\n" % n for n in range(1000))
    assert check_yaml("k.yml", shared) == []


def test_the_excerpt_is_the_line_without_its_secret_and_cut() -> None:
    [secret] = check_yaml("k.yml", b"a: 1\ndb_password: hunter2: x\n")
    assert secret.excerpt == "db_password: ***"
    [wide] = check_yaml("k.yml", b"a: b: " + b"x" * 1000 + b"\n")
    assert len(wide.excerpt) == 160
    assert wide.excerpt.endswith("…")


def test_all_duplicates_are_told_up_to_a_bound_also_before_a_grammar_error() -> None:
    both = check_yaml("k.yml", b"a: 1\na: 2\nb: [\n")
    assert [finding.code for finding in both] == ["duplicate-key", "syntax"]
    assert len(check_yaml("k.yml", b"a: 1\n" * 100)) == MOST_FINDINGS


@pytest.mark.parametrize(
    "content", [b"{}", b' [1, 2.5, "NaN", null]\n', b'{"a": {"b": 1}, "b": 1}', b"1" * 5000]
)
def test_json_that_is_fine(content: bytes) -> None:
    assert check_json("k.json", content) == []


@pytest.mark.parametrize(
    ("content", "spot", "words"),
    [
        (b"", ("syntax", None, None), "is empty"),
        (b" \n", ("syntax", None, None), "is empty"),
        (b'{\n "a": 1,\n b}', ("syntax", 3, 2), "expecting property name"),
        (b'{"a": 1', ("syntax", 1, 8), "expecting ','"),
        (b'{"a": "NaN",\n "b": NaN}', ("number", 2, 7), "NaN is no number"),
        (b"[1, -Infinity]", ("number", 1, 5), "-Infinity"),
        (b"\xef\xbb\xbf{}", ("encoding", 1, 1), "byte order mark"),
        (b'{"a": "\xc3"}', ("encoding", 1, 8), "UTF-8"),
        (b'{"a": 1,\n "b": {"x": 1, "x": 2}}', ("duplicate-key", 2, 16), "'x' stands twice"),
        (b'{"\\ud83d\\ude00": 1, "\\ud83d\\ude00": 2}', ("duplicate-key", None, None), "twice"),
        (b"[" * 100_000, ("depth", None, None), "nested too deeply"),
    ],
)
def test_json_faults(content: bytes, spot: tuple[str, int | None, int | None], words: str) -> None:
    [finding] = check_json("k.json", content)
    assert (finding.check, finding.file, _spot(finding)) == ("json", "k.json", spot)
    assert words in finding.message


@pytest.mark.parametrize("content", [b"", b"a = 1\n[t]\nb = 2\n", b"\xef\xbb\xbfa = 1\r\n"])
def test_toml_that_is_fine(content: bytes) -> None:
    assert check_toml("k.toml", content) == []


@pytest.mark.parametrize(
    ("content", "spot", "words"),
    [
        (b"a = 1\na = 2\n", ("syntax", 2, 6), "overwrite"),
        (b"a = 1\nb = [1,\n", ("syntax", 2, 8), "not valid TOML"),
        (b"a = \n", ("syntax", 1, 5), "invalid value"),
        (b'a = "\x07"\n', ("syntax", 1, 5), "illegal character"),
        (b"a = \xff\n", ("encoding", 1, 5), "UTF-8"),
        (b"a = " + b"1" * 5000, ("number", None, None), "too long"),
        (b"a = " + b"[" * 100_000, ("depth", None, None), "nested too deeply"),
    ],
)
def test_toml_faults(content: bytes, spot: tuple[str, int | None, int | None], words: str) -> None:
    [finding] = check_toml("k.toml", content)
    assert (finding.check, finding.file) == ("toml", "k.toml")
    assert finding.code == spot[0]
    assert finding.line == spot[1]
    assert words in finding.message
