from __future__ import annotations

import os
import pickle
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from sidecar.core.errors import ExitCode, SettingsError, SurehupError
from sidecar.settings.child import make_answer, take_answer
from sidecar.settings.debugging import is_debugging
from sidecar.settings.values import Settings
from tests.settings.helpers import ENOUGH, load

ROOT = Path(__file__).parents[2]
HEAVY = ("pydantic", "pydantic_core", "yaml", "argparse", "kubernetes", "urllib3")

LOAD = f"""
import os, sys
from sidecar.settings.child import load_settings_in_child
settings = load_settings_in_child(sys.argv[1:], os.environ)
print(settings.bridges[0].name, [name for name in {HEAVY!r} if name in sys.modules])
try:
    os.waitpid(-1, os.WNOHANG)
except ChildProcessError:
    print("no child is left")
"""


def run(code: str, *argv: str) -> subprocess.CompletedProcess[str]:
    environ = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        [sys.executable, "-c", code, *argv],
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
        env=environ,
    )


def test_the_parent_gets_the_settings_and_none_of_their_libraries() -> None:
    done = run(LOAD, *ENOUGH)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "prometheus []\nno child is left\n"


def test_the_child_prints_the_help() -> None:
    done = run(LOAD, "--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("usage: surehup run")


def test_what_the_child_refuses_the_parent_refuses() -> None:
    done = run(LOAD, *ENOUGH, "--deadline", "5")
    assert done.returncode == 1
    assert "sidecar.core.errors.SettingsError: --deadline: '5' is no duration" in done.stderr


def test_a_child_that_hangs_is_ended() -> None:
    code = """
import os, time
from sidecar.settings.child import call_in_child
def hang(argv, environ):
    time.sleep(60)
try:
    call_in_child(hang, [], {}, timeout_s=0.1)
except Exception as error:
    print(error)
try:
    os.waitpid(-1, os.WNOHANG)
except ChildProcessError:
    print("no child is left")
"""
    begun_s = time.monotonic()
    done = run(code)
    assert done.stdout == (
        "the settings could not be read within 0.1 s: is the machine overloaded?\n"
        "no child is left\n"
    )
    assert time.monotonic() - begun_s < 15


def test_a_child_that_dies_is_told() -> None:
    code = """
import os, signal
from sidecar.settings.child import call_in_child
def die(argv, environ):
    os.kill(os.getpid(), signal.SIGKILL)
call_in_child(die, [], {}, timeout_s=10)
"""
    assert "the child that reads them ended without a word" in run(code).stderr


def answer(load: object) -> bytes:
    def call(_argv: Sequence[str], _environ: Mapping[str, str]) -> Settings:
        if isinstance(load, BaseException):
            raise load
        assert isinstance(load, Settings)
        return load

    return make_answer(call, [], {})


def test_settings_survive_the_way() -> None:
    settings = load(*ENOUGH, "--listen", "[::1]:1")
    assert take_answer(answer(settings)) == settings


def test_errors_survive_the_way() -> None:
    with pytest.raises(SettingsError, match=r"^wrong$"):
        take_answer(answer(SettingsError("wrong")))
    with pytest.raises(SystemExit) as ended:
        take_answer(answer(SystemExit(0)))
    assert ended.value.code == 0
    with pytest.raises(SurehupError, match="while reading the settings: KeyError: 'x'") as broke:
        take_answer(answer(KeyError("x")))
    assert broke.value.exit_code is ExitCode.INTERNAL
    with pytest.raises(SurehupError, match="ended without a word"):
        take_answer(b"")
    with pytest.raises(AssertionError):
        take_answer(pickle.dumps("nonsense"))


def test_a_traceback_is_for_those_who_debug(capsys: pytest.CaptureFixture[str]) -> None:
    answer(KeyError("x"))
    assert capsys.readouterr().err == ""

    def fail(_argv: Sequence[str], _environ: Mapping[str, str]) -> Settings:
        raise KeyError

    make_answer(fail, ["--log-level", "debug"], {})
    assert "Traceback" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("argv", "environ", "expected"),
    [
        ([], {}, False),
        (["--log-level", "info"], {"SUREHUP_LOG_LEVEL": "info"}, False),
        (["--log-level", "debug"], {}, True),
        (["--log-level=debug"], {}, True),
        ([], {"SUREHUP_LOG_LEVEL": "debug"}, True),
        ([], {"SUREHUP_DEBUG": "1"}, True),
        ([], {"SUREHUP_DEBUG": ""}, False),
    ],
)
def test_who_debugs(argv: list[str], environ: dict[str, str], *, expected: bool) -> None:
    assert is_debugging(argv, environ) is expected
