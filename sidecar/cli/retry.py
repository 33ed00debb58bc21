"""Ask for another attempt with the content that a ConfigMap holds, and wait for its verdict.

Content that was rejected, failed or stayed unconfirmed is not tried again by itself.

Exit codes: those of wait; 1 also where it is paused.
"""

from __future__ import annotations

import argparse
from datetime import UTC, datetime

from sidecar.cli.cluster import (
    Cluster,
    StateError,
    add_cluster_arguments,
    add_name_argument,
    connect,
    find_ref,
)
from sidecar.cli.standing import read_standing
from sidecar.cli.verdict import Wish
from sidecar.cli.wait import add_timeout_argument, read_timeout_s, wait
from sidecar.cli.wishes import REQUESTED, write_wish
from sidecar.core.errors import ExitCode
from sidecar.kube.ports import Ref


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what is tried again, and how long is waited."""
    add_name_argument(parser)
    parser.add_argument("--no-wait", action="store_true", help="do not wait for the verdict")
    add_timeout_argument(parser)
    add_cluster_arguments(parser)


def run(args: argparse.Namespace) -> ExitCode:
    """Ask, and wait for the answer."""
    timeout_s = read_timeout_s(args)
    with connect(args) as cluster:
        ref = find_ref(args.name, args, cluster)
        wish = request(cluster, ref)
        print(f"{ref} is to be tried again", flush=True)
        return ExitCode.DONE if args.no_wait else wait(cluster, ref, wish, timeout_s=timeout_s)


def request(cluster: Cluster, ref: Ref) -> Wish:
    """Ask for an attempt; the wish for its verdict. Raises `StateError`, `ApiError`."""
    standing = read_standing(cluster.api.get(ref), cluster.group)
    if standing.is_paused:
        msg = f"{ref} is paused: end that first, by surehup resume"
        raise StateError(msg)
    # Microseconds, so that two requests within a second are two.
    requested = datetime.fromtimestamp(cluster.clock.wall(), UTC).isoformat(timespec="microseconds")
    requested = requested.replace("+00:00", "Z")
    content = write_wish(cluster, ref, REQUESTED, requested)
    files = read_standing(content, cluster.group).snapshot.files
    return Wish(files=files, requested=requested)
