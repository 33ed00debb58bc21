"""Settles the preset and the main file of each unit: by flag, by annotation, by content."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from sidecar.cli.checking.gather import INPUT_NAME, Wanted
from sidecar.cli.checking.guess import choose_main_key, guess
from sidecar.cli.checking.unit import Unit
from sidecar.core.report import Finding
from sidecar.presets.loading import load_preset, say_unknown
from sidecar.presets.names import list_presets
from sidecar.validate.manifests.read import PRESET_ANNOTATION

NONE = "none"
"""As a preset: the content is not to be guessed from."""


def settle(units: Sequence[Unit], wanted: Wanted) -> list[Unit]:
    """The units with preset and main key. Raises `SettingsError` for an unknown `wanted.preset`."""
    usual = _name_usual_file(wanted.preset)
    candidates = [unit for unit in units if not unit.is_manifest_file]
    meant = [unit for unit in candidates if _is_meant(unit, wanted, usual)]
    if not meant and wanted.preset:
        meant = candidates
    ids = {id(unit) for unit in meant}
    return [_settle(unit, wanted, flagged=id(unit) in ids) for unit in units]


def _name_usual_file(preset: str) -> str:
    return load_preset(preset).file or "" if preset and preset != NONE else ""


def _is_meant(unit: Unit, wanted: Wanted, usual: str) -> bool:
    """Whether a preset that was given by flag is for this unit: it has the main file, or one alike.

    A preset without a main file (vmalert) is for all.
    """
    if not wanted.preset:
        return False
    main = wanted.file or usual
    if not main or wanted.preset == NONE:
        return True
    return choose_main_key(wanted.preset, main, unit.files) in unit.files


def _settle(unit: Unit, wanted: Wanted, *, flagged: bool) -> Unit:
    if unit.is_manifest_file:
        return unit
    preset, main_key = unit.preset, unit.main_key
    findings = unit.findings
    if flagged:
        preset = wanted.preset
    elif preset and preset != NONE and preset not in list_presets():
        findings = (*findings, _refuse(unit, preset))
        preset = NONE
    elif not preset:
        preset, main_key = guess(unit.files)
    if preset in {NONE, ""}:
        return replace(unit, preset="", main_key=wanted.file, findings=findings)
    unit = _name_input(unit, preset)
    main_key = _choose_main_key(unit, preset, wanted, main_key)
    mount = unit.mount or wanted.mount
    return replace(unit, preset=preset, main_key=main_key, findings=findings, mount=mount)


def _choose_main_key(unit: Unit, preset: str, wanted: Wanted, known: str) -> str:
    if wanted.file and wanted.file in unit.files:
        return wanted.file
    if known in unit.files:
        return known
    usual = wanted.file or _name_usual_file(preset)
    chosen = choose_main_key(preset, usual, unit.files)
    alone = next(iter(unit.files), "") if len(unit.files) == 1 and not unit.resource else ""
    return chosen if chosen in unit.files or not alone else alone


def _name_input(unit: Unit, preset: str) -> Unit:
    """Standard input has no name; it is the preset's main file."""
    usual = _name_usual_file(preset)
    if unit.path != INPUT_NAME or unit.resource or not usual:
        return unit
    return replace(unit, files=dict(zip([usual], unit.files.values(), strict=True)))


def _refuse(unit: Unit, preset: str) -> Finding:
    message = f"the annotation {PRESET_ANNOTATION} is wrong: {say_unknown(preset)}"
    return Finding(check="manifest", code="preset", line=unit.line, message=message)


def list_unknown(units: Sequence[Unit], endings: frozenset[str]) -> Iterator[str]:
    """Files of which nothing can be said: no preset, and no language that their names tell."""
    for unit in units:
        if unit.preset or unit.resource or unit.is_manifest_file:
            continue
        for key in unit.files:
            if key.rpartition(".")[2].lower() not in endings:
                yield unit.path_of(key)
