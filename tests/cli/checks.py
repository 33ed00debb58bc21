"""Runs `surehup check` within the test, with an input of its own."""

from __future__ import annotations

import io
import json
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from sidecar.cli import main


@dataclass(frozen=True)
class Checked:
    """The exit code and what was printed."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> dict[str, Any]:
        """The JSON report."""
        document: dict[str, Any] = json.loads(self.out)
        return document

    @property
    def found(self) -> list[tuple[str, int | None, str]]:
        """Path, line and rule of every finding of a JSON report."""
        findings = self.document["findings"]
        return [(each["path"], each.get("line"), each["rule"]) for each in findings]


@dataclass(frozen=True)
class Check:
    """In a folder of its own, which is the working directory."""

    folder: Path
    monkeypatch: pytest.MonkeyPatch
    capsys: pytest.CaptureFixture[str]

    def write(self, files: Mapping[str, str | bytes]) -> None:
        """Make files, with the folders that they need."""
        for name, content in files.items():
            path = self.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content if isinstance(content, bytes) else content.encode())

    def __call__(self, *argv: str, given: bytes = b"") -> Checked:
        self.monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(given)))
        code = main(["check", *argv])
        shown = self.capsys.readouterr()
        return Checked(code, shown.out, shown.err)

    def json(self, *argv: str, given: bytes = b"") -> Checked:
        """The same, as JSON."""
        return self(*argv, "--format", "json", given=given)


def make_check(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Check:
    """A `Check` that no variable of the machine disturbs."""
    for name in [name for name in os.environ if name.startswith("SUREHUP_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(folder)
    return Check(folder, monkeypatch, capsys)
