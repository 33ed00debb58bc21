"""What the sidecar's own reader of settings makes of a container that charts wrote."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from sidecar.settings.flags import add_flags, make_parser
from sidecar.settings.loading import RUN_NEEDS, settle
from sidecar.settings.values import Settings

ANNOTATION = re.compile(r"metadata\.annotations\['(?P<key>.+)'\]")
FIELDS = {"metadata.name": "app-0", "metadata.namespace": "default", "metadata.uid": "1-2-3"}
SETTINGS_FILE = "/etc/surehup/settings.yaml"


def read_settings(pod: dict[str, Any], container: dict[str, Any], folder: Path) -> Settings:
    """The settings of `container` in `pod`, as its kubelet would start it."""
    annotations = pod["metadata"].get("annotations") or {}
    environ = {one["name"]: _resolve(one, annotations) for one in container.get("env", [])}
    file = folder / "settings.yaml"
    file.write_text(annotations.get("surehup.dev/settings", ""))
    command, *argv = (argument.replace(SETTINGS_FILE, str(file)) for argument in container["args"])
    assert command == "run"
    parser = make_parser("surehup run", "")
    add_flags(parser)
    return settle(parser.parse_args(argv), environ, needs=RUN_NEEDS)


def _resolve(variable: dict[str, Any], annotations: dict[str, str]) -> str:
    if "value" in variable:
        return str(variable["value"])
    path = variable["valueFrom"]["fieldRef"]["fieldPath"]
    asked = ANNOTATION.fullmatch(path)
    return annotations.get(asked["key"], "") if asked else FIELDS[path]
