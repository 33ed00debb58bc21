"""Connections that trust what Kubernetes trusts.

From 3.13 on Python refuses CAs without key usage (RFC 5280 to the letter), and clusters of years
ago have such. Each connection has a TLS context of its own, as urllib3 would make it: CA files are
read anew, and contexts that several threads load into at once break OpenSSL.
"""

from __future__ import annotations

import ssl

from urllib3.connection import HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.util.ssl_ import create_urllib3_context, resolve_cert_reqs


class LenientConnection(HTTPSConnection):
    """As its base, but for the strictness."""

    def connect(self) -> None:
        """Connect, with a fresh context where none was given."""
        if self.ssl_context is None:
            required = resolve_cert_reqs(self.cert_reqs)
            self.ssl_context = create_urllib3_context(cert_reqs=required)
            self.ssl_context.verify_flags &= ~ssl.VERIFY_X509_STRICT
            if not (self.ca_certs or self.ca_cert_data) and required != ssl.CERT_NONE:
                self.ssl_context.load_default_certs()
        super().connect()


class LenientPool(HTTPSConnectionPool):
    """A pool of such connections."""

    ConnectionCls = LenientConnection


POOLS = {"http": HTTPConnectionPool, "https": LenientPool}
