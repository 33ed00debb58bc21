"""Which API server and which object a command means, written as users of kubectl write it.

Shared by the commands that speak with a cluster; the others never import it, nor what it brings.
"""

from __future__ import annotations

import argparse
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sidecar.clock import SystemClock
from sidecar.core.errors import ExitCode, SettingsError, SurehupError
from sidecar.core.ports import Clock
from sidecar.kube.ports import CONFIG_MAPS, SECRETS, Api, Ref, Resource

if TYPE_CHECKING:
    from sidecar.kube.access import Access

DEADLINE_S = 10.0
"""For each call to the API server."""

EVERYWHERE = ""
"""The namespace that means all of them."""

KINDS = {
    "configmap": CONFIG_MAPS,
    "configmaps": CONFIG_MAPS,
    "cm": CONFIG_MAPS,
    "secret": SECRETS,
    "secrets": SECRETS,
}
MOST_PARTS = 2
"""Namespace and name."""

_NAME = re.compile(r"[a-z0-9](?:[-a-z0-9.]*[a-z0-9])?")
_GROUP = re.compile(r"[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?")
_USUAL_KUBECONFIG = Path(".kube", "config")


class StateError(SurehupError):
    """The object is not in the state that the command asks for."""

    exit_code = ExitCode.NOT_FOUND


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    """A cluster as a command sees it; `namespace` is where names without one are meant."""

    api: Api
    clock: Clock
    namespace: str
    group: str = ""


def add_cluster_arguments(parser: argparse.ArgumentParser) -> None:
    """Add which cluster, which namespace and which group of annotations."""
    which = parser.add_argument_group("cluster")
    which.add_argument("-n", "--namespace", default="", metavar="NS", help="the namespace")
    which.add_argument("--context", default="", metavar="NAME", help="the kubeconfig's context")
    which.add_argument(
        "--kubeconfig",
        default="",
        metavar="FILE",
        help="instead of KUBECONFIG, ~/.kube/config, or a pod's own ServiceAccount",
    )
    which.add_argument(
        "--group", default="", metavar="NAME", help="the workload's, where several share one object"
    )


def add_name_argument(parser: argparse.ArgumentParser, *, optional: bool = False) -> None:
    """Add which object is meant."""
    parser.add_argument(
        "name",
        nargs="?" if optional else None,
        metavar="[NS/]NAME",
        help="a ConfigMap; a Secret as secret/NAME or secret/NS/NAME",
    )


@contextmanager
def connect(args: argparse.Namespace, *, deadline_s: float = DEADLINE_S) -> Iterator[Cluster]:
    """The cluster that `args` mean, for as long as the block lasts. Raises `SettingsError`."""
    # The official client takes a while to load: errors of the command line must not wait for it.
    from sidecar.kube.client import KubeClient  # noqa: PLC0415

    group = read_group(args.group)
    clock = SystemClock()
    access = _find_access(args, clock, os.environ)
    client = KubeClient(access, clock=clock, deadline_s=min(deadline_s, DEADLINE_S))
    try:
        namespace = args.namespace or access.namespace
        yield Cluster(api=client, clock=clock, namespace=namespace, group=group)
    finally:
        client.close()


def _find_access(args: argparse.Namespace, clock: Clock, environ: Mapping[str, str]) -> Access:
    """As kubectl: a kubeconfig that is named or there, else the pod's own account."""
    from sidecar.kube.access import from_kubeconfig, in_cluster  # noqa: PLC0415

    is_named = args.kubeconfig or args.context or environ.get("KUBECONFIG")
    is_pod = bool(environ.get("KUBERNETES_SERVICE_HOST"))
    if is_pod and not is_named and not (Path.home() / _USUAL_KUBECONFIG).exists():
        return in_cluster(clock, environ)
    return from_kubeconfig(environ, args.kubeconfig, args.context)


def read_group(text: str) -> str:
    """The group's name. Raises `SettingsError`: it becomes part of annotation keys."""
    if text and not _GROUP.fullmatch(text):
        msg = f"--group: {text!r} is no name of a group: lower-case letters, digits and -"
        raise SettingsError(msg)
    return text


def find_ref(text: str, args: argparse.Namespace, cluster: Cluster) -> Ref:
    """The object that ``[KIND/][NS/]NAME`` names. Raises `SettingsError`."""
    resource, namespace, name = split_name(text)
    if namespace and args.namespace and namespace != args.namespace:
        msg = f"{text} names another namespace than -n {args.namespace}: leave one of them out"
        raise SettingsError(msg)
    return Ref(resource, namespace or cluster.namespace, name)


def split_name(text: str) -> tuple[Resource, str, str]:
    """Kind, namespace (empty where left out) and name. Raises `SettingsError`."""
    parts = text.split("/")
    is_kind = len(parts) > 1 and parts[0].lower() in KINDS
    resource = KINDS[parts.pop(0).lower()] if is_kind else CONFIG_MAPS
    if len(parts) > MOST_PARTS or not all(_NAME.fullmatch(it) for it in parts):
        msg = f"{text!r} names no object: write NAME, NAMESPACE/NAME or secret/NAME"
        raise SettingsError(msg)
    return resource, parts[0] if len(parts) > 1 else "", parts[-1]
