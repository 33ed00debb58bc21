"""Writes docs/prometheus-lint.md from the table: ``python -m sidecar.validate.prometheus.page``."""

from __future__ import annotations

import sys

from sidecar.validate.prometheus.table import RULES, Family, Rule

HEAD = """\
# What `surehup check` says of a Prometheus configuration

<!-- Written by python -m sidecar.validate.prometheus.page from its table: change that. -->

`promtool check config` runs too where it is installed. These rules look at what it does not see.
Codes never change their meaning. `--mode strict` makes every warning an error; `--mode permissive`
makes the errors of security and good practice warnings.

Files are looked for among the keys of the ConfigMap, or in the folder that is checked. An absolute
path is judged only where it is known to lie there: give the folder that Prometheus sees with
`--mount /etc/prometheus`. What lies elsewhere is left alone.
"""


def write_page() -> str:
    """The whole page."""
    return HEAD + "".join(_write_family(family) for family in Family)


def _write_family(family: Family) -> str:
    rules = (_write_rule(rule) for rule in RULES if rule.family is family)
    return f"\n## {family[:1].upper()}{family[1:]}\n{''.join(rules)}"


def _write_rule(rule: Rule) -> str:
    return (
        f"\n### {rule.code}: {rule.title}\n\n"
        f"*{rule.severity}*. {rule.why}\n\n"
        f"Fix: {rule.fix}. [Manual]({rule.link})\n"
    )


if __name__ == "__main__":
    sys.stdout.write(write_page())
