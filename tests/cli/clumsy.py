"""A command that ends in every way there is: for the tests of the command line."""

from __future__ import annotations

import argparse
import sys

from sidecar.core.errors import ExitCode, SourceError, SourceTrouble, TargetError, TargetTrouble


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("how")
    parser.add_argument("--log-level")


def run(args: argparse.Namespace) -> ExitCode:
    endings: dict[str, BaseException] = {
        "absent": TargetError(TargetTrouble.ABSENT, "there is no such process: start it"),
        "forbidden": TargetError(TargetTrouble.PERMISSION, "EPERM: run as its user"),
        "source": SourceError(SourceTrouble.MISSING, "no folder: mount it\nno file: write it"),
        "bug": ZeroDivisionError("division by zero"),
        "interrupt": KeyboardInterrupt(),
        "exit": SystemExit(8),
        "exit-quietly": SystemExit(None),
        "exit-loudly": SystemExit("no"),
    }
    if args.how in endings:
        raise endings[args.how]
    sys.stdout.write(f"{args.how}\n")
    return ExitCode[args.how.upper()]
