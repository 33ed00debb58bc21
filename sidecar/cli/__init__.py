"""The command line: finds the command that was asked for and imports nothing else.

`run` must stay small in memory and completion must be fast, so that a command's module is imported
by name, and its libraries with it, only once it is asked for.
"""

from __future__ import annotations

import importlib
import os
import sys
import traceback
from collections.abc import Sequence
from pathlib import PurePath
from types import ModuleType

from sidecar import __version__
from sidecar.cli.commands import COMMANDS, CommandEntry, find_command, show_help
from sidecar.core.errors import ExitCode, SurehupError
from sidecar.settings.debugging import is_debugging

PLUGIN = "kubectl-surehup"
INTERRUPTED = 128 + 2
"""What shells report of a program that SIGINT ended."""


def main(argv: Sequence[str] | None = None, *, commands: Sequence[CommandEntry] = COMMANDS) -> int:
    """Run one command and return its exit code; nothing but that code leaves here.

    Errors are one sentence on standard error. A traceback is shown only where somebody debugs:
    ``--log-level debug``, SUREHUP_LOG_LEVEL=debug or SUREHUP_DEBUG.
    """
    given = list(sys.argv[1:] if argv is None else argv)
    try:
        code = _dispatch(given, commands)
        sys.stdout.flush()
    except SurehupError as error:
        code = _tell(error.message, error.exit_code)
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    except KeyboardInterrupt:
        code = INTERRUPTED
    except BrokenPipeError:
        _abandon_output()
        code = ExitCode.DONE
    except Exception as error:  # noqa: BLE001  the last resort
        text = f"internal error ({type(error).__name__}: {error}): please report it"
        if is_debugging(given, os.environ):
            traceback.print_exc()
        else:
            text += ", with what SUREHUP_DEBUG=1 shows"
        code = _tell(text, ExitCode.INTERNAL)
    return int(code)


def _dispatch(argv: Sequence[str], commands: Sequence[CommandEntry]) -> int:
    name, rest = (argv[0], argv[1:]) if argv else ("", [])
    if name in {"", "-h", "--help", "help"}:
        print(show_help(name_program(sys.argv), commands), file=sys.stdout if name else sys.stderr)
        return ExitCode.DONE if name else ExitCode.USAGE
    if name in {"-V", "--version", "version"}:
        print(f"surehup {__version__}")
        return ExitCode.DONE
    command = find_command(name, commands)
    module = importlib.import_module(command.module)
    start = getattr(module, "start", None)
    if start is not None:
        return int(start(rest))
    return _run(module, f"{name_program(sys.argv)} {name}", rest)


def _run(module: ModuleType, prog: str, argv: Sequence[str]) -> int:
    flags = importlib.import_module("sidecar.settings.flags")
    parser = flags.make_parser(prog, module.__doc__ or "")
    module.add_arguments(parser)
    return int(module.run(parser.parse_args(argv)))


def name_program(argv: Sequence[str]) -> str:
    """``surehup``, or ``kubectl surehup`` where kubectl has called us as its plugin."""
    return "kubectl surehup" if argv and PurePath(argv[0]).name == PLUGIN else "surehup"


def _tell(text: str, code: ExitCode) -> ExitCode:
    for line in text.splitlines() or [""]:
        print(f"surehup: {line}", file=sys.stderr)
    return code


def _abandon_output() -> None:
    """Keep the interpreter from complaining, at its end, of a reader that has left."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)
