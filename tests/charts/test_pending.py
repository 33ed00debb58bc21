from __future__ import annotations

import json

import pytest

from tests.apiserver.server import CONFIG_MAP, ApiServer

POLICY = "pending.surehup.dev"

pytestmark = pytest.mark.usefixtures("injector")


class Watched:
    """A ConfigMap with a verdict on it."""

    def __init__(self, server: ApiServer, namespace: str) -> None:
        self._server = server
        self._namespace = namespace
        self.kubectl("create", "configmap", CONFIG_MAP, "--from-literal=app.yml=a: 1")
        self.kubectl("annotate", "configmap", CONFIG_MAP, "surehup.dev/status=Applied")

    def kubectl(self, *argv: str, stdin: str | None = None) -> str:
        return self._server.kubectl(*argv, namespace=self._namespace, stdin=stdin)

    def patch(self, body: dict[str, object], *argv: str) -> None:
        self.kubectl("patch", "configmap", CONFIG_MAP, f"--patch={json.dumps(body)}", *argv)

    def count_errors(self) -> int:
        """How often the policy failed so far, which it is set to ignore."""
        page = self.kubectl("get", "--raw", "/metrics")
        counted = [line for line in page.splitlines() if f'policy="{POLICY}"' in line]
        assert counted
        return len([line for line in counted if 'error_type="no_error"' not in line])

    @property
    def status(self) -> str:
        path = r"--output=jsonpath={.metadata.annotations.surehup\.dev/status}"
        return self.kubectl("get", "configmap", CONFIG_MAP, path)


@pytest.fixture
def watched(api_server: ApiServer, restricted: str) -> Watched:
    return Watched(api_server, restricted)


def test_new_content_takes_the_verdict_back(watched: Watched) -> None:
    watched.patch({"data": {"app.yml": "a: 2"}})

    assert watched.status == "Pending"


def test_new_binary_content_does_too(watched: Watched) -> None:
    watched.patch({"binaryData": {"x": "eA=="}})

    assert watched.status == "Pending"


def test_apply_on_the_servers_side_does_too_and_owns_nothing(watched: Watched) -> None:
    manifest = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": CONFIG_MAP},
        "data": {"app.yml": "a: 2"},
    }
    apply = ("apply", "--server-side", "--force-conflicts", "--field-manager=flux", "-f", "-")

    watched.kubectl(*apply, stdin=json.dumps(manifest))
    assert watched.status == "Pending"

    watched.kubectl(
        "annotate", "--overwrite", "configmap", CONFIG_MAP, "surehup.dev/status=Applied"
    )
    watched.kubectl(*apply, stdin=json.dumps(manifest))
    assert watched.status == "Applied"


def test_other_changes_leave_the_verdict(watched: Watched) -> None:
    watched.patch({"metadata": {"labels": {"a": "b"}}})

    assert watched.status == "Applied"


def test_who_says_a_status_is_believed(watched: Watched) -> None:
    watched.patch(
        {
            "metadata": {"annotations": {"surehup.dev/status": "RolledBack"}},
            "data": {"app.yml": "a: 0"},
        }
    )

    assert watched.status == "RolledBack"


def test_config_maps_that_nobody_watches_are_left_alone(watched: Watched) -> None:
    watched.kubectl("annotate", "configmap", CONFIG_MAP, "surehup.dev/status-")

    watched.patch({"data": {"app.yml": "a: 2"}})

    assert watched.status == ""
    assert watched.count_errors() == 0
