"""Lays variables and flags over the settings file, and remembers which value came from where."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from sidecar.core.errors import SettingsError
from sidecar.presets.problems import Path, Problem, write_path
from sidecar.settings.flags import FLAGS, Given, Room

BRIDGES = "bridges"


@dataclass(slots=True)
class Overlay:
    """A raw settings file in the making. `file` is its path, empty where there is none."""

    file: str
    raw: dict[str, object]
    _labels: dict[Path, str] = field(default_factory=dict)

    def lay(self, given: Iterable[Given]) -> None:
        """Put values in the place of what is there. Raises `SettingsError`."""
        for one in given:
            if one.flag.room is Room.SIDECAR:
                self._put(one.flag.path, one)
            else:
                self._put((BRIDGES, self._find_bridge(one), *one.flag.path), one)

    def _find_bridge(self, one: Given) -> int:
        bridges = self.raw.setdefault(BRIDGES, [])
        if isinstance(bridges, list) and len(bridges) > 1:
            msg = (
                f"{one.label}: is about one bridge, and {self.file} has {len(bridges)}: "
                f"set {write_path(one.flag.path)} there"
            )
            raise SettingsError(msg)
        if bridges == []:
            self.raw[BRIDGES] = [{}]
        return 0

    def _put(self, path: Path, one: Given) -> None:
        """Follow `path` and set its end; what is no mapping on the way is refused later."""
        place: object = self.raw
        for step in path[:-1]:
            if isinstance(step, int) and isinstance(place, list):
                place = place[step]
            elif isinstance(place, dict):
                place = place[step] if place.get(step) is not None else place.setdefault(step, {})
            else:
                return
        if isinstance(place, dict):
            place[path[-1]] = _spell(one)
            self._labels[path] = one.label

    def say(self, problem: Problem) -> str:
        """The problem with its place: flag, variable, or field of the file."""
        path = problem.path
        for length in range(len(path), 0, -1):
            label = self._labels.get(path[:length])
            if label is not None:
                return f"{label}: {problem.message}"
        if self.file:
            return f"{self.file}: {write_path(path)}: {problem.message}"
        return f"{_name_flag(path)}: {problem.message}"


def _spell(one: Given) -> object:
    if one.flag.name == "validate" and isinstance(one.value, list):
        return [{"command": command} for command in one.value]
    return one.value


def _name_flag(path: Path) -> str:
    """The flag that sets what `path` leads to; without a file nobody knows of fields."""
    inner = path[2:] if path[:1] == (BRIDGES,) else path
    names = [flag.option for flag in FLAGS if flag.path == inner]
    return names[0] if names else write_path(inner) or "settings"


def merge(variables: Mapping[str, Given], flags: Mapping[str, Given]) -> list[Given]:
    """Each value once: flags beat variables."""
    return list({**variables, **flags}.values())
