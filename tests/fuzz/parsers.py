"""Every parser of foreign bytes, as a function of bytes that fails only where the parser is wrong.

What a parser may raise by its own docstring is caught here, and nothing else is.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from sidecar.cli.checking.gather import read_units
from sidecar.confirm.readings import parse_json, read_field, read_series
from sidecar.confirm.trouble import GarbledError
from sidecar.core.bridge import Command, Language, Output
from sidecar.core.errors import SettingsError
from sidecar.core.evidence import JsonField, Role, Series
from sidecar.core.memory import Memory, read_entry
from sidecar.core.report import Finding, Report
from sidecar.settings.loading import load_settings
from sidecar.tell.journal import FileJournal
from sidecar.validate.alertmanager.check import validate
from sidecar.validate.alertmanager.golang.addresses import (
    parse_url,
    parse_web_url,
    split_host_port,
)
from sidecar.validate.alertmanager.golang.durations import parse_go, parse_prometheus
from sidecar.validate.alertmanager.golang.globs import check_glob, check_whole, match_glob
from sidecar.validate.alertmanager.golang.headers import canonical_header
from sidecar.validate.alertmanager.golang.matchers import parse_classic, parse_utf8
from sidecar.validate.alertmanager.golang.regex import check_anchored
from sidecar.validate.alertmanager.golang.scalars import parse_bool, parse_float, parse_int
from sidecar.validate.alertmanager.golang.template import check_template
from sidecar.validate.alertmanager.golang.template_tokens import TemplateError
from sidecar.validate.alertmanager.golang.times import (
    parse_days_of_month,
    parse_months,
    parse_time,
    parse_weekdays,
    parse_years,
)
from sidecar.validate.alertmanager.modes import Mode
from sidecar.validate.elf import CannotReadElfError, read_elf
from sidecar.validate.hygiene import check_hygiene
from sidecar.validate.job import CannotJudgeError, read_answer, write_answer
from sidecar.validate.mapping import Printed, map_output
from sidecar.validate.output import find_essence, split_output
from sidecar.validate.prometheus.lint import lint
from sidecar.validate.prometheus.promtool import adapt
from sidecar.validate.schema import hold_against_schema
from sidecar.validate.syntax import check_syntax

Read = Callable[[bytes], None]

CUT = b"\n----\n"
"""Parts an input whose parser takes two texts."""
KEYS = ("a.yml", "b/c.conf")
FOLDER = "/tmp/surehup-check-x"  # noqa: S108 - a name, nothing is written there
PATTERNS = (
    r"^(?P<file>[^:]+):(?P<line>\d+):(?P<column>\d+): \[(?P<severity>\w+)\] (?P<message>.*)$",
    r"(?P<severity>error|warning): (?P<message>.+) in (?P<file>\S+):(?P<line>\d+)",
    r"line (?P<line>\d+)(?P<code>)?",
)
TEXTS: tuple[Callable[[str], object], ...] = (
    check_anchored,
    parse_classic,
    parse_utf8,
    lambda text: check_template(text, ("len", "toUpper", "and", "eq")),
    parse_prometheus,
    parse_go,
    parse_url,
    parse_web_url,
    split_host_port,
    check_glob,
    check_whole,
    lambda text: match_glob(*text.partition("\n")[::2]),
    parse_days_of_month,
    parse_months,
    parse_weekdays,
    parse_years,
    parse_time,
    parse_bool,
    parse_int,
    parse_float,
    canonical_header,
    lambda text: check_anchored(text, angle_names=True),
)
SCRATCH = Path(tempfile.gettempdir()) / f"surehup-fuzz-{os.getpid()}"


def put(content: bytes) -> Path:
    """`content` as a file, for what reads files."""
    SCRATCH.mkdir(mode=0o700, exist_ok=True)
    path = SCRATCH / "input"
    path.write_bytes(content)
    return path


def clear() -> None:
    """Take away what `put` has made."""
    shutil.rmtree(SCRATCH, ignore_errors=True)


def hold_to_form(findings: Iterable[Finding], files: Mapping[str, bytes] | None = None) -> None:
    """Every finding is a sentence with a place that exists, and survives its way out of a child."""
    told = tuple(findings)
    for finding in told:
        assert finding.message, finding
        assert finding.message.isprintable() or "\n" not in finding.message, finding
        assert finding.line is None or finding.line >= 1, finding
        assert finding.column is None or finding.column >= 1, finding
        if files is not None and finding.file in files and finding.line is not None:
            assert finding.line <= _count_lines(files[finding.file]), finding
    report = Report(findings=told)
    assert read_answer(write_answer(report)) == report


def _count_lines(content: bytes) -> int:
    """YAML knows further ends of lines: carriage returns, and three of Unicode's."""
    encoding = "utf-16" if content.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8"
    text = content.decode(encoding, "replace")
    return 1 + sum(text.count(end) for end in "\n\r\x85\u2028\u2029")


def read_alertmanager(content: bytes) -> None:
    """The configuration with a template beside it, by all rules."""
    config, _, template = content.partition(CUT)
    files = {"alertmanager.yml": config, "a.tmpl": template}
    hold_to_form(validate(files, "alertmanager.yml", Mode.STRICT), files)


def read_alertmanager_text(content: bytes) -> None:
    """One text of a field: the first byte chooses by what it is read."""
    if not content:
        return
    read = TEXTS[content[0] % len(TEXTS)]
    with contextlib.suppress(ValueError, TemplateError):
        read(content[1:].decode("utf-8", "replace"))


def read_prometheus(content: bytes) -> None:
    """The configuration with a rule file beside it, and what promtool is told to do."""
    config, _, rules = content.partition(CUT)
    files = {"prometheus.yml": config, "rules/a.yml": rules}
    options = {"main_key": "prometheus.yml", "mount": "/etc/prometheus", "kept": "configmap"}
    hold_to_form(lint(files, options), files)
    command = Command(argv=("promtool", "check", "config", "{file:prometheus.yml}"))
    for each in adapt(command, files, "prometheus.yml", "", exists=lambda _: False):
        assert each.argv[:2] == command.argv[:2]


def read_language(language: Language) -> Read:
    """One of the syntax checks, and the generic checks beside it."""

    def read(content: bytes) -> None:
        files = {"a": content}
        hold_to_form(check_syntax(files, language), files)
        hold_to_form(check_hygiene("a", content, language), files)

    return read


def read_schema(content: bytes) -> None:
    """A schema and what is held against it; one of YAML, JSON and TOML by the first letter."""
    schema, _, text = content.partition(CUT)
    ending = {b"j": "json", b"t": "toml"}.get(text[:1], "yaml")
    files = {f"a.{ending}": text[1:]}
    with contextlib.suppress(CannotJudgeError):
        hold_to_form(hold_against_schema(files, {"schema": str(put(schema))}))


def read_manifest(content: bytes) -> None:
    """What kubectl, kustomize and helm print, and every object in it."""
    for unit in read_units("a.yaml", content):
        hold_to_form(unit.findings)
        assert unit.is_manifest_file or unit.resource
        for key in unit.files:
            assert unit.origin_of(key).line != 0


def read_output(content: bytes) -> None:
    """What a foreign validator printed, by each way to understand it."""
    output = content.decode("utf-8", "replace")
    for rejects in (False, True):
        printed = Printed(output=output, folder=FOLDER, keys=KEYS, told=KEYS[:1], rejects=rejects)
        with contextlib.suppress(CannotJudgeError):
            command = Command(argv=("x",), output=Output.JSON)
            hold_to_form(map_output(command, "x", printed))
        for pattern in PATTERNS:
            hold_to_form(map_output(Command(argv=("x",), pattern=pattern), "x", printed))
    said = find_essence(split_output(output, folder=FOLDER), keys=KEYS, told=KEYS)
    assert said.message or not output.strip() or said.file
    assert said.line is None or said.line >= 1


def read_page(content: bytes) -> None:
    """A page of metrics, or of JSON, by every role that evidence can have."""
    for role in Role:
        series = Series(metric="up", labels=(("job", "a"),))
        with contextlib.suppress(GarbledError):
            read_series(content, series, role)
        with contextlib.suppress(GarbledError):
            read_field(parse_json(content), JsonField(field="a.0.b", path="/"), role)


def read_journal(content: bytes) -> None:
    """A journal's file, and the entry in it."""
    folder = put(content).parent
    (folder / "input").rename(folder / "bridge-b.json")
    entry = FileJournal(folder, lambda _: None).load("b")
    if entry is not None:
        assert isinstance(read_entry(entry), Memory | None)
    with contextlib.suppress(ValueError, RecursionError):
        bare = json.loads(content)
        if isinstance(bare, dict):
            assert isinstance(read_entry(bare), Memory | None)


def read_settings(content: bytes) -> None:
    """The settings file, to the end: what it says is checked as well."""
    try:
        load_settings(["--config", str(put(content))], {})
    except SettingsError as error:
        assert error.message  # noqa: PT017 - what it must be in any case


def read_program(content: bytes) -> None:
    """A program file of a foreign image."""
    descriptor = os.memfd_create("program")
    try:
        os.write(descriptor, content)
        with contextlib.suppress(CannotReadElfError):
            elf = read_elf(descriptor)
            assert "\0" not in elf.loader
    finally:
        os.close(descriptor)


PARSERS: Mapping[str, Read] = {
    "alertmanager": read_alertmanager,
    "alertmanager-texts": read_alertmanager_text,
    "prometheus": read_prometheus,
    "schema": read_schema,
    "manifests": read_manifest,
    "settings": read_settings,
    "yaml": read_language(Language.YAML),
    "json": read_language(Language.JSON),
    "toml": read_language(Language.TOML),
    "output": read_output,
    "metrics": read_page,
    "journal": read_journal,
    "elf": read_program,
}
