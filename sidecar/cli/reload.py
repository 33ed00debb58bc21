"""Signal a process and confirm the reload by its own metrics."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Mapping
from dataclasses import replace

from sidecar.cli.arguments import RELOAD_NEEDS, add_reload_arguments
from sidecar.cli.find import describe, print_facts
from sidecar.clock import SystemClock
from sidecar.confirm.reader import EvidenceReader
from sidecar.core.attempt import AttemptRecord, BridgeStatus, Outcome, Status, Trigger
from sidecar.core.bridge import Bridge, Source
from sidecar.core.effects import Answer, Milestone, Note, Reply
from sidecar.core.errors import ExitCode
from sidecar.core.events import Asked, MountChanged, StopAsked
from sidecar.core.evidence import Process
from sidecar.core.ports import Mount
from sidecar.core.snapshot import Mounted, Snapshot
from sidecar.loop.lanes import ThreadLanes
from sidecar.loop.loop import Inbox, Lane, Loop, Outside
from sidecar.loop.steps import Adapters
from sidecar.settings.loading import settle
from sidecar.target.processes import PodProcesses
from sidecar.target.root import ProcessRoot
from sidecar.validate.runner import Validators
from sidecar.watch.mount import MountedFolder

EXIT_CODES = {
    Reply.APPLIED: ExitCode.DONE,
    Reply.UNCHANGED: ExitCode.DONE,
    Reply.REJECTED: ExitCode.INVALID,
    Reply.FAILED: ExitCode.FAILED,
    Reply.UNCONFIRMED: ExitCode.UNCONFIRMED,
    Reply.SUPERSEDED: ExitCode.UNCONFIRMED,
    Reply.BUSY: ExitCode.UNCONFIRMED,
    Reply.BLOCKED: ExitCode.NOT_FOUND,
}

LANE_STOP_S = 2.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add which process is meant, what is checked before, and what proves the reload."""
    add_reload_arguments(parser)


def run(args: argparse.Namespace) -> ExitCode:
    """Reload each bridge's process; the exit code is the first that is not 0."""
    settings = settle(args, os.environ, needs=RELOAD_NEEDS)
    codes = [_reload(bridge, args) for bridge in settings.bridges]
    return next((code for code in codes if code is not ExitCode.DONE), ExitCode.DONE)


def _reload(bridge: Bridge, args: argparse.Namespace) -> ExitCode:
    if args.verbose:
        print_facts(bridge)
    process = PodProcesses().find(bridge.target)
    if args.dry_run:
        return _rehearse(bridge, process)
    answer = _Once(bridge).run()
    print(f"{answer.reply.value}: {describe(process)}: {answer.message}")
    for finding in answer.findings:
        print(f"  {finding}", file=sys.stderr)
    return EXIT_CODES[answer.reply]


def _rehearse(bridge: Bridge, process: Process) -> ExitCode:
    adapters = _make_adapters(bridge)
    if bridge.source.mount:
        report = adapters.validator.validate(
            adapters.mount.read().snapshot, bridge.checks, _Never()
        )
        print(f"content: {report.summary}")
        if report.rejects:
            return ExitCode.INVALID
    observation = adapters.observer.observe(bridge.proof, process)
    print(f"evidence: {observation.error or _list(observation.readings)}")
    print(f"would be told to reload: {describe(process)}")
    return ExitCode.DONE if observation.error is None else ExitCode.UNCONFIRMED


def _list(readings: Mapping[str, object]) -> str:
    return ", ".join(f"{name} {value}" for name, value in readings.items()) or "none is shown"


class _Once:
    """One bridge that makes one attempt; hears its own loop (`loop.Teller`) and then stops it."""

    def __init__(self, bridge: Bridge) -> None:
        # Without a folder nothing can be judged: the process reads what it will. The folder is all
        # that is asked: a reload by hand leaves no word in the cluster.
        source = Source(mount=bridge.source.publish or bridge.source.mount)
        bridge = replace(bridge, source=source)
        self._bridge = bridge if source.mount else replace(bridge, checks=())
        self._inbox = Inbox()
        self._answer = Answer(request=1, reply=Reply.BLOCKED, message="nothing was tried")
        self._clock = SystemClock()

    def run(self) -> Answer:
        adapters = _make_adapters(self._bridge)
        lanes = ThreadLanes(self._inbox.crash)
        loop = Loop(
            {self._bridge.name: Lane(bridge=self._bridge, adapters=adapters)},
            self._inbox,
            Outside(
                clock=self._clock,
                executor=lanes,
                journal=_Forgetful(),
                teller=self,
                watch_exit=lambda _bridge, _process: None,
                answer=self._take,
                keeper=_Forgetful(),
            ),
        )
        mounted = replace(adapters.mount.read(), since_s=self._clock.monotonic())
        self._inbox.post(self._bridge.name, Asked(Trigger.CLI, 1))
        self._inbox.post(self._bridge.name, MountChanged(mounted))
        loop.run()
        lanes.stop(LANE_STOP_S)
        return self._answer

    def _take(self, answer: Answer) -> None:
        if self._answer.message == "nothing was tried":
            self._answer = answer
        self._inbox.post(self._bridge.name, StopAsked())

    def note(self, _bridge: str, note: Note) -> None:
        """What blocks a lone attempt ends it: nobody waits at a shell for better times."""
        if note.milestone is Milestone.BLOCKED:
            self._take(Answer(request=1, reply=Reply.BLOCKED, message=note.message))

    def announce(self, _bridge: str, record: AttemptRecord, _status: Status) -> None:
        """The answer says it."""
        if record.outcome is Outcome.SUPERSEDED:
            self._take(Answer(request=1, reply=Reply.SUPERSEDED, message=record.message))

    def show(self, status: BridgeStatus) -> None:
        """Nobody watches."""


class _Forgetful:
    """A lone attempt has nothing to remember (`core.ports.Journal` and `Keeper`)."""

    def load(self, _bridge: str) -> None:
        """Nothing."""

    def save(self, _bridge: str, _kept: object) -> None:
        """Nowhere."""


class _Never:
    """Asks nobody to end early (`core.ports.Cancel`)."""

    def is_set(self) -> bool:
        return False


class _Unseen:
    """Stands for a folder that was not named (`core.ports.Mount`)."""

    def read(self) -> Mounted:
        return Mounted(Snapshot.of({}), self.fence(), 0.0)

    def fence(self) -> str:
        return "unseen"


def _make_adapters(bridge: Bridge) -> Adapters:
    clock, processes = SystemClock(), PodProcesses()
    mount: Mount = MountedFolder(bridge.source.mount) if bridge.source.mount else _Unseen()
    return Adapters(
        clock=clock,
        mount=mount,
        validator=Validators(
            clock=clock,
            tell=lambda text: print(f"note: {text}", file=sys.stderr),
            mount=bridge.source.mount,
            target=ProcessRoot(bridge.target),
        ),
        processes=processes,
        observer=EvidenceReader(processes.children, clock),
    )
