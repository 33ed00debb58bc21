from __future__ import annotations

from pathlib import Path

import pytest

from sidecar.presets.loading import load_preset
from sidecar.presets.names import list_presets
from tests.settings.helpers import ENOUGH, load, refuse, write

FILE = """\
apiVersion: surehup.dev/v1alpha1
bridges:
- preset: alertmanager
  source: {mount: /etc/alertmanager}
  secrets: [%s]
"""


def test_a_preset_says_what_else_is_secret() -> None:
    (known,) = load(*ENOUGH).secrets.values()
    assert known == tuple(load_preset("prometheus").secrets or ())
    assert "basic_auth" in known


def test_the_users_own_secrets_add_to_those_of_the_preset(tmp_path: Path) -> None:
    settings = load("--config", write(tmp_path, FILE % "jira.*.labels, api_key"))
    known = settings.secrets["alertmanager"]
    assert {"slack_configs.api_url", "jira.*.labels"} < set(known)
    assert known.count("api_key") == 1


def test_a_daemon_without_secrets_has_none() -> None:
    assert list(load(*ENOUGH[:2], "--preset", "thanos-rule").secrets.values()) == [()]


@pytest.mark.parametrize("path", ["''", "a..b", ".a", "'a b'", "7"])
def test_what_is_no_path_is_refused(path: str, tmp_path: Path) -> None:
    (problem,) = refuse("--config", write(tmp_path, FILE % path))
    assert "bridges[0].secrets[0]" in problem
    assert "is no path of names" in problem


def test_no_preset_masks_everything() -> None:
    for name in list_presets():
        assert all(path.rpartition(".")[2] != "*" for path in load_preset(name).secrets or ())
