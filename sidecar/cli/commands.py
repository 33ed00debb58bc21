"""Which commands there are: a table, so that help and hints need none of their modules.

A command's module has `add_arguments(parser)` and `run(args) -> ExitCode`, and its docstring is the
text of its help. One that must not load argparse has `start(argv) -> ExitCode` instead.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sidecar.core.errors import SettingsError


@dataclass(frozen=True, slots=True)
class CommandEntry:
    """One command: its name, the module that is it, and its line in the help."""

    name: str
    module: str
    help: str


COMMANDS = (
    CommandEntry("demo", "sidecar.cli.demo", "good and bad edits on this machine, no cluster"),
    CommandEntry("run", "sidecar.cli.run", "the sidecar: watch, validate, signal, confirm"),
    CommandEntry("reload", "sidecar.cli.reload", "signal a process and confirm the reload"),
    CommandEntry("check", "sidecar.cli.check", "check files, folders and manifests, in CI too"),
    CommandEntry("find", "sidecar.cli.find", "say which process would be signalled"),
    CommandEntry("status", "sidecar.cli.status", "show what the sidecars say of ConfigMaps"),
    CommandEntry("wait", "sidecar.cli.wait", "wait for the verdict on what a ConfigMap holds"),
    CommandEntry("history", "sidecar.cli.history", "show which contents were applied"),
    CommandEntry("diff", "sidecar.cli.diff", "compare live, active, earlier and local content"),
    CommandEntry("rollback", "sidecar.cli.rollback", "bring earlier content back, and wait"),
    CommandEntry("pause", "sidecar.cli.pause", "let edits of a ConfigMap be checked only"),
    CommandEntry("resume", "sidecar.cli.resume", "end a pause"),
    CommandEntry("retry", "sidecar.cli.retry", "try content again that was not applied"),
    CommandEntry("doctor", "sidecar.cli.doctor", "look at all that surehup needs, with the fix"),
    CommandEntry("presets", "sidecar.cli.presets", "show what is known of each daemon"),
)

ENDING = """\
  -h, --help     show this help, or that of a command
  -V, --version  show the version

Exit codes: 0 done, 1 not found, 2 permission, 3 usage or settings, 4 invalid configuration,
5 reload failed, 6 unconfirmed, 7 API unreachable, 8 timed out, 70 internal error."""


def find_command(name: str, commands: Sequence[CommandEntry]) -> CommandEntry:
    """The command called `name`. Raises `SettingsError` that says which was probably meant."""
    for command in commands:
        if command.name == name:
            return command
    if name.startswith("-"):
        msg = f"{name}: flags come after a command: surehup COMMAND {name} ..."
        raise SettingsError(msg)
    # Here and not above: a command that exists must not pay for it.
    from difflib import get_close_matches  # noqa: PLC0415

    close = get_close_matches(name, [command.name for command in commands], n=1)
    hint = f"did you mean {close[0]!r}?" if close else "see surehup --help"
    msg = f"there is no command {name!r}; {hint}"
    raise SettingsError(msg)


def show_help(program: str, commands: Sequence[CommandEntry] = COMMANDS) -> str:
    """The help of the whole program."""
    width = max(len(command.name) for command in commands)
    lines = [f"  {command.name:<{width}}  {command.help}" for command in commands]
    return "\n".join(
        [
            f"usage: {program} COMMAND [ARGUMENTS]",
            "",
            "Turns an edited ConfigMap into a proven reload.",
            "",
            "Commands:",
            *lines,
            "",
            ENDING,
        ]
    )
