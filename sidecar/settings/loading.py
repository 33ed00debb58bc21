"""Reads all settings at once. Imports pydantic and PyYAML: a running sidecar uses `child`.

Order: a flag beats its variable, which beats the file, which beats the preset. All problems are
told together, each with the flag, variable or field that it is about.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path

from pydantic import ValidationError

from sidecar.core.errors import SettingsError
from sidecar.presets.loading import load_preset
from sidecar.presets.model import DaemonShape
from sidecar.presets.problems import Problem, explain
from sidecar.settings.build import build_settings, fill_from_preset, name_bridge
from sidecar.settings.contradictions import find_contradictions, find_duplicates
from sidecar.settings.document import read_document
from sidecar.settings.flags import (
    ALL_ROOMS,
    CONFIG,
    Given,
    add_flags,
    make_parser,
    read_flags,
    read_variables,
)
from sidecar.settings.model import BridgeShape, FileShape
from sidecar.settings.overlay import BRIDGES, Overlay, merge
from sidecar.settings.values import Need, Settings

RUN_NEEDS = frozenset(Need)
TOKEN_FOLDER = Path("/var/run/secrets/kubernetes.io/serviceaccount")
RUN_TEXT = """\
Watch the mounted folder, check what appears there, tell the daemon to reload, and prove that it
did.

Every flag has an environment variable: --metrics-url is SUREHUP_METRICS_URL. A flag beats its
variable, which beats the settings file, which beats the preset."""


def load_settings(argv: Sequence[str], environ: Mapping[str, str]) -> Settings:
    """Read the settings of `surehup run`. `argv` is what follows ``run``.

    Raises `SettingsError` with all problems, one a line; `SystemExit` after ``--help``.
    """
    parser = make_parser("surehup run", RUN_TEXT)
    add_flags(parser)
    return settle(parser.parse_args(argv), environ)


def settle(
    args: argparse.Namespace,
    environ: Mapping[str, str],
    *,
    needs: frozenset[Need] = RUN_NEEDS,
) -> Settings:
    """Settle parsed flags, variables and the settings file that they name.

    `args` comes from a parser with `add_flags`; `needs` is what the command cannot do without.
    Raises `SettingsError` with all problems, one a line.
    """
    variables = read_variables(environ, ALL_ROOMS)
    flags = read_flags(args)
    given = {one.flag.name: one for one in merge(variables, flags)}
    config = given.pop(CONFIG.name, None)
    file = str(config.value) if config is not None else ""
    overlay = Overlay(file, read_document(file) if file else {})
    overlay.lay(given.values())
    if needs and overlay.raw.get(BRIDGES) in (None, []):
        overlay.raw[BRIDGES] = [{}]
    return _check(overlay, environ, needs, _say_origin(file, variables, flags))


def _say_origin(file: str, variables: Mapping[str, Given], flags: Mapping[str, Given]) -> str:
    told = {"variables": variables, "flags": flags}
    parts = (file, *(name for name, given in told.items() if given.keys() - {CONFIG.name}))
    return ", ".join(part for part in parts if part) or "defaults"


def _check(
    overlay: Overlay, environ: Mapping[str, str], needs: frozenset[Need], origin: str
) -> Settings:
    problems: list[Problem] = []
    shape: FileShape | None = None
    try:
        shape = FileShape.model_validate(overlay.raw)
    except ValidationError as error:
        problems.extend(explain(error, FileShape))
    own = shape.bridges if shape is not None else _salvage(overlay.raw)
    filled = []
    for index, bridge in enumerate(own):
        if bridge is None:
            continue
        done, troubles = _settle_bridge(bridge, environ, needs)
        filled.append(done)
        problems += [Problem((BRIDGES, index, *one.path), one.message) for one in troubles]
    if shape is not None:
        doubles = find_duplicates(filled, name_bridge)
        problems += [Problem((BRIDGES, *one.path), one.message) for one in doubles]
    if shape is None or problems:
        raise SettingsError("\n".join(overlay.say(problem) for problem in problems))
    return build_settings(shape, filled, origin)


def _salvage(raw: Mapping[str, object]) -> list[BridgeShape | None]:
    """The bridges that are well-formed, so that their contradictions are told in the same run."""
    bridges = raw.get(BRIDGES)
    return [_try(bridge) for bridge in bridges] if isinstance(bridges, list) else []


def _try(raw: object) -> BridgeShape | None:
    try:
        return BridgeShape.model_validate(raw)
    except ValidationError:
        return None


def _settle_bridge(
    own: BridgeShape, environ: Mapping[str, str], needs: frozenset[Need]
) -> tuple[BridgeShape, list[Problem]]:
    preset = load_preset(own.preset) if own.preset is not None else DaemonShape()
    own, missing = _name_namespace(own, environ)
    filled = fill_from_preset(own, preset)
    return filled, [*missing, *find_contradictions(own, filled, needs)]


def _name_namespace(
    own: BridgeShape, environ: Mapping[str, str]
) -> tuple[BridgeShape, list[Problem]]:
    """Complete an object's name with the pod's own namespace."""
    source = own.source
    for field, name in (("config_map", source.config_map), ("secret", source.secret)):
        if name is None or "/" in name:
            continue
        namespace = find_namespace(environ)
        if not namespace:
            spelled = "configMap" if field == "config_map" else field
            message = f"{name!r} has no namespace, and the pod's own is not known: write NS/{name}"
            return own, [Problem(("source", spelled), message)]
        whole = source.model_copy(update={field: f"{namespace}/{name}"})
        return own.model_copy(update={"source": whole}), []
    return own, []


def find_namespace(environ: Mapping[str, str], token_folder: Path = TOKEN_FOLDER) -> str:
    """The pod's namespace: POD_NAMESPACE, else as its service account says; empty if unknown."""
    try:
        told = (token_folder / "namespace").read_text("utf-8").strip()
    except (OSError, UnicodeError):
        told = ""
    return environ.get("POD_NAMESPACE") or told
