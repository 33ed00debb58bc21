"""The hand-written files: good ones pass in every mode that may, bad ones are placed exactly."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from sidecar.core.report import Severity
from sidecar.validate.alertmanager.check import validate
from sidecar.validate.alertmanager.modes import Mode

CORPUS = Path(__file__).parent / "corpus"
GOOD = sorted((CORPUS / "good").glob("*.yml"))
BAD = sorted((CORPUS / "bad").glob("*.yml"))


@pytest.mark.parametrize("path", GOOD, ids=lambda path: path.stem)
@pytest.mark.parametrize("mode", [Mode.LENIENT, Mode.PERMISSIVE])
def test_good_file_passes(path: Path, mode: Mode) -> None:
    findings = validate({path.name: path.read_bytes()}, path.name, mode)
    assert [each for each in findings if each.severity is Severity.ERROR] == []


@pytest.mark.parametrize("path", BAD, ids=lambda path: path.stem)
@pytest.mark.parametrize("mode", list(Mode))
def test_bad_file_is_refused_where_it_says(path: Path, mode: Mode) -> None:
    content = path.read_bytes()
    match = re.match(rb"# expects (\w+) at (\d+):(\d+)\n", content)
    assert match is not None
    findings = validate({path.name: content}, path.name, mode)
    (error,) = (each for each in findings if each.code.startswith("E"))
    assert (error.code, error.line, error.column) == (
        match[1].decode(),
        int(match[2]),
        int(match[3]),
    )
    assert error.severity is Severity.ERROR
    assert error.line is not None
    assert error.file == path.name
    line = content.decode().splitlines()[error.line - 1]
    assert error.excerpt.strip().removesuffix("***") in line
    assert error.excerpt.strip()
