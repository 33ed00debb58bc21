"""Writes log lines to a pipe that somebody may have stopped reading.

A container's standard streams are pipes to the runtime. When the runtime stalls, 64 KiB later a
plain write blocks for ever, and with it the loop. A queue and a thread would only move that to
memory; so here each piece is written only when poll(2) says that it fits (for a pipe: one page,
PIPE_BUF bytes, is free), and a line that does not fit in time is dropped and counted. O_NONBLOCK is
not an option: it is shared with every other process that holds the same pipe.
"""

from __future__ import annotations

import logging
import os
import select

PIECE_BYTES = select.PIPE_BUF
PATIENCE_S = 1.0


class PatientHandler(logging.Handler):
    """A handler for the file descriptor `fd` that waits at most `patience_s` a stall.

    While nobody reads, further lines are dropped at once. The first line that fits again is
    preceded by one that tells how many were dropped.
    """

    def __init__(self, fd: int, *, patience_s: float = PATIENCE_S) -> None:
        super().__init__()
        self._fd = fd
        self._patience_s = patience_s
        self._stalled = False
        self._torn = False
        self.dropped = 0
        """Lines lost since the last one that could be written."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write one line, or count it as dropped. The handler's lock is held."""
        line = self.format(record)
        if self.dropped and self._write(self._tell_dropped(record)):
            self.dropped = 0
        if not self._write(line):
            self.dropped += 1

    def _tell_dropped(self, record: logging.LogRecord) -> str:
        told = logging.LogRecord(
            record.name, logging.WARNING, "", 0, "Log lines dropped: nobody read them", None, None
        )
        told.fields = {"lines": self.dropped}
        return self.format(told)

    def _write(self, line: str) -> bool:
        data = f"{line}\n".encode("utf-8", "backslashreplace")
        if self._torn:
            data = b"\n" + data
        sent = 0
        while sent < len(data) and self._fits():
            try:
                sent += os.write(self._fd, data[sent : sent + PIECE_BYTES])
            except OSError:
                break  # the reader is gone, or the disk is full: there is nobody to tell
        done = sent == len(data)
        self._torn = not done and (sent > 0 or self._torn)
        return done

    def _fits(self) -> bool:
        poll = select.poll()
        poll.register(self._fd, select.POLLOUT)
        wait_s = 0.0 if self._stalled else self._patience_s
        self._stalled = not poll.poll(wait_s * 1000)
        return not self._stalled
