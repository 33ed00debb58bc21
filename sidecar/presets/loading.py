"""Reads one preset. Imports pydantic and PyYAML: not for the running sidecar."""

from __future__ import annotations

import yaml
from pydantic import ValidationError

from sidecar.core.errors import SettingsError
from sidecar.presets.fields import suggest
from sidecar.presets.model import Preset
from sidecar.presets.names import list_presets, read_preset
from sidecar.presets.problems import explain, write_path


def load_preset(name: str) -> Preset:
    """What is known of the daemon `name`. Raises `SettingsError` for an unknown one."""
    known = list_presets()
    if name not in known:
        raise SettingsError(say_unknown(name))
    return parse_preset(read_preset(name), name)


def say_unknown(name: str) -> str:
    """Why there is no preset `name`, and which there are."""
    known = list(list_presets())
    hint = suggest(name, known) or f"; known are {', '.join(known)}"
    return f"there is no preset {name!r}{hint}"


def parse_preset(text: str, name: str) -> Preset:
    """Take the text of a preset apart. Raises `SettingsError` that names the field."""
    try:
        return Preset.model_validate(yaml.safe_load(text))
    except ValidationError as error:
        problem = next(explain(error, Preset))
        msg = f"{name}.yaml: {write_path(problem.path)}: {problem.message}"
        raise SettingsError(msg) from error
