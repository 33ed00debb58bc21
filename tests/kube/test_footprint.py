"""What the client costs: no generated model is loaded, and its memory is bounded."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from tests.apiserver.server import ApiServer

ROOT = Path(__file__).parents[2]
MOST_RSS_MB = 48.0
"""Measured: 44 to 46 on CPython 3.11, of which 43 come with `import kubernetes`."""

PROGRAM = """
import json, random, sys, threading
from sidecar.clock import SystemClock
from sidecar.kube.access import in_cluster
from sidecar.kube.client import KubeClient
from sidecar.kube.ports import CONFIG_MAPS, Ref
from sidecar.kube.watch import Listener, ObjectWatch

namespace, folder, environ = sys.argv[1], sys.argv[2], json.loads(sys.argv[3])
clock = SystemClock()
client = KubeClient(in_cluster(clock, environ, folder), clock=clock)
ref = Ref(CONFIG_MAPS, namespace, "app-config")
seen = threading.Semaphore(0)
nothing = lambda *_: None
listener = Listener(
    on_object=lambda _: seen.release(), on_connected=nothing, on_crash=nothing, tell=nothing
)
watch = ObjectWatch(client, ref, listener, clock=clock, random=random.random)
watch.start()
assert seen.acquire(timeout=10)
for number in range(20):
    client.get(ref)
    client.patch(ref, {"metadata": {"annotations": {"surehup.dev/x": str(number)}}})
    assert seen.acquire(timeout=10)
status = open("/proc/self/status").read()
rss_kb = next(line for line in status.splitlines() if line.startswith("VmRSS")).split()[1]
assert watch.stop()
models = [name for name in sys.modules if name.startswith("kubernetes.client.models.")]
print(json.dumps({"models": models, "rss_mb": int(rss_kb) / 1024}))
"""

PURE = """
import sys
import sidecar.kube.answers, sidecar.kube.errors, sidecar.kube.objects, sidecar.kube.ports
import sidecar.kube.watch, sidecar.testing.apiserver
loaded = {"kubernetes", "pydantic", "requests", "urllib3"} & sys.modules.keys()
assert not loaded, loaded
"""

DEFERRED = """
import sys
from sidecar.core.errors import SettingsError
from sidecar.kube.access import from_kubeconfig
import sidecar.kube.client
costly = {"oauthlib", "requests", "websocket"}
assert not costly & sys.modules.keys()
try:
    from_kubeconfig({}, "/no/such/kubeconfig")
except SettingsError:
    pass
assert "oauthlib" in sys.modules and "websocket" not in sys.modules
import kubernetes.config.kube_config, kubernetes.stream
assert kubernetes.config.kube_config is sys.modules["kubernetes.config.kube_config"]
assert callable(kubernetes.stream.stream) and "websocket" in sys.modules
"""

MOUNT_ONLY = """
import sys
import sidecar.app
costly = {"kubernetes", "requests", "sidecar.kube.access", "sidecar.kube.client"}
loaded = costly & sys.modules.keys()
assert not loaded, loaded
"""


def _run(*argv: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", *argv],
        capture_output=True,
        text=True,
        timeout=25,
        check=False,
        cwd=ROOT,
        # What measures coverage would be measured too.
        env={key: value for key, value in os.environ.items() if not key.startswith("COVERAGE")},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_client_and_its_watch_load_no_models_and_stay_small(
    api_server: ApiServer, tmp_path: Path
) -> None:
    namespace = api_server.make_namespace()
    api_server.kubectl("create", "configmap", "app-config", namespace=namespace)
    folder = api_server.write_account(tmp_path / "account", api_server.mint_token(namespace))
    output = _run(PROGRAM, namespace, str(folder), json.dumps(api_server.environ))
    measured = json.loads(output)
    assert measured["models"] == []
    assert measured["rss_mb"] <= MOST_RSS_MB


def test_ports_errors_watch_and_fake_cost_nothing() -> None:
    _run(PURE)


def test_who_needs_no_api_does_not_pay_for_it() -> None:
    _run(MOUNT_ONLY)


def test_what_a_pod_never_uses_is_loaded_when_it_is_asked_for() -> None:
    _run(DEFERRED)
