"""Tells the daemon by the name of a file, or by what stands at its top."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import PurePath

import yaml

NAMES = {
    "prometheus.yml": "prometheus",
    "prometheus.yaml": "prometheus",
    "alertmanager.yml": "alertmanager",
    "alertmanager.yaml": "alertmanager",
    "blackbox.yml": "blackbox_exporter",
    "blackbox.yaml": "blackbox_exporter",
    "snmp.yml": "snmp_exporter",
    "nginx.conf": "nginx",
    "haproxy.cfg": "haproxy",
    "Caddyfile": "caddy",
    "nats.conf": "nats",
    "fluent-bit.conf": "fluent-bit",
    "config.alloy": "alloy",
    "promtail.yml": "promtail",
    "promtail.yaml": "promtail",
    "vector.yaml": "vector",
}
YAML_ENDINGS = (".yml", ".yaml")
MOST_TOP_KEYS = 200
_PROBER = re.compile(rb"^\s+[\"']?prober[\"']?:", re.MULTILINE)

Tops = frozenset[str]

_TOPS: tuple[tuple[str, Callable[[Tops], bool]], ...] = (
    ("promtail", lambda tops: "scrape_configs" in tops and bool({"clients", "positions"} & tops)),
    ("alertmanager", lambda tops: {"route", "receivers"} <= tops),
    ("prometheus", lambda tops: "scrape_configs" in tops and "server" not in tops),
    ("prometheus", lambda tops: {"global", "rule_files"} <= tops),
)


def guess_by_name(key: str) -> str:
    """The preset that a file's name tells, or nothing."""
    return NAMES.get(PurePath(key).name, "")


def guess_by_content(key: str, content: bytes) -> str:
    """The preset that the top of a YAML file tells, or nothing."""
    if not key.endswith(YAML_ENDINGS):
        return ""
    tops = list_top_keys(content)
    for preset, fits in _TOPS:
        if fits(tops):
            return preset
    if "modules" in tops and _PROBER.search(content):
        return "blackbox_exporter"
    return ""


def guess(files: Mapping[str, bytes]) -> tuple[str, str]:
    """Preset and main key of files that belong together; names speak before contents."""
    for key in sorted(files, key=lambda key: (key.count("/"), key)):
        preset = guess_by_name(key)
        if preset:
            return preset, key
    for key in sorted(files):
        preset = guess_by_content(key, files[key])
        if preset:
            return preset, key
    return "", ""


def choose_main_key(preset: str, usual: str, files: Mapping[str, bytes]) -> str:
    """The key that a daemon of `preset` starts from: its usual one, else one that looks like it."""
    if usual in files:
        return usual
    named = [key for key in files if guess_by_name(key) == preset]
    alike = named or [key for key in files if guess_by_content(key, files[key]) == preset]
    return min(alike, key=_by_depth) if alike else usual


def _by_depth(key: str) -> tuple[int, str]:
    return key.count("/"), key


def list_top_keys(content: bytes) -> Tops:
    """The keys of the first document's root; of a broken file those before the break."""
    tops: set[str] = set()
    try:
        for key in _iterate_top_keys(yaml.parse(content, Loader=yaml.CSafeLoader)):
            tops.add(key)
            if len(tops) == MOST_TOP_KEYS:
                break
    except yaml.YAMLError:
        pass
    return frozenset(tops)


def _iterate_top_keys(events: Iterable[yaml.Event]) -> Iterable[str]:
    depth, key_next = 0, True
    for event in events:
        if isinstance(event, yaml.DocumentEndEvent):
            return
        if isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
            key_next = key_next or depth == 1
            continue
        if depth == 1 and isinstance(event, yaml.NodeEvent):
            if key_next and isinstance(event, yaml.ScalarEvent):
                yield event.value
            key_next = not key_next and not isinstance(event, yaml.CollectionStartEvent)
        if isinstance(event, yaml.CollectionStartEvent):
            if depth == 0 and not isinstance(event, yaml.MappingStartEvent):
                return
            depth += 1
