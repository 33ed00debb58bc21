from __future__ import annotations

from collections.abc import Mapping

import pytest

from sidecar.serve.guard import find_refusal
from sidecar.serve.message import Request


def ask(client: str = "127.0.0.1", headers: Mapping[str, str] | None = None) -> Request:
    return Request(method="GET", path="/status", query={}, headers=headers or {}, client=client)


@pytest.mark.parametrize("client", ["127.0.0.1", "::1", "::ffff:127.0.0.1"])
def test_loopback_may(client: str) -> None:
    assert find_refusal(ask(client), http_control=False) is None


@pytest.mark.parametrize(
    "client", ["10.0.0.7", "::ffff:10.0.0.7", "fd00::7", "127.0.0.6", "::ffff:127.0.0.6", "::"]
)
def test_others_may_not_unless_told(client: str) -> None:
    refusal = find_refusal(ask(client), http_control=False)
    assert refusal is not None
    assert "--http-control" in refusal
    assert find_refusal(ask(client), http_control=True) is None


@pytest.mark.parametrize("header", ["forwarded", "x-forwarded-for", "x-real-ip"])
def test_proxy_on_loopback_speaks_for_strangers(header: str) -> None:
    request = ask(headers={header: "10.0.0.7"})
    assert find_refusal(request, http_control=False) is not None
    assert find_refusal(request, http_control=True) is None


@pytest.mark.parametrize(
    "host", ["", "localhost", "LocalHost:9808", "127.0.0.1:9808", "[::1]:9808", "10.1.2.3", "[::1]"]
)
def test_host_by_address_is_fine(host: str) -> None:
    assert find_refusal(ask(headers={"host": host}), http_control=False) is None


@pytest.mark.parametrize(
    "host", ["rebound.example", "rebound.example:9808", "127.0.0.1.example", "[x]", "localhost:x"]
)
def test_rebound_name_is_refused(host: str) -> None:
    refusal = find_refusal(ask(headers={"host": host}), http_control=False)
    assert refusal is not None
    assert "localhost" in refusal


@pytest.mark.parametrize("open_to_all", [False, True])
@pytest.mark.parametrize(
    "headers",
    [
        {"host": "localhost:9808", "origin": "https://evil.example"},
        {"host": "localhost:9808", "origin": "null"},
        {"origin": "http://localhost:9808"},
        {"host": "localhost:9808", "origin": "http://localhost:3000"},
        {"host": "localhost:9808", "sec-fetch-site": "cross-site"},
        {"host": "localhost:9808", "sec-fetch-site": "same-site"},
    ],
)
def test_other_web_pages_are_refused(headers: Mapping[str, str], *, open_to_all: bool) -> None:
    refusal = find_refusal(ask(headers=headers), http_control=open_to_all)
    assert refusal is not None
    assert "web pages" in refusal


def test_own_page_is_fine() -> None:
    headers = {
        "host": "localhost:9808",
        "origin": "http://localhost:9808",
        "sec-fetch-site": "same-origin",
    }
    assert find_refusal(ask(headers=headers), http_control=False) is None
