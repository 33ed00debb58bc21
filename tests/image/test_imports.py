"""Nothing that was pruned is missed: by the byte code of all that stayed, also what never runs."""

from __future__ import annotations

import fnmatch
import json
import re
import sys
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from tests.image.unpacked import Unpacked

Missing = dict[str, list[str]]

SCRIPT = Path(__file__).with_name("imports.py").read_text("utf-8")
LOCK = Path(__file__).parents[2] / ".ci" / "lock-runtime.txt"

UNREACHED = {
    # what is missing: who names it, and why it is never reached
    "kubernetes.client.api.*": "kubernetes.client: loads when first named, by nothing of ours",
    "kubernetes.client.models.*": "kubernetes.client: as above",
    "pydantic.v1": "pydantic: only where sys.modules has it already",
    "urllib3.contrib.emscripten": "urllib3: only within a browser",
    "watchdog.tricks": "watchdog.utils: for type checkers",
    "curses": "_pyrepl: the interactive prompt",
    "_curses": "the same",
    "readline": "the same",
    "doctest": "difflib, heapq, pickle: when they are run as programs",
    "pydoc_data.topics": "pydoc: help() at the prompt",
    "dbm": "shelve: which nothing imports",
    "test": "multiprocessing: the interpreter's own tests",
    "ctypes.macholib.*": "ctypes.util: on macOS",
}
NOT_EVERYWHERE = {"_curses", "_pyrepl.*", "ctypes.macholib.*", "curses"}
"""Of these: what some versions and builds of Python do not name, or have."""
ELSEWHERE = {"_overlapped", "_scproxy", "_winapi", "_wmi", "msvcrt", "nt", "winreg"}
"""Parts of Python that other systems have."""


def list_import_names() -> set[str]:
    """What the distributions of the lock are imported as, also those that were pruned whole."""
    locked = {
        match[1].lower().replace("_", "-")
        for match in re.finditer(r"^([A-Za-z0-9._-]+)==", LOCK.read_text("utf-8"), re.MULTILINE)
    }
    names = packages_distributions()
    return {
        name
        for name, owners in names.items()
        if {o.lower().replace("_", "-") for o in owners} & locked
    }


def look(image: Unpacked, *gone: str) -> Missing:
    """What is imported and not there, each with who imports it."""
    done = image.run(image.interpreter, "-I", "-c", SCRIPT, *gone)
    assert done.returncode == 0, done.stderr
    missing: Missing = json.loads(done.stdout)
    return missing


def find_unexpected(missing: Missing) -> Missing:
    """Of these, all that is installed before the pruning, and may be reached."""
    ours = list_import_names() | set(sys.stdlib_module_names) | {"sidecar"}
    return {
        name: users
        for name, users in missing.items()
        if name.partition(".")[0] in ours - ELSEWHERE
        and not any(fnmatch.fnmatchcase(name, pattern) for pattern in UNREACHED)
    }


@pytest.fixture(scope="module")
def missing(image: Unpacked) -> Missing:
    return look(image)


def test_every_import_leads_somewhere(missing: Missing) -> None:
    assert "aiohttp" in list_import_names()
    assert find_unexpected(missing) == {}


def test_a_module_too_few_would_be_seen(image: Unpacked) -> None:
    gone = ("kubernetes.client.rest", "dateutil.parser._parser", "sidecar.core.bridge", "ssl")
    assert set(find_unexpected(look(image, *gone))) == set(gone)


def test_what_is_said_to_be_unreached_is_missing(missing: Missing) -> None:
    outlived = [pattern for pattern in UNREACHED if not fnmatch.filter(missing, pattern)]
    assert set(outlived) <= NOT_EVERYWHERE
