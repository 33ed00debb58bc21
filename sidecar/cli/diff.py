"""Show how the contents of a ConfigMap differ: live, active, earlier ones, or files that you have.

A and B are: live, what the ConfigMap holds now; active, what the pods are told to run; N or
revision:N, from the history; a path: a manifest, a folder, a single file (whose name is the key),
or - for a manifest on standard input. Without them: active and live. With one: that, and live.
Of Secrets no value is shown, nor anything made from one.

Exit codes: 0 the same, 1 different, or not there.
"""

from __future__ import annotations

import argparse
import os
import sys

from sidecar.cli.cluster import add_cluster_arguments, add_name_argument, connect, find_ref
from sidecar.cli.differing import compare, paint, tame
from sidecar.cli.sides import ACTIVE, LIVE, Sides
from sidecar.core.errors import ExitCode
from sidecar.record.revisions import Revisions


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what is compared."""
    add_name_argument(parser)
    parser.add_argument("left", nargs="?", default=ACTIVE, metavar="A", help="default: active")
    parser.add_argument("right", nargs="?", default=LIVE, metavar="B", help="default: live")
    add_cluster_arguments(parser)


def run(args: argparse.Namespace) -> ExitCode:
    """Print the difference."""
    with connect(args) as cluster:
        ref = find_ref(args.name, args, cluster)
        sides = Sides(cluster.api.get(ref), cluster.group, Revisions(cluster.api), sys.stdin.buffer)
        left, right = sides.find(args.left), sides.find(args.right)
    lines = compare(left, right, masked=sides.standing.is_secret)
    shown = tame(lines) if sys.stdout.isatty() else lines
    if sys.stdout.isatty() and not os.environ.get("NO_COLOR"):
        shown = paint(shown)
    for line in shown:
        print(line)
    return ExitCode.NOT_FOUND if lines else ExitCode.DONE
