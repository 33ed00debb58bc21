"""Where the API server is and who asks it: the pod's own ServiceAccount, or a kubeconfig.

Gives `client` a configuration of the official client, and renews what it carries after a 401.

Inside a cluster no proxy is ever used, whatever HTTPS_PROXY says: the address is the cluster's own,
and a proxy meant for webhooks must not see the token. With a kubeconfig the client does as kubectl:
``proxy-url`` of the cluster, else HTTPS_PROXY and NO_PROXY.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Mapping
from pathlib import Path

from kubernetes import config
from kubernetes.client import Configuration
from urllib3.connection import HTTPConnection
from yaml import YAMLError

from sidecar.core.errors import SettingsError
from sidecar.core.ports import Clock
from sidecar.kube.errors import UnauthorizedError

ACCOUNT_DIR = "/var/run/secrets/kubernetes.io/serviceaccount"
TOKEN_MAX_AGE_S = 60.0
"""The kubelet renews the file once 80 % of the token's life (1 h by default) are over."""

_TOKEN_KEY = "BearerToken"  # noqa: S105  the name that the client gives its header
_KEEPALIVE_IDLE_S, _KEEPALIVE_INTERVAL_S, _KEEPALIVE_COUNT = 15, 5, 3
_UNACKNOWLEDGED_MS = 30_000
_SOCKET_OPTIONS = [
    *HTTPConnection.default_socket_options,
    # A watch is silent for minutes: probes find a dead peer, and keep load balancers from
    # forgetting the connection.
    (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
    (socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, _KEEPALIVE_IDLE_S),
    (socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, _KEEPALIVE_INTERVAL_S),
    (socket.IPPROTO_TCP, socket.TCP_KEEPCNT, _KEEPALIVE_COUNT),
    (socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, _UNACKNOWLEDGED_MS),
]


class Access:
    """A configuration of the official client; `namespace` is where names without one are meant.

    `load` fills the configuration, and again after a 401. Make one by `in_cluster` or
    `from_kubeconfig`.
    """

    def __init__(self, load: Callable[[Configuration], None], *, namespace: str) -> None:
        self.namespace = namespace
        self.configuration = Configuration()
        # Sleeping inside the client would break every deadline: waiting is decided above it.
        self.configuration.retries = False
        self.configuration.socket_options = _SOCKET_OPTIONS
        self._load = load
        self._lock = threading.Lock()
        load(self.configuration)

    def renew(self, refused: str | None) -> bool:
        """Read the credentials again; whether they differ from the `refused` header's.

        Raises `UnauthorizedError` if they cannot be read.
        """
        with self._lock:
            try:
                self._load(self.configuration)
            except SettingsError as error:
                raise UnauthorizedError(error.message, status=401) from error
            return bool(self.configuration.api_key.get(_TOKEN_KEY) != refused)


def in_cluster(clock: Clock, environ: Mapping[str, str], folder: str = ACCOUNT_DIR) -> Access:
    """The access that a pod has. Raises `SettingsError` where this is no pod, or one without."""
    host, port = environ.get("KUBERNETES_SERVICE_HOST"), environ.get("KUBERNETES_SERVICE_PORT")
    if not host or not port:
        msg = (
            "this is no pod (KUBERNETES_SERVICE_HOST is not set): name a kubeconfig by --kubeconfig"
        )
        raise SettingsError(msg)
    ca_path = Path(folder, "ca.crt")
    token = _TokenFile(Path(folder, "token"), clock)

    def load(configuration: Configuration) -> None:
        configuration.host = f"https://[{host}]:{port}" if ":" in host else f"https://{host}:{port}"
        configuration.proxy = None
        _read(ca_path)
        configuration.ssl_ca_cert = str(ca_path)
        token.forget()
        configuration.api_key[_TOKEN_KEY] = token.header()
        configuration.refresh_api_key_hook = refresh  # type: ignore[assignment]  # declared as None

    def refresh(configuration: Configuration) -> None:
        try:
            configuration.api_key[_TOKEN_KEY] = token.header()
        except SettingsError as error:
            raise UnauthorizedError(error.message) from error

    try:
        namespace = _read(Path(folder, "namespace"))
    except SettingsError:
        namespace = "default"
    return Access(load, namespace=namespace)


def from_kubeconfig(environ: Mapping[str, str], path: str = "", context: str = "") -> Access:
    """The access that a kubeconfig gives, found as kubectl finds it. Raises `SettingsError`.

    `path` beats KUBECONFIG (both may list several files, separated by colons), which beats
    ``~/.kube/config``; `context` beats the current one.
    """
    paths = path or environ.get("KUBECONFIG") or str(Path("~", ".kube", "config"))

    def load(configuration: Configuration) -> None:
        with _Explained(paths):
            config.load_kube_config(  # type: ignore[no-untyped-call]
                paths, context or None, client_configuration=configuration, persist_config=False
            )

    with _Explained(paths):
        contexts, current = config.list_kube_config_contexts(paths)  # type: ignore[no-untyped-call]
    chosen = next((entry for entry in contexts if entry["name"] == context), current)
    return Access(load, namespace=(chosen.get("context") or {}).get("namespace") or "default")


class _Explained:
    """Turns whatever the loader raises on bad files into one sentence."""

    def __init__(self, paths: str) -> None:
        self._paths = paths

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        known = (config.ConfigException, YAMLError, OSError, LookupError, TypeError, ValueError)
        if isinstance(error, known):
            why = " ".join(str(error).split()) or type(error).__name__
            msg = f"the kubeconfig {self._paths} cannot be used: {why.rstrip('.')}: correct it, or"
            msg += " name another by --kubeconfig or --context"
            raise SettingsError(msg) from error


class _TokenFile:
    """The token as the kubelet keeps renewing it."""

    def __init__(self, path: Path, clock: Clock) -> None:
        self._path = path
        self._clock = clock
        self._header = ""
        self._read_s: float | None = None

    def header(self) -> str:
        """The value of the Authorization header. Raises `SettingsError`."""
        now_s = self._clock.monotonic()
        if self._read_s is None or now_s - self._read_s >= TOKEN_MAX_AGE_S:
            self._header = f"Bearer {_read(self._path)}"
            self._read_s = now_s
        return self._header

    def forget(self) -> None:
        """Read the file at the next call."""
        self._read_s = None


def _read(path: Path) -> str:
    try:
        text = path.read_text().strip()
    except (OSError, ValueError) as error:
        msg = (
            f"{path} cannot be read ({getattr(error, 'strerror', None) or 'no text'}): give the"
            " sidecar a ServiceAccount token (a projected volume, or automountServiceAccountToken)"
        )
        raise SettingsError(msg) from error
    if not text:
        msg = f"{path} is empty: the kubelet should fill it, see the pod's events"
        raise SettingsError(msg)
    return text
