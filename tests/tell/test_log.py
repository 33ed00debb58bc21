from __future__ import annotations

import io
import json
import logging
import os
import pty
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TextIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.core.errors import SettingsError
from sidecar.tell.log import JsonFormatter, LogFormat, TextFormatter, configure, fields

LOG = logging.getLogger("sidecar.test")


Configured = Callable[..., Callable[[], list[str]]]


class Mute:
    """A value that cannot be printed."""

    def __str__(self) -> str:
        raise RuntimeError


@pytest.fixture(autouse=True)
def _loggers() -> Iterator[None]:
    """Puts back what `configure` changes."""
    root, ours = logging.getLogger(), logging.getLogger("sidecar")
    others = logging.getLogger("urllib3")
    before = root.handlers[:], root.level, ours.level, others.level
    yield
    root.handlers[:], levels = before[0], before[1:]
    for logger, level in zip((root, ours, others), levels, strict=True):
        logger.setLevel(level)


def make(message: object, *args: object, **values: object) -> logging.LogRecord:
    record = logging.LogRecord("sidecar.x", logging.INFO, "", 0, str(message), args, None)
    record.created = 1_764_000_000.0625
    record.fields = fields(**values)["fields"]
    return record


def read_json(record: logging.LogRecord, *, verbose: bool = False) -> dict[str, object]:
    line: dict[str, object] = json.loads(JsonFormatter(verbose=verbose).format(record))
    return line


def fail(error: Exception) -> None:
    raise error


def with_error(error: Exception) -> logging.LogRecord:
    record = make("Loop failed")
    try:
        fail(error)
    except ValueError:
        record.exc_info = sys.exc_info()
    return record


@pytest.fixture
def configured(tmp_path: Path) -> Iterator[Configured]:
    """Logs into a file of that name; what it returns reads the lines back."""
    with ExitStack() as stack:

        def configure_file(
            name: str, format_: LogFormat, level: str = "info"
        ) -> Callable[[], list[str]]:
            path = tmp_path / name
            stream = stack.enter_context(path.open("w"))
            configure(format_=format_, level=level, stream=stream)
            return lambda: path.read_text().splitlines()

        yield configure_file


def test_json_has_stable_keys_first() -> None:
    record = make("Attempt ended", bridge="prometheus", pid=7, duration_s=0.1234567, ok=True)
    line = JsonFormatter().format(record)
    assert line.startswith(
        '{"ts": "2025-11-24T16:00:00.062Z", "level": "info", "msg": "Attempt ended",'
    )
    assert json.loads(line) == {
        "ts": "2025-11-24T16:00:00.062Z",
        "level": "info",
        "msg": "Attempt ended",
        "bridge": "prometheus",
        "pid": 7,
        "duration_s": 0.123457,
        "ok": True,
    }


def test_values_without_meaning_are_left_out() -> None:
    assert "digest" not in read_json(make("Seen", digest=None, bridge="a"))


def test_fields_never_replace_the_line_itself() -> None:
    line = read_json(make("Seen", ts=1, level=2, msg=3, error=4))
    assert line["msg"] == "Seen"
    assert (line["ts_"], line["level_"], line["msg_"], line["error_"]) == (1, 2, 3, 4)


def test_odd_values_are_said_somehow() -> None:
    line = read_json(
        make("Seen", nan=float("nan"), paths=[Path("/a"), 1], mute=Mute(), huge=10**5000, big=2**70)
    )
    assert line["nan"] == "nan"
    assert line["paths"] == ["/a", 1]
    assert line["mute"] == "<Mute>"
    assert line["huge"] == "<int>"
    assert line["big"] == 2**70


def test_wrong_placeholder_does_not_cost_the_line() -> None:
    assert read_json(make("Lost %d", "x"))["msg"] == "Lost %d"


def test_libraries_are_named() -> None:
    record = make("Seen")
    record.name = "watchdog.observers"
    assert read_json(record)["logger"] == "watchdog.observers"
    assert "logger" not in read_json(make("Seen"))


def test_error_is_one_line_and_its_origin_for_who_debugs() -> None:
    record = with_error(ValueError("two\nlines"))
    assert read_json(record)["error"] == "ValueError: two\nlines"
    assert "traceback" not in read_json(record)
    verbose = read_json(record, verbose=True)
    assert "test_log.py" in str(verbose["traceback"])
    assert "\n" not in TextFormatter(verbose=True).format(record)


@pytest.mark.parametrize(
    "formatter", [JsonFormatter(), TextFormatter(), TextFormatter(colours=True)]
)
@pytest.mark.parametrize(
    "record",
    [
        make("Sent to https://user:hunter2@hooks.example/x"),
        make("Sent", url="https://hunter2@hooks.example"),
        make("Sent", password="hunter2"),  # noqa: S106  the secret to hide
        make("Sent", bearerToken="hunter2"),
        make("Sent", api_key="hunter2"),
        with_error(ValueError("https://a:hunter2@b")),
    ],
    ids=range(6),
)
def test_secrets_are_masked(formatter: logging.Formatter, record: logging.LogRecord) -> None:
    line = formatter.format(record)
    assert "hunter2" not in line
    assert "***" in line


def test_text_is_for_eyes() -> None:
    record = make(
        "Attempt ended", bridge="a b", digest="b12", empty="", q='say "x"', ok=False, l=[1, 2]
    )
    line = TextFormatter().format(record)
    assert line.startswith("2025-11-24T16:00:00.062Z INFO    Attempt ended    ")
    assert line.endswith(' bridge="a b" digest=b12 empty="" q="say \\"x\\"" ok=false l=1,2')
    assert "\x1b" not in line


def test_text_without_fields_has_no_trailing_space() -> None:
    assert TextFormatter().format(make("Seen")).endswith("Seen")


def test_colours_only_paint() -> None:
    record = make("Attempt ended", bridge="a", text="\x1b[31mred")
    painted = TextFormatter(colours=True).format(record)
    assert "\x1b[36mINFO" in painted
    assert re.sub("\x1b\\[[0-9;]*m", "", painted) == TextFormatter().format(record)
    assert "\\u001b[31mred" in painted


@given(
    message=st.text(),
    values=st.dictionaries(
        st.text(max_size=8),
        st.text() | st.integers() | st.floats() | st.lists(st.text(), max_size=3) | st.binary(),
        max_size=4,
    ),
)
def test_any_message_is_one_line(message: str, values: dict[str, object]) -> None:
    record = make("%s", message)
    record.fields = values
    line = JsonFormatter().format(record)
    assert len(line.splitlines()) == 1
    assert json.loads(line.encode())["level"] == "info"
    text = TextFormatter().format(record)
    assert len(text.splitlines()) == 1
    assert text.encode()


@given(st.text())
def test_json_gives_the_message_back(message: str) -> None:
    if "://" not in message:
        assert read_json(make("%s", message))["msg"] == message


def test_ours_are_heard_from_the_level_and_libraries_from_warnings(configured: Configured) -> None:
    read = configured("log", LogFormat.JSON)
    LOG.debug("No")
    LOG.info("Yes", extra=fields(bridge="a"))
    logging.getLogger("watchdog").info("No")
    logging.getLogger("watchdog").warning("Yes")
    logging.getLogger("urllib3.connectionpool").warning("No: /services/T0/B0/token")
    assert [json.loads(line)["msg"] for line in read()] == ["Yes", "Yes"]


def test_debug_shows_more(configured: Configured) -> None:
    read = configured("log", LogFormat.TEXT, "debug")
    LOG.debug("Yes")
    logging.getLogger("urllib3.connectionpool").debug("No: /services/T0/B0/token")
    try:
        fail(ValueError())
    except ValueError:
        LOG.exception("Failed")
    first, second = read()
    assert "DEBUG   Yes" in first
    assert "error=" in second
    assert "traceback=" in second


def test_configuring_again_replaces_the_target(configured: Configured) -> None:
    first = configured("first", LogFormat.TEXT)
    second = configured("second", LogFormat.TEXT)
    LOG.info("Once")
    assert (len(first()), len(second())) == (0, 1)


def test_unknown_level_lists_the_known_ones() -> None:
    with pytest.raises(SettingsError, match="debug, info, warning, error"):
        configure(format_=LogFormat.JSON, level="loud", stream=sys.stderr)


def test_stream_without_descriptor_is_refused() -> None:
    with pytest.raises(io.UnsupportedOperation):
        configure(format_=LogFormat.JSON, level="info", stream=io.StringIO())


@pytest.mark.parametrize(("no_color", "coloured"), [(False, True), (True, False)])
def test_terminal_is_coloured_unless_unwanted(*, no_color: bool, coloured: bool) -> None:
    leader, follower = pty.openpty()
    try:
        stream: TextIO = os.fdopen(follower, "w")
        with stream:
            configure(format_=LogFormat.TEXT, level="info", stream=stream, no_color=no_color)
            LOG.info("Seen")
            assert (b"\x1b[" in os.read(leader, 4096)) is coloured
    finally:
        os.close(leader)
