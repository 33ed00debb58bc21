"""The table of all rules, and what a check gets to see and says.

`docs/alertmanager-rules.md` is written from this table.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeVar

from sidecar.core.report import Severity
from sidecar.validate.alertmanager.models.base import Block
from sidecar.validate.alertmanager.models.config import Config
from sidecar.validate.alertmanager.tree import Node, Path
from sidecar.validate.alertmanager.versions import Target

DOCUMENTATION = "https://prometheus.io/docs/alerting/latest/configuration/"


class Family(StrEnum):
    """What a rule is about."""

    FILE = "file"
    STRUCTURE = "structure"
    ROUTES = "routes"
    RECEIVERS = "receivers"
    INHIBITION = "inhibition"
    INTERVALS = "time intervals"
    TEMPLATES = "templates"
    GLOBAL = "global and HTTP"
    SECURITY = "security"
    PRACTICE = "good practice"


_FAMILIES = dict(zip("0123456789", Family, strict=True))
_SEVERITIES = {"E": Severity.ERROR, "W": Severity.WARNING, "I": Severity.INFO}


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule: `why` it is there, how to `fix` what breaks it, where the manual speaks of it."""

    code: str
    title: str
    why: str
    fix: str
    anchor: str = ""

    @property
    def family(self) -> Family:
        """The family, told by the first digit."""
        return _FAMILIES[self.code[1]]

    @property
    def severity(self) -> Severity:
        """The weight outside of the modes, told by the letter."""
        return _SEVERITIES[self.code[0]]

    @property
    def link(self) -> str:
        """The chapter of Alertmanager's manual."""
        return f"{DOCUMENTATION}#{self.anchor}" if self.anchor else DOCUMENTATION


RULES: dict[str, Rule] = {}


REFUSED = "Alertmanager refuses the whole file."


def define(code: str, title: str, *, fix: str, why: str = REFUSED, anchor: str = "") -> Rule:
    """Enter a rule into the table."""
    if code in RULES:
        message = f"the code {code} is taken"
        raise ValueError(message)
    RULES[code] = Rule(code, title, why, fix, anchor)
    return RULES[code]


@dataclass(frozen=True, slots=True)
class Fault:
    """A broken rule at a path. `message` is one sentence and quotes no secret.

    `at_value`: the value is to be shown, not its key. `file`, `line` and `column` are set for what
    stands in another file than the configuration itself.
    """

    rule: Rule
    path: Path
    message: str
    at_value: bool = False
    file: str = ""
    line: int = 0
    column: int = 0


@dataclass(slots=True)
class World:
    """What all checks of one file share."""

    config: Config
    target: Target
    root: Node
    files: Mapping[str, bytes]
    main_key: str
    receivers: set[str] = field(init=False)
    intervals: set[str] = field(init=False)

    def __post_init__(self) -> None:
        """Collect the names that routes refer to."""
        config = self.config
        named = (*config.mute_time_intervals, *config.time_intervals)
        self.receivers = {each.name for each in config.receivers if each is not None}
        self.intervals = {each.name if each is not None else "" for each in named}


Check = Callable[[Block, Path, World], Iterator[Fault]]
AnyCheck = TypeVar("AnyCheck", bound=Callable[..., Iterator[Fault]])

CHECKS: dict[type[Block], list[Check]] = defaultdict(list)
BROAD_CHECKS: list[Check] = []


def checks(*models: type[Block]) -> Callable[[AnyCheck], AnyCheck]:
    """Have a function look at every block of these models: it gets block, path and world."""

    def register(check: AnyCheck) -> AnyCheck:
        for model in models:
            CHECKS[model].append(check)
        return check

    return register


def checks_all(check: Check) -> Check:
    """Have a function look at every block."""
    BROAD_CHECKS.append(check)
    return check


def name_fields(keys: tuple[str, ...]) -> str:
    """``a``, ``a or b``, ``a, b or c``."""
    return keys[0] if len(keys) == 1 else f"{', '.join(keys[:-1])} or {keys[-1]}"
