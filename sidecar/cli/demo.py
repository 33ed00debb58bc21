"""Everything on this machine, without a cluster: good and bad edits, and what becomes of each."""

from __future__ import annotations

import argparse
import os
import sys

from sidecar.core.errors import ExitCode
from sidecar.demo.daemons import choose_daemon
from sidecar.demo.screen import Colour, Screen
from sidecar.demo.story import play


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the choice of daemon."""
    parser.add_argument(
        "--bundled",
        action="store_true",
        help="take the small daemon that comes along, also where Prometheus is installed",
    )


def run(args: argparse.Namespace) -> ExitCode:
    """Play the demo; 5 if anything ended otherwise than it must."""
    colours = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
    screen = Screen(sys.stdout, colours=colours)
    holds = play(choose_daemon(bundled=args.bundled), screen)
    screen.say()
    if holds:
        ending = "Every verdict above was seen on the process itself. Next: surehup run --help"
        screen.say(screen.paint(Colour.GOOD, ending))
        return ExitCode.DONE
    screen.say(screen.paint(Colour.BAD, "Something ended otherwise than it must: see above"))
    return ExitCode.FAILED
