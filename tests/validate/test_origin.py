"""Whose program judges is what the settings file and the presets say."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from sidecar.core.bridge import Command, Origin
from sidecar.core.errors import SettingsError
from sidecar.presets.convert import to_checks
from sidecar.presets.loading import load_preset
from sidecar.presets.names import list_presets
from sidecar.settings.loading import load_settings
from tests.validate.images import make_judge_image, require_root

ROOT = Path(__file__).parents[2]
MANUAL = ROOT / "docs" / "validators.md"
BRIDGE = """\
bridges:
- name: judged
  source: {{mount: {mount}}}
  validate: [{{command: [{program}, -t, "{{file:a.conf}}"]{rest}}}]
  target: {{pid: {pid}}}
  confirm:
    url: http://127.0.0.1:9/metrics
    evidence: [[{{role: success_timestamp, metric: t}}]]
"""


def write_settings(folder: Path, rest: str, *, pid: int = 1, program: str = "judge") -> str:
    """A settings file with one command, of which `rest` says more."""
    file = folder / "surehup.yaml"
    mount = folder / "conf"
    file.write_text(BRIDGE.format(mount=mount, rest=rest, pid=pid, program=program), "utf-8")
    return f"--config={file}"


@pytest.mark.parametrize(
    ("rest", "origin"),
    [
        ("", Origin.ANY),
        (", from: any", Origin.ANY),
        (", from: target", Origin.TARGET),
        (", from: sidecar", Origin.SIDECAR),
    ],
)
def test_the_settings_file_says_whose_program_it_is(
    tmp_path: Path, rest: str, origin: Origin
) -> None:
    (bridge,) = load_settings([write_settings(tmp_path, rest)], {}).bridges
    assert [check.origin for check in bridge.checks if isinstance(check, Command)] == [origin]


def test_anybody_elses_program_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"validate\[0\]\.from: .*target"):
        load_settings([write_settings(tmp_path, ", from: daemon")], {})


@pytest.mark.parametrize("name", list_presets())
def test_presets_ask_the_daemons_own_program_first(name: str) -> None:
    """The version that judges is then the version that runs."""
    checks = to_checks(load_preset(name))
    origins = {check.origin for check in checks if isinstance(check, Command)}
    assert origins <= {Origin.TARGET}


@pytest.mark.parametrize("name", list_presets())
def test_the_manual_names_each_presets_program(name: str) -> None:
    rows = [row for row in MANUAL.read_text("utf-8").splitlines() if row.startswith(f"| `{name}` ")]
    told = [(row.split("`")[3].split()[0], row.rstrip(" |").split(" | ")[-1]) for row in rows]
    assert told == [
        (check.command[0], "skipped" if check.optional else "blocked")
        for check in load_preset(name).checks or ()
        if check.command
    ]


@pytest.mark.parametrize(
    ("content", "code", "said"),
    [("good\n", 6, "content: valid"), ("bad\n", 4, "a.conf:1: judge: bad word")],
)
def test_a_shell_has_the_containers_program_judge(
    tmp_path: Path, content: str, code: int, said: str
) -> None:
    """`judge` is nowhere but in the container's image."""
    require_root()
    (tmp_path / "conf").mkdir()
    (tmp_path / "conf" / "a.conf").write_text(content, "utf-8")
    with make_judge_image("glibc", tmp_path).run("/usr/bin/judge") as target:
        settings = write_settings(tmp_path, ", from: target", pid=target.pid)
        done = subprocess.run(
            [sys.executable, "-m", "sidecar", "reload", "--dry-run", settings],
            cwd=ROOT,
            env={name: text for name, text in os.environ.items() if "SUREHUP" not in name},
            capture_output=True,
            text=True,
            timeout=25,
            check=False,
        )
    assert said in done.stdout
    assert done.returncode == code, done.stderr
