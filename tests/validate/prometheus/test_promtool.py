"""promtool is asked only for what it can see."""

from __future__ import annotations

from sidecar.core.bridge import Command
from sidecar.validate.prometheus.promtool import adapt

CHECK = Command(argv=("promtool", "check", "config", "{file:prometheus.yml}"))
RULES = b"groups: []\n"


def adapted(
    text: str, command: Command = CHECK, *, there: bool = False, **files: bytes
) -> list[str]:
    every = {"prometheus.yml": text.encode(), **{f"{key}.yml": body for key, body in files.items()}}
    found = adapt(command, every, "prometheus.yml", "", exists=lambda _: there)
    return [" ".join(one.argv) for one in found]


PLAIN = "promtool check config {file:prometheus.yml}"
SYNTAX = "promtool check config --syntax-only {file:prometheus.yml}"


def test_with_all_files_at_hand_it_looks_at_them() -> None:
    assert adapted("rule_files: [a.yml, '*.rules']\n", a=RULES) == [PLAIN]
    assert adapted("rule_files: [/elsewhere/a.yml]\n", there=True) == [PLAIN]


def test_files_of_other_volumes_leave_the_syntax_and_the_rules_at_hand() -> None:
    text = "rule_files: [/elsewhere/a.yml, 'b*.yml']\n"
    rules = "promtool check rules {file:b1.yml}"
    assert adapted(text, b1=RULES, c=RULES) == [SYNTAX, rules]
    assert adapted("rule_files: [gone.yml]\n") == [SYNTAX]
    credentials = "scrape_configs: [{job_name: a, authorization: {credentials_file: /x/y}}]\n"
    assert adapted(credentials) == [SYNTAX]


def test_other_commands_and_broken_files_are_left_alone() -> None:
    other = Command(argv=("promtool", "check", "rules", "{file:prometheus.yml}"))
    assert adapted("rule_files: [gone.yml]\n", other) == [" ".join(other.argv)]
    assert adapted("a: [\n") == [PLAIN]
