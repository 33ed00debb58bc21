"""Certificates for tests of their renewal, and what a server in a pod shows of them."""

from __future__ import annotations

import base64
import re
import ssl
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from e2e.namespace import Namespace

ISSUED_TIMEOUT_S = 20.0
CONNECT_TIMEOUT_S = 10.0
FORWARDING = re.compile(r"Forwarding from 127\.0\.0\.1:(\d+) ->")
Pair = dict[str, str]
"""The keys of a Secret of the type kubernetes.io/tls, in base64."""


def issue(folder: Path, name: str) -> Pair:
    """A new certificate for `name` and its key."""
    key, certificate = folder / "tls.key", folder / "tls.crt"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt"),
            *("ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", f"/CN={name}"),
            *("-keyout", str(key), "-out", str(certificate)),
        ],
        check=True,
        capture_output=True,
        timeout=ISSUED_TIMEOUT_S,
    )
    return {path.name: base64.b64encode(path.read_bytes()).decode() for path in (key, certificate)}


def read_served(port: int) -> bytes:
    """The certificate that a server on this machine shows, as the Secret holds it."""
    shown = ssl.get_server_certificate(("127.0.0.1", port), timeout=CONNECT_TIMEOUT_S)
    return shown.encode()


@contextmanager
def forwarded(namespace: Namespace, pod: str, port: int) -> Iterator[int]:
    """`kubectl port-forward`: the port on this machine behind which a pod's is."""
    argv = [
        *(namespace.cluster.kubectl_path, f"--kubeconfig={namespace.cluster.kubeconfig}"),
        *(f"--namespace={namespace.name}", "port-forward", f"pod/{pod}", f":{port}"),
        "--address=127.0.0.1",
    ]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            found = FORWARDING.match(process.stdout.readline())
            assert found is not None, "kubectl port-forward says no port"
            yield int(found[1])
        finally:
            process.terminate()
