from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from sidecar.tell.metrics import Metrics
from sidecar.testing.clock import FakeClock
from tests.apiserver.server import ROOT
from tests.charts.helm import CHARTS, Helm, load_example, pick
from tests.charts.test_application import merge

FILES = CHARTS / "surehup-lib" / "files"
ALERTS = FILES / "surehup-alerts.yaml"
SERIES = re.compile(r"\bsurehup_\w+")
LABELS = 'namespace="shop", pod="web-0", bridge="app", instance="10.0.0.1:9808"'


@pytest.fixture(scope="module")
def shown() -> set[str]:
    """All series that a sidecar shows."""
    page, _ = Metrics(["app"], clock=FakeClock()).render("")
    return set(re.findall(r"^(surehup_\w+)", page.decode(), re.MULTILINE))


def rules() -> list[dict[str, Any]]:
    (group,) = yaml.safe_load(ALERTS.read_text())["groups"]
    listed: list[dict[str, Any]] = group["rules"]
    return listed


def promtool(*argv: str) -> str:
    done = subprocess.run(["promtool", *argv], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_rules_of_the_chart_are_rules(helm: Helm, tmp_path: Path) -> None:
    values = merge(load_example("prometheus"), {"sidecar": {"prometheusRule": {"enabled": True}}})
    rule = pick(helm.render("surehup", values), "PrometheusRule")
    path = tmp_path / "rules.yaml"
    path.write_text(yaml.safe_dump(rule["spec"]))

    assert f"SUCCESS: {len(rules())} rules found" in promtool("check", "rules", str(path))


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: str(rule["alert"]))
def test_alert_looks_at_series_that_are_there(rule: dict[str, Any], shown: set[str]) -> None:
    assert set(SERIES.findall(rule["expr"])) <= shown
    assert rule["annotations"].keys() == {"summary", "description", "runbook"}
    assert rule["labels"]["severity"] in {"info", "warning"}


FIRES = {
    "SurehupOutOfSync": {
        "surehup_config_out_of_sync_since_timestamp_seconds": ("60+0x60", "0+0x60"),
    },
    "SurehupRejected": {
        'surehup_reload_attempts_total{status="rejected", source="mount"}': ("0+1x60", "3+0x60"),
    },
    "SurehupReloadFailed": {
        'surehup_reload_attempts_total{status="unconfirmed", source="api"}': ("0+1x60", "3+0x60"),
    },
    "SurehupRestartUnsafe": {"surehup_config_restart_safe": ("0+0x60", "1+0x60")},
    "SurehupTargetDown": {"surehup_target_up": ("0+0x60", "1+0x60")},
    "SurehupApiDisconnected": {
        "surehup_api_connected": ("0+0x60", "1+0x60"),
        'surehup_api_requests_total{verb="get", code="200"}': ("5+0x60", "5+0x60"),
    },
    "SurehupPaused": {"surehup_paused": ("1+0x2880", "0+0x2880")},
}


def label(series: str) -> str:
    name, _, more = series.partition("{")
    return f"{name}{{{LABELS}{', ' + more if more else '}'}"


@pytest.mark.parametrize("alert", FIRES)
@pytest.mark.parametrize("fires", [True, False], ids=["fires", "is quiet"])
def test_alert(tmp_path: Path, alert: str, fires: bool) -> None:  # noqa: FBT001  a parameter
    series = [
        {"series": label(name), "values": values[0 if fires else 1]}
        for name, values in FIRES[alert].items()
    ]
    expression = f'count(ALERTS{{alertname="{alert}", alertstate="firing"}}) or vector(0)'
    at = "26h" if alert == "SurehupPaused" else "30m"
    expected = [{"labels": "{}", "value": int(fires)}]
    check = {"expr": expression, "eval_time": at, "exp_samples": expected}
    tests = {
        "rule_files": [str(ALERTS)],
        "evaluation_interval": "1m",
        "tests": [{"interval": "1m", "input_series": series, "promql_expr_test": [check]}],
    }
    path = tmp_path / "test.yaml"
    path.write_text(yaml.safe_dump(tests))

    promtool("test", "rules", str(path))


def test_all_alerts_are_tried() -> None:
    assert FIRES.keys() == {rule["alert"] for rule in rules()}


def test_sidecar_without_the_api_is_not_called_disconnected(tmp_path: Path) -> None:
    expr = next(rule["expr"] for rule in rules() if rule["alert"] == "SurehupApiDisconnected")
    series = [
        {"series": label("surehup_api_connected"), "values": "0+0x60"},
        {"series": label('surehup_api_requests_total{verb="get", code="200"}'), "values": "0+0x60"},
    ]
    check = {"expr": f"count({expr}) or vector(0)", "eval_time": "30m"}
    check["exp_samples"] = [{"labels": "{}", "value": 0}]  # type: ignore[assignment]
    tests = [{"interval": "1m", "input_series": series, "promql_expr_test": [check]}]
    path = tmp_path / "test.yaml"
    path.write_text(yaml.safe_dump({"rule_files": [str(ALERTS)], "tests": tests}))

    promtool("test", "rules", str(path))


def walk(value: object) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        yield value
        for inner in value.values():
            yield from walk(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from walk(inner)


def test_dashboard_looks_at_series_that_are_there(shown: set[str], tmp_path: Path) -> None:
    dashboard = json.loads((FILES / "surehup-dashboard.json").read_text())
    expressions = [one["expr"] for one in walk(dashboard) if "expr" in one]
    named = {name for text in expressions for name in SERIES.findall(text)}
    assert named <= shown
    assert len(expressions) > 10

    filled = [
        text.replace("$__rate_interval", "5m").replace("$namespace", ".*").replace("$pod", ".*")
        for text in expressions
    ]
    recorded = [{"record": f"x:{index}", "expr": text} for index, text in enumerate(filled)]
    path = tmp_path / "rules.yaml"
    path.write_text(yaml.safe_dump({"groups": [{"name": "x", "rules": recorded}]}))
    promtool("check", "rules", str(path))


def test_dashboard_names_no_data_source_of_its_own() -> None:
    dashboard = json.loads((FILES / "surehup-dashboard.json").read_text())
    sources = {one["datasource"]["uid"] for one in walk(dashboard) if "datasource" in one}

    assert sources == {"${datasource}"}
    ids = [panel["id"] for panel in dashboard["panels"]]
    assert len(ids) == len(set(ids))
    assert all(panel["title"] and panel["description"] for panel in dashboard["panels"])


def test_dashboard_comes_through_the_chart_unchanged(helm: Helm) -> None:
    values = merge(load_example("prometheus"), {"sidecar": {"dashboard": {"enabled": True}}})

    shipped = pick(helm.render("surehup", values), "ConfigMap", "demo-surehup-dashboard")

    ours = json.loads((FILES / "surehup-dashboard.json").read_text())
    assert json.loads(shipped["data"]["surehup.json"]) == ours
    assert shipped["metadata"]["labels"]["grafana_dashboard"] == "1"


def test_page_has_all_alerts() -> None:
    page = (ROOT / "docs" / "alerts.md").read_text()

    for rule in rules():
        assert f"## {rule['alert']}\n" in page
