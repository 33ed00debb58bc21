"""Where to read on, for findings that bring no link of their own."""

from __future__ import annotations

_SCRAPE = "https://prometheus.io/docs/prometheus/latest/configuration/configuration/"
_ALERTING = "https://prometheus.io/docs/alerting/latest/configuration/"
_CONFIG_MAP = "https://kubernetes.io/docs/concepts/configuration/configmap/"

LINKS = {
    "yaml": "https://yaml.org/spec/1.2.2/",
    "json": "https://www.rfc-editor.org/rfc/rfc8259",
    "toml": "https://toml.io/en/v1.0.0",
    "schema": "https://json-schema.org/understanding-json-schema/",
    "manifest": _CONFIG_MAP,
    "empty": _CONFIG_MAP,
    "preset": _CONFIG_MAP,
    "promtool": _SCRAPE,
    "prometheus": _SCRAPE,
    "amtool": _ALERTING,
    "alertmanager": _ALERTING,
    "nginx": "https://nginx.org/en/docs/",
    "haproxy": "https://docs.haproxy.org/",
    "caddy": "https://caddyserver.com/docs/caddyfile",
    "nats-server": "https://docs.nats.io/running-a-nats-service/configuration",
    "vector": "https://vector.dev/docs/reference/configuration/",
    "blackbox_exporter": "https://github.com/prometheus/blackbox_exporter",
    "prometheus-blackbox-exporter": "https://github.com/prometheus/blackbox_exporter",
}


def find_link(check: str) -> str:
    """The manual of what `check` judges; empty for programs that are not known here."""
    return LINKS.get(check, "")
