"""Structure: what the loader and the models find, and fields that the target does not know."""

from __future__ import annotations

from collections.abc import Iterator

from sidecar.validate.alertmanager.models.base import Block, list_fields
from sidecar.validate.alertmanager.models.config import Config, InhibitRule
from sidecar.validate.alertmanager.models.intervals import NamedIntervals, TimeInterval
from sidecar.validate.alertmanager.models.recording import EventRecorder
from sidecar.validate.alertmanager.rules.registry import Fault, World, checks_all, define
from sidecar.validate.alertmanager.tree import Path
from sidecar.validate.alertmanager.versions import spell

NOT_YAML = define(
    "E001",
    "the file is not YAML",
    why="Alertmanager cannot read it at all.",
    fix="Correct the place that is shown; editors with a YAML mode show such errors while typing.",
)
TOO_LARGE = define(
    "E002",
    "the file is larger than 10 MiB",
    why="No ConfigMap can hold it, and parsing it would cost the pod its memory.",
    fix="Split what is generated, or generate less.",
)
TOO_DEEP = define(
    "E003",
    "the file is nested deeper than 100 levels",
    why="No configuration needs it; files made to exhaust parsers do.",
    fix="Flatten the routing tree.",
)
ALIAS = define(
    "E004",
    "an alias or merge key is used",
    why="Aliases can make a small file expand to gigabytes, and hide what really applies.",
    fix="Write the value out, or let the tool that generates the file resolve it.",
)
DUPLICATE_KEY = define(
    "E005",
    "a key stands twice in one mapping",
    why="Alertmanager refuses it, because one of the two would be ignored.",
    fix="Remove one of them.",
)
BAD_NODE = define(
    "E006",
    "a tag or key is of the wrong kind",
    why="Alertmanager's YAML library refuses the whole file.",
    fix="Remove the tag, or make the key a plain text.",
)
NO_FILE = define(
    "E007",
    "the configuration file is missing",
    why="Without it Alertmanager does not start.",
    fix="Add the key, or name the right one.",
    anchor="configuration-file-introduction",
)
SECOND_DOCUMENT = define(
    "W008",
    "the file has a second YAML document",
    why="Alertmanager reads the first document only; the rest never takes effect.",
    fix="Move what is meant to apply before the line with ---, or remove it.",
)
UNKNOWN_FIELD = define(
    "E102",
    "a field is unknown",
    why="Alertmanager refuses fields that it does not know; most are misspelt or indented wrongly.",
    fix="Correct the name or the indentation.",
)
WRONG_KIND = define(
    "E103",
    "a value is of the wrong kind",
    why="Alertmanager refuses, for instance, a text where a list belongs.",
    fix="Write what is wanted; often a dash or a pair of quotes is missing.",
)
TOO_NEW = define(
    "E104",
    "a field is newer than the Alertmanager in use",
    why="That release refuses the file because of the unknown field.",
    fix="Upgrade Alertmanager, or do without the field.",
)
BAD_DURATION = define(
    "E105",
    "a duration is malformed",
    fix="Write numbers with units, the largest first: 30s, 5m, 1h30m, 1d.",
)
BAD_URL = define(
    "E106",
    "a URL is malformed",
    fix="Write http:// or https://, a host, and no spaces.",
)
BAD_ADDRESS = define(
    "E107",
    "an address is not host:port",
    fix="Add the port, and put an IPv6 address in brackets: mail:587, [::1]:25.",
)
EMPTY_ENTRY = define(
    "E108",
    "a list has an empty entry",
    why="Alertmanager crashes on it or refuses it.",
    fix="Remove the lone dash, or indent what belongs to it.",
)
HARMLESS_EMPTY_ENTRY = define(
    "W109",
    "a list has an empty entry that Alertmanager lets pass",
    why="It may match everything, or crash Alertmanager once it is used.",
    fix="Remove the lone dash, or indent what belongs to it.",
)
NEEDS_NEWER = define(
    "I110",
    "a field is not known to every Alertmanager since 0.25",
    why="Older releases refuse the whole file because of it.",
    fix="Nothing, if your Alertmanager is new enough; set its version to have this checked.",
)

_LENIENT_LISTS: dict[type[Block], frozenset[str]] = {
    Config: frozenset(("inhibit_rules", "mute_time_intervals", "time_intervals")),
    InhibitRule: frozenset(("equal",)),
    NamedIntervals: frozenset(("time_intervals",)),
    TimeInterval: frozenset(("times", "weekdays", "days_of_month", "months", "years")),
    EventRecorder: frozenset(
        ("file_outputs", "webhook_outputs", "kafka_outputs", "stdout_outputs")
    ),
}
_LENIENT_EVERYWHERE = frozenset(
    ("fields", "actions", "responders", "images", "links", "attachments")
)


@checks_all
def check_versions(block: Block, path: Path, world: World) -> Iterator[Fault]:
    """Fields that the target does not know, or that only newer releases know."""
    facts = list_fields(type(block))
    for name in block.model_fields_set:
        fact = facts[name]
        if fact.since is None:
            continue
        release = spell(fact.since)
        if not world.target.knows(fact.since):
            known = spell(world.target.version) if world.target.version else ""
            message = f"{fact.key} came with Alertmanager {release}; {known} does not know it"
            yield Fault(TOO_NEW, (*path, fact.key), message)
        elif world.target.version is None:
            message = f"{fact.key} needs Alertmanager {release} or newer"
            yield Fault(NEEDS_NEWER, (*path, fact.key), message)


@checks_all
def check_entries(block: Block, path: Path, world: World) -> Iterator[Fault]:
    """Lists with nothing behind a dash."""
    facts = list_fields(type(block))
    lenient = _LENIENT_LISTS.get(type(block), frozenset())
    for name in block.model_fields_set:
        value = getattr(block, name)
        if not isinstance(value, tuple) or None not in value:
            continue
        key = facts[name].key
        passes = name in lenient or name in _LENIENT_EVERYWHERE
        rule = HARMLESS_EMPTY_ENTRY if passes else EMPTY_ENTRY
        if name == "receivers" and not world.target.may_be_before((0, 26)):
            rule = HARMLESS_EMPTY_ENTRY
        if name == "responders" or (name == "equal" and world.target.may_be_from((0, 28))):
            rule = EMPTY_ENTRY
        for position, entry in enumerate(value):
            if entry is None:
                yield Fault(rule, (*path, key, position), f"an entry of {key} is empty")
