from __future__ import annotations

from sidecar.cli.differing import compare, paint, tame
from sidecar.cli.sides import Side

SECRET = b"hunter2"


def side(title: str = "live", key: str = "", **files: bytes) -> Side:
    return Side(title, {name.replace("_", "."): content for name, content in files.items()}, key)


def test_the_same_has_no_difference() -> None:
    assert compare(side(a=b"x\n"), side("other", a=b"x\n")) == []
    assert compare(side(a=SECRET), side(a=SECRET), masked=True) == []


def test_texts_differ_line_by_line() -> None:
    old = side("active (0123)", a_yml=b"one\ntwo\nthree\n", b=b"same")
    new = side("live", a_yml=b"one\n2\nthree", b=b"same", c=b"new\n")
    assert compare(old, new) == [
        "--- active (0123): a.yml",
        "+++ live: a.yml",
        "@@ -1,3 +1,3 @@",
        " one",
        "-two",
        "-three",
        "+2",
        "+three",
        "\\ No newline at end of file",
        "--- active (0123): no c",
        "+++ live: c",
        "@@ -0,0 +1 @@",
        "+new",
    ]


def test_an_empty_key_is_more_than_none() -> None:
    assert compare(side(a=b""), side("x")) == ["--- live: a", "+++ x: no a"]


def test_only_a_line_feed_ends_a_line() -> None:
    lines = compare(side(a="x\u2028y\r\n".encode()), side("x", a="x\u2028z\r\n".encode()))
    assert lines[3:] == ["-x\u2028y\r", "+x\u2028z\r"]


def test_binary_contents_only_differ() -> None:
    assert compare(side(a=b"\xff"), side("x", a=b"\xfe" * 1_000)) == [
        "--- live: a",
        "+++ x: a",
        "Binary contents differ (1 and 1,000 bytes)",
    ]
    assert compare(side(), side("x", a=b"\xfe"))[-1] == "Binary contents differ (none and 1 bytes)"


def test_a_single_file_is_about_its_key_alone() -> None:
    live = side(a=b"1\n", b=b"2\n")
    assert compare(live, side("a", key="a", a=b"1\n")) == []
    assert compare(side("b", key="b", b=b"3\n"), live)[-2:] == ["-3", "+2"]


def test_of_secrets_no_value_shows() -> None:
    old = side("active", user=b"me", pw=SECRET, old=b"gone")
    new = side("live", user=b"me", pw=SECRET + b"3", new=b"here")
    lines = compare(old, new, masked=True)
    assert lines == [
        "--- active",
        "+++ live",
        "+new: <masked>",
        "-old: <masked>",
        "-pw: <masked>",
        "+pw: <masked, changed>",
        " user: <masked>",
    ]


def test_colours_are_those_of_other_tools() -> None:
    lines = ["--- a", "+++ b", "@@ -1 +1 @@", "-x", "+y", " z"]
    assert list(paint(lines)) == [
        "\x1b[1m--- a\x1b[0m",
        "\x1b[1m+++ b\x1b[0m",
        "\x1b[36m@@ -1 +1 @@\x1b[0m",
        "\x1b[31m-x\x1b[0m",
        "\x1b[32m+y\x1b[0m",
        " z",
    ]


def test_content_cannot_steer_a_terminal() -> None:
    assert list(tame(["+\x1b[2Ja\r\u202eb\tc"])) == ["+?[2Ja??b\tc"]
