"""The fuzzers themselves: they find what is planted, keep the smallest, and say it in one line."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import strategies as st

from tests.fuzz import campaign, examination
from tests.fuzz.campaign import ROOT, main
from tests.fuzz.examination import FoundError, examine
from tests.fuzz.findings import Findings
from tests.fuzz.generated import Drive

needs_atheris = pytest.mark.skipif(
    importlib.util.find_spec("atheris") is None, reason="atheris is not installed: make fuzz"
)


def test_a_crash_is_a_finding() -> None:
    with pytest.raises(ZeroDivisionError):
        examine(lambda content: [1 // len(content)].clear(), b"")


def test_slowness_is_a_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(examination, "MOST_CPU_S", 0.0)
    with pytest.raises(FoundError, match=r"took 0\.0 s for 3 bytes"):
        examine(lambda content: [sorted(content)].clear(), b"abc")


def test_memory_is_a_finding() -> None:
    program = (
        "from tests.fuzz.examination import examine, FoundError, MOST_GROWTH_KIB\n"
        "try: examine(lambda content: bytearray(b'x' * (MOST_GROWTH_KIB << 11)).clear(), b'')\n"
        "except FoundError as error: print(error)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert re.fullmatch(r"took \d+ MiB for 0 bytes\n", done.stdout)


@pytest.mark.timeout(120)
def test_the_smallest_input_of_each_cause_is_kept(tmp_path: Path) -> None:
    def read(content: bytes) -> None:
        if b"!" in content:
            raise KeyError(content)
        if b"?" in content:
            raise ValueError(content)

    made = st.text("ab!?", min_size=0, max_size=30).map(str.encode)
    drive = Drive(read, made, tmp_path, time.monotonic() + 90, rounds_left=2)
    assert drive.go() > 20
    found = Findings(tmp_path / "findings").list()
    assert sorted(path.read_bytes() for path in found) == [b"!", b"?"]
    told = (found[0].parent / f"{found[0].name}.txt").read_text("utf-8")
    assert "KeyError" in told
    assert not (tmp_path / "current").exists()


def test_what_never_ends_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "elf"
    folder.mkdir()
    (folder / "current").write_bytes(b"for ever")
    monkeypatch.setattr(campaign, "GRACE_S", -10.0)
    assert campaign._generate("elf", folder, 10.1) == 0
    (kept,) = Findings(folder / "findings").list()
    assert (kept.name, kept.read_bytes()) == ("hang", b"for ever")


@needs_atheris
@pytest.mark.timeout(120)
def test_one_line_sums_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(campaign, "CACHE", tmp_path)
    assert main(["4", "elf"]) == 0
    last = capsys.readouterr().out.splitlines()[-1]
    match = re.fullmatch(r"1 parsers, ([\d,]+) runs, \d+ s, 0 findings", last)
    assert match is not None, last
    assert int(match[1].replace(",", "")) > 100
