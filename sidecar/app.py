"""The composition root of `surehup run`: builds the adapters, starts the threads, stops them.

Crash-only: a thread that dies ends the process with one sentence, and start-up is recovery.
"""

from __future__ import annotations

import logging
import os
import random
import signal
import socket
import tempfile
from collections.abc import Callable, Mapping
from contextlib import ExitStack, suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from sidecar import __version__
from sidecar.clock import SystemClock
from sidecar.confirm.reader import EvidenceReader
from sidecar.contents import Contents, Place, seal
from sidecar.core.attempt import Trigger
from sidecar.core.bridge import (
    Bridge,
    Command,
    HttpReload,
    Mode,
    RefuseEmpty,
    Schema,
    SignalReload,
    Syntax,
)
from sidecar.core.effects import Reply
from sidecar.core.errors import ExitCode, SourceError
from sidecar.core.events import (
    ApiConnected,
    Asked,
    DeclaredSeen,
    MountChanged,
    MountLost,
    Offered,
    ProcessExited,
    StopAsked,
)
from sidecar.core.ports import Clean, Validator
from sidecar.core.snapshot import Mounted, Snapshot
from sidecar.loop.lanes import ThreadLanes
from sidecar.loop.loop import Inbox, Lane, Loop, Outside
from sidecar.loop.requests import Requests
from sidecar.loop.signals import SignalEar
from sidecar.loop.steps import Adapters
from sidecar.publish.folder import FILE_MODE, PublishedFolder
from sidecar.publish.good import GoodStore
from sidecar.serve.http import HttpServer
from sidecar.serve.masking.child import clean
from sidecar.serve.routes import Inside, ReloadAnswer, make_routes
from sidecar.settings.values import Settings
from sidecar.target.exits import ExitWatcher
from sidecar.target.processes import PodProcesses
from sidecar.target.root import ProcessRoot
from sidecar.tell.journal import FileJournal
from sidecar.tell.log import fields
from sidecar.tell.metrics import Metrics
from sidecar.tell.teller import EveryTeller
from sidecar.tell.webhook import Occasion, Webhook, Webhooks
from sidecar.validate.discreet import DiscreetValidator
from sidecar.validate.runner import Validators
from sidecar.watch.joined import JoinedFolders
from sidecar.watch.mount import MountedFolder
from sidecar.watch.watcher import MountWatcher, Pace

if TYPE_CHECKING:
    from sidecar.cluster import Cluster, Hearing
    from sidecar.record.config import ApiConfig
    from sidecar.record.declaration import Reader

LOG = logging.getLogger(__name__)

SECRET_MODE = 0o640
"""Of published files of a Secret: for the UID and the group of the pod alone."""

LOOP_SILENT_S = 30.0
"""A loop that has not turned for so long is stuck; at rest it turns every 5 s."""

REQUEST_MARGIN_S = 30.0
"""What a person's request may take beyond the deadline of the proof: validation, mostly."""

STOP_TIMEOUT_S = 2.0
STEADY_MOST = 10
"""So many times the asked rest is waited for at most: folders that never rest are read too."""


def run(settings: Settings) -> ExitCode:
    """Run all bridges until SIGTERM or SIGINT. Raises `SurehupError` where it cannot start."""
    with ExitStack() as stack:
        return _Sidecar(settings, stack).run()


class _Sidecar:
    """Everything that lives as long as the process. `stack` ends it, the youngest first."""

    def __init__(self, settings: Settings, stack: ExitStack) -> None:
        self._settings = settings
        self._stack = stack
        self._clock = SystemClock()
        self._scratch_dir = _find_scratch_dir(settings.state_dir)
        self._inbox = Inbox()
        self._requests = Requests(self._inbox.post)
        self._metrics = self._make_metrics()
        self._bridges = [_sign(bridge) for bridge in settings.bridges]
        self._connected: dict[str, bool] = {}
        self._readers: dict[str, Reader] = {}
        self._configs: dict[str, ApiConfig] = {}
        self._cluster = self._reach_cluster()
        self._loop = self._make_loop()

    def run(self) -> ExitCode:
        bridges = [bridge.name for bridge in self._bridges]
        LOG.info("Surehup started", extra=fields(version=__version__, bridges=bridges))
        if self._settings.listen is not None:
            self._serve(str(self._settings.listen))
        self._heed_signals()
        for bridge in self._bridges:
            self._watch(bridge)
        self._loop.run()
        LOG.info("Surehup stopped", extra=fields(bridges=bridges))
        return ExitCode.DONE

    def _reach_cluster(self) -> Cluster | None:
        """The API side, where a bridge asks for it: a pod without pays nothing for it."""
        asking = [bridge for bridge in self._bridges if bridge.source.object is not None]
        if not asking:
            return None
        from sidecar.cluster import Cluster  # noqa: PLC0415  10 MB that mount-only work saves
        from sidecar.record.declaration import Reader  # noqa: PLC0415
        from sidecar.record.salt import keep_salt  # noqa: PLC0415

        cluster = Cluster(os.environ, clock=self._clock, on_request=self._count_request)
        self._stack.callback(cluster.stop, STOP_TIMEOUT_S)
        for bridge in asking:
            salt = keep_salt(Path(self._settings.state_dir), LOG.warning)
            reader = Reader(
                items=bridge.source.items,
                group=bridge.policy.group,
                salt=salt if bridge.source.secret else None,
                companions=tuple(other.prefix for other in bridge.source.companions),
                read_others=_join_folders(bridge, Snapshot.of).read_others,
            )
            self._readers[bridge.name] = reader
            self._configs[bridge.name] = cluster.config(bridge, reader)
            self._connected[bridge.name] = False
        return cluster

    def _count_request(self, verb: str, code: str) -> None:
        self._metrics.api_requested(verb, int(code) if code.isdecimal() else None)

    def _make_metrics(self) -> Metrics:
        bridges = self._settings.bridges
        metrics = Metrics([bridge.name for bridge in bridges], clock=self._clock)
        for bridge in bridges:
            checks = [name for check in bridge.checks for name in _name_checks(check)]
            metrics.expect(bridge.name, signal=_name_trigger(bridge), checks=checks)
        return metrics

    def _make_loop(self) -> Loop:
        settings = self._settings
        webhooks = Webhooks(
            [Webhook(hook.url, frozenset(map(Occasion, hook.on))) for hook in settings.notify],
            clock=self._clock,
            random=random.random,
            origin={"pod": os.environ.get("HOSTNAME", "")},
        )
        self._stack.callback(webhooks.stop, STOP_TIMEOUT_S)
        signals = {bridge.name: _name_trigger(bridge) for bridge in self._bridges}
        exits = ExitWatcher(
            lambda bridge, process: self._inbox.post(bridge, ProcessExited(process)),
            self._inbox.crash,
        )
        self._stack.callback(exits.stop)
        lanes = ThreadLanes(self._inbox.crash)
        self._stack.callback(lanes.stop, STOP_TIMEOUT_S)
        return Loop(
            {bridge.name: self._make_lane(bridge) for bridge in self._bridges},
            self._inbox,
            Outside(
                clock=self._clock,
                executor=lanes,
                journal=FileJournal(Path(settings.state_dir), LOG.warning),
                teller=EveryTeller(self._metrics, webhooks, signals),
                watch_exit=exits.watch,
                answer=self._requests.answer,
                keeper=GoodStore(Path(settings.state_dir), LOG.warning),
                pod=self._cluster.pod() if self._cluster is not None else None,
            ),
        )

    def _make_lane(self, bridge: Bridge) -> Lane:
        processes = PodProcesses(will_signal=isinstance(bridge.reload, SignalReload))
        adapters = Adapters(
            clock=self._clock,
            mount=self._open_folder(bridge),
            validator=self._make_validator(bridge),
            processes=processes,
            observer=EvidenceReader(processes.children, self._clock),
            publisher=self._open_publisher(bridge),
            clean=self._make_clean(bridge),
        )
        config = self._configs.get(bridge.name)
        return Lane(
            bridge=bridge, adapters=adapters, config=config, name_files=self._find_naming(bridge)
        )

    def _make_validator(self, bridge: Bridge) -> Validator:
        validators = Validators(
            clock=self._clock,
            tell=partial(_tell, bridge.name),
            scratch_dir=self._scratch_dir,
            mount=_find_folder(bridge),
            companions=bridge.source.companions,
            target=ProcessRoot(bridge.target),
        )
        is_secret = bridge.source.secret is not None
        return DiscreetValidator(validators, self._make_clean(bridge), is_secret=is_secret)

    def _make_clean(self, bridge: Bridge) -> Clean:
        """What takes secrets out of words that may quote the content."""
        secrets = self._settings.secrets.get(bridge.name, ())
        return lambda words, content: clean(words, seal(bridge, secrets, content))

    def _open_contents(self) -> Contents:
        """What people may see of the content of each bridge, and try without consequences."""
        places = {
            bridge.name: Place(
                bridge=bridge,
                folder=MountedFolder(
                    bridge.source.mount or bridge.source.publish,
                    name_files=self._find_naming(bridge),
                ),
                validator=self._make_validator(bridge),
                secrets=self._settings.secrets.get(bridge.name, ()),
            )
            for bridge in self._bridges
        }
        return Contents(places, self._loop.active_content, clock=self._clock)

    def _open_publisher(self, bridge: Bridge) -> PublishedFolder | None:
        if bridge.source.mode is not Mode.PUBLISHED:
            return None
        mode = SECRET_MODE if bridge.source.secret else FILE_MODE
        return PublishedFolder(bridge.source.publish, clock=self._clock, mode=mode)

    def _find_naming(self, bridge: Bridge) -> Callable[[Mapping[str, bytes]], Snapshot]:
        """How the files of a bridge's volume get their digest."""
        reader = self._readers.get(bridge.name)
        return reader.mounted if reader is not None else Snapshot.of

    def _open_folder(self, bridge: Bridge) -> MountedFolder | JoinedFolders:
        """The folder that the daemon reads, with its companions."""
        naming = self._find_naming(bridge)
        if bridge.source.companions:
            return _join_folders(bridge, naming)
        return MountedFolder(_find_folder(bridge), name_files=naming)

    def _watch(self, bridge: Bridge) -> None:
        config = self._configs.get(bridge.name)
        if self._cluster is not None and config is not None:
            self._cluster.watch(bridge, config, self._make_hearing(bridge.name))
        self._watch_folder(bridge)
        if bridge.source.mode is Mode.PUBLISHED and bridge.source.mount:
            self._watch_offer(bridge)

    def _make_hearing(self, name: str) -> Hearing:
        from sidecar.cluster import Hearing  # noqa: PLC0415  see `_reach_cluster`

        def on_connected(connected: bool) -> None:  # noqa: FBT001  a callback's one word
            if not connected and self._connected[name]:
                self._metrics.watch_restarted()
            self._connected[name] = connected
            self._metrics.api_connected(connected=all(self._connected.values()))
            self._inbox.post(name, ApiConnected(connected))

        return Hearing(
            declared=lambda declared: self._inbox.post(name, DeclaredSeen(declared)),
            connected=on_connected,
            crash=self._inbox.crash,
        )

    def _watch_folder(self, bridge: Bridge) -> None:
        published = bridge.source.mode is Mode.PUBLISHED

        def on_change(mounted: Mounted) -> None:
            self._declare_again(bridge)
            empty = published and not mounted.snapshot.files
            lost = MountLost("the shared folder is still empty")
            self._inbox.post(bridge.name, lost if empty else MountChanged(mounted))

        def on_trouble(error: SourceError) -> None:
            LOG.error("Folder cannot be read", extra=fields(bridge=bridge.name, detail=str(error)))
            self._inbox.post(bridge.name, MountLost(error.message))

        self._start_watcher(bridge, self._open_folder(bridge), on_change, on_trouble)

    def _declare_again(self, bridge: Bridge) -> None:
        """What the object declares goes with what its companions carry now."""
        config = self._configs.get(bridge.name) if bridge.source.companions else None
        declared = config.declare_again() if config is not None else None
        if declared is not None:
            self._inbox.post(bridge.name, DeclaredSeen(declared))

    def _watch_offer(self, bridge: Bridge) -> None:
        """The kubelet's mount, where it is only where published content comes from."""

        def on_change(mounted: Mounted) -> None:
            self._inbox.post(bridge.name, Offered(mounted.snapshot))

        def on_trouble(error: SourceError) -> None:
            LOG.error("Folder cannot be read", extra=fields(bridge=bridge.name, detail=str(error)))

        naming = self._find_naming(bridge)
        folder = MountedFolder(bridge.source.mount, name_files=naming)
        self._start_watcher(bridge, folder, on_change, on_trouble)

    def _start_watcher(
        self,
        bridge: Bridge,
        folder: MountedFolder | JoinedFolders,
        on_change: Callable[[Mounted], None],
        on_trouble: Callable[[SourceError], None],
    ) -> None:
        watcher = MountWatcher(
            folder,
            on_change=on_change,
            on_trouble=on_trouble,
            on_crash=self._inbox.crash,
            tell=partial(_tell, bridge.name),
            pace=self._find_pace(bridge),
        )
        self._stack.callback(watcher.stop)
        watcher.start()

    def _find_pace(self, bridge: Bridge) -> Pace:
        pace, steady_s = Pace(poll_s=self._settings.poll_s), bridge.source.steady_s
        if not bridge.source.companions:
            return pace
        return replace(pace, quiet_s=steady_s, quiet_most_s=STEADY_MOST * steady_s)

    def _serve(self, listen: str) -> None:
        contents = self._open_contents()
        inside = Inside(
            clock=self._clock,
            metrics=self._metrics.render,
            statuses=self._loop.statuses,
            alive=self._find_silence,
            started=self._find_unfilled,
            reload=self._reload,
            active=contents.active,
            dry_run=contents.dry_run,
        )
        server = HttpServer(
            listen,
            make_routes(inside),
            clock=self._clock,
            on_crash=self._inbox.crash,
            http_control=self._settings.http_control,
        )
        server.start()
        self._stack.callback(server.stop, STOP_TIMEOUT_S)

    def _find_silence(self) -> str | None:
        silent_s = self._loop.beat_age_s()
        return None if silent_s < LOOP_SILENT_S else f"the loop has not turned for {silent_s:.0f}s"

    def _find_unfilled(self) -> str | None:
        """What keeps the daemon from being started: a shared folder without any good content."""
        filled = {status.bridge for status in self._loop.statuses() if status.filled}
        lacking = [
            bridge.name
            for bridge in self._bridges
            if bridge.source.mode is Mode.PUBLISHED and bridge.name not in filled
        ]
        return f"nothing is published yet for {', '.join(lacking)}" if lacking else None

    def _reload(self, name: str | None, trigger: Trigger) -> ReloadAnswer:
        """Ask one bridge, or all; the worst answer speaks for all."""
        answers = [
            self._reload_one(bridge, trigger)
            for bridge in self._bridges
            if name in {None, bridge.name}
        ]
        return max(answers, key=lambda answer: SEVERITY.index(answer.outcome))

    def _reload_one(self, bridge: Bridge, trigger: Trigger) -> ReloadAnswer:
        timeout_s = bridge.proof.deadline_s + REQUEST_MARGIN_S
        answer = self._requests.ask(bridge.name, trigger, timeout_s=timeout_s)
        if answer is None:
            message = f"no end of the attempt within {timeout_s:g}s: /status says what it waits for"
            return ReloadAnswer(outcome=Reply.UNCONFIRMED, message=message)
        return ReloadAnswer(outcome=answer.reply, message=answer.message, findings=answer.findings)

    def _heed_signals(self) -> None:
        def tell_all(number: int) -> None:
            event = Asked(Trigger.SIGNAL) if number == signal.SIGHUP else StopAsked()
            for bridge in self._bridges:
                self._inbox.post(bridge.name, event)

        ear = SignalEar({signal.SIGHUP, signal.SIGTERM, signal.SIGINT}, tell_all)
        self._stack.callback(ear.stop)


SEVERITY = (
    Reply.UNCHANGED,
    Reply.APPLIED,
    Reply.SUPERSEDED,
    Reply.BUSY,
    Reply.BLOCKED,
    Reply.UNCONFIRMED,
    Reply.REJECTED,
    Reply.FAILED,
)


def _sign(bridge: Bridge) -> Bridge:
    """The bridge with the name that it reports under."""
    return replace(bridge, pod=os.environ.get("POD_NAME") or socket.gethostname())


def _join_folders(
    bridge: Bridge, naming: Callable[[Mapping[str, bytes]], Snapshot]
) -> JoinedFolders:
    others = {other.prefix: MountedFolder(other.mount) for other in bridge.source.companions}
    return JoinedFolders(MountedFolder(_find_folder(bridge)), others, name_files=naming)


def _find_folder(bridge: Bridge) -> str:
    """Where the daemon reads: the kubelet's mount, or the folder that is written for it."""
    published = bridge.source.mode is Mode.PUBLISHED
    return bridge.source.publish if published else bridge.source.mount


def _find_scratch_dir(state_dir: str) -> str:
    """Where validators may write: the state folder, or what the system offers.

    Where neither can be written, the validators that need a folder say so.
    """
    with suppress(OSError):
        Path(state_dir).mkdir(mode=0o700, parents=True, exist_ok=True)
    if os.access(state_dir, os.W_OK):
        return state_dir
    try:
        return tempfile.gettempdir()
    except FileNotFoundError:
        return state_dir


def _name_trigger(bridge: Bridge) -> str:
    if isinstance(bridge.reload, HttpReload):
        return "http"
    return signal.Signals(bridge.reload.number).name


def _name_checks(check: RefuseEmpty | Syntax | Schema | Command) -> list[str]:
    match check:
        case RefuseEmpty():
            return ["empty"]
        case Syntax(language=language):
            return [language.value]
        case Schema():
            return ["schema"]
        case Command(argv=argv):
            return [Path(argv[0]).name]


def _tell(bridge: str, message: str) -> None:
    LOG.warning("Note", extra=fields(bridge=bridge, detail=message))
