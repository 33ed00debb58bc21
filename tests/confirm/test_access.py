"""TLS, client certificates, tokens and passwords, against real TLS servers."""

from __future__ import annotations

import base64
import ssl
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from sidecar.core.bridge import Access, Proof
from tests.confirm.certificates import Authority
from tests.confirm.looks import PROCESS, UP, look, make_reader
from tests.confirm.servers import Client, answer, send, serving

MISSING = "/no/such/file"


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    made = Authority.make(tmp_path_factory.mktemp("tls") / "ca")
    made.sign("loopback", "subjectAltName=IP:127.0.0.1")
    made.sign("named", "subjectAltName=DNS:daemon.example")
    made.sign("client", "extendedKeyUsage=clientAuth")
    return made


def test_a_certificate_of_the_named_ca_is_trusted(authority: Authority) -> None:
    access = Access(ca_file=authority.ca_file)
    with serving(answer(), tls=authority.serve("loopback")) as server:
        assert look(server.url, access=access).readings == {"up": 1.0}


@pytest.mark.parametrize("ca_known", [True, False], ids=["other-name", "unknown-ca"])
def test_an_untrusted_certificate_is_told(authority: Authority, *, ca_known: bool) -> None:
    access = Access(ca_file=authority.ca_file if ca_known else "")
    with serving(answer(), tls=authority.serve("named")) as server:
        error = look(server.url, access=access).error
    assert error is not None
    assert error.startswith(f"the certificate of {server.url} is not trusted (")
    assert error.endswith("name the CA that signed it, or the server name that it was made for")


def test_a_server_name_replaces_the_address(authority: Authority) -> None:
    access = Access(ca_file=authority.ca_file, server_name="daemon.example")
    with serving(answer(), tls=authority.serve("named")) as server:
        assert look(server.url, access=access).readings == {"up": 1.0}


def test_verification_can_be_skipped(authority: Authority) -> None:
    with serving(answer(), tls=authority.serve("named")) as server:
        assert look(server.url, access=Access(insecure_skip_verify=True)).readings == {"up": 1.0}


def test_a_client_certificate_is_shown(authority: Authority) -> None:
    access = Access(
        ca_file=authority.ca_file,
        cert_file=authority.file("client.crt"),
        key_file=authority.file("client.key"),
    )
    with serving(answer(), tls=authority.serve("loopback", asks_client=True)) as server:
        assert look(server.url, access=access).readings == {"up": 1.0}


@pytest.mark.parametrize("newest", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_missing_client_certificate_is_told(authority: Authority, newest: ssl.TLSVersion) -> None:
    context = authority.serve("loopback", asks_client=True)
    context.maximum_version = newest
    with serving(answer(), tls=context) as server:
        error = look(server.url, access=Access(ca_file=authority.ca_file)).error
    assert error == (
        f"{server.url} asks for a client certificate that it trusts: name one and its key"
    )


def test_https_to_a_server_without_tls_is_told() -> None:
    with serving(send(b"HTTP/1.0 400 Bad Request\r\n\r\n"), listens=False) as server:
        url = server.url.replace("http:", "https:")
        error = look(url).error
    assert error == f"{url} does not speak TLS: write http:// instead of https://"


def test_http_to_a_server_with_tls_is_told(authority: Authority) -> None:
    with serving(answer(), tls=authority.serve("loopback")) as server:
        url = server.url.replace("https:", "http:")
        error = look(url).error
    assert error is not None
    assert error.startswith(f"{url} ended the connection before its answer was complete")


def hang_up(_client: Client) -> None:
    pass


def test_a_tls_server_that_hangs_up_is_told() -> None:
    with serving(hang_up, listens=False) as server:
        url = server.url.replace("http:", "https:")
        error = look(url).error
    assert error is not None
    assert error.startswith(f"{url} ended the connection before its answer was complete")


def test_a_tls_handshake_that_fails_otherwise_is_told() -> None:
    with serving(send(b"\x15\x03\x03\x00\x02\x02\x46"), listens=False) as server:
        url = server.url.replace("http:", "https:")
        error = look(url).error
    assert error is not None
    assert error.startswith(f"{url} broke off the TLS connection (")


def drip(client: Client) -> None:
    client.send(b"HTTP/1.1 200 OK\r\nX-Long: ")
    while not client.wait(0.02):
        client.send(b"x")


def hang(client: Client) -> None:
    client.wait(5)


def test_a_slow_tls_page_ends_at_the_deadline(authority: Authority) -> None:
    access = Access(ca_file=authority.ca_file)
    with serving(drip, tls=authority.serve("loopback")) as server:
        error = look(server.url, access=access, timeout_s=0.3).error
    assert error is not None
    assert "within 0.3 s" in error


def test_a_slow_tls_handshake_ends_at_the_deadline() -> None:
    with serving(hang, listens=False) as server:
        error = look(server.url.replace("http:", "https:"), timeout_s=0.2).error
    assert error is not None
    assert "within 0.2 s" in error


def test_a_ca_file_is_read_again_when_it_changes(authority: Authority, tmp_path: Path) -> None:
    ca_file = tmp_path / "ca.crt"
    ca_file.write_text(Path(authority.file("client.crt")).read_text())
    proof = Proof(groups=((UP,),), url="", access=Access(ca_file=str(ca_file)))
    reader = make_reader()
    with serving(answer(), tls=authority.serve("loopback")) as server:
        proof = replace(proof, url=server.url)
        first = reader.observe(proof, PROCESS)
        renewed = tmp_path / "new"
        renewed.write_text(Path(authority.ca_file).read_text())
        renewed.rename(ca_file)
        second = reader.observe(proof, PROCESS)
        third = reader.observe(proof, PROCESS)
    assert first.error is not None
    assert second.readings == third.readings == {"up": 1.0}


@pytest.mark.parametrize(
    ("access", "words"),
    [
        (Access(ca_file="/no/ca"), "the TLS file /no/ca cannot be read (No such file"),
        (Access(ca_file=__file__), f"the CA file {__file__} (or its key) cannot be used ("),
        (Access(cert_file=__file__), f"the client certificate file {__file__} (or its key)"),
        (Access(bearer_token_file=MISSING), f"the bearer token file {MISSING} cannot be read"),
        (Access(username="me", password_file=MISSING), f"the password file {MISSING} cannot"),
    ],
    ids=["no-ca", "bad-ca", "bad-cert", "no-token", "no-password"],
)
def test_a_file_that_cannot_be_used_is_told(access: Access, words: str) -> None:
    error = look("https://127.0.0.1:1/metrics", access=access).error
    assert error is not None
    assert error.startswith(words)


def test_an_encrypted_key_never_asks_at_the_terminal(authority: Authority, tmp_path: Path) -> None:
    key = tmp_path / "key"
    subprocess.run(
        [
            *("openssl", "pkey", "-aes256", "-passout", "pass:secret"),
            *("-in", authority.file("client.key"), "-out", str(key)),
        ],
        check=True,
        timeout=10,
    )
    access = Access(
        ca_file=authority.ca_file, cert_file=authority.file("client.crt"), key_file=str(key)
    )
    error = look("https://127.0.0.1:1/metrics", access=access).error
    assert error is not None
    assert "cannot be used" in error


@pytest.mark.parametrize("secret", [b"two\nlines", b"esc\x1b", b"\xff\xfe"])
def test_a_secret_that_is_no_line_of_text_is_refused_unshown(tmp_path: Path, secret: bytes) -> None:
    token = tmp_path / "token"
    token.write_bytes(secret)
    error = look("http://127.0.0.1:1/", access=Access(bearer_token_file=str(token))).error
    assert error is not None
    assert error.startswith(f"the bearer token file {token}")
    assert "two" not in error


def authorization(request: bytes) -> str:
    lines = request.decode().split("\r\n")
    return next(line for line in lines if line.startswith("Authorization: "))[15:]


def test_a_bearer_token_is_read_at_each_look(tmp_path: Path) -> None:
    token = tmp_path / "token"
    access = Access(bearer_token_file=str(token))
    with serving(answer()) as server:
        for value in ("first\n", "second\n"):
            token.write_text(value)
            look(server.url, access=access)
    assert [authorization(r) for r in server.requests] == ["Bearer first", "Bearer second"]


def test_user_and_password_are_shown(tmp_path: Path) -> None:
    password = tmp_path / "password"
    password.write_text("pä:ss\n")
    access = Access(username="me", password_file=str(password))
    with serving(answer()) as server:
        look(server.url, access=access)
        look(server.url.replace("//", "//you:pw@"))
        look(server.url, access=Access(username="me"))
    shown = [base64.b64decode(authorization(r).removeprefix("Basic ")) for r in server.requests]
    assert shown == ["me:pä:ss".encode(), b"you:pw", b"me:"]
