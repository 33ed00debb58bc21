from __future__ import annotations

import re

import pytest
import yaml

from sidecar.core.bridge import Command, OnInvalid, RefuseEmpty, SignalReload
from sidecar.core.errors import SettingsError
from sidecar.core.evidence import Children, Process, Reading, Sample
from sidecar.core.verdict import Verdict, find_unready, judge
from sidecar.presets.convert import to_checks, to_proof, to_reload, to_selector
from sidecar.presets.evidence import PROVING
from sidecar.presets.loading import load_preset, parse_preset
from sidecar.presets.model import DaemonShape
from sidecar.presets.names import list_presets
from tests.settings.helpers import load

WITHOUT_URL = {"nginx", "haproxy", "promtail", "traefik"}

NGINX_MASTER = "nginx: master process nginx -g daemon off;"

PROCESSES = [
    ("prometheus", "/bin/prometheus", True),
    ("prometheus", "/usr/bin/prometheus", True),
    ("prometheus", "prometheus", True),
    ("prometheus", "/bin/prometheus-config-reloader", False),
    ("prometheus", "/usr/bin/prometheus-node-exporter", False),
    ("prometheus", "/usr/bin/prometheus-alertmanager", False),
    ("alertmanager", "/bin/alertmanager", True),
    ("alertmanager", "/usr/bin/prometheus-alertmanager", True),
    ("blackbox_exporter", "/bin/blackbox_exporter", True),
    ("blackbox_exporter", "/usr/bin/prometheus-blackbox-exporter", True),
    ("snmp_exporter", "/bin/snmp_exporter", True),
    ("snmp_exporter", "/usr/bin/prometheus-snmp-exporter", True),
    ("nats", "/usr/local/bin/nats-server", True),
    ("nats", "nats-server", True),
    ("nats", "/usr/local/bin/nats-server-config-reloader", False),
    ("nginx", NGINX_MASTER, True),
    ("nginx", "nginx: master process /usr/sbin/nginx -c /etc/nginx/nginx.conf", True),
    ("nginx", "nginx: worker process", False),
    ("nginx", "nginx: worker process is shutting down", False),
    ("nginx", "nginx: cache manager process", False),
    ("haproxy", "/usr/local/sbin/haproxy", True),
    ("haproxy", "haproxy", True),
    ("vmalert", "/vmalert-prod", True),
    ("vmalert", "/usr/bin/vmalert", True),
    ("vmalert", "/vmalert-linux-amd64-prod", True),
    ("vmalert", "/vmalert-tool", False),
    ("vmagent", "/vmagent-prod", True),
    ("vmauth", "/vmauth-prod", True),
    ("thanos-rule", "/bin/thanos", True),
    ("caddy", "/usr/bin/caddy", True),
    ("alloy", "/bin/alloy", True),
    ("alloy", "/bin/alloy-linux-amd64", True),
    ("promtail", "/usr/bin/promtail", True),
    ("fluent-bit", "/fluent-bit/bin/fluent-bit", True),
    ("vector", "/usr/bin/vector", True),
    ("traefik", "/usr/local/bin/traefik", True),
    ("alert-history", "/app/alert-history", True),
    ("alert-history", "/alert-history-service", True),
]


@pytest.mark.parametrize(("name", "argv0", "means"), PROCESSES)
def test_a_preset_means_its_daemon_and_nothing_near_it(
    name: str, argv0: str, *, means: bool
) -> None:
    pattern = re.compile(to_selector(load_preset(name).target).process)
    texts = (argv0, argv0.rpartition("/")[2])
    assert any(pattern.fullmatch(text) for text in texts) is means


def test_every_preset_has_a_process_to_mean() -> None:
    assert {name for name, _, means in PROCESSES if means} == set(list_presets())


@pytest.mark.parametrize("name", list_presets())
def test_every_preset_is_whole(name: str) -> None:
    argv = ["--mount", "/x", "--preset", name]
    if name in WITHOUT_URL:
        argv += ["--metrics-url", "http://127.0.0.1:1/metrics"]
    (bridge,) = load(*argv).bridges
    preset = load_preset(name)
    assert bridge.proof.groups
    assert all(any(evidence.role in PROVING for evidence in group) for group in bridge.proof.groups)
    assert bridge.proof.deadline_s >= 5 + 2 * bridge.proof.cache_s
    assert isinstance(bridge.checks[0], RefuseEmpty)
    assert bridge.checks[0].files
    assert preset.traps
    assert preset.description
    assert preset.confirm.noop is not None
    assert preset.confirm.on_invalid is not None
    assert (preset.confirm.url is None) is (name in WITHOUT_URL)


@pytest.mark.parametrize("name", list_presets())
def test_a_preset_says_itself_again(name: str) -> None:
    preset = load_preset(name)
    data = preset.model_dump(mode="json", by_alias=True, exclude_none=True)
    assert parse_preset(yaml.safe_dump(data), name) == preset


@pytest.mark.parametrize("name", list_presets())
def test_a_check_is_never_skipped_where_invalid_content_is_an_outage(name: str) -> None:
    preset = load_preset(name)
    commands = [check for check in to_checks(preset) if isinstance(check, Command)]
    if preset.confirm.on_invalid in {OnInvalid.DIES, OnInvalid.OUTAGE}:
        assert any(not command.optional for command in commands)
    else:
        assert all(command.optional for command in commands)


def test_facts_that_differ_from_the_rule() -> None:
    assert to_reload(load_preset("caddy")) == SignalReload(number=10)
    nginx = to_proof(load_preset("nginx"))
    assert nginx.agree == 2
    assert [evidence.source for evidence in nginx.evidence] == [Children(leaving="shutting down")]
    haproxy = load("--mount", "/x", "--preset", "haproxy", "--metrics-url", "http://h/m").bridges[0]
    assert haproxy.proof.resolution_s == 1.0
    assert [len(group) for group in haproxy.proof.groups] == [1, 1]
    for name in ("vmalert", "vmagent", "vmauth"):
        proof = to_proof(load_preset(name))
        assert (proof.cache_s, proof.deadline_s, proof.resolution_s) == (1.0, 7.0, 1.0)


NEW, OLD = (
    "alert_history_config_reload",
    "alert_history_sighup_reloader",
)


def _newer(*, at: float, succeeded: float = 0, **failures: float) -> dict[str, Reading]:
    counts = {"success": succeeded, **failures}
    return {
        f"{NEW}_last_success_timestamp_seconds": at,
        **{f'{NEW}_total{{status="{status}"}}': count for status, count in counts.items()},
    }


def _older(*, at: float, succeeded: float = 0, **failures: float) -> dict[str, Reading]:
    counts = {"success": succeeded, **failures}
    return {
        f"{OLD}_last_reload_timestamp_seconds": at,
        **{f'{OLD}_reload_attempts_total{{status="{s}"}}': count for s, count in counts.items()},
    }


@pytest.mark.parametrize(
    ("before", "after", "verdict"),
    [
        (_newer(at=1), _newer(at=2, succeeded=1), Verdict.CONFIRMED),
        (_newer(at=1), _newer(at=2, succeeded=0), Verdict.WAIT),
        (_newer(at=1), _newer(at=1, failure=1), Verdict.FAILED),
        (_newer(at=1, error=3), _newer(at=1, error=4), Verdict.FAILED),
        (_newer(at=1), _newer(at=1, failed=1), Verdict.FAILED),
        (_older(at=1), _older(at=2, succeeded=1), Verdict.CONFIRMED),
        (_older(at=1), _older(at=2, failure=1), Verdict.FAILED),
        (_older(at=1), _older(at=2), Verdict.WAIT),
        (_older(at=1), _older(at=1), Verdict.WAIT),
    ],
)
def test_alert_history_is_proven_by_either_of_its_reloaders(
    before: dict[str, Reading], after: dict[str, Reading], verdict: Verdict
) -> None:
    proof = to_proof(load_preset("alert-history"))
    process = Process(pid=7, start_ticks=1)
    first = Sample(taken_s=0.0, process=process, readings=before)
    second = Sample(taken_s=1.0, process=process, readings=after)
    assert find_unready(proof, first) is None
    assert judge(proof, first, second, {}).verdict is verdict


def test_alert_history_that_shows_neither_is_not_ready() -> None:
    proof = to_proof(load_preset("alert-history"))
    look = Sample(taken_s=0.0, process=Process(pid=7, start_ticks=1), readings={})
    assert find_unready(proof, look) is not None


def test_defaults_of_the_shape_are_those_of_the_reference() -> None:
    proof = to_proof(DaemonShape())
    assert (proof.deadline_s, proof.cache_s, proof.agree) == (5.0, 0.0, 1)
    assert to_reload(DaemonShape()) == SignalReload(number=1)
    assert to_checks(DaemonShape()) == (RefuseEmpty(files=("*",)),)


def test_an_unknown_preset_is_refused() -> None:
    with pytest.raises(SettingsError, match=r"no preset 'ngnix'; did you mean 'nginx'\?"):
        load_preset("ngnix")
    with pytest.raises(SettingsError, match=r"no preset 'zzz'; known are alert-history, "):
        load_preset("zzz")


def test_a_broken_preset_names_its_field() -> None:
    with pytest.raises(SettingsError, match=r"^x.yaml: traps: is missing$"):
        parse_preset("description: x", "x")
