from __future__ import annotations

import fcntl
import logging
import os
import threading
import time
from collections.abc import Iterator

import pytest

from sidecar.tell.stream import PatientHandler

PIPE_BYTES = 65536


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    reader, writer = os.pipe()
    yield reader, writer
    for descriptor in (reader, writer):
        try:
            os.close(descriptor)
        except OSError:
            continue


def record(message: str) -> logging.LogRecord:
    return logging.LogRecord("sidecar", logging.INFO, "", 0, message, None, None)


def fill(handler: PatientHandler) -> int:
    """Log until nothing fits any more; how many lines went through."""
    written = 0
    while not handler.dropped:
        handler.handle(record("x" * 99))
        written += 1
    return written - 1


def read_available(reader: int) -> bytes:
    fcntl.fcntl(reader, fcntl.F_SETFL, os.O_NONBLOCK)
    data = b""
    while True:
        try:
            piece = os.read(reader, PIPE_BYTES)
        except BlockingIOError:
            return data
        data += piece


def test_lines_arrive_whole(pipe: tuple[int, int]) -> None:
    reader, writer = pipe
    handler = PatientHandler(writer)
    handler.handle(record("é\udcff" + "x" * 10_000))
    handler.handle(record("second"))
    expected = "é\\udcff" + "x" * 10_000
    assert read_available(reader).decode().splitlines() == [expected, "second"]


def test_full_pipe_costs_the_patience_once(pipe: tuple[int, int]) -> None:
    _, writer = pipe
    handler = PatientHandler(writer, patience_s=0.2)
    begun = time.monotonic()
    fill(handler)
    waited = time.monotonic() - begun
    for _ in range(100):
        handler.handle(record("lost"))
    assert handler.dropped == 101
    assert 0.15 < waited < 2
    assert time.monotonic() - begun < waited + 0.15


def test_dropped_lines_are_told_when_somebody_reads_again(pipe: tuple[int, int]) -> None:
    reader, writer = pipe
    handler = PatientHandler(writer, patience_s=0.01)
    handler.setFormatter(logging.Formatter("%(message)s %(lines)s", defaults={"lines": ""}))
    written = fill(handler)
    handler.handle(record("lost"))
    assert len(read_available(reader).splitlines()) == written
    handler.handle(record("heard"))
    told, heard = read_available(reader).decode().splitlines()
    assert told.startswith("Log lines dropped: nobody read them")
    assert heard.startswith("heard")
    assert handler.dropped == 0


def test_torn_line_is_ended_before_the_next(pipe: tuple[int, int]) -> None:
    reader, writer = pipe
    handler = PatientHandler(writer, patience_s=0.01)
    handler.handle(record("x" * (PIPE_BYTES + 5)))
    assert handler.dropped == 1
    torn = read_available(reader)
    assert torn == b"x" * len(torn)
    handler.handle(record("next"))
    assert read_available(reader).splitlines()[0] == b""


def test_slow_reader_gets_everything(pipe: tuple[int, int]) -> None:
    reader, writer = pipe
    handler = PatientHandler(writer, patience_s=5)
    seen = bytearray()

    def read_slowly() -> None:
        while len(seen) < 4 * PIPE_BYTES + 1:
            seen.extend(os.read(reader, 1000))

    thread = threading.Thread(target=read_slowly)
    thread.start()
    handler.handle(record("x" * 4 * PIPE_BYTES))
    thread.join(10)
    assert bytes(seen) == b"x" * 4 * PIPE_BYTES + b"\n"
    assert handler.dropped == 0


def test_reader_that_is_gone_harms_nobody(pipe: tuple[int, int]) -> None:
    reader, writer = pipe
    os.close(reader)
    handler = PatientHandler(writer, patience_s=5)
    begun = time.monotonic()
    for _ in range(10):
        handler.handle(record("nobody"))
    assert handler.dropped == 10
    assert time.monotonic() - begun < 1
