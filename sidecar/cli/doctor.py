"""Look at everything that surehup needs in this pod, and say how to mend what is missing."""

from __future__ import annotations

import argparse
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from sidecar.cli.find import show_fact
from sidecar.clock import SystemClock
from sidecar.confirm.reader import EvidenceReader
from sidecar.core.bridge import Bridge, Command
from sidecar.core.errors import ExitCode, SourceError, TargetError
from sidecar.settings.flags import add_flags
from sidecar.settings.loading import RUN_NEEDS, settle
from sidecar.settings.values import Settings
from sidecar.target.preflight import Fact, examine_target
from sidecar.target.processes import PodProcesses
from sidecar.watch.mount import MountedFolder

INOTIFY_LIMIT = Path("/proc/sys/fs/inotify/max_user_instances")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Take the same settings as `run`."""
    add_flags(parser)


def run(args: argparse.Namespace) -> ExitCode:
    """Print one line a fact; 1 if anything needed is missing."""
    settings = settle(args, os.environ, needs=RUN_NEEDS)
    facts = [fact for bridge in settings.bridges for fact in _examine(bridge)]
    facts += _examine_node(settings)
    for fact in facts:
        print(show_fact(fact))
    missing = sum(1 for fact in facts if not fact.ok and not fact.optional)
    print(f"{len(facts)} facts looked at, {missing} to mend")
    return ExitCode.NOT_FOUND if missing else ExitCode.DONE


def _examine(bridge: Bridge) -> Iterator[Fact]:
    if bridge.source.mount:
        yield _examine_mount(bridge.source.mount)
    yield from examine_target(PodProcesses(will_signal=False), bridge.target, bridge.reload)
    yield _examine_evidence(bridge)
    for check in bridge.checks:
        if isinstance(check, Command):
            yield _examine_program(check)


def _examine_mount(mount: str) -> Fact:
    name = "mounted folder"
    try:
        snapshot = MountedFolder(mount).read().snapshot
    except SourceError as error:
        return Fact(name=name, ok=False, detail=error.message)
    swapped = (Path(mount) / "..data").is_symlink()
    kind = "updated by the kubelet" if swapped else "a plain folder"
    detail = f"{mount} is {kind}: {len(snapshot.files)} keys, digest {snapshot.short}"
    return Fact(name=name, ok=True, detail=detail)


def _examine_evidence(bridge: Bridge) -> Fact:
    name, processes = "evidence", PodProcesses(will_signal=False)
    try:
        process = processes.find(bridge.target)
    except TargetError:
        detail = "cannot be looked at without the process"
        return Fact(name=name, ok=False, detail=detail, fix="mend the target first")
    reader = EvidenceReader(processes.children, SystemClock())
    observation = reader.observe(bridge.proof, process)
    if observation.error is not None:
        return Fact(name=name, ok=False, detail=observation.error)
    shown = ", ".join(observation.readings) or "none"
    return Fact(name=name, ok=bool(observation.readings), detail=f"the daemon shows {shown}")


def _examine_program(check: Command) -> Fact:
    program = check.argv[0]
    where = shutil.which(program)
    return Fact(
        name=f"validator {program}",
        ok=where is not None,
        detail=where or "is not installed here",
        fix="add it to the sidecar's image, or leave the check to the daemon's other ones",
        optional=check.optional,
    )


def _examine_node(settings: Settings) -> Iterator[Fact]:
    writable = os.access(settings.state_dir, os.W_OK)
    yield Fact(
        name="state folder",
        ok=writable,
        detail=f"{settings.state_dir} {'can' if writable else 'cannot'} be written",
        fix="mount an emptyDir there, or name another folder by --state-dir",
        optional=True,
    )
    try:
        limit = INOTIFY_LIMIT.read_text("ascii").strip()
    except OSError:
        return
    detail = f"{limit} instances for all processes of this UID on the node; the poll needs none"
    yield Fact(name="inotify", ok=True, detail=detail)
