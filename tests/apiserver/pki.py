"""The keys of a throw-away API server, made by the openssl program."""

from __future__ import annotations

import base64
import json
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

OPENSSL_TIMEOUT_S = 30.0


@dataclass(frozen=True, slots=True)
class Pki:
    """A CA, the server's certificate, an administrator's, and the key that signs tokens."""

    folder: Path

    @classmethod
    def make(cls, folder: Path) -> Pki:
        """Make all of it in the empty `folder`."""
        folder.mkdir(parents=True)
        pki = cls(folder)
        pki._sign("ca", "/CN=test-ca", "basicConstraints=critical,CA:TRUE", own=True)
        pki._sign("apiserver", "/CN=kube-apiserver", "subjectAltName=IP:127.0.0.1,DNS:localhost")
        pki._sign("admin", "/O=system:masters/CN=admin", "extendedKeyUsage=clientAuth")
        _openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", pki.path("sa.key"))
        _openssl("ec", "-in", pki.path("sa.key"), "-pubout", "-out", pki.path("sa.pub"))
        return pki

    def path(self, name: str) -> str:
        """A file of the folder."""
        return str(self.folder / name)

    def read(self, name: str) -> str:
        """The same in base64, as kubeconfigs want it."""
        return base64.b64encode((self.folder / name).read_bytes()).decode()

    def sign_token(self, claims: Mapping[str, object]) -> str:
        """A token with these claims, signed as the API server signs its own (ES256)."""
        parts = ({"alg": "ES256", "typ": "JWT"}, claims)
        signed = b".".join(_encode(json.dumps(part).encode()) for part in parts)
        ended = subprocess.run(
            ["/usr/bin/env", "openssl", "dgst", "-sha256", "-sign", self.path("sa.key")],
            input=signed,
            check=True,
            capture_output=True,
            timeout=OPENSSL_TIMEOUT_S,
        )
        return b".".join((signed, _encode(_flatten(ended.stdout)))).decode()

    def _sign(self, name: str, subject: str, extension: str, *, own: bool = False) -> None:
        signer = [] if own else ["-CA", self.path("ca.crt"), "-CAkey", self.path("ca.key")]
        _openssl(
            *("req", "-x509", "-newkey", "ec", "-nodes", "-pkeyopt", "ec_paramgen_curve:P-256"),
            *("-subj", subject, "-days", "2", "-addext", extension, *signer),
            *("-keyout", self.path(f"{name}.key"), "-out", self.path(f"{name}.crt")),
        )

    def write_kubeconfig(self, path: Path, *, server: str, user: dict[str, str]) -> Path:
        """Write a kubeconfig (JSON is YAML) with the one context ``test``."""
        cluster = {"server": server, "certificate-authority-data": self.read("ca.crt")}
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "test", "cluster": cluster}],
            "users": [{"name": "test", "user": user}],
            "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test"}}],
            "current-context": "test",
        }
        path.write_text(json.dumps(config))
        path.chmod(0o600)
        return path


def _encode(content: bytes) -> bytes:
    return base64.urlsafe_b64encode(content).rstrip(b"=")


def _flatten(der: bytes) -> bytes:
    """Both numbers of an ECDSA signature, as tokens carry them: without DER around."""
    first_end = 4 + der[3]
    first, second = der[4:first_end], der[first_end + 2 :]
    return b"".join(number.lstrip(b"\0").rjust(32, b"\0") for number in (first, second))


def _openssl(*argv: str) -> None:
    argv = ("/usr/bin/env", "openssl", *argv)
    subprocess.run(argv, check=True, capture_output=True, timeout=OPENSSL_TIMEOUT_S)
