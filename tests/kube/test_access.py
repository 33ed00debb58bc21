"""Where the API server is and who asks: as a pod knows it, and as a kubeconfig says."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sidecar.clock import SystemClock
from sidecar.core.errors import ExitCode, SettingsError
from sidecar.kube.access import from_kubeconfig, in_cluster
from sidecar.kube.client import KubeClient
from sidecar.kube.errors import NotFoundError, UnauthorizedError, UnreachableError
from sidecar.kube.ports import CONFIG_MAPS, Ref
from sidecar.testing.clock import FakeClock
from tests.apiserver.clients import make_pod_client
from tests.apiserver.pki import Pki
from tests.apiserver.server import CONFIG_MAP, ApiServer
from tests.daemons.processes import find_free_port

ENVIRON = {"KUBERNETES_SERVICE_HOST": "10.0.0.1", "KUBERNETES_SERVICE_PORT": "443"}


@pytest.fixture
def account(tmp_path: Path) -> Path:
    """What a pod finds under /var/run/secrets."""
    folder = tmp_path / "account"
    folder.mkdir()
    for name, content in {"token": "t1\n", "ca.crt": "CA", "namespace": "monitoring"}.items():
        (folder / name).write_text(content)
    return folder


def refusal(environ: dict[str, str], folder: Path) -> str:
    with pytest.raises(SettingsError) as raised:
        in_cluster(FakeClock(), environ, str(folder))
    assert raised.value.exit_code is ExitCode.USAGE
    return raised.value.message


@pytest.mark.parametrize(
    ("host", "url"), [("10.0.0.1", "https://10.0.0.1:443"), ("fd00::1", "https://[fd00::1]:443")]
)
def test_a_pod_finds_server_account_and_namespace(account: Path, host: str, url: str) -> None:
    environ = {**ENVIRON, "KUBERNETES_SERVICE_HOST": host}
    access = in_cluster(FakeClock(), environ, str(account))
    assert access.configuration.host == url
    assert access.configuration.ssl_ca_cert == str(account / "ca.crt")
    assert access.configuration.verify_ssl
    assert access.namespace == "monitoring"


def test_a_pod_without_a_namespace_file_means_the_default_one(account: Path) -> None:
    (account / "namespace").unlink()
    assert in_cluster(FakeClock(), ENVIRON, str(account)).namespace == "default"


def test_in_a_cluster_no_proxy_is_used(account: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.invalid:3128")
    assert in_cluster(FakeClock(), ENVIRON, str(account)).configuration.proxy is None


def test_outside_a_cluster_a_kubeconfig_is_asked_for(account: Path) -> None:
    assert "--kubeconfig" in refusal({}, account)
    assert "--kubeconfig" in refusal({**ENVIRON, "KUBERNETES_SERVICE_PORT": ""}, account)


@pytest.mark.parametrize("name", ["token", "ca.crt"])
def test_a_pod_without_an_account_is_told_how_to_get_one(account: Path, name: str) -> None:
    (account / name).write_text(" \n")
    assert "is empty" in refusal(ENVIRON, account)
    (account / name).write_bytes(b"\xff")
    assert "no text" in refusal(ENVIRON, account)
    (account / name).unlink()
    assert "automountServiceAccountToken" in refusal(ENVIRON, account)


def test_the_token_is_read_each_minute_and_at_once_when_it_was_refused(account: Path) -> None:
    clock = FakeClock()
    access = in_cluster(clock, ENVIRON, str(account))
    configuration = access.configuration

    def header() -> object:
        return configuration.auth_settings()["BearerToken"]["value"]

    assert header() == "Bearer t1"
    (account / "token").write_text("t2")
    clock.advance(59)
    assert header() == "Bearer t1"
    clock.advance(1)
    assert header() == "Bearer t2"
    (account / "token").write_text("t3")
    assert access.renew("Bearer t2")
    assert header() == "Bearer t3"
    assert not access.renew("Bearer t3")
    (account / "token").unlink()
    with pytest.raises(UnauthorizedError, match="cannot be read"):
        access.renew("Bearer t3")


def test_a_token_that_vanished_is_an_error_of_the_call(account: Path) -> None:
    clock = FakeClock()
    client = KubeClient(in_cluster(clock, ENVIRON, str(account)), clock=clock)
    (account / "token").unlink()
    clock.advance(60)
    with pytest.raises(UnauthorizedError, match="cannot be read"):
        client.get(Ref(CONFIG_MAPS, "default", "app"))


def _write(path: Path, **changes: object) -> Path:
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "c", "cluster": {"server": "http://one:1"}}],
        "users": [{"name": "u", "user": {"token": "t"}}],
        "contexts": [
            {"name": "one", "context": {"cluster": "c", "user": "u"}},
            {"name": "two", "context": {"cluster": "c", "user": "u", "namespace": "ns"}},
        ],
        "current-context": "one",
    }
    path.write_text(json.dumps(config | changes))
    return path


def test_a_kubeconfig_is_found_as_kubectl_finds_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = str(_write(tmp_path / "config"))
    assert from_kubeconfig({}, path).configuration.host == "http://one:1"
    assert from_kubeconfig({"KUBECONFIG": path}).configuration.host == "http://one:1"
    assert from_kubeconfig({"KUBECONFIG": "/nowhere"}, path).namespace == "default"
    assert from_kubeconfig({}, path, "two").namespace == "ns"
    home = tmp_path / "home"
    (home / ".kube").mkdir(parents=True)
    _write(home / ".kube" / "config", **{"current-context": "two"})
    monkeypatch.setenv("HOME", str(home))
    assert from_kubeconfig({}).namespace == "ns"


def test_a_kubeconfig_may_use_the_proxy_of_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://proxy.invalid:3128")
    path = str(_write(tmp_path / "config"))
    assert from_kubeconfig({}, path).configuration.proxy == "http://proxy.invalid:3128"


@pytest.mark.parametrize(
    "changes",
    [
        {"clusters": []},
        {"users": [{"name": "u", "user": {"client-certificate": "/nowhere"}}], "clusters": 3},
        {"current-context": "three"},
        {"contexts": None},
        {"contexts": []},
    ],
    ids=["no cluster", "no list", "no such context", "no contexts", "empty contexts"],
)
def test_a_bad_kubeconfig_is_told_in_one_sentence(
    tmp_path: Path, changes: dict[str, object]
) -> None:
    path = str(_write(tmp_path / "config", **changes))
    with pytest.raises(SettingsError, match=f"kubeconfig {path} cannot be used") as raised:
        from_kubeconfig({}, path)
    assert "\n" not in raised.value.message


@pytest.mark.parametrize("content", ["", "a: [", "3", "\0"])
def test_what_is_no_kubeconfig_is_told_in_one_sentence(tmp_path: Path, content: str) -> None:
    path = tmp_path / "config"
    path.write_text(content)
    with pytest.raises(SettingsError, match="cannot be used") as raised:
        from_kubeconfig({}, str(path))
    assert "\n" not in raised.value.message


def test_a_context_or_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    path = str(_write(tmp_path / "config"))
    with pytest.raises(SettingsError, match="three"):
        from_kubeconfig({}, path, "three")
    with pytest.raises(SettingsError, match="nowhere"):
        from_kubeconfig({}, str(tmp_path / "nowhere"))


# --- on the real server


def test_a_foreign_certificate_is_not_trusted(api_server: ApiServer, tmp_path: Path) -> None:
    client = make_pod_client(api_server, api_server.make_namespace(), tmp_path / "account")
    client.close()
    foreign = Pki.make(tmp_path / "pki")
    (tmp_path / "account" / "ca.crt").write_text(Path(foreign.path("ca.crt")).read_text())
    access = in_cluster(SystemClock(), api_server.environ, str(tmp_path / "account"))
    client = KubeClient(access, clock=SystemClock())
    with pytest.raises(UnreachableError, match=r"is not trusted .*ca\.crt beside the token"):
        client.get(Ref(CONFIG_MAPS, "default", "app"))


def test_a_renewed_authority_is_trusted_without_a_restart(
    api_server: ApiServer, tmp_path: Path
) -> None:
    namespace, folder = api_server.make_namespace(), tmp_path / "account"
    api_server.write_account(folder, api_server.mint_token(namespace))
    real = (folder / "ca.crt").read_text()
    (folder / "ca.crt").write_text(Path(Pki.make(tmp_path / "pki").path("ca.crt")).read_text())
    client = KubeClient(
        in_cluster(SystemClock(), api_server.environ, str(folder)), clock=SystemClock()
    )
    ref = Ref(CONFIG_MAPS, namespace, CONFIG_MAP)
    with pytest.raises(UnreachableError):
        client.get(ref)
    (folder / "ca.crt").write_text(real)
    with pytest.raises(NotFoundError):
        client.get(ref)
    client.close()


def test_an_administrators_certificate_is_used(api_server: ApiServer) -> None:
    access = from_kubeconfig({"KUBECONFIG": str(api_server.kubeconfig)})
    client = KubeClient(access, clock=SystemClock())
    assert client.list(CONFIG_MAPS, "kube-system")["kind"] == "ConfigMapList"
    client.close()


def test_what_speaks_no_tls_breaks_off(tmp_path: Path, account: Path) -> None:
    environ = {**ENVIRON, "KUBERNETES_SERVICE_HOST": "127.0.0.1"}
    environ["KUBERNETES_SERVICE_PORT"] = str(find_free_port())
    pki = Pki.make(tmp_path / "pki")
    (account / "ca.crt").write_text(Path(pki.path("ca.crt")).read_text())
    client = KubeClient(in_cluster(SystemClock(), environ, str(account)), clock=SystemClock())
    with pytest.raises(UnreachableError, match="refuses connections"):
        client.get(Ref(CONFIG_MAPS, "default", "app"))
