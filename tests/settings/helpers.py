"""How the tests of settings ask for them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from sidecar.core.errors import ExitCode, SettingsError
from sidecar.settings.loading import load_settings
from sidecar.settings.values import Settings

ENOUGH = ("--mount", "/etc/prometheus", "--preset", "prometheus")


def load(*argv: str, environ: Mapping[str, str] | None = None) -> Settings:
    return load_settings(argv, environ or {})


def refuse(*argv: str, environ: Mapping[str, str] | None = None) -> list[str]:
    """The problems of these settings, one a line."""
    with pytest.raises(SettingsError) as caught:
        load(*argv, environ=environ)
    assert caught.value.exit_code is ExitCode.USAGE
    return caught.value.message.splitlines()


def write(folder: Path, text: str) -> str:
    path = folder / "surehup.yaml"
    path.write_text(text, encoding="utf-8")
    return str(path)
