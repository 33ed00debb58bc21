from __future__ import annotations

import errno
import os
import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sidecar.core.errors import ExitCode, SettingsError
from sidecar.serve import listen as listen_module
from sidecar.serve.listen import ListenError, open_listener, parse_listen


@pytest.mark.parametrize(
    ("listen", "expected"),
    [
        (":9808", ("", 9808)),
        ("127.0.0.1:0", ("127.0.0.1", 0)),
        ("[::1]:65535", ("::1", 65535)),
        ("localhost:80", ("localhost", 80)),
    ],
)
def test_takes_addresses(listen: str, expected: tuple[str, int]) -> None:
    assert parse_listen(listen) == expected


@pytest.mark.parametrize(
    "listen", ["", "9808", ":", ":x", ":65536", "::1:9808", "a:-1", ":٣", ":000080"]
)
def test_refuses_what_is_no_address_with_an_example(listen: str) -> None:
    with pytest.raises(SettingsError, match=r"--listen .*:9808") as caught:
        parse_listen(listen)
    assert caught.value.exit_code is ExitCode.USAGE


@given(st.text(max_size=30))
def test_any_text_is_an_address_or_refused(listen: str) -> None:
    try:
        _, port = parse_listen(listen)
    except SettingsError:
        return
    assert 0 <= port <= 65535


def test_port_alone_takes_both_families() -> None:
    with open_listener(":0") as listener:
        port = listener.getsockname()[1]
        for host in ("127.0.0.1", "::1"):
            with socket.create_connection((host, port), timeout=2):
                pass


def test_ipv6_address_takes_ipv6_alone() -> None:
    with open_listener("[::1]:0") as listener:
        port = listener.getsockname()[1]
        with socket.create_connection(("::1", port), timeout=2):
            pass
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port), timeout=2)


def test_name_is_resolved() -> None:
    with open_listener("localhost:0") as listener:
        assert listener.getsockname()[0] in {"127.0.0.1", "::1"}


@pytest.mark.parametrize("listen", [":{}", "127.0.0.1:{}"])
def test_taken_port_names_the_flag_and_the_fix(listen: str) -> None:
    with open_listener("127.0.0.1:0") as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ListenError) as caught:
            open_listener(listen.format(port))
    assert f"port {port} is taken by another process of this pod" in caught.value.message
    assert "--listen" in caught.value.message
    assert caught.value.exit_code is ExitCode.USAGE


def test_foreign_address_says_so() -> None:
    with pytest.raises(ListenError, match=r"192\.0\.2\.1:0: that is no address of this pod"):
        open_listener("192.0.2.1:0")


def test_unknown_name_says_why() -> None:
    with pytest.raises(ListenError, match=r"nowhere\.invalid:0: .*give another address"):
        open_listener("nowhere.invalid:0")


def test_kernel_without_ipv6_is_served_by_ipv4(monkeypatch: pytest.MonkeyPatch) -> None:
    bind = listen_module._bind

    def bind_ipv4_only(
        family: int, address: tuple[object, ...], *, dual: bool = False
    ) -> socket.socket:
        if family == socket.AF_INET6:
            raise OSError(errno.EAFNOSUPPORT, os.strerror(errno.EAFNOSUPPORT))
        return bind(family, address, dual=dual)

    monkeypatch.setattr(listen_module, "_bind", bind_ipv4_only)
    with open_listener(":0") as listener:
        assert socket.inet_aton(listener.getsockname()[0]) == bytes(4)


def test_low_port_without_privilege_says_which_are_free() -> None:
    error = listen_module._explain(":80", 80, OSError(errno.EACCES, "Permission denied"))
    assert "port 80 needs a privilege: give one from 1024 on" in error.message
