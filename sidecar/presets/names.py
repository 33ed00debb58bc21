"""Which presets there are, without reading any of them."""

from __future__ import annotations

from importlib.resources import files

ENDING = ".yaml"


def list_presets() -> tuple[str, ...]:
    """The names of all presets, sorted."""
    found = (entry.name for entry in files(__package__).iterdir())
    return tuple(sorted(name.removesuffix(ENDING) for name in found if name.endswith(ENDING)))


def read_preset(name: str) -> str:
    """The text of the preset's file. Raises `FileNotFoundError`."""
    return (files(__package__) / f"{name}{ENDING}").read_text("utf-8")
