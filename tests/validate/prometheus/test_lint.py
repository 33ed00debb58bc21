"""Every rule, broken and kept."""

from __future__ import annotations

import pytest

from sidecar.core.report import Finding, Severity
from sidecar.validate.prometheus.lint import lint
from sidecar.validate.prometheus.table import BY_CODE, RULES

JOB = """\
scrape_configs:
- job_name: a
  static_configs: [{targets: ["h:1"]}]
"""
ALERTS = b"groups: [{name: g, rules: [{alert: A, expr: up == 0}]}]"
RECORDS = b"groups: [{name: g, rules: [{record: a, expr: up}]}]"


def judge(text: str, kept: str = "file", mount: str = "", **files: bytes) -> list[Finding]:
    others = {key.replace("__", "/").replace("_", "."): body for key, body in files.items()}
    options = {"main_key": "prometheus.yml", "mount": mount, "kept": kept}
    return list(lint({"prometheus.yml": text.encode(), **others}, options))


def codes(text: str, kept: str = "file", mount: str = "", **files: bytes) -> list[str]:
    return [finding.code for finding in judge(text, kept, mount, **files)]


BROKEN = [
    ("PW101", "rule_files: [rules/*.yml]\n", 14),
    ("PW101", "rule_files: [gone.yml]\n", 14),
    ("PW102", "rule_files: ['**.yml']\nalerting: {alertmanagers: [{}]}\n", 14),
    ("PW103", "rule_files: ['*.yml']\n", 14),
    ("PW201", JOB + "  basic_auth: {username: u, password_file: pw}\n", 44),
    ("PW201", JOB + "  authorization: {credentials_file: token}\n", 37),
    ("PW202", JOB + "  tls_config: {ca_file: ca.crt}\n", 25),
    ("PW203", JOB + "  file_sd_configs: [{files: [t/*.json]}]\n", 30),
    ("PW204", "scrape_config_files: [jobs/*.yml]\n", 23),
    ("PW301", JOB + '- job_name: a\n  static_configs: [{targets: ["i:1"]}]\n', 13),
    ("PW302", JOB + '- job_name: b\n  static_configs: [{targets: ["h:1"]}]\n', 31),
    ("PW303", "scrape_configs:\n- job_name: a\n", 13),
    ("PW303", "scrape_configs:\n- job_name: a\n  static_configs: [{targets: []}]\n", 13),
    ("PW401", JOB + "  basic_auth: {username: u, password: hunter2}\n", 29),
    ("PW401", JOB + "  params: {token: [hunter2]}\n", 12),
    ("PW401", JOB + "  tls_config:\n    key: |\n      -----BEGIN RSA\n", 5),
    ("PW402", JOB + "  bearer_token: <secret>\n", 3),
    ("PW403", JOB + "  proxy_url: http://u:hunter2@proxy\n", 3),
    ("PW404", JOB + "  tls_config: {insecure_skip_verify: true}\n", 16),
    ("PW502", "remote_write: [{url: 'https://h'}]\n", 1),
    ("PW503", "global: {scrape_interval: 2m1s}\n", 27),
    ("PW503", JOB + "  scrape_interval: 5m\n", 20),
    ("PW504", JOB + "  metrics_path: /${TENANT}/m\n", 17),
    ("PW504", JOB + "  basic_auth: {username: u, password: '${PASS}'}\n", 39),
]


@pytest.mark.parametrize(("code", "text", "column"), BROKEN)
def test_a_broken_rule_is_found_at_its_place(code: str, text: str, column: int) -> None:
    found = [finding for finding in judge(text) if finding.code == code]
    assert [finding.column for finding in found] == [column]
    assert found[0].check == "prometheus"
    assert found[0].suggestion == BY_CODE[code].fix
    assert found[0].link.startswith("https://prometheus.io/docs/")
    assert "hunter2" not in str(found[0]) + found[0].excerpt


def test_plain_http_carries_no_credentials() -> None:
    remote = (
        "remote_write: [{{url: '{}', basic_auth: {{username: u}}}}]\n"
        "global: {{external_labels: {{a: b}}}}\n"
    )
    assert codes(remote.format("http://far:1/w")) == ["PW405"]
    assert codes(remote.format("https://far:1/w")) == []
    assert codes(remote.format("http://127.0.0.1:1/w")) == []
    assert codes(remote.format("http://[bad/w")) == []
    without = "remote_read: [{url: 'http://far:1/w'}]\n"
    assert codes(without) == []


def test_alerts_need_an_alertmanager() -> None:
    text = "rule_files: [rules/*.yml]\n"
    assert codes(text, rules__a_yml=ALERTS) == ["PW501"]
    assert codes(text, rules__a_yml=RECORDS) == []
    told = text + "alerting: {alertmanagers: [{static_configs: [{targets: ['am:9093']}]}]}\n"
    assert codes(told, rules__a_yml=ALERTS) == []


@pytest.mark.parametrize(
    "text",
    [
        JOB,
        JOB + "  basic_auth: {username: u, password: ''}\n",
        JOB + '- job_name: b\n  params: {m: [x]}\n  static_configs: [{targets: ["h:1"]}]\n',
        JOB + '- job_name: b\n  metrics_path: /b\n  static_configs: [{targets: ["h:1"]}]\n',
        JOB + "  relabel_configs: [{target_label: x, replacement: '${name}'}]\n",
        "scrape_configs:\n- job_name: a\n  dns_sd_configs: [{names: [x]}]\n",
        "scrape_configs:\n- &j\n  job_name: a\n  ec2_sd_configs: [{}]\n- {<<: *j, job_name: b}\n",
        "scrape_configs:\n- static_configs: [{targets: [x]}]\n- static_configs: [{targets: [y]}]\n",
        "global: {external_labels: {token: '${T}', password: x}, scrape_interval: 2m}\n",
        "global: {scrape_interval: often, query_log_file: /tmp/q}\n",
        "rule_files: [/elsewhere/*.yml, ../x.yml]\n",
        JOB + "  proxy_url: 'http://[bad'\n",
        "- a list\n",
        "",
        "a: [\n",
        "a: \xff\n",
        "[" * 200 + "]" * 200,
    ],
)
def test_nothing_is_said_of_what_is_fine_or_not_ours_to_judge(text: str) -> None:
    assert codes(text) == []


def test_a_file_that_is_no_text_is_left_to_other_checks() -> None:
    assert list(lint({"p": b"\xff"}, {"main_key": "p"})) == []
    assert list(lint({}, {"main_key": "p"})) == []


def test_absolute_paths_are_judged_where_the_mount_is_known() -> None:
    text = "rule_files: [/etc/prometheus/gone.yml, /etc/prometheus/r/*.yml, /other/x.yml]\n"
    assert codes(text) == []
    assert codes(text, mount="/etc/prometheus/", r__a_yml=RECORDS) == ["PW101"]


def test_the_mount_is_told_by_the_paths_that_name_files_at_hand() -> None:
    text = "rule_files: [/etc/config/there.yml, /etc/config/gone.yml]\n"
    findings = judge(text, there_yml=RECORDS)
    assert [finding.message for finding in findings] == ["'/etc/config/gone.yml' is not there"]


def test_relative_paths_are_those_of_the_main_file() -> None:
    files = {"p/prometheus.yml": b"rule_files: [r/*.yml]\n", "p/r/a.yml": RECORDS}
    assert list(lint(files, {"main_key": "p/prometheus.yml"})) == []
    assert list(lint({**files, "p/r/a.yml": ALERTS}, {"main_key": "p/prometheus.yml"})) != []


def test_wildcards_are_those_of_go() -> None:
    text = "rule_files: ['*.rules', '[^a]?.yml']\nalerting: {alertmanagers: [{}]}\n"
    assert codes(text, r__a_rules=RECORDS, ab_yml=RECORDS) == ["PW101", "PW101"]
    assert codes(text, b_rules=RECORDS, bb_yml=RECORDS) == []


@pytest.mark.parametrize(
    ("kept", "severity"), [("configmap", Severity.ERROR), ("file", Severity.WARNING)]
)
def test_where_it_is_kept_decides_how_grave_a_secret_is(kept: str, severity: Severity) -> None:
    text = JOB + "  bearer_token: hunter2\n"
    assert [finding.severity for finding in judge(text, kept)] == [severity]
    assert judge(text, "secret") == []
    assert codes(JOB + "  bearer_token: <secret>\n", "secret") == ["PW402"]


def test_what_keys_cannot_hold_may_come_from_another_volume() -> None:
    text = "rule_files: [rules/*.yml, flat.yml]\n"
    findings = judge(text, "configmap")
    assert [finding.severity for finding in findings] == [Severity.INFO, Severity.WARNING]
    assert "unless another volume brings it" in findings[0].message


def test_shared_nodes_are_told_of_once() -> None:
    text = (
        "scrape_configs:\n- job_name: a\n  static_configs: [{targets: [x]}]\n"
        "  basic_auth: &b {password: p}\n- job_name: b\n  static_configs: [{targets: [y]}]\n"
        "  basic_auth: *b\n"
    )
    assert codes(text) == ["PW401"]


def test_every_rule_is_tried_here() -> None:
    tried = {code for code, _, _ in BROKEN} | {"PW405", "PW501"}
    assert tried == {rule.code for rule in RULES}
