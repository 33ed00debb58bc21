from __future__ import annotations

import json

import pytest
import yaml

from sidecar.cli import main
from sidecar.presets.loading import load_preset, parse_preset
from sidecar.presets.names import list_presets


def show(capsys: pytest.CaptureFixture[str], *argv: str) -> str:
    assert main(["presets", *argv]) == 0
    return capsys.readouterr().out


def test_the_table_has_a_line_for_each(capsys: pytest.CaptureFixture[str]) -> None:
    head, *rows = show(capsys).splitlines()
    assert head.split() == ["NAME", "RELOAD", "CHECKED", "BY", "WHAT", "IT", "IS"]
    assert [row.split()[0] for row in rows] == list(list_presets())
    cells = {row.split()[0]: row.split()[1:3] for row in rows}
    assert cells["caddy"] == ["SIGUSR1", "caddy"]
    assert cells["snmp_exporter"] == ["POST", "snmp_exporter"]
    assert cells["traefik"] == ["SIGHUP", "yaml"]


@pytest.mark.parametrize("name", list_presets())
def test_everything_of_one_is_shown(capsys: pytest.CaptureFixture[str], name: str) -> None:
    preset = load_preset(name)
    shown = show(capsys, name)
    words = " ".join(shown.split())
    assert shown.startswith(f"{name}: {preset.description}\n")
    assert f"surehup run --preset {name} --mount DIR" in shown
    for trap in preset.traps:
        assert " ".join(trap.split()) in words
    for group in preset.confirm.evidence or ():
        for evidence in group:
            assert (evidence.name or evidence.metric or evidence.json_field or "") in shown
    assert all(len(line) <= 130 for line in shown.splitlines())


def test_one_reads_as_people_say_it(capsys: pytest.CaptureFixture[str]) -> None:
    shown = show(capsys, "alertmanager")
    assert (
        """\
  process    (prometheus-)?alertmanager
  reload     SIGHUP
             POST http://127.0.0.1:9093/-/reload with --trigger http
  metrics    http://127.0.0.1:9093/metrics
  checks     yaml syntax
             amtool check-config {file:alertmanager.yml}  (if installed)
  proof      alertmanager_config_last_reload_successful is 1
             alertmanager_config_last_reload_success_timestamp_seconds moves
             alertmanager_config_hash names the content
  deadline   5s
  unchanged  its evidence moves as for a change
  invalid    it keeps what it runs
"""
        in shown
    )


def test_alternatives_and_options_are_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert "\n  or         worker processes are new ones\n" in show(capsys, "haproxy")
    assert "             ready is 'success'\n" in show(capsys, "prometheus")
    assert "config_digest names the content, where it is shown" in show(capsys, "nats")
    assert "metrics    give their address with --metrics-url" in show(capsys, "promtail")
    assert "SIGHUP with --trigger signal" in show(capsys, "alloy")


@pytest.mark.parametrize("name", list_presets())
def test_data_reads_back_the_same(capsys: pytest.CaptureFixture[str], name: str) -> None:
    assert parse_preset(show(capsys, name, "-o", "yaml"), name) == load_preset(name)
    assert parse_preset(show(capsys, name, "-o", "json"), name) == load_preset(name)


def test_all_data_at_once(capsys: pytest.CaptureFixture[str]) -> None:
    as_yaml = yaml.safe_load(show(capsys, "-o", "yaml"))
    as_json = json.loads(show(capsys, "--output", "json"))
    assert as_yaml == as_json
    assert sorted(as_json) == list(list_presets())


def test_an_unknown_one_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["presets", "promethus"]) == 3
    assert capsys.readouterr().err == (
        "surehup: there is no preset 'promethus'; did you mean 'prometheus'?\n"
    )


def test_an_unknown_output_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["presets", "-o", "xml"]) == 3
    assert "argument -o/--output: invalid choice: 'xml'" in capsys.readouterr().err
