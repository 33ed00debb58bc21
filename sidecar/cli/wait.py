"""Wait until the sidecar has decided on what a ConfigMap holds.

The content that is there when the command starts is what is waited for (or --digest), so that no
verdict on other content is taken for it, however soon after an edit this runs.

Exit codes: 0 applied, 1 not there or edited again, 2 permission, 4 rejected, 5 failed or rolled
back, 6 unconfirmed, 7 API unreachable, 8 timed out.
"""

from __future__ import annotations

import argparse
import re
import sys

from sidecar.cli.cluster import (
    Cluster,
    add_cluster_arguments,
    add_name_argument,
    connect,
    find_ref,
)
from sidecar.cli.verdict import Wish
from sidecar.cli.waiting import VerdictWait
from sidecar.core.errors import ExitCode, SettingsError
from sidecar.kube.objects import read_files
from sidecar.kube.ports import Ref
from sidecar.presets.fields import parse_positive_duration

DEFAULT_TIMEOUT = "60s"
_DIGEST = re.compile(r"[0-9a-f]{12,64}")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what is waited for, and how long."""
    add_name_argument(parser)
    parser.add_argument(
        "--digest", default="", metavar="D", help="wait for this content; 12 digits are enough"
    )
    add_timeout_argument(parser)
    add_cluster_arguments(parser)


def add_timeout_argument(parser: argparse.ArgumentParser) -> None:
    """Add how long is waited."""
    parser.add_argument(
        "--timeout",
        default=DEFAULT_TIMEOUT,
        metavar=DEFAULT_TIMEOUT,
        help=f"how long at most; default {DEFAULT_TIMEOUT}",
    )


def read_timeout_s(args: argparse.Namespace) -> float:
    """Seconds. Raises `SettingsError`."""
    try:
        return parse_positive_duration(args.timeout)
    except ValueError as error:
        msg = f"--timeout: {error}"
        raise SettingsError(msg) from error


def run(args: argparse.Namespace) -> ExitCode:
    """Wait and print the verdict."""
    timeout_s = read_timeout_s(args)
    if args.digest and not _DIGEST.fullmatch(args.digest):
        msg = f"--digest: {args.digest!r} is no digest: give 12 to 64 of its hex digits"
        raise SettingsError(msg)
    with connect(args, deadline_s=timeout_s) as cluster:
        ref = find_ref(args.name, args, cluster)
        # Read in any case: a wait may go on without the API server, and must not begin without.
        there = wish_for_content(cluster, ref)
        wish = Wish(digest=args.digest) if args.digest else there
        return wait(cluster, ref, wish, timeout_s=timeout_s)


def wish_for_content(cluster: Cluster, ref: Ref) -> Wish:
    """The wish for a verdict on what is there now. Raises `NotFoundError`."""
    return Wish(files=read_files(cluster.api.get(ref)))


def wait(cluster: Cluster, ref: Ref, wish: Wish, *, timeout_s: float) -> ExitCode:
    """Wait, tell on standard error why it takes so long, and print the verdict."""
    waiting = VerdictWait(cluster, ref, wish, timeout_s=timeout_s, tell=_tell)
    verdict = waiting.run()
    print(verdict.sentence)
    return verdict.code


def _tell(text: str) -> None:
    print(f"waiting: {text}", file=sys.stderr)
