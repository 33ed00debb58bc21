from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from sidecar import __version__
from sidecar.cli import main, name_program
from sidecar.cli.commands import COMMANDS, CommandEntry, find_command
from sidecar.core.errors import SettingsError

pytestmark = pytest.mark.usefixtures("untraced_children")

ROOT = Path(__file__).parents[2]
CLUMSY = (
    CommandEntry("clumsy", "tests.cli.clumsy", "ends in every way"),
    CommandEntry("quick", "tests.cli.quick", "parses for itself"),
)
HEAVY = ("pydantic", "yaml", "urllib3", "kubernetes", "watchdog", "prometheus_client", "jsonschema")


def end(*argv: str) -> int:
    return main(argv, commands=CLUMSY)


def run(*argv: str, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "sidecar", *argv],
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
        cwd=ROOT,
        env={**os.environ, **environ},
    )


@pytest.mark.parametrize("flag", ["--version", "-V", "version"])
def test_the_version_is_told(flag: str) -> None:
    done = run(flag)
    assert (done.returncode, done.stdout, done.stderr) == (0, f"surehup {__version__}\n", "")


@pytest.mark.parametrize("flag", ["--help", "-h", "help"])
def test_the_help_names_every_command(flag: str) -> None:
    done = run(flag)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("usage: surehup COMMAND")
    for command in COMMANDS:
        assert f"  {command.name} " in done.stdout
        assert command.help in done.stdout


def test_without_a_command_the_help_is_an_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert end() == 3
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "clumsy  ends in every way" in shown.err


def test_every_command_has_its_help() -> None:
    for command in COMMANDS:
        done = run(command.name, "--help")
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout.startswith(f"usage: surehup {command.name}"), done.stdout


@pytest.mark.parametrize(
    ("argv", "code", "message"),
    [
        (["absent"], 1, "surehup: there is no such process: start it\n"),
        (["forbidden"], 2, "surehup: EPERM: run as its user\n"),
        (["source"], 3, "surehup: no folder: mount it\nsurehup: no file: write it\n"),
        (["interrupt"], 130, ""),
        (["exit"], 8, ""),
        (["exit-quietly"], 0, ""),
        (["exit-loudly"], 1, ""),
        (["done"], 0, ""),
        (["unconfirmed"], 6, ""),
        (
            ["bug"],
            70,
            (
                "surehup: internal error (ZeroDivisionError: division by zero): please report it, "
                "with what SUREHUP_DEBUG=1 shows\n"
            ),
        ),
        (
            [],
            3,
            "surehup: the following arguments are required: how; see surehup clumsy --help\n",
        ),
        (
            ["done", "--log-lvel", "x"],
            3,
            "surehup: unrecognized arguments: --log-lvel x; did you mean --log-level?\n",
        ),
    ],
)
def test_a_command_ends_with_one_sentence_and_its_code(
    capsys: pytest.CaptureFixture[str], argv: list[str], code: int, message: str
) -> None:
    assert end("clumsy", *argv) == code
    assert capsys.readouterr().err == message


def test_who_debugs_gets_the_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    assert end("clumsy", "bug", "--log-level", "debug") == 70
    shown = capsys.readouterr().err
    assert "Traceback" in shown
    assert shown.endswith("division by zero): please report it\n")


def test_a_command_may_parse_for_itself(capsys: pytest.CaptureFixture[str]) -> None:
    assert end("quick", "-x", "--help") == 8
    assert capsys.readouterr().out == "['-x', '--help']\n"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("clumpsy", "surehup: there is no command 'clumpsy'; did you mean 'clumsy'?\n"),
        ("zzz", "surehup: there is no command 'zzz'; see surehup --help\n"),
        ("--quiet", "surehup: --quiet: flags come after a command: surehup COMMAND --quiet ...\n"),
    ],
)
def test_an_unknown_command_is_refused(
    capsys: pytest.CaptureFixture[str], name: str, message: str
) -> None:
    assert end(name) == 3
    assert capsys.readouterr().err == message


def test_every_command_can_be_found() -> None:
    for command in COMMANDS:
        assert find_command(command.name, COMMANDS) is command
    with pytest.raises(SettingsError):
        find_command("", COMMANDS)


def test_a_reader_that_leaves_is_no_error() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    try:
        done = subprocess.run(
            [sys.executable, "-m", "sidecar", "presets", "-o", "json"],
            stdout=writer,
            stderr=subprocess.PIPE,
            timeout=20,
            check=False,
            cwd=ROOT,
        )
    finally:
        os.close(writer)
    assert (done.returncode, done.stderr) == (0, b"")


def test_the_plugin_is_called_as_kubectl_calls_it() -> None:
    assert name_program(["/usr/bin/kubectl-surehup"]) == "kubectl surehup"
    assert name_program(["/usr/bin/surehup"]) == "surehup"
    assert name_program([]) == "surehup"


def test_the_start_is_light() -> None:
    code = (
        "import sys; from sidecar.cli import main; main(['--version']); "
        f"print([name for name in {(*HEAVY, 'argparse', 'logging')!r} if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        timeout=20,
        check=True,
        cwd=ROOT,
    )
    assert done.stdout.splitlines()[-1] == "[]"


def test_run_reads_its_settings_without_their_libraries() -> None:
    code = (
        "import sys; from sidecar.cli import main; code = main(['run', '--deadline', '5']); "
        f"print(code, [name for name in {HEAVY!r} if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        timeout=20,
        check=True,
        cwd=ROOT,
    )
    assert done.stdout == "3 []\n"
    assert "--deadline: '5' is no duration: write 5s" in done.stderr
