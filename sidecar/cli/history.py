"""Show which contents of a ConfigMap were applied, and which of them is active.

`surehup diff NAME N` shows one, `surehup rollback NAME --to N` brings it back.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from sidecar.cli.cluster import (
    Cluster,
    add_cluster_arguments,
    add_name_argument,
    connect,
    find_ref,
)
from sidecar.cli.standing import Standing, read_standing, write_age
from sidecar.cli.table import tabulate, write_document
from sidecar.core.errors import ExitCode
from sidecar.core.snapshot import short
from sidecar.kube.ports import Json, Ref
from sidecar.record.revisions import Revision, Revisions
from sidecar.validate.text import clean

COLUMNS = ("  REVISION", "DIGEST", "AGE", "CAUSE")
MARK, NO_MARK = "* ", "  "


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add whose history, and how it is shown."""
    add_name_argument(parser)
    parser.add_argument(
        "-o", "--output", choices=("table", "json", "yaml"), default="table", help="how it looks"
    )
    add_cluster_arguments(parser)


def run(args: argparse.Namespace) -> ExitCode:
    """Print it, the newest first."""
    with connect(args) as cluster:
        ref = find_ref(args.name, args, cluster)
        standing, revisions = read_history(cluster, ref)
        now_s = cluster.clock.wall()
    if args.output != "table":
        documents = [describe(revision, standing) for revision in revisions]
        sys.stdout.write(write_document(documents, args.output))
    elif revisions:
        for line in tabulate([COLUMNS, *draw(revisions, standing, now_s)]):
            print(line)
    else:
        print(f"No content of {ref} was kept yet.", file=sys.stderr)
    return ExitCode.DONE


def read_history(cluster: Cluster, ref: Ref) -> tuple[Standing, list[Revision]]:
    """The object and its revisions, the newest first. Raises `ApiError`."""
    content = cluster.api.get(ref)
    return read_standing(content, cluster.group), Revisions(cluster.api).history(content)


def draw(revisions: Sequence[Revision], standing: Standing, now_s: float) -> list[list[str]]:
    """Rows of a table; the active one has a mark."""
    return [
        [
            f"{MARK if is_active(revision, standing) else NO_MARK}{revision.number}",
            short(revision.digest),
            write_age(revision.created, now_s),
            clean(" ".join(revision.cause.split())),
        ]
        for revision in revisions
    ]


def is_active(revision: Revision, standing: Standing) -> bool:
    """Whether the pods are told to run this content."""
    return revision.holds(standing.marks.get("active", ""))


def describe(revision: Revision, standing: Standing) -> Json:
    """All of it for programs."""
    return {
        "revision": revision.number,
        "digest": standing.shorten(revision.digest),
        "active": is_active(revision, standing),
        "created": revision.created,
        "cause": clean(revision.cause),
        "kept": revision.size_bytes > 0,
    }
