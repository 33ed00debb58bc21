"""What a list keeps of installed packages."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from docker.prune import find_idle, is_kept, list_files, prune, read_patterns

ROOT = Path(__file__).parents[2]
LIST = """
# a comment
used/**
!used/**/tests/**
used/tests/kept.py
*.dist-info/**
!*.dist-info/RECORD
"""


@pytest.mark.parametrize(
    ("path", "kept"),
    [
        ("used/a.py", True),
        ("used/deep/a.py", True),
        ("used/tests/a.py", False),
        ("used/deep/tests/a.py", False),
        ("used/tests/kept.py", True),
        ("unused/a.py", False),
        ("x-1.dist-info/METADATA", True),
        ("x-1.dist-info/RECORD", False),
        ("deep/x-1.dist-info/METADATA", False),
    ],
)
def test_the_last_pattern_that_matches_decides(path: str, kept: bool) -> None:  # noqa: FBT001
    assert is_kept(path, read_patterns(LIST)) is kept


@pytest.mark.parametrize(
    ("pattern", "path", "matches"),
    [
        ("a/*.py", "a/b.py", True),
        ("a/*.py", "a/b/c.py", False),
        ("a?c.py", "abc.py", True),
        ("a?c.py", "a/c.py", False),
        ("a[bx].py", "ab.py", True),
        ("a.py", "aXpy", False),
        ("**/x", "x", True),
        ("**/x", "a/b/x", True),
        ("**.pyi", "a/b.pyi", True),
    ],
)
def test_stars_stop_at_slashes(pattern: str, path: str, matches: bool) -> None:  # noqa: FBT001
    assert is_kept(path, read_patterns(pattern)) is matches


@pytest.fixture
def packages(tmp_path: Path) -> Path:
    files = {
        "used/__init__.py": "",
        "used/tests/a.py": "",
        "used/data/tests/deep/b.py": "",
        "used-1.dist-info/METADATA": "",
        "used-1.dist-info/licenses/LICENSE": "",
        "used-1.dist-info/RECORD": "used/__init__.py,sha256=x,1\nused-1.dist-info/METADATA,,\n",
        "unused/__init__.py": "",
        "unused-1.dist-info/METADATA": "",
        "unused-1.dist-info/RECORD": "unused/__init__.py,,\n../bin/unused,,\n",
    }
    for path, text in files.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
    return tmp_path


def test_whole_distributions_go_with_all_they_said(packages: Path) -> None:
    prune(packages, read_patterns(LIST))
    assert list_files(packages) == [
        "used-1.dist-info/METADATA",
        "used-1.dist-info/licenses/LICENSE",
        "used/__init__.py",
    ]
    assert {path.name for path in packages.iterdir()} == {"used", "used-1.dist-info"}


def test_a_list_that_speaks_of_what_is_not_there_fails_the_build(packages: Path) -> None:
    keep = packages.parent / "keep.txt"
    keep.write_text(f"{LIST}gone/**\n!used/old.py\n")
    before = list_files(packages)
    done = subprocess.run(
        [sys.executable, str(ROOT / "docker" / "prune.py"), str(keep), str(packages)],
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    assert done.returncode == 1
    assert "gone/**, !used/old.py" in done.stdout
    assert list_files(packages) == before


def test_only_idle_patterns_are_named() -> None:
    patterns = read_patterns("a/**\nb.py\n!a/c.py")
    assert find_idle(patterns, ["a/b.py"]) == ["b.py", "!a/c.py"]
