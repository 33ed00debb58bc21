"""Show what the sidecars say of ConfigMaps: what is live, since when, and why not the newest.

Without a name all ConfigMaps of the namespace are shown that a sidecar has written on. A status is
shown only where it speaks of the content that the ConfigMap holds now; else it is Pending.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence

from sidecar.cli.cluster import (
    EVERYWHERE,
    Cluster,
    add_cluster_arguments,
    add_name_argument,
    connect,
    find_ref,
)
from sidecar.cli.standing import Standing, read_standing, write_age
from sidecar.cli.table import OUTPUTS, tabulate, write_document
from sidecar.core.errors import ExitCode, SettingsError
from sidecar.core.snapshot import short
from sidecar.kube.errors import ForbiddenError, NotFoundError
from sidecar.kube.objects import read_annotations
from sidecar.kube.ports import CONFIG_MAPS, Json, Ref
from sidecar.record.annotations import whole_key

COLUMNS = ("NAME", "STATUS", "ACTIVE", "REVISION", "UPDATED")
DIGESTS = ("observed", "active", "previous", "desired")
WIDE_COLUMNS = ("OBSERVED", "PREVIOUS", "HOLDER", "DESIRED", "GROUP")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add which objects, and how they are shown."""
    add_name_argument(parser, optional=True)
    parser.add_argument("-A", "--all-namespaces", action="store_true", help="in every namespace")
    parser.add_argument("-o", "--output", choices=OUTPUTS, default=OUTPUTS[0], help="how it looks")
    add_cluster_arguments(parser)


def run(args: argparse.Namespace) -> ExitCode:
    """Print them. 1 if the named one is not there."""
    if args.all_namespaces and (args.name or args.namespace):
        msg = "-A means all namespaces: leave it out, or NAME and -n"
        raise SettingsError(msg)
    with connect(args) as cluster:
        if args.name:
            standings = [find_one(cluster, find_ref(args.name, args, cluster))]
        else:
            standings = list_all(cluster, EVERYWHERE if args.all_namespaces else cluster.namespace)
        now_s = cluster.clock.wall()
    if args.output in {"json", "yaml"}:
        documents = [describe(standing) for standing in standings]
        shown: object = documents[0] if args.name else documents
        sys.stdout.write(write_document(shown, args.output))
    elif standings:
        is_wide = args.output == "wide"
        for line in tabulate(draw(standings, now_s, wide=is_wide, placed=args.all_namespaces)):
            print(line)
    else:
        where = "any namespace" if args.all_namespaces else f"namespace {cluster.namespace}"
        print(f"No ConfigMap in {where} was written on by surehup.", file=sys.stderr)
    return ExitCode.DONE


def find_one(cluster: Cluster, ref: Ref) -> Standing:
    """One object. Raises `NotFoundError`."""
    return read_standing(cluster.api.get(ref), cluster.group)


def list_all(cluster: Cluster, namespace: str) -> list[Standing]:
    """All ConfigMaps with annotations of the group, read one by one: most others are not wanted.

    An empty `namespace` is every one; the API server takes the path that the client makes of it.
    """
    try:
        found = cluster.api.list(CONFIG_MAPS, namespace, metadata_only=True)
    except ForbiddenError as error:
        if namespace:
            hint = "; or name one ConfigMap, which needs get alone"
            raise ForbiddenError(error.message + hint, rule=error.rule) from error
        msg = "you may not list the ConfigMaps of all namespaces: ask for a ClusterRole with the"
        msg += f" rule {error.rule}, or name a namespace by -n"
        raise ForbiddenError(msg, rule=error.rule) from error
    refs = [_refer(item) for item in found["items"] if _is_written_on(item, cluster.group)]
    return [standing for ref in refs for standing in _find_still(cluster, ref)]


def _refer(item: Json) -> Ref:
    return Ref(CONFIG_MAPS, item["metadata"]["namespace"], item["metadata"]["name"])


def _is_written_on(item: Json, group: str) -> bool:
    return whole_key("status", group) in read_annotations(item)


def _find_still(cluster: Cluster, ref: Ref) -> Iterator[Standing]:
    """What was deleted since it was listed is none any more."""
    try:
        yield find_one(cluster, ref)
    except NotFoundError:
        return


def draw(
    standings: Sequence[Standing], now_s: float, *, wide: bool, placed: bool
) -> list[list[str]]:
    """Rows of a table, its head first; `placed` with their namespaces."""
    head = [*(("NAMESPACE",) if placed else ()), *COLUMNS]
    head += [*(WIDE_COLUMNS if wide else ()), "MESSAGE"]
    return [head, *(_draw_one(each, now_s, wide=wide, placed=placed) for each in standings)]


def _draw_one(standing: Standing, now_s: float, *, wide: bool, placed: bool) -> list[str]:
    marks = standing.marks
    name = f"secret/{standing.ref.name}" if standing.is_secret else standing.ref.name
    cells = [standing.ref.namespace] if placed else []
    cells += [name, standing.status, short(standing.say("active")), standing.say("revision")]
    cells.append(write_age(marks.get("updated", ""), now_s))
    if wide:
        cells += [short(standing.say("observed")), short(standing.say("previous"))]
        cells += [standing.say("holder"), short(standing.say("desired"))]
        cells.append(",".join(standing.groups))
    return [*cells, standing.message]


def describe(standing: Standing) -> Json:
    """All of it for programs; digests of Secrets as short as they may leave them."""
    revision = standing.say("revision")
    return {
        "kind": standing.ref.resource.kind,
        "namespace": standing.ref.namespace,
        "name": standing.ref.name,
        "status": standing.status,
        "message": standing.message,
        "updated": standing.say("updated"),
        "digest": standing.shorten(standing.digest),
        **{key: standing.shorten(standing.say(key)) for key in DIGESTS},
        "revision": int(revision) if revision.isdecimal() else None,
        "holder": standing.say("holder"),
        "paused": standing.is_paused,
        "groups": list(standing.groups),
    }
