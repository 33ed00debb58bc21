"""Bring earlier content back into a ConfigMap, and wait until it runs.

This is a new edit like any other: it is checked, applied and proven. Without --to the newest
content in the history is taken that is not the present one: the last that was proven.
Where Argo CD, Flux or Helm own the data they would undo it: there `git revert` is the way back.

Exit codes: those of wait; 1 also where there is nothing to go back to, or it is refused.
"""

from __future__ import annotations

import argparse
import sys

from sidecar.cli.cluster import (
    Cluster,
    StateError,
    add_cluster_arguments,
    add_name_argument,
    connect,
    find_ref,
)
from sidecar.cli.restoring import choose_revision, find_owner, say_revision
from sidecar.cli.sides import say_unkept
from sidecar.cli.standing import Standing, read_standing
from sidecar.cli.verdict import Wish
from sidecar.cli.wait import add_timeout_argument, read_timeout_s, wait
from sidecar.core.errors import ExitCode
from sidecar.kube.errors import ConflictError
from sidecar.kube.objects import is_immutable
from sidecar.kube.ports import Json, Ref
from sidecar.record.data import compose_patch
from sidecar.record.revisions import Revisions

WRITE_TRIES = 5


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what is brought back, and how long is waited."""
    add_name_argument(parser)
    parser.add_argument("--to", type=int, metavar="N", help="this revision (surehup history)")
    parser.add_argument(
        "--force", action="store_true", help="also where Argo CD, Flux or Helm own the data"
    )
    parser.add_argument("--no-wait", action="store_true", help="do not wait for the verdict")
    add_timeout_argument(parser)
    add_cluster_arguments(parser)


def run(args: argparse.Namespace) -> ExitCode:
    """Write it, and wait for the verdict."""
    timeout_s = read_timeout_s(args)
    with connect(args) as cluster:
        ref = find_ref(args.name, args, cluster)
        files = roll_back(cluster, ref, to=args.to, force=args.force)
        if args.no_wait:
            return ExitCode.DONE
        return wait(cluster, ref, Wish(files=files), timeout_s=timeout_s)


def roll_back(cluster: Cluster, ref: Ref, *, to: int | None, force: bool) -> dict[str, bytes]:
    """Write the earlier content and return it. Raises `StateError`, `ApiError`."""
    content = cluster.api.get(ref)
    standing = read_standing(content, cluster.group)
    _refuse_fruitless(content, standing, force=force)
    revisions = Revisions(cluster.api)
    revision = choose_revision(revisions.history(content), standing, to)
    files = revisions.load(content, revision.digest)
    if files is None:
        raise StateError(say_unkept(standing, say_revision(revision)))
    _write(cluster, content, standing, files)
    print(f"{ref} holds the content of {say_revision(revision)} again", flush=True)
    return files


def _refuse_fruitless(content: Json, standing: Standing, *, force: bool) -> None:
    ref = standing.ref
    if is_immutable(content):
        msg = f"{ref} is immutable, so that its data can never change: create another one"
        raise StateError(msg)
    owner = find_owner(content)
    if owner and not force:
        msg = (
            f"{ref} belongs to {owner}, which would undo this: revert the change where {owner}"
            " takes it from, or do it all the same with --force"
        )
        raise StateError(msg)
    if owner:
        print(f"warning: {owner} owns {ref} and may undo this", file=sys.stderr)
    if standing.is_paused:
        print(f"warning: {ref} is paused: it is applied after a resume", file=sys.stderr)


def _write(cluster: Cluster, content: Json, standing: Standing, files: dict[str, bytes]) -> None:
    """Only over the data that was looked at; sidecars may annotate meanwhile."""
    for _ in range(WRITE_TRIES):
        try:
            cluster.api.patch(
                standing.ref,
                compose_patch(content, files),
                resource_version=content["metadata"]["resourceVersion"],
            )
        except ConflictError:
            content = cluster.api.get(standing.ref)
        else:
            return
        if read_standing(content, cluster.group).snapshot.files != standing.snapshot.files:
            msg = (
                f"{standing.ref} was edited meanwhile, and left as it is: look, and roll back again"
            )
            raise StateError(msg)
    msg = f"{standing.ref} changes too often to be written: try again"
    raise ConflictError(msg, status=409)
