"""The arguments of `find` and `reload`, which point at one process from a shell.

Here ``-n`` is the name of a process; the commands for clusters use it for a namespace, as kubectl.
"""

from __future__ import annotations

import argparse
import re

from sidecar.settings.flags import Room, add_flags
from sidecar.settings.values import Need

FIND_NEEDS = frozenset({Need.TARGET})
RELOAD_NEEDS = frozenset({Need.TARGET, Need.PROOF})
"""What `settings.loading.settle` is to insist on."""


class _NamesProcess(argparse.Action):
    """Keeps the literal name as the regular expression of ``--process``."""

    def __call__(
        self,
        _parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: object,
        _option: str | None = None,
    ) -> None:
        setattr(namespace, self.dest, re.escape(str(values)))


def add_find_arguments(parser: argparse.ArgumentParser) -> None:
    """Add which process is meant, as `run` would look for it."""
    _add_common(parser, frozenset({Room.TARGET}))


def add_reload_arguments(parser: argparse.ArgumentParser) -> None:
    """Add which process is meant, what is checked before and what proves the reload."""
    _add_common(parser, frozenset({Room.SOURCE, Room.CHECK, Room.TARGET, Room.PROOF}))
    parser.add_argument(
        "-d", "--dry-run", action="store_true", help="do everything but tell the process"
    )


def _add_common(parser: argparse.ArgumentParser, rooms: frozenset[Room]) -> None:
    add_flags(parser, rooms, single=("config", "log-level"), short={"pid": "-p"})
    parser.add_argument(
        "-n",
        "--name",
        action=_NamesProcess,
        dest="process",
        metavar="NAME",
        help="name of the process: its executable's or argv[0]'s last part",
    )
    parser.add_argument("-v", "--verbose", action="store_true", help="say why and why not")
