"""Say which process would be signalled, and why not another."""

from __future__ import annotations

import argparse
import os

from sidecar.cli.arguments import FIND_NEEDS, add_find_arguments
from sidecar.core.bridge import Bridge
from sidecar.core.errors import ExitCode, TargetError
from sidecar.core.evidence import Process
from sidecar.settings.loading import settle
from sidecar.target.preflight import Fact, examine_target
from sidecar.target.processes import PodProcesses


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add which process is meant."""
    add_find_arguments(parser)


def run(args: argparse.Namespace) -> ExitCode:
    """Print the process of each bridge. The exit code is that of the first that is not found."""
    settings = settle(args, os.environ, needs=FIND_NEEDS)
    processes = PodProcesses()
    for bridge in settings.bridges:
        if args.verbose:
            print_facts(bridge)
        try:
            print(describe(processes.find(bridge.target)))
        except TargetError as error:
            error.add_note(bridge.name)
            raise
    return ExitCode.DONE


def describe(process: Process) -> str:
    """One line a process, the PID first, for scripts."""
    where = f" in container {process.container}" if process.container else ""
    return f"{process.pid} {process.name}{where}"


def print_facts(bridge: Bridge) -> None:
    """What was looked at on the way."""
    for fact in examine_target(PodProcesses(will_signal=False), bridge.target, bridge.reload):
        print(show_fact(fact))


def show_fact(fact: Fact) -> str:
    """One line a fact, its fix below."""
    mark = "ok  " if fact.ok else "note" if fact.optional else "FAIL"
    fix = f"\n      fix: {fact.fix}" if fact.fix and not fact.ok else ""
    return f"{mark}  {fact.name}: {fact.detail}{fix}"
