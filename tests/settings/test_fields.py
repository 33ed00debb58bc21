from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.presets.fields import (
    mask_url,
    parse_command,
    parse_duration,
    parse_signal,
    parse_size,
    parse_url,
    write_duration,
    write_signal,
    write_size,
)
from sidecar.settings.model import parse_address, write_address


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("500ms", 0.5),
        ("5s", 5.0),
        ("1.5m", 90.0),
        ("1m30s", 90.0),
        ("2h", 7200.0),
        ("0", 0.0),
        ("0s", 0.0),
        (0, 0.0),
        (" 5s ", 5.0),
    ],
)
def test_a_duration_is_read(text: object, seconds: float) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize("text", ["", "5", 5, 5.5, "-5s", "5 s", "5sec", "s", "1s!", None, False])
def test_what_is_no_duration_is_refused(text: object) -> None:
    with pytest.raises(ValueError, match="is no duration: write "):
        parse_duration(text)


@given(st.integers(min_value=0, max_value=10**8))
def test_a_duration_is_written_as_it_is_read(milliseconds: int) -> None:
    seconds = milliseconds / 1000
    assert parse_duration(write_duration(seconds)) == pytest.approx(seconds)


@given(st.integers(min_value=1, max_value=1 << 50))
def test_a_size_is_written_as_it_is_read(count: int) -> None:
    assert parse_size(write_size(count)) == count


@pytest.mark.parametrize("text", ["SIGHUP", "HUP", "hup", "1", 1])
def test_a_signal_is_read(text: object) -> None:
    assert parse_signal(text) == 1
    assert write_signal(1) == "SIGHUP"


def test_a_signal_without_a_name_is_a_number() -> None:
    assert parse_signal("40") == 40
    assert parse_signal(write_signal(40)) == 40


@pytest.mark.parametrize("text", ["", "0", "65", "SIG_IGN", "SIG_DFL", "SIG", "SIGNAL", None])
def test_what_is_no_signal_is_refused(text: object) -> None:
    with pytest.raises(ValueError, match="is no signal"):
        parse_signal(text)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("http://h/x", "http://h/x"),
        ("https://u:p@h:1/x?token=t#f", "https://***@h:1/x?***"),
        ("http://u@[::1]:1/", "http://***@[::1]:1/"),
        ("/-/reload?token=t", "/-/reload?***"),
    ],
)
def test_an_address_is_shown_without_its_secrets(url: str, shown: str) -> None:
    assert mask_url(url) == shown


@pytest.mark.parametrize("url", ["http://[::1]:9090/metrics", "https://h", "HTTP://h/"])
def test_an_address_is_taken_as_it_is(url: str) -> None:
    assert parse_url(url) == url


@pytest.mark.parametrize("url", ["", "h:1", "http://", "http://[::1", "http://h:0/", None])
def test_what_is_no_address_is_refused(url: object) -> None:
    with pytest.raises(ValueError, match="is no HTTP address"):
        parse_url(url)


def test_a_command_is_split_as_a_shell_would() -> None:
    assert parse_command("a 'b c' {dir}/x") == ["a", "b c", "{dir}/x"]
    assert parse_command(["jq", "{a: .b}", "{file:x y}", "{directory}"]) == [
        "jq",
        "{a: .b}",
        "{file:x y}",
        "{directory}",
    ]


@pytest.mark.parametrize("value", [[], [""], [1], None, 5, ""])
def test_what_is_no_command_is_refused(value: object) -> None:
    with pytest.raises(ValueError, match=r"list of texts|names no program"):
        parse_command(value)


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        (":9808", "", 9808),
        ("127.0.0.1:0", "127.0.0.1", 0),
        ("[::1]:9808", "::1", 9808),
        ("localhost:1", "localhost", 1),
    ],
)
def test_where_to_listen_is_read_and_written(text: str, host: str, port: int) -> None:
    assert parse_address(text) == (host, port)
    assert write_address((host, port)) == text


def test_a_port_alone_is_enough() -> None:
    assert parse_address(9808) == ("", 9808)
    assert write_address(parse_address("off")) == "off"
