"""A configuration and the certificates that it names, in two volumes: an nginx that serves TLS."""

from __future__ import annotations

import json
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from sidecar.core.snapshot import digest_of
from sidecar.testing.kubelet import AtomicWriter
from tests.daemons.processes import find_free_port
from tests.daemons.sidecars import Sidecar, Status

COMMAND = (sys.executable, "-m", "sidecar", "run")
ISSUED_WITHIN_S = 20.0
SERVED_WITHIN_S = 10.0
NGINX = """
daemon off;
user root;
worker_processes 1;
pid {scratch}/nginx.pid;
error_log {scratch}/error.log notice;
events {{ worker_connections 64; }}
http {{
  access_log off;
  client_body_temp_path {scratch}/body;
  proxy_temp_path {scratch}/proxy;
  fastcgi_temp_path {scratch}/fastcgi;
  uwsgi_temp_path {scratch}/uwsgi;
  scgi_temp_path {scratch}/scgi;
  server {{
    listen 127.0.0.1:{port} ssl;
    ssl_certificate {tls}/tls.crt;
    ssl_certificate_key {tls}/tls.key;
    return 200 "{word}";
  }}
}}
"""


class Pod:
    """An nginx, its two volumes and its sidecar."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.scratch, self.main, self.tls = (folder / name for name in ("run", "conf", "tls"))
        for path in (self.scratch, self.main, self.tls, folder / "state"):
            path.mkdir()
        self.port = find_free_port()
        self.config, self.certificates = AtomicWriter(self.main), AtomicWriter(self.tls)
        self.files: dict[str, bytes] = {}

    def configure(self, word: str) -> None:
        text = NGINX.format(scratch=self.scratch, port=self.port, tls=self.tls, word=word)
        self.files["nginx.conf"] = text.encode()
        self.config.write({"nginx.conf": text.encode()})

    def issue(self, name: str) -> dict[str, bytes]:
        """A new certificate and its key."""
        key, certificate = self.folder / "key.pem", self.folder / "crt.pem"
        subprocess.run(
            (
                *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt"),
                *("ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", f"/CN={name}"),
                *("-keyout", key, "-out", certificate),
            ),
            check=True,
            capture_output=True,
            timeout=ISSUED_WITHIN_S,
        )
        return {"tls.crt": certificate.read_bytes(), "tls.key": key.read_bytes()}

    def certify(self, files: dict[str, bytes]) -> None:
        prefix = str(self.tls).strip("/").replace("/", "-")
        self.files.update({f"{prefix}/{key}": value for key, value in files.items()})
        self.certificates.write(files)

    def settle(self, status: str) -> Status:
        digest = digest_of(self.files)
        return self.sidecar.wait_for(
            lambda seen: (seen["observed"], seen["status"]) == (digest, status), within_s=20.0
        )

    def served(self) -> str:
        return ssl.get_server_certificate(("127.0.0.1", self.port), timeout=2.0)

    def run(self) -> Iterator[Pod]:
        conf = f"{self.main}/nginx.conf"
        nginx = subprocess.Popen(["nginx", "-c", conf, "-e", f"{self.scratch}/early.log"])
        port = find_free_port()
        settings = {
            "bridges": [
                {
                    "name": "web",
                    "preset": "nginx",
                    "source": {
                        "mount": str(self.main),
                        "companions": [{"mount": str(self.tls)}],
                        "steady": "300ms",
                    },
                    "target": {"pid": nginx.pid},
                }
            ],
            "listen": f"127.0.0.1:{port}",
            "stateDir": f"{self.folder}/state",
            "logFormat": "text",
        }
        path = self.folder / "settings.json"
        path.write_text(json.dumps(settings))
        argv = (*COMMAND, "--config", str(path))
        self.sidecar = Sidecar(argv=argv, folder=self.folder, port=port)
        try:
            self.sidecar.start()
            yield self
        finally:
            self.sidecar.stop()
            nginx.terminate()
            nginx.wait(10)


@pytest.fixture
def pod(tmp_path: Path) -> Iterator[Pod]:
    made = Pod(tmp_path)
    made.configure("one")
    made.certify(made.issue("one"))
    yield from made.run()


@pytest.mark.timeout(120)
def test_a_new_certificate_alone_is_proven_and_served_and_a_broken_one_refused(pod: Pod) -> None:
    pod.settle("Applied")
    first = pod.served()
    renewed = pod.issue("two")
    pod.certify(renewed)
    pod.settle("Applied")
    end_s = time.monotonic() + SERVED_WITHIN_S
    while pod.served() == first:
        assert time.monotonic() < end_s, "the old certificate is still served"
    assert pod.served().strip() == renewed["tls.crt"].decode().strip()
    signals = pod.sidecar.signals
    pod.certify({"tls.crt": b"no certificate", "tls.key": b"no key"})
    assert "nginx" in pod.settle("Rejected")["message"]
    assert pod.sidecar.signals == signals
    assert pod.served().strip() == renewed["tls.crt"].decode().strip()
    both = pod.issue("three")
    pod.configure("two")
    pod.certify(both)
    pod.settle("Applied")
    assert pod.sidecar.signals == signals + 1, "one attempt takes both volumes along"
