"""The flags and their environment variables: one table, used by every command that has them.

A flag is a short way to a field of the settings file: each names the path of its field, so that a
value is checked once, in one way, wherever it comes from.
"""

from __future__ import annotations

import argparse
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from enum import Enum, auto
from typing import NoReturn

from sidecar.core.errors import SettingsError

PREFIX = "SUREHUP_"


class Room(Enum):
    """What a flag is about; commands take the rooms that they need."""

    SOURCE = auto()
    CHECK = auto()
    TARGET = auto()
    PROOF = auto()
    BEHAVIOUR = auto()
    SIDECAR = auto()


TITLES = {
    Room.SOURCE: "source",
    Room.CHECK: "validation",
    Room.TARGET: "target",
    Room.PROOF: "proof",
    Room.BEHAVIOUR: "behaviour",
    Room.SIDECAR: "sidecar",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Flag:
    """One flag. `path` leads to its field: in a bridge, or in the file where `room` is SIDECAR.

    `many`: may be given more than once; its variable holds one value a line. `switch`: takes no
    value.
    """

    name: str
    room: Room
    path: tuple[str, ...]
    help: str
    metavar: str = ""
    many: bool = False
    switch: bool = False

    @property
    def dest(self) -> str:
        """The attribute of argparse's namespace."""
        return self.name.replace("-", "_")

    @property
    def option(self) -> str:
        """As it is typed."""
        return f"--{self.name}"

    @property
    def variable(self) -> str:
        """Its environment variable."""
        return PREFIX + self.dest.upper()


def _bridge(
    name: str, room: Room, path: str, metavar: str, text: str, *, many: bool = False
) -> Flag:
    return Flag(
        name=name,
        room=room,
        path=tuple(path.split(".")),
        metavar=metavar,
        help=text,
        many=many,
    )


def _sidecar(name: str, field: str, metavar: str, text: str) -> Flag:
    return Flag(
        name=name,
        room=Room.SIDECAR,
        path=(field,),
        metavar=metavar,
        help=text,
        switch=not metavar,
    )


CONFIG = Flag(
    name="config",
    room=Room.SIDECAR,
    path=(),
    metavar="FILE",
    help="the settings file; flags and variables go before it",
)

FLAGS = (
    _bridge(
        "configmap",
        Room.SOURCE,
        "source.configMap",
        "[NS/]NAME",
        "the ConfigMap that is mounted, for annotations and speed",
    ),
    _bridge("secret", Room.SOURCE, "source.secret", "[NS/]NAME", "the same for a Secret"),
    _bridge(
        "mount", Room.SOURCE, "source.mount", "DIR", "the folder that the main container mounts too"
    ),
    _bridge(
        "publish",
        Room.SOURCE,
        "publish",
        "DIR",
        "write checked files into this shared folder instead of trusting the mount",
    ),
    _bridge(
        "preset",
        Room.TARGET,
        "preset",
        "NAME",
        "what is known of a daemon fills what is left out (surehup presets)",
    ),
    _bridge("container", Room.TARGET, "target.container", "NAME", "the container it runs in"),
    _bridge(
        "process", Room.TARGET, "target.process", "REGEX", "its executable's path, or its argv[0]"
    ),
    _bridge("pid", Room.TARGET, "target.pid", "N", "its PID"),
    _bridge("signal", Room.TARGET, "target.signal", "SIGHUP", "the signal that makes it reload"),
    _bridge("trigger", Room.TARGET, "target.trigger", "signal|http", "how it is told to reload"),
    _bridge("reload-url", Room.TARGET, "target.reloadUrl", "URL", "where it takes reloads by HTTP"),
    _bridge("metrics-url", Room.PROOF, "confirm.url", "URL", "where its metrics are"),
    _bridge("deadline", Room.PROOF, "confirm.deadline", "5s", "how long proof is waited for"),
    _bridge(
        "bearer-token-file",
        Room.PROOF,
        "confirm.bearerTokenFile",
        "FILE",
        "a token for its metrics",
    ),
    _bridge("ca-file", Room.PROOF, "confirm.tls.caFile", "FILE", "the CA of its certificate"),
    _bridge(
        "validate",
        Room.CHECK,
        "validate",
        "CMD",
        "check with this program; {dir} and {file:KEY} are replaced; may be given again",
        many=True,
    ),
    _bridge("file", Room.CHECK, "file", "KEY", "the key that the daemon starts from"),
    _bridge(
        "rollback",
        Room.BEHAVIOUR,
        "rollback",
        "annotation|data|none",
        "what goes back when a reload fails",
    ),
    _bridge(
        "rollout",
        Room.BEHAVIOUR,
        "rollout.strategy",
        "canary|independent",
        "whether one replica goes first",
    ),
    _bridge("group", Room.BEHAVIOUR, "group", "NAME", "keeps workloads on one ConfigMap apart"),
    _sidecar("debounce", "debounce", "1s", "edits within this time after an attempt are one"),
    _sidecar("listen", "listen", "ADDR:PORT", "where /metrics and /healthz are; default :9808"),
    _sidecar("http-control", "httpControl", "", "let /status and /-/reload leave loopback"),
    _sidecar("state-dir", "stateDir", "DIR", "what survives a restart; default /run/surehup"),
    _sidecar("poll", "poll", "1s", "how often the mount is looked at without a wake-up"),
    _sidecar("log-format", "logFormat", "json|text", "how log lines look"),
    _sidecar("log-level", "logLevel", "LEVEL", "debug, info, warning or error"),
)

ALL_ROOMS = frozenset(Room)


class Parser(argparse.ArgumentParser):
    """argparse, but errors are `SettingsError` (exit code 3) and an unknown flag has a hint."""

    def error(self, message: str) -> NoReturn:
        """Refuse the command line."""
        hint = ""
        rest = message.removeprefix("unrecognized arguments: ")
        if rest != message:
            known = [option for action in self._actions for option in action.option_strings]
            close = get_close_matches(rest.split()[0].partition("=")[0], known, n=1)
            hint = f"; did you mean {close[0]}?" if close else ""
        msg = f"{message}{hint or f'; see {self.prog} --help'}"
        raise SettingsError(msg)


def make_parser(prog: str, text: str) -> Parser:
    """A parser as all our commands have it."""
    return Parser(
        prog=prog,
        description=text,
        allow_abbrev=False,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )


def add_flags(
    parser: argparse.ArgumentParser,
    rooms: Collection[Room] = ALL_ROOMS,
    *,
    single: Collection[str] = (),
    short: Mapping[str, str] | None = None,
) -> None:
    """Give `parser` the flags of `rooms` and the `single` ones besides.

    `short` maps names of flags to one-letter spellings.
    """
    groups: dict[Room, argparse._ArgumentGroup] = {}
    for flag in (*FLAGS, CONFIG):
        if flag.room not in rooms and flag.name not in single:
            continue
        names = [letter for name, letter in (short or {}).items() if name == flag.name]
        names.append(flag.option)
        if flag.room not in groups:
            groups[flag.room] = parser.add_argument_group(TITLES[flag.room])
        group = groups[flag.room]
        if flag.switch:
            group.add_argument(*names, action="store_true", default=None, help=flag.help)
        else:
            group.add_argument(
                *names,
                action="append" if flag.many else "store",
                metavar=flag.metavar,
                help=flag.help,
            )


@dataclass(frozen=True, slots=True)
class Given:
    """A value for `flag`, and how messages call the place that it came from."""

    flag: Flag
    label: str
    value: object


def read_flags(args: argparse.Namespace) -> dict[str, Given]:
    """What was given on the command line, by flag name."""
    values = ((flag, getattr(args, flag.dest, None)) for flag in (*FLAGS, CONFIG))
    return {
        flag.name: Given(flag, flag.option, value) for flag, value in values if value is not None
    }


def read_variables(environ: Mapping[str, str], rooms: Collection[Room]) -> dict[str, Given]:
    """What the environment gives to the flags of `rooms`, by flag name; empty ones are unset.

    A variable that looks like a misspelt one is refused. Others are left alone: for a Service
    named surehup Kubernetes itself sets SUREHUP_SERVICE_HOST, SUREHUP_PORT and more.
    """
    flags = {flag.variable: flag for flag in (*FLAGS, CONFIG)}
    found = {}
    for name, value in environ.items():
        flag = flags.get(name)
        if flag is not None and value and flag.room in rooms:
            lines: object = [line for line in value.splitlines() if line.strip()]
            found[flag.name] = Given(flag, name, lines if flag.many else value)
        elif flag is None and name.startswith(PREFIX):
            close = get_close_matches(name, flags, n=1, cutoff=0.88)
            if close:
                msg = f"{name}: unknown variable; did you mean {close[0]}?"
                raise SettingsError(msg)
    return found
