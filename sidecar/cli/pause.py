"""Stop attempts for a ConfigMap: edits are still checked and reported, and nobody is signalled.

The kubelet still updates the mounted files, so that a daemon that restarts loads the newest ones.
"""

from __future__ import annotations

import argparse

from sidecar.cli.cluster import add_cluster_arguments, add_name_argument, connect, find_ref
from sidecar.cli.wishes import PAUSED, write_wish
from sidecar.core.errors import ExitCode


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what is paused."""
    add_name_argument(parser)
    add_cluster_arguments(parser)


def run(args: argparse.Namespace) -> ExitCode:
    """Ask for the pause."""
    with connect(args) as cluster:
        ref = find_ref(args.name, args, cluster)
        write_wish(cluster, ref, PAUSED, "true")
    print(f"{ref} is paused: edits are checked, and signalled only after surehup resume")
    return ExitCode.DONE
