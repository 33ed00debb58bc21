"""The daemons that the tests run, and what each shows of a reload.

Measured on Prometheus 2.42, Alertmanager 0.25, blackbox_exporter 0.23, NATS 2.9.10, nginx 1.22.1,
HAProxy 2.6.12, vmalert and vmagent 1.79.5, Caddy 2.11.7.
"""

from __future__ import annotations

import signal
import sys
from pathlib import Path

from sidecar.core.bridge import Noop, OnInvalid
from sidecar.core.evidence import (
    Absent,
    Children,
    DigestAlgorithm,
    Evidence,
    JsonField,
    Page,
    Role,
    Series,
)
from tests.daemons.evidence import counts, ok, succeeded_at
from tests.daemons.harness import DaemonSpec, Files, Place

DEAD_END = "http://127.0.0.1:1"

PROMETHEUS_OK = "prometheus_config_last_reload_successful"
PROMETHEUS_TIME = "prometheus_config_last_reload_success_timestamp_seconds"
ALERTMANAGER_OK = "alertmanager_config_last_reload_successful"
ALERTMANAGER_TIME = "alertmanager_config_last_reload_success_timestamp_seconds"
ALERTMANAGER_HASH = "alertmanager_config_hash"
BLACKBOX_OK = "blackbox_exporter_config_last_reload_successful"
BLACKBOX_TIME = "blackbox_exporter_config_last_reload_success_timestamp_seconds"
HAPROXY_TIME = "haproxy_process_start_time_seconds"
VMALERT_OK = "vmalert_config_last_reload_successful"
VMALERT_TIME = "vmalert_config_last_reload_success_timestamp_seconds"
VMALERT_TOTAL = "vmalert_config_last_reload_total"
VMALERT_ERRORS = "vmalert_config_last_reload_errors_total"
DEAD_TARGET = "127.0.0.1:1"
VMAGENT_TOTAL = "vm_promscrape_config_reloads_total"
CADDY_OK = "caddy_config_last_reload_successful"
CADDY_TIME = "caddy_config_last_reload_success_timestamp_seconds"
DEMO_OK = "demo_config_last_reload_successful"
DEMO_TIME = "demo_config_last_reload_success_timestamp_seconds"
DEMO_HASH = "demo_config_hash"


def _prometheus(n: int) -> Files:
    return {
        "prometheus.yml": f"global: {{scrape_interval: {15 + n}s}}\nrule_files: [rules.yml]\n",
        "rules.yml": "groups: [{name: g, rules: [{record: one, expr: vector(1)}]}]\n",
    }


PROMETHEUS = DaemonSpec(
    name="prometheus",
    program="prometheus",
    argv=lambda place: [
        f"--config.file={place.folder}/prometheus.yml",
        f"--storage.tsdb.path={place.scratch}/data",
        f"--web.listen-address=127.0.0.1:{place.port}",
        "--web.enable-lifecycle",
    ],
    valid=lambda _, n: _prometheus(n),
    invalid=lambda _: {
        **_prometheus(0),
        "prometheus.yml": "global: {scrape_interval: soon}\n",
    },
    url="http://127.0.0.1:{port}/metrics",
    process="prometheus",
    validators=(("promtool", "check", "config", "{dir}/prometheus.yml"),),
    # The page shows 1 and a time before the first load, which moves that time again: without the
    # third evidence, whose page answers 503 until then, a start passes for a reload.
    groups=(
        (
            ok(PROMETHEUS_OK),
            succeeded_at(PROMETHEUS_TIME),
            Evidence(
                name="ready",
                role=Role.PROBE,
                source=JsonField(field="status", path="/api/v1/status/runtimeinfo"),
                equals="success",
            ),
        ),
    ),
    refusal="(?i)level=error.*reloading config",
    invalid_does=OnInvalid.PARTIAL,
    on_unchanged=frozenset({PROMETHEUS_TIME}),
    on_valid=frozenset({PROMETHEUS_TIME}),
    on_invalid=frozenset({PROMETHEUS_OK}),
)

ALERTMANAGER = DaemonSpec(
    name="alertmanager",
    program="prometheus-alertmanager",
    argv=lambda place: [
        f"--config.file={place.folder}/alertmanager.yml",
        f"--storage.path={place.scratch}",
        f"--web.listen-address=127.0.0.1:{place.port}",
        "--cluster.listen-address=",
    ],
    valid=lambda _, n: {
        "alertmanager.yml": f"route: {{receiver: none, group_wait: {10 + n}s}}\n"
        "receivers: [{name: none}]\n"
    },
    invalid=lambda _: {"alertmanager.yml": "route: {receiver: nobody}\nreceivers: []\n"},
    url="http://127.0.0.1:{port}/metrics",
    process="(prometheus-)?alertmanager",
    validators=(("amtool", "check-config", "{dir}/alertmanager.yml"),),
    groups=(
        (
            ok(ALERTMANAGER_OK),
            succeeded_at(ALERTMANAGER_TIME),
            Evidence(
                name=ALERTMANAGER_HASH,
                role=Role.DIGEST,
                source=Series(metric=ALERTMANAGER_HASH),
                algorithm=DigestAlgorithm.MD5_LE48,
                file="alertmanager.y*ml",
            ),
        ),
    ),
    refusal="(?i)level=error.*file failed",
    on_unchanged=frozenset({ALERTMANAGER_TIME}),
    on_valid=frozenset({ALERTMANAGER_TIME, ALERTMANAGER_HASH}),
    on_invalid=frozenset({ALERTMANAGER_OK}),
)

BLACKBOX = DaemonSpec(
    name="blackbox_exporter",
    program="prometheus-blackbox-exporter",
    argv=lambda place: [
        f"--config.file={place.folder}/blackbox.yml",
        f"--web.listen-address=127.0.0.1:{place.port}",
    ],
    valid=lambda _, n: {"blackbox.yml": f"modules: {{web_{n}: {{prober: http}}}}\n"},
    invalid=lambda _: {"blackbox.yml": "modules: {web: {prober: http, timeout: soon}}\n"},
    url="http://127.0.0.1:{port}/metrics",
    process="(prometheus-)?blackbox.exporter",
    validators=(
        (
            "prometheus-blackbox-exporter",
            "--config.check",
            "--config.file={dir}/blackbox.yml",
        ),
    ),
    groups=(
        (
            ok(BLACKBOX_OK),
            succeeded_at(BLACKBOX_TIME),
            Evidence(name="config", role=Role.ECHO, source=Page(path="/config")),
        ),
    ),
    refusal="(?i)level=error.*reloading config",
    on_unchanged=frozenset({BLACKBOX_TIME}),
    on_valid=frozenset({BLACKBOX_TIME, "config"}),
    on_invalid=frozenset({BLACKBOX_OK}),
)

NATS = DaemonSpec(
    name="nats",
    program="nats-server",
    argv=lambda place: ["-c", f"{place.folder}/nats.conf"],
    valid=lambda place, n: {
        "nats.conf": f"listen: 127.0.0.1:{place.port}\nhttp: 127.0.0.1:{place.other_port}\n"
        f"max_connections: {100 + n}\n"
    },
    invalid=lambda place: {
        "nats.conf": f"listen: 127.0.0.1:{place.port}\nhttp: 127.0.0.1:{place.other_port}\n"
        "no_such_option: 1\n"
    },
    url="http://127.0.0.1:{other_port}/varz",
    process="nats-server",
    validators=(("nats-server", "-t", "-c", "{dir}/nats.conf"),),
    groups=(
        (
            Evidence(
                name="config_load_time",
                role=Role.SUCCESS_TIMESTAMP,
                source=JsonField(field="config_load_time"),
            ),
            Evidence(
                name="config_digest",
                role=Role.DIGEST,
                source=JsonField(field="config_digest"),
                absent=Absent.OPTIONAL,
            ),
        ),
    ),
    refusal=r"\[ERR\].*[Rr]eload",
    on_unchanged=frozenset({"config_load_time"}),
    on_valid=frozenset({"config_load_time"}),
)


def _nginx(place: Place, server: str) -> Files:
    return {
        "nginx.conf": f"""
daemon off;
user root;
worker_processes 2;
pid {place.scratch}/nginx.pid;
error_log stderr notice;
events {{ worker_connections 64; }}
http {{
  access_log off;
  client_body_temp_path {place.scratch}/body;
  proxy_temp_path {place.scratch}/proxy;
  fastcgi_temp_path {place.scratch}/fastcgi;
  uwsgi_temp_path {place.scratch}/uwsgi;
  scgi_temp_path {place.scratch}/scgi;
  server {{ listen 127.0.0.1:{place.port}; {server} }}
}}
"""
    }


NGINX = DaemonSpec(
    name="nginx",
    program="nginx",
    argv=lambda place: ["-c", f"{place.folder}/nginx.conf", "-e", f"{place.scratch}/early.log"],
    valid=lambda place, n: _nginx(place, f'location /version {{ return 200 "{n}\\n"; }}'),
    invalid=lambda place: _nginx(place, "no_such_directive on;"),
    url="http://127.0.0.1:{port}/version",
    process="nginx.*",
    validators=(("nginx", "-t", "-q", "-c", "{dir}/nginx.conf"),),
    groups=(
        (Evidence(name="workers", role=Role.GENERATION, source=Children(leaving="shutting down")),),
    ),
    refusal=r"\[emerg\]",
    agree=3,
    on_unchanged=frozenset({"workers"}),
    on_valid=frozenset({"workers"}),
)


def _haproxy(place: Place, more: str) -> Files:
    return {
        "haproxy.cfg": f"""
defaults
  mode http
  timeout client 5s
  timeout server 5s
  timeout connect 5s
frontend metrics
  bind 127.0.0.1:{place.port}
  http-request use-service prometheus-exporter if {{ path /metrics }}
  {more}
"""
    }


HAPROXY = DaemonSpec(
    name="haproxy",
    program="haproxy",
    argv=lambda place: ["-W", "-f", f"{place.folder}/haproxy.cfg"],
    valid=lambda place, n: _haproxy(place, f"maxconn {100 + n}"),
    invalid=lambda place: _haproxy(place, "no-such-keyword"),
    url="http://127.0.0.1:{port}/metrics?scope=global",
    process="haproxy",
    validators=(("haproxy", "-c", "-q", "-f", "{dir}/haproxy.cfg"),),
    groups=(
        (
            succeeded_at(HAPROXY_TIME, resolution_s=1.0),
            Evidence(name="workers", role=Role.GENERATION, source=Children(replaced="any")),
        ),
    ),
    refusal=r"\[ALERT\].*haproxy.cfg",
    invalid_does=OnInvalid.OUTAGE,
    on_unchanged=frozenset({HAPROXY_TIME, "workers"}),
    on_valid=frozenset({HAPROXY_TIME, "workers"}),
)

VMALERT = DaemonSpec(
    name="vmalert",
    program="vmalert",
    argv=lambda place: [
        f"-rule={place.folder}/rules.yml",
        f"-datasource.url={DEAD_END}",
        f"-remoteWrite.url={DEAD_END}",
        f"-notifier.url={DEAD_END}",
        f"-httpListenAddr=127.0.0.1:{place.port}",
    ],
    valid=lambda _, n: {
        "rules.yml": "groups:\n- name: g\n  interval: 1s\n  rules:\n"
        f"  - {{record: one, expr: vector({n})}}\n"
    },
    invalid=lambda _: {"rules.yml": "groups: [{name: g, rules: [{record: one, expr: 'vector('}]}]"},
    url="http://127.0.0.1:{port}/metrics",
    process="vmalert(-prod)?",
    validators=(("vmalert", "-dryRun", "-rule={dir}/rules.yml"),),
    groups=(
        (
            ok(VMALERT_OK),
            succeeded_at(VMALERT_TIME, resolution_s=1.0),
            counts(VMALERT_TOTAL, Role.ATTEMPT_TIMESTAMP),
            counts(VMALERT_ERRORS, Role.FAILURE_COUNTER),
        ),
    ),
    refusal="error.*reload|cannot parse",
    cache_s=1.0,
    noop=Noop.STAYS,
    deadline_s=7.0,
    on_unchanged=frozenset({VMALERT_TOTAL}),
    on_valid=frozenset({VMALERT_TOTAL, VMALERT_TIME}),
    on_invalid=frozenset({VMALERT_OK, VMALERT_TOTAL, VMALERT_ERRORS}),
)

VMAGENT = DaemonSpec(
    name="vmagent",
    program="vmagent",
    argv=lambda place: [
        f"-promscrape.config={place.folder}/prometheus.yml",
        f"-remoteWrite.url={DEAD_END}",
        f"-remoteWrite.tmpDataPath={place.scratch}/queue",
        f"-httpListenAddr=127.0.0.1:{place.port}",
    ],
    # Newer ones do not count a change that no target of theirs feels.
    valid=lambda _, n: {
        "prometheus.yml": f"global: {{scrape_interval: {15 + n}s}}\n"
        f"scrape_configs: [{{job_name: j, static_configs: [{{targets: ['{DEAD_TARGET}']}}]}}]\n"
    },
    invalid=lambda _: {"prometheus.yml": "global: {scrape_interval: [}\n"},
    url="http://127.0.0.1:{port}/metrics",
    process="vmagent(-prod)?",
    validators=(
        (
            "vmagent",
            "-dryRun",
            "-promscrape.config={dir}/prometheus.yml",
            f"-remoteWrite.url={DEAD_END}",
        ),
    ),
    groups=((counts(VMAGENT_TOTAL, Role.SUCCESS_COUNTER),),),
    refusal="error.*on SIGHUP",
    heard="nothing changed in",
    cache_s=1.0,
    noop=Noop.STAYS,
    deadline_s=7.0,
    on_valid=frozenset({VMAGENT_TOTAL}),
)


def _caddy(place: Place, site: str) -> Files:
    return {
        "Caddyfile": f"{{\n  admin 127.0.0.1:{place.port}\n  auto_https off\n}}\n"
        f"http://127.0.0.1:{place.other_port} {{\n  {site}\n}}\n"
    }


CADDY = DaemonSpec(
    name="caddy",
    program=str(Path(sys.executable).parent / "caddy"),
    argv=lambda place: [
        "run",
        "--config",
        f"{place.folder}/Caddyfile",
        "--adapter",
        "caddyfile",
    ],
    valid=lambda place, n: _caddy(place, f'respond "{n}"'),
    invalid=lambda place: _caddy(place, "no_such_directive"),
    url="http://127.0.0.1:{port}/metrics",
    process="caddy",
    validators=(("caddy", "validate", "--adapter", "caddyfile", "--config", "{dir}/Caddyfile"),),
    groups=((ok(CADDY_OK), succeeded_at(CADDY_TIME)),),
    refusal='"level":"error".*(adapt|config|reload)',
    signal=signal.SIGUSR1,
    on_unchanged=frozenset({CADDY_TIME}),
    on_valid=frozenset({CADDY_TIME}),
)


def demo(*habits: str) -> DaemonSpec:
    """The small daemon that we ship, with the flags in `habits`."""
    return DaemonSpec(
        name="demo",
        program=sys.executable,
        argv=lambda place: [
            *("-m", "sidecar.testing.daemon"),
            *("--config", f"{place.folder}/demo.conf"),
            *("--listen", f"127.0.0.1:{place.port}"),
            *habits,
        ],
        valid=lambda _, n: {"demo.conf": f"message: hello {n}\n"},
        invalid=lambda _: {"demo.conf": "invalid\n"},
        url="http://127.0.0.1:{port}/metrics",
        process="python.*",
        validators=(
            (
                *(sys.executable, "-m", "sidecar.testing.daemon"),
                *("--check", "--config", "{dir}/demo.conf"),
            ),
        ),
        groups=(
            (
                ok(DEMO_OK),
                succeeded_at(DEMO_TIME),
                Evidence(
                    name=DEMO_HASH,
                    role=Role.DIGEST,
                    source=Series(metric=DEMO_HASH),
                    algorithm=DigestAlgorithm.MD5_LE48,
                ),
                Evidence(name="config", role=Role.ECHO, source=Page(path="/config")),
            ),
        ),
        refusal="reload refused",
        on_unchanged=frozenset({DEMO_TIME}),
        on_valid=frozenset({DEMO_TIME, DEMO_HASH, "config"}),
        on_invalid=frozenset({DEMO_OK}),
    )


DEMO = demo()

SPECS = (
    PROMETHEUS,
    ALERTMANAGER,
    BLACKBOX,
    NATS,
    NGINX,
    HAPROXY,
    VMALERT,
    VMAGENT,
    CADDY,
    DEMO,
)
