"""A pod without a node: a real Prometheus, a real `surehup run` beside it, and its kubelet.

    with running_pod(stage, "web-0") as pod:
        pod.settle(pod.put(pod.valid()), "Applied")

The sidecar has no more rights than the shipped Role gives, in a namespace of its own.
"""

from __future__ import annotations

import itertools
import json
import os
import re
import shutil
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from sidecar.clock import SystemClock
from sidecar.core.snapshot import Snapshot
from sidecar.kube.ports import CONFIG_MAPS, EVENTS, PODS, SECRETS, Json, Ref, Resource
from sidecar.kube.watch import Listener, ObjectWatch
from sidecar.record.annotations import read_marks
from tests.apiserver.clients import make_admin_client
from tests.apiserver.server import ACCOUNT, CONFIG_MAP, ApiServer
from tests.cluster.kubelets import Kubelet
from tests.cluster.objects import POLL_S, SWIFT, WITHIN_S, Marks, Subject, read_digest, watching
from tests.daemons.harness import DaemonSpec, Place, Running
from tests.daemons.processes import find_free_port
from tests.daemons.sidecars import PYTHON, UNTRACED, Sidecar, beside, fetch
from tests.daemons.specs import PROMETHEUS, demo

Settings = Mapping[str, Any]

_NUMBERS = itertools.count(1)


def number() -> int:
    """One that no content had before."""
    return next(_NUMBERS)


@dataclass(frozen=True, kw_only=True)
class Kind:
    """One daemon: its settings, contents that differ for every number, and what it says itself.

    `broken` is refused by a validator, `refused` by the daemon alone. `loading` is the line that it
    logs for every time it was told to load; `page` shows what it runs, where `mark` is found of the
    n-th content.
    """

    spec: DaemonSpec
    bridge: Settings
    key: str
    valid: Callable[[int], str]
    broken: Callable[[int], str]
    refused: Callable[[int], str]
    loading: str
    page: str
    mark: Callable[[str], str]


def _spell(text: str) -> str:
    """How Prometheus spells the interval in `text`."""
    found = re.search(r"scrape_interval: (\d+)s", text)
    assert found is not None, text
    minutes, seconds = divmod(int(found[1]), 60)
    return f"scrape_interval: {f'{minutes}m' if minutes else ''}{f'{seconds}s' if seconds else ''}"


PROMETHEUS_KIND = Kind(
    spec=PROMETHEUS,
    bridge={"preset": "prometheus"},
    key="prometheus.yml",
    valid=lambda n: f"global: {{scrape_interval: {60 + n}s}}\n",
    broken=lambda n: f"global:\n  scrape_interval: soon {n}\n",
    refused=lambda n: f"global: {{query_log_file: /no/such/folder/{n}.log}}\n",
    loading=r"Loading configuration file",
    page="/api/v1/status/config",
    mark=lambda text: _spell(text) + r"\n",
)


def make_demo(*habits: str, **confirm: Any) -> Kind:  # noqa: ANN401
    """The small daemon that we ship: fast, or as slow as its `habits` say."""
    check = [sys.executable, "-m", "sidecar.testing.daemon", "--check", "--config", "{file}"]
    evidence = [
        {"role": "ok_gauge", "metric": "demo_config_last_reload_successful"},
        {
            "role": "success_timestamp",
            "metric": "demo_config_last_reload_success_timestamp_seconds",
        },
    ]
    return Kind(
        spec=demo("--refuse-when=moody", *habits),
        bridge={
            "name": "demo",
            "file": "demo.conf",
            "validate": [{"command": check}],
            "confirm": {"evidence": [evidence], **confirm},
        },
        key="demo.conf",
        valid=lambda n: f"message: hello {n}\n",
        broken=lambda n: f"greeting: {n}\n",
        refused=lambda n: f"message: moody {n}\n",
        loading=r"^reload",
        page="/config",
        mark=lambda text: text,
    )


DEMO_KIND = make_demo()


def digest_of(files: Mapping[str, str | bytes]) -> str:
    """The digest of a ConfigMap's files."""
    whole = {key: text.encode() if isinstance(text, str) else text for key, text in files.items()}
    return Snapshot.of(whole).digest


@dataclass(kw_only=True)
class Stage:
    """A namespace with the shipped rights, and the object in it that all is about."""

    server: ApiServer
    namespace: str
    folder: Path
    subject: Subject
    kubeconfig: Path

    @property
    def source(self) -> str:
        """The field of a bridge's source that names the object."""
        return "secret" if self.subject.ref.resource is SECRETS else "configMap"

    def refer(self, pod: str) -> Ref:
        return Ref(PODS, self.namespace, pod)

    def list_events(self) -> list[Json]:
        items: list[Json] = self.subject.admin.list(EVENTS, self.namespace)["items"]
        return items

    def kubectl(self, *argv: str, stdin: str | None = None) -> str:
        return self.server.kubectl(*argv, namespace=self.namespace, stdin=stdin)


@contextmanager
def set_stage(
    server: ApiServer,
    folder: Path,
    *,
    pod_status: bool = True,
    resource: Resource = CONFIG_MAPS,
) -> Iterator[Stage]:
    """A namespace in which all is as the shipped manifests have it, for this kind of object."""
    namespace = server.make_namespace(pod_status=pod_status)
    admin = make_admin_client(server)
    user = {"token": server.mint_token(namespace)}
    kubeconfig = server.pki.write_kubeconfig(
        folder / "sidecar.kubeconfig", server=server.url, user=user
    )
    subject = Subject(admin=admin, ref=Ref(resource, namespace, CONFIG_MAP))
    if resource is not CONFIG_MAPS:
        change_rule(server, namespace, 0, resources=[resource.plural])
    with watching(admin, subject):
        yield Stage(
            server=server,
            namespace=namespace,
            folder=folder,
            subject=subject,
            kubeconfig=kubeconfig,
        )
    admin.close()


def change_rule(server: ApiServer, namespace: str, rule: int, **fields: list[str]) -> None:
    """Change a rule of the shipped Role."""
    patch = [
        {"op": "replace", "path": f"/rules/{rule}/{name}", "value": value}
        for name, value in fields.items()
    ]
    argv = ("patch", "role", "surehup", "--type=json", f"-p={json.dumps(patch)}")
    server.kubectl(*argv, namespace=namespace)


@dataclass(kw_only=True)
class Pod:
    """A pod on a stage; `running_pod` makes one."""

    name: str
    stage: Stage
    daemon: Running
    sidecar: Sidecar
    kubelet: Kubelet
    kind: Kind
    good: set[str] = field(default_factory=set)

    @property
    def reloads(self) -> int:
        """How often the daemon itself says that it was told to load."""
        return len(re.findall(self.kind.loading, self.daemon.log, re.MULTILINE))

    def shows(self, files: Mapping[str, str]) -> bool:
        """Whether the daemon itself says that it runs `files`."""
        page = fetch(f"http://127.0.0.1:{self.daemon.place.port}{self.kind.page}")
        return self.kind.mark(files[self.kind.key]) in page

    def valid(self) -> dict[str, str]:
        """New good content."""
        files = {self.kind.key: self.kind.valid(number())}
        self.good.add(digest_of(files))
        return files

    def broken(self) -> dict[str, str]:
        """New content that its validator refuses."""
        return {self.kind.key: self.kind.broken(number())}

    def refused(self) -> dict[str, str]:
        """New content that only the daemon refuses."""
        return {self.kind.key: self.kind.refused(number())}

    def put(self, files: Mapping[str, str | bytes]) -> str:
        """Edit the object; the digest."""
        return self.stage.subject.put(files)

    def read_pod(self) -> Json:
        return self.stage.subject.admin.get(self.stage.refer(self.name))

    def settle(self, digest: str, status: str, *, within_s: float = WITHIN_S) -> Marks:
        """Wait until the object says `status` of `digest`."""
        return self.stage.subject.wait_marks(
            lambda marks: (marks.get("observed"), marks.get("status")) == (digest, status),
            within_s=within_s,
            tell=lambda: self.sidecar.tail,
        )

    def wait_connected(self) -> None:
        """Wait until its sidecar sees the object."""

        def is_connected() -> bool:
            with suppress(OSError):
                return self.sidecar.metric("surehup_api_connected") == 1
            return False

        eventually(is_connected, lambda: self.sidecar.tail)

    def settle_now(self, status: str) -> Marks:
        """Wait until the object says `status` of the content that it has."""
        self.stage.subject.wait(
            lambda content: (
                content is not None
                and read_marks(content).get("status") == status
                and read_marks(content).get("observed") == read_digest(content)
            ),
            tell=lambda: self.sidecar.tail,
        )
        return read_marks(self.stage.subject.read())

    def wait_marks(self, holds: Callable[[Marks], bool], *, within_s: float = WITHIN_S) -> Marks:
        return self.stage.subject.wait_marks(
            holds, within_s=within_s, tell=lambda: self.sidecar.tail
        )

    @property
    def proven(self) -> str:
        """What the pod says that it has proven."""
        annotations = self.read_pod()["metadata"].get("annotations") or {}
        return str(annotations.get("surehup.dev/proven", "")).rpartition("=")[2]

    def rest(self) -> None:
        """Wait until all is said, and the kubelet has seen it."""
        digest = read_digest(self.stage.subject.read())[:12]
        eventually(lambda: self.proven == digest, lambda: self.sidecar.tail)
        eventually(lambda: self.kubelet.is_idle)

    def apply(self) -> dict[str, str]:
        """A good edit, applied."""
        files = self.valid()
        self.settle(self.put(files), "Applied")
        assert self.shows(files)
        return files


def eventually(holds: Callable[[], bool], tell: Callable[[], str] = str) -> None:
    """Wait until it `holds`."""
    end_s = time.monotonic() + WITHIN_S
    while not holds():
        assert time.monotonic() < end_s, tell()
        time.sleep(POLL_S)


def write_settings(path: Path, bridges: list[Settings]) -> Path:
    """A settings file (JSON is YAML)."""
    path.write_text(json.dumps({"apiVersion": "surehup.dev/v1alpha1", "bridges": bridges}))
    return path


def merge(base: Settings | None, over: Settings) -> dict[str, Any]:
    """`over` upon `base`, key by key."""
    merged = dict(base or {})
    for key, value in over.items():
        old = merged.get(key)
        merged[key] = merge(old, value) if isinstance(value, Mapping) else value
    return merged


@contextmanager
def running_pod(  # noqa: PLR0913  what a pod's manifest says
    stage: Stage,
    name: str = "web-0",
    *,
    published: bool = False,
    kubelet: Mapping[str, Any] | None = None,
    environ: Mapping[str, str] | None = None,
    first: bool = True,
    start: bool = True,
    kind: Kind = PROMETHEUS_KIND,
    others: Sequence[Settings] = (),
    in_pod: Sequence[str] | None = None,
    **bridge: Any,  # noqa: ANN401
) -> Iterator[Pod]:
    """A pod on `stage`; `bridge` are further settings of it.

    `others` are more bridges of its sidecar. `first`: the object is given good content before.
    `in_pod`: the sidecar finds the API as in a pod, and `tests.cluster.inpod` gets these flags.
    `start`: the daemon is started, once there is something to start with.
    """
    folder = stage.folder / name
    place = Place(
        folder=folder / ("published" if published else "mount"),
        scratch=folder / "scratch",
        port=find_free_port(),
        other_port=find_free_port(),
    )
    for made in (folder, folder / "mount", folder / "published", place.scratch):
        made.mkdir(exist_ok=True)
    path = folder / Path(kind.spec.program).name
    path.symlink_to(shutil.which(kind.spec.program) or kind.spec.program)
    daemon = Running(spec=replace(kind.spec, program=str(path)), place=place)
    mounted = Kubelet(folder / "mount", **(kubelet or {}))
    base: dict[str, Any] = {
        "source": {stage.source: f"{stage.namespace}/{stage.subject.ref.name}"},
        "target": {"process": re.escape(str(path))},
        "confirm": {"url": f"http://127.0.0.1:{place.port}/metrics"},
        "rollout": {"replicas": 1},
    }
    if published:
        base |= {"mode": "published", "publish": str(folder / "published")}
    else:
        base["source"]["mount"] = str(folder / "mount")
    bridges = [merge(merge(base, kind.bridge), bridge), *others]
    settings = write_settings(folder / "surehup.yaml", bridges)
    good = {stage.subject.put({kind.key: kind.valid(number())})} if first else set()
    with ExitStack() as stack:
        api_pod = make_api_pod(stage, name)
        stack.callback(mounted.stop)
        mounted.start()
        if not published:
            stage.subject.follow(mounted.take_object)
            watch_pod(stage, name, mounted, stack)
            mounted.sync()
        stack.callback(daemon.stop)
        sidecar = stack.enter_context(
            beside(
                f"--config={settings}",
                folder=folder / "sidecar",
                program=PYTHON if in_pod is None else account_program(stage, folder, in_pod),
                environ={
                    **({"KUBECONFIG": str(stage.kubeconfig)} if in_pod is None else {}),
                    **({} if in_pod is None else stage.server.environ),
                    **UNTRACED,
                    "POD_NAME": name,
                    "POD_NAMESPACE": stage.namespace,
                    "POD_UID": api_pod["metadata"]["uid"],
                    **(environ or {}),
                },
            )
        )
        pod = Pod(
            name=name,
            stage=stage,
            daemon=daemon,
            sidecar=sidecar,
            kubelet=mounted,
            kind=kind,
            good=good,
        )
        if start:
            wait_for_files(pod)
            daemon.start()
        yield pod
        stage.subject.check_truth(pod.good)


def account_program(stage: Stage, folder: Path, flags: Sequence[str]) -> list[str]:
    """A sidecar that has an account instead of a kubeconfig, and is measured as it is."""
    account = folder / "account"
    stage.server.write_account(account, stage.server.mint_token(stage.namespace))
    unset = [f"--unset={name}" for name in os.environ if name.startswith("COVERAGE")]
    module = [sys.executable, "-m", "tests.cluster.inpod", str(account)]
    return ["/usr/bin/env", *unset, *module, *flags]


def wait_for_files(pod: Pod) -> None:
    """What a startup probe waits for: a configuration to start with."""
    path = pod.daemon.folder / pod.kind.key
    eventually(path.exists, lambda: f"nothing to start with{pod.sidecar.tail}")


def make_api_pod(stage: Stage, name: str) -> Json:
    """The pod's object, running as far as the API knows."""
    admin = stage.subject.admin
    container = {"name": "prometheus", "image": "prometheus"}
    spec = {"containers": [container], "serviceAccountName": ACCOUNT}
    admin.create(PODS, stage.namespace, {"metadata": {"name": name}, "spec": spec})
    ready = {"type": "Ready", "status": "True", "lastTransitionTime": "2025-01-01T00:00:00Z"}
    return admin.patch(
        stage.refer(name),
        {"status": {"phase": "Running", "conditions": [ready]}},
        subresource="status",
    )


def watch_pod(stage: Stage, name: str, kubelet: Kubelet, stack: ExitStack) -> None:
    """Let the kubelet see its pod."""
    crashes: list[Exception] = []
    listener = Listener(
        on_object=kubelet.take_pod,
        on_connected=lambda _: None,
        on_crash=crashes.append,
        tell=lambda _: None,
    )
    watch = ObjectWatch(
        stage.subject.admin,
        stage.refer(name),
        listener,
        clock=SystemClock(),
        random=lambda: 0.5,
        pace=SWIFT,
    )
    watch.start()
    stack.callback(watch.stop)
