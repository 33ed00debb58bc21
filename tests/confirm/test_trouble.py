"""What libraries raise becomes a sentence with the fix, also where a test cannot provoke it."""

from __future__ import annotations

import errno
import os

import pytest
from urllib3.exceptions import ProtocolError

from sidecar.confirm.connection import Deadline
from sidecar.confirm.trouble import explain, mask
from sidecar.testing.clock import FakeClock

UNOPENED = "may not be opened: run the sidecar with the daemon's user or group"
URL = "http://127.0.0.1:9090/metrics"


@pytest.mark.parametrize(
    ("error", "unix_socket", "sentence"),
    [
        (
            PermissionError(errno.EACCES, "Permission denied"),
            "/s",
            f"{URL} (unix socket /s) {UNOPENED}",
        ),
        (
            OSError(errno.ENETUNREACH, os.strerror(errno.ENETUNREACH)),
            "",
            f"{URL} cannot be reached (Network is unreachable)",
        ),
        (
            ValueError("Invalid header value b'secret'"),
            "",
            f"{URL} does not speak HTTP as expected (ValueError): is that its port?",
        ),
        (
            ProtocolError("Connection broken", ConnectionResetError(104, "reset")),
            "",
            f"{URL} ended the connection before its answer was complete: is it restarting?",
        ),
    ],
)
def test_each_error_says_what_to_do(error: Exception, unix_socket: str, sentence: str) -> None:
    assert explain(error, URL, unix_socket, 2.0) == sentence


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (URL, URL),
        ("http://user:p@ss@host:1/x?token=y", "http://***@host:1/x?…"),
        ("user@host/x", "***@host/x"),
        ("/-/reload", "/-/reload"),
        ("http://[::1]:9/", "http://[::1]:9/"),
    ],
)
def test_secrets_of_an_address_are_masked(text: str, shown: str) -> None:
    assert mask(text) == shown


def test_a_deadline_never_leaves_zero_seconds() -> None:
    clock = FakeClock()
    deadline = Deadline(clock, 2.0)
    clock.advance(1.5)
    assert deadline.remaining_s() == pytest.approx(0.5)
    clock.advance(0.5)
    with pytest.raises(TimeoutError):
        deadline.remaining_s()
