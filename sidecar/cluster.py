"""The composition root of the API side: client, watches, and what each bridge asks of its object.

Imported only where a bridge names an object, so that mount-only work carries no client.
"""

from __future__ import annotations

import logging
import os
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from sidecar.core.attempt import BridgeStatus
from sidecar.core.bridge import Bridge
from sidecar.core.declared import Declared
from sidecar.core.evidence import Ends
from sidecar.core.ports import Clock, Pod
from sidecar.kube.access import ACCOUNT_DIR, Access, from_kubeconfig, in_cluster
from sidecar.kube.client import KubeClient
from sidecar.kube.ports import CONFIG_MAPS, PODS, SECRETS, Json, Ref
from sidecar.kube.watch import Listener, ObjectWatch, find_pace
from sidecar.record.annotations import AnnotationWriter
from sidecar.record.config import ApiConfig
from sidecar.record.declaration import Reader
from sidecar.record.events import Events, PodRef
from sidecar.record.pod import PodStatus
from sidecar.target.procfs import ProcFs
from sidecar.tell.log import fields

LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Hearing:
    """Who hears what the API shows of one bridge's object."""

    declared: Callable[[Declared | None], None]
    connected: Callable[[bool], None]
    crash: Callable[[BaseException], None]


class Cluster:
    """The API as one sidecar uses it. Raises `SettingsError` where there is no access to it.

    `account` is where a pod finds its token.
    """

    def __init__(
        self,
        environ: Mapping[str, str],
        *,
        clock: Clock,
        on_request: Callable[[str, str], None],
        account: str = ACCOUNT_DIR,
    ) -> None:
        self._clock = clock
        self._access = _find_access(environ, clock, account)
        self._api = KubeClient(self._access, clock=clock, on_request=on_request)
        self._pod = _find_pod(environ, self._access)
        self._watches: dict[str, ObjectWatch] = {}

    def config(self, bridge: Bridge, reader: Reader) -> ApiConfig:
        """What `bridge` asks of its object."""
        ref = self._ref(bridge)
        return ApiConfig(
            self._api,
            ref,
            reader,
            writer=AnnotationWriter(self._api, ref, clock=self._clock, group=bridge.policy.group),
            events=Events(self._api, pod=self._pod, clock=self._clock),
            tell=lambda message: _warn(bridge.name, message),
            on_silence=lambda: self._doubt(bridge.name),
        )

    def pod(self) -> Pod | None:
        """The pod that we run in; None where this is none."""
        if self._pod is None:
            return None
        ref = Ref(PODS, self._pod.namespace, self._pod.name)
        own = ProcFs().container_name(os.getpid())
        return _ToldPod(PodStatus(self._api, ref, clock=self._clock, own=own))

    def watch(self, bridge: Bridge, config: ApiConfig, hearing: Hearing) -> None:
        """Watch the bridge's object from now on, in a thread of its own."""

        def take(content: Json | None) -> None:
            declared = config.declare(content) if content is not None else None
            if declared is not None or content is None:
                hearing.declared(declared)

        def tell(message: str) -> None:
            LOG.info("Watch on the API", extra=fields(bridge=bridge.name, detail=message))

        listener = Listener(
            on_object=take, on_connected=hearing.connected, on_crash=hearing.crash, tell=tell
        )
        watch = ObjectWatch(
            self._api,
            self._ref(bridge),
            listener,
            clock=self._clock,
            random=random.random,
            pace=find_pace(bridge.policy.rollout.replicas or 1),
        )
        self._watches[bridge.name] = watch
        watch.start()

    def _doubt(self, bridge: str) -> None:
        """A call had no answer: what the watch is told may not be all there is."""
        watch = self._watches.get(bridge)
        if watch is not None:
            watch.renew()

    def stop(self, timeout_s: float) -> None:
        """End all watches and connections."""
        for watch in self._watches.values():
            watch.stop(timeout_s)
        self._api.close()

    def _ref(self, bridge: Bridge) -> Ref:
        resource = SECRETS if bridge.source.secret else CONFIG_MAPS
        namespace, _, name = (bridge.source.object or "").rpartition("/")
        return Ref(resource, namespace or self._access.namespace, name)


class _ToldPod:
    """Implements `core.ports.Pod`: says each trouble once."""

    def __init__(self, status: PodStatus) -> None:
        self._status = status
        self._told: set[str] = set()

    def nudge(self, digest: str, number: int) -> None:
        """Have the kubelet refresh the mounts soon."""
        self._tell(self._status.nudge(digest, number))

    def count_ends(self, container: str) -> tuple[Ends | None, str]:
        """How often the daemon's container has ended."""
        return self._status.count_ends(container)

    def show(self, statuses: Sequence[BridgeStatus]) -> None:
        """Let the condition say what runs."""
        self._tell(self._status.show(statuses))

    def _tell(self, trouble: str | None) -> None:
        if trouble is not None and trouble not in self._told:
            self._told.add(trouble)
            LOG.warning("Note", extra=fields(detail=trouble))


def _find_access(environ: Mapping[str, str], clock: Clock, account: str) -> Access:
    """In a pod its own account; elsewhere a kubeconfig, as kubectl finds it."""
    if environ.get("KUBERNETES_SERVICE_HOST"):
        return in_cluster(clock, environ, account)
    return from_kubeconfig(environ)


def _find_pod(environ: Mapping[str, str], access: Access) -> PodRef | None:
    name = environ.get("POD_NAME") or (
        environ.get("HOSTNAME") if environ.get("KUBERNETES_SERVICE_HOST") else None
    )
    if not name:
        return None
    namespace = environ.get("POD_NAMESPACE") or access.namespace
    return PodRef(namespace, name, environ.get("POD_UID", ""))


def _warn(bridge: str, message: str) -> None:
    LOG.warning("Note", extra=fields(bridge=bridge, detail=message))
