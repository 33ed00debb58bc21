"""Whatever the bytes are, there is an answer, soon, and never an exception."""

from __future__ import annotations

import random
from datetime import timedelta

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bench.alertmanager_corpus import Builder, dump, edit_text, generate, mutate
from sidecar.core.report import Finding
from sidecar.validate.alertmanager.check import validate
from sidecar.validate.alertmanager.modes import Mode

KEY = "alertmanager.yml"
SOON = settings(
    max_examples=60,
    deadline=timedelta(seconds=2),
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)
WORDS = (
    "route",
    "receivers",
    "receiver",
    "name",
    "matchers",
    "global",
    ": ",
    "- ",
    "\n",
    "  ",
    "[",
    "]",
    "{",
    "}",
    '"',
    "'",
    "&a ",
    "*a",
    "!!str ",
    "|",
    ">",
    "#",
    ",",
    "? ",
    "---\n",
    "...\n",
    "%YAML 1.1\n",
    "\t",
    "~",
    "é",
    "=~",
    "group_by",
    "slack_configs",
    "<<",
    "time_intervals",
    "times",
    "\x00",
    "\ud7ff",
    "{{",
    "}}",
    "http://",
)


def judge(content: bytes) -> tuple[Finding, ...]:
    findings = validate({KEY: content, "a.tmpl": content}, KEY, Mode.STRICT)
    assert all(found.message and found.code for found in findings)
    return findings


@SOON
@given(st.binary(max_size=400))
def test_any_bytes(content: bytes) -> None:
    judge(content)


@SOON
@given(st.lists(st.sampled_from(WORDS), max_size=60))
def test_words_of_a_configuration(words: list[str]) -> None:
    judge("".join(words).encode())


@SOON
@given(st.text(max_size=80), st.sampled_from(["matchers", "group_by", "templates", "routes"]))
def test_any_text_in_a_field(text: str, field: str) -> None:
    value = repr(text.encode("ascii", "backslashreplace"))[1:]
    judge(f"templates: ['*']\nroute: {{receiver: r, {field}: [{value}]}}".encode())


@SOON
@given(st.integers(0, 10_000))
def test_damaged_configurations(seed: int) -> None:
    rng = random.Random(seed)  # noqa: S311 - reproducible, not secret
    tree = Builder(seed, newer=True).build()
    for _ in range(3):
        tree = mutate(tree, rng)[1]
    judge(edit_text(edit_text(dump(tree), rng), rng).encode())


def test_long_texts_end_soon() -> None:
    for text in (
        "a=" + " " * 200_000 + "x",
        "(" * 50_000,
        "a" * 500_000,
        "9" * 100_000,
        '"' * 9999,
    ):
        for case in generate(1, 1):
            judge(f"{case.text}\ntime_intervals: [{{name: {text!r}}}]".encode())
        for field in ("group_wait", "matchers", "match_re", "group_by"):
            value = {
                "matchers": f"[{text!r}]",
                "match_re": f"{{a: {text!r}}}",
                "group_by": f"[{text!r}]",
            }
            filled = value.get(field, repr(text))
            judge(f"route: {{receiver: r, routes: [{{{field}: {filled}}}]}}".encode())
