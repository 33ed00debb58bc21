"""The composition root of `surehup run`: builds the adapters, starts the threads, stops them.

Crash-only: a thread that dies ends the process with one sentence, and start-up is recovery.
"""

from __future__ import annotations

import logging
import os
import random
import signal
import tempfile
from contextlib import ExitStack
from functools import partial
from pathlib import Path

from sidecar import __version__
from sidecar.clock import SystemClock
from sidecar.confirm.reader import EvidenceReader
from sidecar.core.attempt import Trigger
from sidecar.core.bridge import (
    Bridge,
    Command,
    HttpReload,
    RefuseEmpty,
    Schema,
    SignalReload,
    Syntax,
)
from sidecar.core.effects import Reply
from sidecar.core.errors import ExitCode, SettingsError, SourceError
from sidecar.core.events import (
    Asked,
    MountChanged,
    MountLost,
    ProcessExited,
    StopAsked,
)
from sidecar.core.snapshot import Mounted
from sidecar.loop.lanes import ThreadLanes
from sidecar.loop.loop import Inbox, Lane, Loop, Outside
from sidecar.loop.requests import Requests
from sidecar.loop.signals import SignalEar
from sidecar.loop.steps import Adapters
from sidecar.serve.http import HttpServer
from sidecar.serve.routes import Inside, ReloadAnswer, make_routes
from sidecar.settings.values import Settings, list_api_settings
from sidecar.target.exits import ExitWatcher
from sidecar.target.processes import PodProcesses
from sidecar.target.root import ProcessRoot
from sidecar.tell.journal import FileJournal
from sidecar.tell.log import fields
from sidecar.tell.metrics import Metrics
from sidecar.tell.teller import EveryTeller
from sidecar.tell.webhook import Occasion, Webhook, Webhooks
from sidecar.validate.runner import Validators
from sidecar.watch.mount import MountedFolder
from sidecar.watch.watcher import MountWatcher, Pace

LOG = logging.getLogger(__name__)

LOOP_SILENT_S = 30.0
"""A loop that has not turned for so long is stuck; at rest it turns every 5 s."""

REQUEST_MARGIN_S = 30.0
"""What a person's request may take beyond the deadline of the proof: validation, mostly."""

STOP_TIMEOUT_S = 2.0


def run(settings: Settings) -> ExitCode:
    """Run all bridges until SIGTERM or SIGINT. Raises `SurehupError` where it cannot start."""
    _refuse_unsupported(settings)
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
        self._loop = self._make_loop()

    def run(self) -> ExitCode:
        bridges = [bridge.name for bridge in self._settings.bridges]
        LOG.info("Surehup started", extra=fields(version=__version__, bridges=bridges))
        if self._settings.listen is not None:
            self._serve(str(self._settings.listen))
        self._heed_signals()
        for bridge in self._settings.bridges:
            self._watch(bridge)
        self._loop.run()
        LOG.info("Surehup stopped", extra=fields(bridges=bridges))
        return ExitCode.DONE

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
        signals = {bridge.name: _name_trigger(bridge) for bridge in settings.bridges}
        exits = ExitWatcher(
            lambda bridge, process: self._inbox.post(bridge, ProcessExited(process)),
            self._inbox.crash,
        )
        self._stack.callback(exits.stop)
        lanes = ThreadLanes(self._inbox.crash)
        self._stack.callback(lanes.stop, STOP_TIMEOUT_S)
        return Loop(
            {bridge.name: self._make_lane(bridge) for bridge in settings.bridges},
            self._inbox,
            Outside(
                clock=self._clock,
                executor=lanes,
                journal=FileJournal(Path(settings.state_dir), LOG.warning),
                teller=EveryTeller(self._metrics, webhooks, signals),
                watch_exit=exits.watch,
                answer=self._requests.answer,
            ),
        )

    def _make_lane(self, bridge: Bridge) -> Lane:
        processes = PodProcesses(will_signal=isinstance(bridge.reload, SignalReload))
        adapters = Adapters(
            clock=self._clock,
            mount=MountedFolder(bridge.source.mount),
            validator=Validators(
                clock=self._clock,
                tell=partial(_tell, bridge.name),
                scratch_dir=self._scratch_dir,
                mount=bridge.source.mount,
                target=ProcessRoot(bridge.target),
            ),
            processes=processes,
            observer=EvidenceReader(processes.children, self._clock),
        )
        return Lane(bridge=bridge, adapters=adapters)

    def _watch(self, bridge: Bridge) -> None:
        def on_change(mounted: Mounted) -> None:
            self._inbox.post(bridge.name, MountChanged(mounted))

        def on_trouble(error: SourceError) -> None:
            LOG.error("Folder cannot be read", extra=fields(bridge=bridge.name, detail=str(error)))
            self._inbox.post(bridge.name, MountLost(error.message))

        watcher = MountWatcher(
            MountedFolder(bridge.source.mount),
            on_change=on_change,
            on_trouble=on_trouble,
            on_crash=self._inbox.crash,
            tell=partial(_tell, bridge.name),
            pace=Pace(poll_s=self._settings.poll_s),
        )
        self._stack.callback(watcher.stop)
        watcher.start()

    def _serve(self, listen: str) -> None:
        inside = Inside(
            clock=self._clock,
            metrics=self._metrics.render,
            statuses=self._loop.statuses,
            alive=self._find_silence,
            started=lambda: None,
            reload=self._reload,
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

    def _reload(self, name: str | None, trigger: Trigger) -> ReloadAnswer:
        """Ask one bridge, or all; the worst answer speaks for all."""
        answers = [
            self._reload_one(bridge, trigger)
            for bridge in self._settings.bridges
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
            for bridge in self._settings.bridges:
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


def _refuse_unsupported(settings: Settings) -> None:
    for bridge in settings.bridges:
        asked = list_api_settings(bridge)
        if asked:
            msg = (
                f"bridge {bridge.name}: {', '.join(asked)} needs the Kubernetes API, which this"
                " release does not speak yet: leave it out and name the mounted folder by --mount"
            )
            raise SettingsError(msg)


def _find_scratch_dir(state_dir: str) -> str:
    """Where validators may write: the state folder, or what the system offers."""
    if os.access(state_dir, os.W_OK):
        return state_dir
    return tempfile.gettempdir()


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
