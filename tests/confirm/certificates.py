"""Throw-away certificates, made by the openssl program."""

from __future__ import annotations

import ssl
import subprocess
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Authority:
    """A CA in a folder that signs certificates."""

    folder: Path

    @classmethod
    def make(cls, folder: Path) -> Authority:
        """Make the CA itself."""
        folder.mkdir()
        authority = cls(folder)
        authority.sign("ca", "basicConstraints=critical,CA:TRUE", own=True)
        return authority

    @property
    def ca_file(self) -> str:
        """The CA's certificate."""
        return self.file("ca.crt")

    def file(self, name: str) -> str:
        """A file of the folder."""
        return str(self.folder / name)

    def sign(self, name: str, extension: str, *, own: bool = False) -> None:
        """Make ``NAME.key`` and ``NAME.crt``, signed by the CA or by itself."""
        signer = [] if own else ["-CA", self.ca_file, "-CAkey", self.file("ca.key")]
        subprocess.run(
            [
                *("openssl", "req", "-x509", "-newkey", "ec", "-nodes"),
                *("-pkeyopt", "ec_paramgen_curve:P-256", "-subj", f"/CN={name}", "-days", "2"),
                *("-addext", extension, *signer),
                *("-keyout", self.file(f"{name}.key"), "-out", self.file(f"{name}.crt")),
            ],
            check=True,
            capture_output=True,
            timeout=10,
        )

    def serve(self, name: str, *, asks_client: bool = False) -> ssl.SSLContext:
        """A server's context."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.file(f"{name}.crt"), self.file(f"{name}.key"))
        if asks_client:
            context.verify_mode = ssl.CERT_REQUIRED
            context.load_verify_locations(self.ca_file)
        return context
