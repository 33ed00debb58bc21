"""End a pause: what was edited meanwhile is applied now."""

from __future__ import annotations

import argparse

from sidecar.cli.cluster import add_cluster_arguments, add_name_argument, connect, find_ref
from sidecar.cli.wishes import PAUSED, write_wish
from sidecar.core.errors import ExitCode


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what is resumed."""
    add_name_argument(parser)
    add_cluster_arguments(parser)


def run(args: argparse.Namespace) -> ExitCode:
    """Take the wish for a pause back."""
    with connect(args) as cluster:
        ref = find_ref(args.name, args, cluster)
        write_wish(cluster, ref, PAUSED, None)
    print(f"{ref} is not paused")
    return ExitCode.DONE
