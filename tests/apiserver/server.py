"""A real kube-apiserver on etcd, on loopback, for one test session.

    with running_server(tmp_path) as server:
        namespace = server.make_namespace()
        server.kubectl("get", "configmaps", namespace=namespace)

Nothing runs pods here: it is the cheap middle layer, for RBAC, conflicts, watches and field
managers. The programs are built once per machine by `e2e/build`; `make apitest` sees to that.
"""

from __future__ import annotations

import base64
import http.client
import itertools
import json
import os
import ssl
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path

from tests.apiserver.pki import Pki
from tests.apiserver.program import Program
from tests.daemons.processes import find_free_port

ROOT = Path(__file__).parents[2]
MANIFESTS = ROOT / "manifests" / "rbac"
BUILD = str(ROOT / "e2e" / "build")
CHECK_TIMEOUT_S = 60.0
START_TIMEOUT_S = 90.0
"""A start takes 2 s, and 30 where ten others want the same core; its end is noticed at once."""
READY_TIMEOUT_S = 5.0
KUBECTL_TIMEOUT_S = 60.0
ACCOUNT = "surehup"
CONFIG_MAP = "app-config"
"""The names in the shipped manifests."""


def find_programs() -> Path:
    """The folder of the server's programs, in the versions of `e2e/modules`."""
    done = subprocess.run(
        [BUILD, "--check"], capture_output=True, text=True, timeout=CHECK_TIMEOUT_S, check=False
    )
    assert done.returncode == 0, f"{done.stderr.strip()}: make apitest builds what is missing"
    return Path(done.stdout.strip())


@dataclass(slots=True, kw_only=True)
class ApiServer:
    """A running API server; `running_server` makes one."""

    folder: Path
    bin_dir: Path
    pki: Pki
    url: str
    etcd: Program
    api: Program
    controllers: Program
    _names: Iterator[int] = field(default_factory=itertools.count)

    @property
    def kubeconfig(self) -> Path:
        """An administrator's."""
        return self.folder / "admin.kubeconfig"

    def start(self) -> None:
        """Start etcd and the API server; returns once it is ready."""
        self.etcd.start()
        self.api.start()
        self.wait_ready()

    def wait_ready(self) -> None:
        """Wait until the API server answers that it is ready."""
        self.api.wait(self.is_ready, within_s=START_TIMEOUT_S)

    def is_ready(self) -> bool:
        """Whether it says so."""
        context = ssl.create_default_context(cafile=self.pki.path("ca.crt"))
        context.verify_flags &= ~ssl.VERIFY_X509_STRICT  # this CA is as old clusters have it
        context.load_cert_chain(self.pki.path("admin.crt"), self.pki.path("admin.key"))
        address = self.url.removeprefix("https://")
        connection = http.client.HTTPSConnection(address, timeout=READY_TIMEOUT_S, context=context)
        with closing(connection):
            try:
                connection.request("GET", "/readyz")
                return connection.getresponse().status == HTTPStatus.OK
            except (http.client.HTTPException, OSError):
                return False

    def restart(self) -> None:
        """Kill the API server, as a crash would, and start it again; etcd keeps the objects."""
        self.api.kill()
        self.api.start()
        self.wait_ready()

    def stop(self) -> None:
        """End everything; nothing is left but the folder."""
        for program in (self.controllers, self.api, self.etcd):
            program.stop()

    def kubectl(self, *argv: str, namespace: str = "default", stdin: str | None = None) -> str:
        """Run kubectl as the administrator and return its output."""
        done = subprocess.run(
            [
                *(str(self.bin_dir / "kubectl"), f"--kubeconfig={self.kubeconfig}"),
                *(f"--namespace={namespace}", *argv),
            ],
            input=stdin,
            capture_output=True,
            text=True,
            timeout=KUBECTL_TIMEOUT_S,
            check=False,
            env={**os.environ, "HOME": str(self.folder)},
        )
        assert done.returncode == 0, f"kubectl {' '.join(argv)}: {done.stderr}"
        return done.stdout

    def make_namespace(self, *, pod_status: bool = False) -> str:
        """A fresh namespace with the shipped ServiceAccount, Role and RoleBinding."""
        name = f"test-{next(self._names)}"
        self.kubectl("create", "namespace", name)
        overlay = self.folder / name
        overlay.mkdir()
        resources = [os.path.relpath(MANIFESTS, overlay)]
        if pod_status:
            # Files outside of its folder are nothing that kustomize reads.
            (overlay / "pod-status.yaml").write_text((MANIFESTS / "pod-status.yaml").read_text())
            resources.append("pod-status.yaml")
        kustomization = {"namespace": name, "resources": resources}
        (overlay / "kustomization.yaml").write_text(json.dumps(kustomization))
        self.kubectl("apply", "-k", str(overlay), namespace=name)
        return name

    def mint_token(self, namespace: str) -> str:
        """A token of the shipped ServiceAccount (TokenRequest)."""
        return self.kubectl("create", "token", ACCOUNT, namespace=namespace).strip()

    def renew(self, token: str, *, ends_s: int) -> str:
        """The same token, signed anew: made two hours ago, ending `ends_s` from now."""
        claims = token.split(".")[1]
        content = json.loads(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))
        now_s = int(time.time())
        times = {"iat": now_s - 7200, "nbf": now_s - 7200, "exp": now_s + ends_s}
        return self.pki.sign_token({**content, **times})

    def write_account(self, folder: Path, token: str) -> Path:
        """What a pod finds under /var/run/secrets/kubernetes.io/serviceaccount."""
        folder.mkdir(exist_ok=True)
        (folder / "ca.crt").write_bytes(Path(self.pki.path("ca.crt")).read_bytes())
        (folder / "token").write_text(token)
        return folder

    @property
    def environ(self) -> dict[str, str]:
        """The variables by which a pod finds the API server."""
        host, _, port = self.url.removeprefix("https://").partition(":")
        return {"KUBERNETES_SERVICE_HOST": host, "KUBERNETES_SERVICE_PORT": port}


@contextmanager
def running_server(folder: Path) -> Iterator[ApiServer]:
    """An API server with its state in `folder`, stopped in the end."""
    bin_dir = find_programs()
    pki = Pki.make(folder / "pki")
    etcd_url, peer_url = (f"http://127.0.0.1:{find_free_port()}" for _ in range(2))
    port = find_free_port()
    url = f"https://127.0.0.1:{port}"
    admin = {
        "client-certificate-data": pki.read("admin.crt"),
        "client-key-data": pki.read("admin.key"),
    }
    kubeconfig = pki.write_kubeconfig(folder / "admin.kubeconfig", server=url, user=admin)
    server = ApiServer(
        folder=folder,
        bin_dir=bin_dir,
        pki=pki,
        url=url,
        etcd=Program(
            argv=_etcd_argv(bin_dir, folder, etcd_url, peer_url), log_path=folder / "etcd.log"
        ),
        api=Program(
            argv=_api_argv(bin_dir, pki, etcd_url, port), log_path=folder / "kube-apiserver.log"
        ),
        controllers=Program(
            argv=_controllers_argv(bin_dir, pki, kubeconfig), log_path=folder / "controllers.log"
        ),
    )
    try:
        server.start()
        yield server
    finally:
        server.stop()


def _etcd_argv(bin_dir: Path, folder: Path, client_url: str, peer_url: str) -> list[str]:
    return [
        str(bin_dir / "etcd"),
        f"--data-dir={folder / 'etcd'}",
        f"--listen-client-urls={client_url}",
        f"--advertise-client-urls={client_url}",
        f"--listen-peer-urls={peer_url}",
        f"--initial-advertise-peer-urls={peer_url}",
        f"--initial-cluster=default={peer_url}",
        "--unsafe-no-fsync",
        "--log-level=error",
    ]


def _api_argv(bin_dir: Path, pki: Pki, etcd_url: str, port: int) -> list[str]:
    return [
        str(bin_dir / "kube-apiserver"),
        f"--etcd-servers={etcd_url}",
        "--bind-address=127.0.0.1",
        f"--secure-port={port}",
        "--advertise-address=127.0.0.1",
        "--endpoint-reconciler-type=none",
        "--service-cluster-ip-range=198.19.0.0/24",
        "--authorization-mode=RBAC",
        f"--client-ca-file={pki.path('ca.crt')}",
        f"--tls-cert-file={pki.path('apiserver.crt')}",
        f"--tls-private-key-file={pki.path('apiserver.key')}",
        "--service-account-issuer=https://kubernetes.default.svc",
        f"--service-account-key-file={pki.path('sa.pub')}",
        f"--service-account-signing-key-file={pki.path('sa.key')}",
        "--profiling=false",
        "--v=0",
    ]


def _controllers_argv(bin_dir: Path, pki: Pki, kubeconfig: Path) -> list[str]:
    return [
        str(bin_dir / "kube-controller-manager"),
        f"--kubeconfig={kubeconfig}",
        "--controllers=garbage-collector-controller",
        f"--service-account-private-key-file={pki.path('sa.key')}",
        f"--root-ca-file={pki.path('ca.crt')}",
        "--leader-elect=false",
        "--bind-address=127.0.0.1",
        "--secure-port=0",
        "--v=0",
    ]
