"""The way in: judges the files of one Alertmanager and says everything in one go.

Runs in a short-lived child, as the job ``sidecar.validate.alertmanager.check:check_alertmanager``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import chain, islice

from sidecar.core.report import Finding, Severity
from sidecar.validate.alertmanager.excerpts import Excerpts
from sidecar.validate.alertmanager.load import Loaded, Refusal, load
from sidecar.validate.alertmanager.models.base import walk
from sidecar.validate.alertmanager.modes import Mode, weigh
from sidecar.validate.alertmanager.parse import parse
from sidecar.validate.alertmanager.positions import locate, locate_value
from sidecar.validate.alertmanager.rules import (  # noqa: F401 - rules enter the table on import
    chat,
    http,
    inhibition,
    intervals,
    paging,
    practice,
    receivers,
    routes,
    security,
    settings,
    structure,
    templates,
)
from sidecar.validate.alertmanager.rules.registry import (
    BROAD_CHECKS,
    CHECKS,
    RULES,
    Family,
    Fault,
    Rule,
    World,
)
from sidecar.validate.alertmanager.tree import Path, Place
from sidecar.validate.alertmanager.versions import Target, parse_version
from sidecar.validate.job import CannotJudgeError, Files, Options
from sidecar.validate.text import clean, shorten

CHECK = "alertmanager"
MOST_FINDINGS = 500
MESSAGE_CHARS = 400
USUAL_KEYS = ("alertmanager.yml", "alertmanager.yaml", "config.yml", "config.yaml")
_ANY_SINCE_OLDEST = Target()

Placed = tuple[Fault, Place]


def validate(
    files: Mapping[str, bytes],
    main_key: str,
    mode: Mode = Mode.LENIENT,
    target: Target = _ANY_SINCE_OLDEST,
) -> tuple[Finding, ...]:
    """All that is to be said about the configuration `main_key` among `files`.

    Errors come first where there are more than `MOST_FINDINGS`; otherwise by place. The other files
    are looked at where `templates` finds them. Never raises for what stands in the files.
    """
    speaker = _Speaker(main_key, files, mode)
    if main_key not in files:
        fault = Fault(RULES["E007"], (), f"there is no file {main_key!r}")
        return (speaker.tell(fault, None),)
    try:
        loaded = load(files[main_key])
    except Refusal as refusal:
        return (speaker.tell(Fault(RULES[refusal.code], (), str(refusal)), refusal.place),)
    placed = _choose(_judge(loaded, speaker, target), mode)
    return tuple(sorted((speaker.tell(fault, place) for fault, place in placed), key=_order))


def check_alertmanager(files: Files, options: Options) -> tuple[Finding, ...]:
    """The job. Options: ``main`` (a key), ``mode``, ``version`` (such as 0.28); all may be missing.

    Raises:
        CannotJudgeError: an option is unknown or no key looks like a configuration.
    """
    try:
        mode = Mode(str(options.get("mode") or Mode.LENIENT))
        version = str(options.get("version") or "")
        target = Target(parse_version(version)) if version else _ANY_SINCE_OLDEST
    except ValueError as error:
        message = f"the Alertmanager check cannot run: {error}; correct its settings"
        raise CannotJudgeError(message) from error
    return validate(files, str(options.get("main") or find_main_key(files)), mode, target)


def find_main_key(files: Mapping[str, bytes]) -> str:
    """The key that is the configuration: by its usual names, or because there is one YAML file.

    Raises:
        CannotJudgeError: none or several could be.
    """
    usual = next((key for key in USUAL_KEYS if key in files), None)
    documents = [key for key in files if key.endswith((".yml", ".yaml"))]
    if usual is None and len(documents) != 1:
        message = (
            f"the Alertmanager check found {len(documents)} YAML files and none of "
            f"{', '.join(USUAL_KEYS[:2])}: say in its settings which key is the configuration"
        )
        raise CannotJudgeError(message)
    return usual if usual is not None else documents[0]


def _judge(loaded: Loaded, speaker: _Speaker, target: Target) -> Iterator[Placed]:
    for name, place, first in loaded.duplicates:
        message = f"the key {name!r} stands here a second time, first on line {first[0]}"
        yield Fault(RULES["E005"], (), message), place
    if loaded.second is not None:
        message = "a second document begins here; Alertmanager never reads it"
        yield Fault(RULES["W008"], (), message), loaded.second
    parsed = parse(loaded.root)
    yield from parsed.faults
    world = World(parsed.config, target, loaded.root, speaker.files, speaker.main_key)
    for fault in _run_checks(world):
        if not _is_consequence(fault, parsed.cut):
            spot = locate_value if fault.at_value else locate
            yield fault, spot(loaded.root, fault.path)


def _run_checks(world: World) -> Iterator[Fault]:
    for path, block in walk(world.config):
        for check in (*CHECKS.get(type(block), ()), *BROAD_CHECKS):
            yield from check(block, path, world)


def _is_consequence(fault: Fault, cut: tuple[Path, ...]) -> bool:
    """Whether a fault may only be there because something in its reach had to be cut out."""
    if fault.file:
        return False
    for path in cut:
        if path[: len(fault.path)] == fault.path:
            return True
        if fault.rule.family is Family.RECEIVERS and path and path[0] == "global":
            return True
        if fault.rule.code in {"E206", "E207"} and path and path[0] != "route":
            return True
    return False


@dataclass(slots=True)
class _Speaker:
    """Turns faults into findings."""

    main_key: str
    files: Mapping[str, bytes]
    mode: Mode
    _excerpts: dict[str, Excerpts]

    def __init__(self, main_key: str, files: Mapping[str, bytes], mode: Mode) -> None:
        self.main_key = main_key
        self.files = files
        self.mode = mode
        self._excerpts = {}

    def tell(self, fault: Fault, place: Place | None) -> Finding:
        key = fault.file or self.main_key
        if fault.file:
            place = (fault.line, fault.column)
        excerpts, excerpt = self._read(key), ""
        if excerpts is not None and place is not None:
            place = excerpts.keep_inside(place)
            excerpt = excerpts.show(place[0])
        rule: Rule = fault.rule
        return Finding(
            check=CHECK,
            code=rule.code,
            severity=weigh(rule, self.mode),
            message=shorten(clean(fault.message), MESSAGE_CHARS),
            file=key,
            line=place[0] if place else None,
            column=place[1] if place else None,
            suggestion=rule.fix,
            link=rule.link,
            excerpt=excerpt,
        )

    def _read(self, key: str) -> Excerpts | None:
        if key not in self._excerpts and key in self.files:
            self._excerpts[key] = Excerpts(self.files[key])
        return self._excerpts.get(key)


def _choose(placed: Iterator[Placed], mode: Mode) -> Iterator[Placed]:
    """The first of each weight, so that a large file cannot make a large answer."""
    kept: dict[Severity, list[Placed]] = {severity: [] for severity in _BY_WEIGHT}
    for fault, place in placed:
        same = kept[weigh(fault.rule, mode)]
        if len(same) < MOST_FINDINGS:
            same.append((fault, place))
    return islice(chain.from_iterable(kept.values()), MOST_FINDINGS)


def _order(finding: Finding) -> tuple[str, int, int, str]:
    return finding.file, finding.line or 0, finding.column or 0, finding.code


_BY_WEIGHT = (Severity.ERROR, Severity.WARNING, Severity.INFO)
