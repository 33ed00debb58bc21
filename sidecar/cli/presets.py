"""Show what is known of each daemon: how it reloads, what proves it, and its traps."""

from __future__ import annotations

import argparse
import json
import textwrap
from collections.abc import Iterator

import yaml

from sidecar.core.bridge import HttpReload, Noop, OnInvalid, Reload
from sidecar.core.errors import ExitCode
from sidecar.core.evidence import Absent, Evidence, Role
from sidecar.presets.convert import HTTP, fill_placeholder, locate, to_evidence, to_reload
from sidecar.presets.fields import write_duration, write_signal
from sidecar.presets.loading import load_preset
from sidecar.presets.model import CheckShape, Preset
from sidecar.presets.names import list_presets

WIDTH = 96

MEANINGS = {
    Role.OK_GAUGE: "is 1",
    Role.SUCCESS_TIMESTAMP: "moves",
    Role.ATTEMPT_TIMESTAMP: "moves, which an attempt does as well",
    Role.SUCCESS_COUNTER: "rises",
    Role.FAILURE_COUNTER: "does not rise",
    Role.DIGEST: "names the content",
    Role.GENERATION: "are new ones",
    Role.ECHO: "changes",
    Role.ANSWER: "says that it worked",
}
UNCHANGED = {
    Noop.MOVES: "its evidence moves as for a change",
    Noop.STAYS: "its evidence stays, so that nothing is proven",
    Noop.FAILS: "it counts that as a failure",
}
INVALID = {
    OnInvalid.KEEPS: "it keeps what it runs",
    OnInvalid.PARTIAL: "it may end up with a mix of old and new",
    OnInvalid.DIES: "it ends, so that its check is never skipped",
    OnInvalid.OUTAGE: "it stops serving for a while, so that its check is never skipped",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add which preset, and how it is printed."""
    parser.add_argument("name", nargs="?", metavar="NAME", help="the preset; all where left out")
    parser.add_argument(
        "-o", "--output", choices=("text", "yaml", "json"), default="text", help="how to print it"
    )


def run(args: argparse.Namespace) -> ExitCode:
    """Print the table of all presets, or one in full."""
    names = (args.name,) if args.name else list_presets()
    presets = {name: load_preset(name) for name in names}
    if args.output == "text":
        lines = describe(args.name, presets[args.name]) if args.name else tabulate(presets)
        print("\n".join(lines))
        return ExitCode.DONE
    data = {
        name: preset.model_dump(mode="json", by_alias=True, exclude_none=True)
        for name, preset in presets.items()
    }
    shown = data[args.name] if args.name else data
    if args.output == "json":
        print(json.dumps(shown, indent=2))
    else:
        print(yaml.safe_dump(shown, sort_keys=False, width=WIDTH, allow_unicode=True), end="")
    return ExitCode.DONE


def tabulate(presets: dict[str, Preset]) -> Iterator[str]:
    """One line for each preset."""
    rows = [("NAME", "RELOAD", "CHECKED BY", "WHAT IT IS")]
    rows += [
        (name, _say_trigger(to_reload(preset)), _name_checker(preset), preset.description)
        for name, preset in presets.items()
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    for *cells, last in rows:
        padded = [cell.ljust(width) for cell, width in zip(cells, widths, strict=True)]
        yield "  ".join([*padded, last])


def _say_trigger(reload: Reload) -> str:
    return reload.method if isinstance(reload, HttpReload) else write_signal(reload.number)


def _name_checker(preset: Preset) -> str:
    programs = [check.command[0] for check in preset.checks or () if check.command]
    syntaxes = [str(check.syntax) for check in preset.checks or () if check.syntax]
    return (programs or syntaxes or ["-"])[0]


def describe(name: str, preset: Preset) -> Iterator[str]:
    """All that is known of one daemon."""
    confirm = preset.confirm
    yield f"{name}: {preset.description}"
    yield ""
    yield from _list("process", [preset.target.process or "-"])
    yield from _list("reload", list(_say_reload(preset)))
    yield from _list("metrics", [confirm.url or "give their address with --metrics-url"])
    yield from _list("checks", [_say_check(check, preset) for check in preset.checks or ()])
    for number, group in enumerate(confirm.evidence or ()):
        title = "or" if number else "proof"
        yield from _list(title, [_say_evidence(to_evidence(shape, preset)) for shape in group])
    if confirm.deadline is not None:
        yield from _list("deadline", [write_duration(confirm.deadline)])
    yield from _list("unchanged", [UNCHANGED[confirm.noop or Noop.MOVES]])
    yield from _list("invalid", [INVALID[confirm.on_invalid or OnInvalid.KEEPS]])
    yield ""
    yield "Traps"
    for trap in preset.traps:
        yield from textwrap.wrap(trap, WIDTH, initial_indent="- ", subsequent_indent="  ")
    yield ""
    yield f"Use it: surehup run --preset {name} --mount DIR"


def _list(title: str, lines: list[str]) -> Iterator[str]:
    for number, line in enumerate(lines):
        yield f"  {'' if number else title:<10} {line}"


def _say_reload(preset: Preset) -> Iterator[str]:
    reload, target = to_reload(preset), preset.target
    if isinstance(reload, HttpReload):
        yield f"{reload.method} {reload.url}"
        if target.signal is not None:
            yield f"{write_signal(target.signal)} with --trigger signal"
        return
    yield write_signal(reload.number)
    if target.reload_url is not None and preset.confirm.url is not None:
        url = locate(target.reload_url, preset.confirm.url)
        yield f"{target.reload_method or 'POST'} {url} with --trigger {HTTP}"


def _say_check(check: CheckShape, preset: Preset) -> str:
    if check.command is None:
        return f"{check.syntax} syntax"
    line = " ".join(fill_placeholder(word, preset.file or "") for word in check.command)
    return f"{line}  (if installed)" if check.optional else line


def _say_evidence(evidence: Evidence) -> str:
    if evidence.role is Role.PROBE:
        return f"{evidence.name} is {evidence.equals!r}"
    offered = ", where it is shown" if evidence.absent is Absent.OPTIONAL else ""
    return f"{evidence.name} {MEANINGS[evidence.role]}{offered}"
