from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path

import pytest

from sidecar.cli import main
from sidecar.cli.cluster import Cluster, connect, find_ref, read_group, split_name
from sidecar.core.errors import SettingsError
from sidecar.kube.ports import CONFIG_MAPS, SECRETS, Ref, Resource
from tests.cli.clusters import COMMANDS, make_stage

pytestmark = pytest.mark.usefixtures("untraced_children")

ROOT = Path(__file__).parents[2]
OFFLINE = ("check", "find", "reload", "presets")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("app", (CONFIG_MAPS, "", "app")),
        ("shop/app.v1", (CONFIG_MAPS, "shop", "app.v1")),
        ("cm/app", (CONFIG_MAPS, "", "app")),
        ("ConfigMap/shop/app", (CONFIG_MAPS, "shop", "app")),
        ("secret/app", (SECRETS, "", "app")),
        ("secrets/shop/app", (SECRETS, "shop", "app")),
        ("configmap/secret/app", (CONFIG_MAPS, "secret", "app")),
    ],
)
def test_objects_are_named_as_kubectl_names_them(
    text: str, expected: tuple[Resource, str, str]
) -> None:
    assert split_name(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "/",
        "app/",
        "/app",
        "secret//app",
        "a/b/c",
        "secret/",
        "secret/a/b/c",
        "App",
        "a b",
        "../x",
        "-n",
    ],
)
def test_what_names_no_object_is_refused(text: str) -> None:
    with pytest.raises(SettingsError, match="write NAME, NAMESPACE/NAME or secret/NAME"):
        split_name(text)


def find(text: str, namespace: str = "") -> Ref:
    cluster: Cluster = make_stage().cluster
    return find_ref(text, argparse.Namespace(namespace=namespace), cluster)


def test_a_namespace_is_in_the_name_in_the_flag_or_in_the_context() -> None:
    assert find("app") == Ref(CONFIG_MAPS, "shop", "app")
    assert find("web/app") == Ref(CONFIG_MAPS, "web", "app")
    assert find("web/app", "web") == Ref(CONFIG_MAPS, "web", "app")
    with pytest.raises(SettingsError, match="another namespace than -n shop"):
        find("web/app", "shop")


def test_a_group_is_part_of_a_key() -> None:
    assert read_group("") == ""
    assert read_group("blue-2") == "blue-2"
    for text in ("a.b", "A", "a/b", "-a", "a" * 64):
        with pytest.raises(SettingsError, match="--group"):
            read_group(text)


# --- which API server


@pytest.fixture
def environ(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home without a kubeconfig."""
    for name in ("KUBECONFIG", "KUBERNETES_SERVICE_HOST", "KUBERNETES_SERVICE_PORT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


def write_kubeconfig(path: Path, namespace: str = "web") -> Path:
    path.parent.mkdir(exist_ok=True)
    context = {"cluster": "c", "user": "u", "namespace": namespace}
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "c", "cluster": {"server": "http://127.0.0.1:1"}}],
        "users": [{"name": "u", "user": {}}],
        "contexts": [{"name": "one", "context": context}],
        "current-context": "one",
    }
    path.write_text(json.dumps(config))
    return path


def find_namespace(**flags: str) -> str:
    given = {"namespace": "", "context": "", "kubeconfig": "", "group": "", **flags}
    with connect(argparse.Namespace(**given)) as cluster:
        return cluster.namespace


def test_a_kubeconfig_is_found_as_kubectl_finds_it(
    environ: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usual = write_kubeconfig(environ / ".kube" / "config", "usual")
    assert find_namespace() == "usual"
    monkeypatch.setenv("KUBECONFIG", str(write_kubeconfig(environ / "other", "other")))
    assert find_namespace() == "other"
    assert find_namespace(kubeconfig=str(usual)) == "usual"
    assert find_namespace(namespace="asked") == "asked"
    # A laptop's own choice goes before a pod's account, as in a debug container.
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.0.0.1")
    assert find_namespace() == "other"


def test_a_pod_uses_its_account(environ: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.0.0.1")
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", "443")
    with pytest.raises(SettingsError, match="ServiceAccount"):
        find_namespace()
    named = write_kubeconfig(environ / "named", "named")
    assert find_namespace(kubeconfig=str(named)) == "named"
    monkeypatch.setenv("KUBECONFIG", str(named))
    assert find_namespace() == find_namespace(context="one") == "named"
    monkeypatch.delenv("KUBECONFIG")
    write_kubeconfig(environ / ".kube" / "config", "usual")
    assert find_namespace() == "usual"


@pytest.mark.usefixtures("environ")
def test_without_any_access_it_says_what_to_name() -> None:
    with pytest.raises(SettingsError, match="name another by --kubeconfig"):
        find_namespace()


def test_a_wrong_context_is_told(environ: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write_kubeconfig(environ / "config")
    assert main(["status", "--kubeconfig", str(path), "--context", "prod"]) == 3
    shown = capsys.readouterr().err
    assert "prod" in shown
    assert "--context" in shown
    assert shown.count("\n") == 1


@pytest.mark.parametrize("command", COMMANDS)
def test_a_server_that_is_away_is_7(
    environ: Path, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    path = write_kubeconfig(environ / "config")
    assert main([command, "app", "--kubeconfig", str(path)]) == 7
    assert capsys.readouterr().err == (
        "surehup: the API server http://127.0.0.1:1 refuses connections: is it up, and is that its"
        " port?\n"
    )


@pytest.mark.parametrize("command", COMMANDS)
def test_errors_of_the_command_line_are_3(capsys: pytest.CaptureFixture[str], command: str) -> None:
    assert main([command, "app", "--contxt", "x"]) == 3
    assert "did you mean --context?" in capsys.readouterr().err
    assert main([command, "app", "--group", "A B"]) == 3
    assert "--group" in capsys.readouterr().err


# --- who loads what


def list_loaded(*statements: str) -> str:
    code = "; ".join(["import sys", *statements, "print('kubernetes' in sys.modules)"])
    argv = [sys.executable, "-c", code]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=20, check=True, cwd=ROOT)
    return done.stdout.splitlines()[-1]


@pytest.mark.parametrize("command", OFFLINE)
def test_commands_without_a_cluster_never_load_its_client(command: str, tmp_path: Path) -> None:
    (tmp_path / "app.yml").write_text("a: b\n")
    argv = {
        "check": ["check", str(tmp_path)],
        "find": ["find", "-n", "no-such-process"],
        "reload": ["reload", "--preset", "prometheus", "-n", "no-such-process"],
        "presets": ["presets"],
    }[command]
    assert list_loaded("from sidecar.cli import main", f"main({argv!r})") == "False"


@pytest.mark.parametrize("command", COMMANDS)
def test_the_client_is_loaded_only_to_speak(command: str) -> None:
    assert list_loaded("from sidecar.cli import main", f"main([{command!r}, '--help'])") == "False"


def test_the_client_is_loaded_where_it_is_needed(tmp_path: Path) -> None:
    argv = ["status", "--kubeconfig", str(write_kubeconfig(tmp_path / "config"))]
    assert list_loaded("from sidecar.cli import main", f"main({argv!r})") == "True"
