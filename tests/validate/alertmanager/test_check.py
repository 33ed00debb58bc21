"""The way in: modes, excerpts without secrets, limits, the job in its child, the manual."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest

from sidecar.clock import SystemClock
from sidecar.core.report import Finding, Report, Severity
from sidecar.validate.alertmanager.check import (
    MOST_FINDINGS,
    check_alertmanager,
    find_main_key,
    validate,
)
from sidecar.validate.alertmanager.excerpts import Excerpts
from sidecar.validate.alertmanager.manual import render
from sidecar.validate.alertmanager.modes import Mode
from sidecar.validate.alertmanager.versions import Target, parse_version, spell
from sidecar.validate.child import Task, run_in_child
from sidecar.validate.job import CannotJudgeError
from tests.validate.alertmanager.examples import BASE, BROKEN

KEY = "alertmanager.yml"
JOB = "sidecar.validate.alertmanager.check:check_alertmanager"
MANUAL = Path(__file__).parents[3] / "docs" / "alertmanager-rules.md"
SECRET = "hunter2"  # noqa: S105 - looked for in what is shown
SECRETS = f"""
global:
  smtp_auth_password: {SECRET}
  slack_api_url: http://hooks.example.org/services/{SECRET}
  http_config:
    basic_auth: {{username: u, password: {SECRET}}}
    tls_config:
      cert: c
      key: |
        {SECRET}
       bad
    http_headers:
      X-Key:
        secrets:
        - {{a: {SECRET}}}
route: {{receiver: r}}
receivers:
- name: r
  pagerduty_configs: [{{routing_key: {SECRET}, details: [], service_key: "{SECRET}"}}]
  webhook_configs:
  - url: "ftp://u:{SECRET}@a.example/{SECRET}"
    http_config:
      proxy_url: "http://u:{SECRET}@a b"
      authorization:
        type: basic
        credentials: [{SECRET}]
"""


def judge(text: str, mode: Mode = Mode.LENIENT) -> tuple[Finding, ...]:
    return validate({KEY: text.encode()}, KEY, mode)


def test_strict_mode_rejects_warnings() -> None:
    for code in ("W801", "W405", "W008"):
        (found,) = (each for each in judge(BROKEN[code], Mode.STRICT) if each.code == code)
        assert found.severity is Severity.ERROR


def test_permissive_mode_only_informs_of_security_and_practice() -> None:
    for code, severity in (
        ("W801", Severity.INFO),
        ("W907", Severity.INFO),
        ("W405", Severity.WARNING),
        ("E206", Severity.ERROR),
        ("I905", Severity.INFO),
    ):
        found = [each for each in judge(BROKEN[code], Mode.PERMISSIVE) if each.code == code]
        assert {each.severity for each in found} == {severity}


@pytest.mark.parametrize("mode", list(Mode))
def test_no_mode_lets_pass_what_is_refused(mode: Mode) -> None:
    for code, text in BROKEN.items():
        if code.startswith("E") and code != "E602":
            assert Report(findings=judge(text, mode)).rejects, code


def test_no_secret_is_shown() -> None:
    whole = SECRETS.replace("       bad\n", "")
    texts = [SECRETS, whole, whole[whole.index("route:") :]]
    findings = [found for text in texts for found in judge(text)]
    assert {"E001", "E103", "W803", "E342"} <= {found.code for found in findings}
    shown = "\n".join(f"{found} {found.excerpt} {found.suggestion}" for found in findings)
    assert SECRET not in shown


@pytest.mark.parametrize(
    ("text", "line", "shown"),
    [
        ("a: b\n", 1, "a: b"),
        ("a: b\n", 3, ""),
        ("a: b\n", 0, ""),
        ("url: https://u:p@a.example:1/x?y z", 1, "url: https://a.example:1/*** z"),
        ("password: |\n  abc\n\n  def\n", 4, "  ***"),
        ("secrets:\n- abc\n", 2, "***"),
        ("authorization:\n  type: x\n", 2, "  type: x"),
        ("  x: y\n  token: z", 2, "  token: ***"),
        ("route:\n  receiver: r\n  group_by: [a]", 3, "  group_by: [a]"),
        ("a\x1b[31m: b", 1, "a: b"),
    ],
)
def test_excerpts(text: str, line: int, shown: str) -> None:
    assert Excerpts(text.encode()).show(line) == shown


def test_findings_are_bounded_and_errors_come_first() -> None:
    receivers = "".join(f"- name: r{number}\n" for number in range(MOST_FINDINGS * 2))
    findings = judge(f"route: {{receiver: x}}\nreceivers:\n{receivers}")
    assert len(findings) == MOST_FINDINGS
    assert [each.code for each in findings if each.severity is Severity.ERROR] == ["E206"]


def test_other_files_are_placed_in_themselves() -> None:
    text = f"templates: ['/etc/alertmanager/*.tmpl']\n{BASE}"
    files = {KEY: text.encode(), "x.tmpl": b"line\n{{ if }}", "readme": b"{{"}
    (error,) = Report(findings=validate(files, KEY)).errors
    assert (error.code, error.file, error.line, error.column) == ("E602", "x.tmpl", 2, 7)
    assert error.excerpt == "{{ if }}"


@pytest.mark.parametrize(
    ("text", "place"), [("---", (1, 4)), ("route: {", (1, 9)), ("a: [\n", (2, 1))]
)
def test_what_is_missing_at_the_end_is_placed_there(text: str, place: tuple[int, int]) -> None:
    assert (judge(text)[0].line, judge(text)[0].column) == place


def test_templates_in_folders() -> None:
    text = f"templates: ['t/*.tmpl', t]\n{BASE}".encode()
    findings = validate({"a/c.yml": text, "a/t/x.tmpl": b"{{ .X"}, "a/c.yml")
    assert {each.code for each in findings if each.severity is Severity.ERROR} == {"E601", "E602"}


def test_job_reads_its_options() -> None:
    text = BROKEN["W801"].encode()
    files = {"x.yml": text, "y.yml": b"a: b"}
    options = {"main": "x.yml", "mode": "strict", "version": "v0.27.1"}
    assert Report(findings=tuple(check_alertmanager(files, options))).rejects
    assert not Report(findings=tuple(check_alertmanager(files, {"main": "x.yml"}))).rejects


@pytest.mark.parametrize("options", [{"mode": "harsh"}, {"version": "new"}, {}])
def test_job_refuses_what_it_cannot_judge(options: dict[str, str]) -> None:
    with pytest.raises(CannotJudgeError):
        check_alertmanager({"x.yml": b"", "y.yml": b""}, options)


def test_main_key() -> None:
    assert find_main_key({"a.yml": b"", "alertmanager.yaml": b""}) == "alertmanager.yaml"
    assert find_main_key({"a.yml": b"", "b.tmpl": b""}) == "a.yml"


def test_versions() -> None:
    assert parse_version("0.25.0") == (0, 25)
    assert parse_version("v0.28") == (0, 28)
    assert spell((0, 28)) == "0.28"
    assert Target().knows((9, 9))
    assert not Target((0, 27)).knows((0, 28))


def write_large() -> bytes:
    """A thousand receivers and routes on ten thousand lines."""
    routes = "".join(
        f'  - receiver: t{n}\n    matchers: [team="t{n}", severity=~"a|b"]\n    group_wait: 30s\n'
        for n in range(1000)
    )
    receivers = "".join(
        f"- name: t{n}\n  email_configs:\n  - to: t{n}@example.org\n    send_resolved: true\n"
        f"  slack_configs:\n  - channel: '#t{n}'\n    title: '{{{{ .Status }}}}'\n"
        for n in range(1000)
    )
    head = "global: {smtp_smarthost: 'a:1', smtp_from: a@b, slack_api_url_file: /s}\n"
    root = "route:\n  receiver: t0\n  group_by: [alertname]\n  routes:\n"
    return f"{head}{root}{routes}receivers:\n{receivers}".encode()


def test_large_file_in_a_child() -> None:
    content = write_large()
    assert content.count(b"\n") >= 10_000
    task = Task(job=JOB, what="the Alertmanager check")
    started = time.monotonic()
    report = run_in_child(task, {KEY: content}, clock=SystemClock(), cancel=threading.Event())
    assert time.monotonic() - started < 5  # half a second on an idle machine
    assert report == Report()


def test_manual_says_what_the_table_says() -> None:
    assert MANUAL.read_text("utf-8") == render(), (
        "run python -m sidecar.validate.alertmanager.manual"
    )
