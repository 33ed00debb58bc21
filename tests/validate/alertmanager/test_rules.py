"""Every code of the table is raised by its example, and by nothing that is good."""

from __future__ import annotations

import sys
import zoneinfo

import pytest

from sidecar.core.report import Finding, Severity
from sidecar.validate.alertmanager.check import validate
from sidecar.validate.alertmanager.modes import Mode
from sidecar.validate.alertmanager.rules.registry import RULES
from sidecar.validate.alertmanager.versions import Target
from tests.validate.alertmanager.examples import BASE, BROKEN, GOOD, MORE, child, http, receiver

KEY = "alertmanager.yml"
ELSEWHERE = {"E007", "E104", "I513", "I606", "W735"}
"""Codes that need another target, machine or set of files; each has a test of its own."""


def judge(text: str, target: Target | None = None, **files: bytes) -> tuple[Finding, ...]:
    content = {KEY: text.encode(), "a.tmpl": b"{{ .X", **files}
    return validate(content, KEY, Mode.LENIENT, target or Target())


def codes(text: str, target: Target | None = None) -> set[str]:
    return {finding.code for finding in judge(text, target)}


def errors(text: str, target: Target | None = None) -> set[str]:
    return {code for code in codes(text, target) if code.startswith("E")}


def test_every_code_has_an_example() -> None:
    assert set(BROKEN) | ELSEWHERE == set(RULES)


@pytest.mark.parametrize("code", BROKEN)
def test_example_breaks_its_rule(code: str) -> None:
    found = [finding for finding in judge(BROKEN[code]) if finding.code == code]
    assert found, {finding.code for finding in judge(BROKEN[code])}
    finding = found[0]
    assert finding.check == "alertmanager"
    assert finding.suggestion
    assert finding.link.startswith("https://prometheus.io/docs/alerting/")
    assert finding.severity is RULES[code].severity


@pytest.mark.parametrize("code", [code for code in BROKEN if code.startswith("E")])
def test_example_breaks_no_other_rule_that_rejects(code: str) -> None:
    others = errors(BROKEN[code]) - {code}
    together = {"E204": {"E207"}, "E202": set()}
    assert others <= together.get(code, set())


@pytest.mark.parametrize(("code", "text"), MORE)
def test_another_way_to_break_it(code: str, text: str) -> None:
    assert code in codes(text)


@pytest.mark.parametrize("text", [BASE, *GOOD])
def test_good_example_is_good(text: str) -> None:
    assert errors(text) == set()


def test_missing_file_is_told() -> None:
    (finding,) = validate({"other.yml": b""}, KEY)
    assert finding.code == "E007"
    assert finding.severity is Severity.ERROR


def test_older_target_refuses_newer_fields() -> None:
    text = receiver("discord", "webhook_url_file: /f")
    assert errors(text) == set()
    assert errors(text, Target((0, 27))) == set()
    assert "E104" in errors(text, Target((0, 25)))


def test_old_target_hears_of_half_a_certificate_as_a_warning() -> None:
    text = http("tls_config: {cert_file: /c}")
    assert "W735" in codes(text, Target((0, 25)))
    assert errors(text, Target((0, 25))) == set()


@pytest.mark.parametrize(
    ("text", "strict", "relaxed"),
    [
        (child("{group_by: [é]}"), (0, 25), (0, 27)),
        (child('{matchers: [\'"é"="x"\']}'), (0, 26), (0, 27)),
        (child("{match_re: {a: '(?<n>x)'}}"), (0, 27), (0, 28)),
        (http("oauth2: {client_id: i, token_url: u}"), (0, 27), (0, 28)),
        (receiver("webhook", "url: 'https://{{ .x }}/'"), (0, 30), (0, 31)),
        (receiver("pagerduty", "routing_key: r, details: {x: [1]}"), (0, 28), (0, 30)),
        (f"{BASE}- ~\n", (0, 25), (0, 26)),
    ],
)
def test_newer_releases_take_more(
    text: str, strict: tuple[int, int], relaxed: tuple[int, int]
) -> None:
    assert errors(text, Target(strict))
    assert errors(text, Target(relaxed)) == set()


def test_newer_functions_of_templates() -> None:
    files = {KEY: BROKEN["E602"].encode(), "a.tmpl": b"x\n{{ .X | trimSpace }}"}
    (found,) = (each for each in validate(files, KEY) if each.code == "I606")
    assert (found.file, found.line, found.column) == ("a.tmpl", 2, 9)
    assert "E602" in {each.code for each in validate(files, KEY, target=Target((0, 25)))}
    assert {"E602", "I606"} & {
        each.code for each in validate(files, KEY, target=Target((0, 26)))
    } == set()


def test_without_a_time_zone_database_zones_are_not_judged(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ["tzdata", *(name for name in sys.modules if name.startswith("tzdata."))]:
        monkeypatch.setitem(sys.modules, name, None)
    zoneinfo.reset_tzpath(to=())
    zoneinfo.ZoneInfo.clear_cache()
    try:
        assert {"I513"} <= codes(BROKEN["E510"])
        assert "E510" not in codes(BROKEN["E510"])
    finally:
        zoneinfo.reset_tzpath()
        zoneinfo.ZoneInfo.clear_cache()


def test_unknown_field_names_what_may_be_meant() -> None:
    (finding,) = (f for f in judge(child("{recever: r}")) if f.code == "E102")
    assert "receiver may be meant" in finding.message


def test_all_faults_are_told_at_once() -> None:
    text = child("{recever: r}") + "inhibit_rules: [{equal: [a-b]}]\ntemplates: x\n"
    assert errors(text) == {"E102", "E103", "E404"}


def test_what_was_cut_out_is_not_missed_again() -> None:
    assert errors(receiver("slack", "api_ulr: 'https://a.example'")) == {"E102"}
    assert errors(f"{ROUTE_TO_X}receivers: x\n") == {"E103"}
    assert errors(f"global: x\n{receiver('slack', 'channel: c')}") == {"E103"}


ROUTE_TO_X = "route: {receiver: x, routes: [{receiver: y}]}\n"


@pytest.mark.parametrize("text", ["", "# nothing\n", "~", "[]", "text", "---\n", "- a\n"])
def test_files_that_are_no_mapping(text: str) -> None:
    assert errors(text) <= {"E201", "E103"}
    assert errors(text)
