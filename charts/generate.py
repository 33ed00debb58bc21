"""Writes what is made from something else: schemas, tables of values, pages of documentation.

    python -m charts.generate [--check]

With --check nothing is written; it fails where a file is not what it would be.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from charts.health import FLUX, HEALTH, write_cel, write_lua
from charts.values import find_undocumented, read_values, write_schema, write_table

ROOT = Path(__file__).parents[1]
CHARTS = ROOT / "charts"
NAMES = ("surehup-lib", "surehup", "surehup-injector")
ALERTS = CHARTS / "surehup-lib" / "files" / "surehup-alerts.yaml"


def make_files() -> Iterator[tuple[Path, str]]:
    """All that is made: where, and what."""
    for name in NAMES:
        values = read_values(CHARTS / name / "values.yaml")
        undocumented = list(find_undocumented(values))
        if undocumented:
            sys.exit(f"{name}/values.yaml: no comment says what is meant by {undocumented}")
        yield CHARTS / name / "values.schema.json", write_schema(values, name)
        yield _fill(CHARTS / name / "README.md", "values", write_table(values))
    yield _fill(ROOT / "docs" / "alerts.md", "alerts", write_alerts())
    gitops = ROOT / "docs" / "gitops.md"
    text = gitops.read_text()
    for name, content in (
        ("argocd", _fence(write_argocd())),
        ("flux", _fence(write_flux())),
        ("health", write_health()),
    ):
        text = _replace(text, name, content, gitops)
    yield gitops, text


def write_alerts() -> str:
    """A section for each alert."""
    (group,) = yaml.safe_load(ALERTS.read_text())["groups"]
    return "\n".join(_write_alert(rule) for rule in group["rules"])


def _write_alert(rule: dict[str, Any]) -> str:
    said = rule["annotations"]
    held = f", for {rule['for']}" if "for" in rule else ""
    texts = {key: _name_labels(said[key]) for key in ("summary", "description", "runbook")}
    parts = (
        f"## {rule['alert']}",
        f"Severity: {rule['labels']['severity']}{held}. {texts['summary']}.",
        f"```\n{rule['expr']}\n```",
        texts["description"],
        f"**What to do.** {texts['runbook']}",
    )
    return "\n\n".join(parts) + "\n"


def _name_labels(text: str) -> str:
    return text.replace("{{ $labels.", "*").replace(" }}", "*")


def write_argocd() -> str:
    """A piece of the ConfigMap argocd-cm."""
    script = "".join(f"    {line}\n" for line in write_lua().splitlines())
    return f"data:\n  resource.customizations.health.ConfigMap: |\n{script}"


def write_flux() -> str:
    """A piece of a Flux Kustomization."""
    lines = "".join(f"      {key}: {json.dumps(cel)}\n" for key, cel in write_cel().items())
    head = "spec:\n  wait: true\n  healthCheckExprs:\n    - apiVersion: v1\n      kind: ConfigMap\n"
    return head + lines


def write_health() -> str:
    """What each status is to both."""
    rows = [f"| {status.value} | {health} | {FLUX[health]} |" for status, health in HEALTH.items()]
    return "\n".join(["| status | Argo CD | Flux |", "|---|---|---|", *rows]) + "\n"


def _fence(text: str) -> str:
    return f"```yaml\n{text}```\n"


def _fill(path: Path, name: str, content: str) -> tuple[Path, str]:
    return path, _replace(path.read_text(), name, content, path)


def _replace(text: str, name: str, content: str, path: Path) -> str:
    """`text` with `content` between the marks of `name`."""
    begin, end = f"<!-- {name}: begin -->\n", f"<!-- {name}: end -->"
    before, found, rest = text.partition(begin)
    _, closed, after = rest.partition(end)
    if not (found and closed):
        sys.exit(f"{path}: there is no place for {name}: {begin.strip()} … {end}")
    return f"{before}{begin}\n{content}\n{end}{after}"


def main(argv: list[str]) -> int:
    """Write the files, or with --check say which are not up to date."""
    stale = [
        (path, text) for path, text in make_files() if not path.exists() or path.read_text() != text
    ]
    if argv == ["--check"]:
        for path, _ in stale:
            print(f"{path.relative_to(ROOT)} is not up to date: run python -m charts.generate")
        return 1 if stale else 0
    for path, text in stale:
        path.write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
