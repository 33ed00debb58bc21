"""Refuses emptiness: the edit that deletes everything is valid to many daemons, and an outage.

`promtool check config` accepts an empty file (Prometheus 2.42), so does `nats-server -t` of 2.9.
"""

from __future__ import annotations

import codecs

import yaml

from sidecar.core.report import Finding
from sidecar.core.snapshot import Snapshot
from sidecar.validate.globs import pick

CHECK = "empty"
YAML_ENDINGS = (".yaml", ".yml")
NOTHING = frozenset({"", "~", "null", "Null", "NULL"})


def check_empty(candidate: Snapshot, globs: tuple[str, ...]) -> list[Finding]:
    """A finding for a candidate without keys, else one for each empty file among `globs`."""
    if not candidate.files:
        message = "the source has no keys at all: if that is meant, delete the workload instead"
        return [Finding(check=CHECK, code="no-keys", message=message)]
    return [
        Finding(check=CHECK, code="empty-file", file=key, message=reason)
        for key, content in pick(candidate.files, globs).items()
        if (reason := _say_emptiness(key, content))
    ]


def _say_emptiness(key: str, content: bytes) -> str:
    if not content.removeprefix(codecs.BOM_UTF8) or content.isspace():
        return "is empty"
    if key.endswith(YAML_ENDINGS) and _holds_nothing(content):
        return "holds comments and nothing else"
    return ""


def _holds_nothing(content: bytes) -> bool:
    """Whether no document has a value; stops at the first. What is no YAML is not empty."""
    try:
        for event in yaml.parse(content, Loader=yaml.CSafeLoader):
            if isinstance(event, yaml.CollectionStartEvent):
                return False
            if isinstance(event, yaml.ScalarEvent) and (event.style or event.value not in NOTHING):
                return False
    except yaml.YAMLError:
        return False
    return True
