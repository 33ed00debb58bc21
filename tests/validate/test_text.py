"""Foreign bytes become words that can be shown anywhere."""

from __future__ import annotations

import pytest

from sidecar.validate.text import clean, cut_line, find_place, last_line, shorten


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("\x1b[1;31mred\x1b[0m", "red"),
        ("\x1b]0;title\x07text", "text"),
        ("a\x00b\rc\x9bd\u202ee", "a?b?c?d?e"),
        ("tab\tstays", "tab\tstays"),
        ("  - password: hunter2", "  - password: ***"),
        ('{"api_key": "abc", "x": 1}', '{"api_key": ***'),
        ("smtp_auth_password = 'x'", "smtp_auth_password = ***"),
        ("http://user:pw@host/", "http://***@host/"),
        ("http://host:80/@x", "http://host:80/@x"),
        ("unexpected token: ]", "unexpected token: ]"),
        ("password_file:", "password_file:"),
    ],
)
def test_clean(raw: str, shown: str) -> None:
    assert clean(raw) == shown


def test_lines_and_places() -> None:
    assert cut_line("a\nb\nc", 2) == "b"
    assert cut_line("a\nb\nc", 3) == "c"
    assert cut_line("a", 2) == ""
    assert find_place("é\nü=1".encode(), 5) == (2, 2)
    assert shorten("abcdef", 4) == "abc…"
    assert last_line("one\ntwo\n \n") == "two"
    assert last_line("") == "no output"
