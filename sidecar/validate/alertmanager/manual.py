"""Writes `docs/alertmanager-rules.md` from the table of rules.

    python -m sidecar.validate.alertmanager.manual > docs/alertmanager-rules.md

A test holds the document against the table, so that neither can drift from the other.
"""

from __future__ import annotations

import sys
from itertools import groupby

import sidecar.validate.alertmanager.check  # noqa: F401 - it brings all rules into the table
from sidecar.validate.alertmanager.rules.registry import RULES, Rule
from sidecar.validate.alertmanager.versions import NEWEST, OLDEST, spell

_HEAD = f"""# Alertmanager rules

What `surehup check` says of an Alertmanager configuration. Codes never change their meaning:
`E…` rejects, `W…` warns, `I…` informs. This page is written from the table of rules by
`python -m sidecar.validate.alertmanager.manual`.

**Errors** are what Alertmanager itself refuses: nothing that `amtool check-config` refuses passes,
and nothing that it accepts is an error. `make agreement` asks the installed `amtool` about
thousands of files and prints the table; releases {spell(OLDEST)} and {spell(NEWEST)} were measured.
On purpose more is refused only by E002 (size), E003 (depth) and E004 (aliases, merge keys).

**Modes.** `strict`: warnings reject too. `lenient`, the default: as listed. `permissive`: warnings
about security and good practice only inform. No mode lets pass what Alertmanager refuses.

**Versions.** The format is that of {spell(NEWEST)}. Told a version, the check refuses fields that
it does not know (E104) and follows its rules. Without one, every field may be used (I110 says
since when), but only what all releases since {spell(OLDEST)} accept is accepted: a label name in
UTF-8, say, needs the version to be told: `surehup check --alertmanager-version 0.28`.

**Secrets** are never shown: not in messages, and not in the lines that are quoted.
"""


def render() -> str:
    """The whole document."""
    parts = [_HEAD]
    rules = sorted(RULES.values(), key=lambda rule: (rule.code[1:], rule.code))
    for family, members in groupby(rules, key=lambda rule: rule.family):
        title = family.value[0].upper() + family.value[1:]
        parts.append(f"## {title}\n\n| Code | What | Why | Fix |\n|---|---|---|---|\n")
        parts.extend(_write_row(rule) for rule in members)
        parts.append("\n")
    return "\n".join(parts[:1]) + "\n" + "".join(parts[1:]).rstrip("\n") + "\n"


def _write_row(rule: Rule) -> str:
    cells = (f"[{rule.code}]({rule.link})", rule.title, rule.why, rule.fix)
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |\n"


if __name__ == "__main__":
    sys.stdout.write(render())
