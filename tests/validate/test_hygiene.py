"""Generic checks: what parses and is hardly ever meant."""

from __future__ import annotations

import pytest

from sidecar.core.bridge import Language
from sidecar.validate.hygiene import MOST_FINDINGS, check_hygiene

YAML = Language.YAML


@pytest.mark.parametrize(
    ("code", "text", "place"),
    [
        ("GC001", "a\n<<<<<<< HEAD\n", (2, 8)),
        ("GC001", ">>>>>>> branch\n", (1, 8)),
        ("GC002", "a: '{{ .Values.x }}'\n", (1, 14)),
        ("GC002", '{{- include "x" . }}\n', (1, 13)),
        ("GC003", "a:\u00a0b\n", (1, 3)),
        ("GC003", "a: \u201cb\u201d\n", (1, 4)),
        ("GC004", "a: yes\n", (1, 4)),
        ("GC004", "- [Off]\n", (1, 4)),
        ("GC005", "mode: 0644\n", (1, 7)),
        ("GC006", "port: 22:22\n", (1, 7)),
    ],
)
def test_found(code: str, text: str, place: tuple[int, int]) -> None:
    (finding,) = check_hygiene("k", text.encode(), YAML)
    assert (finding.code, (finding.line, finding.column)) == (code, place)
    assert finding.check == "generic"
    assert finding.excerpt


@pytest.mark.parametrize(
    "text",
    [
        "on: x\n",
        "a: 'yes'\nb: !!str no\nc: 0\nd: 10\ne: true\n",
        "? [yes]\n: x\n",
        "=======\n",
        "a: '{{ $labels.x }} {{ .Value }}'\n",
        "\ufeffa: b\n",
        "yes\n",
        "a: [\n",
    ],
)
def test_left_alone(text: str) -> None:
    kept = {finding.code for finding in check_hygiene("k", text.encode(), YAML)}
    assert kept <= {"GC004"}
    assert bool(kept) is (text in {"? [yes]\n: x\n", "yes\n"})


def test_values_are_those_of_yaml_only() -> None:
    assert check_hygiene("k", b"a: yes\n", Language.TOML) == []
    assert check_hygiene("k", b"a: yes\n", None) == []
    assert check_hygiene("k", b"\xff", YAML) == []


def test_a_file_of_another_kind_is_not_told_of_for_ever() -> None:
    assert len(check_hygiene("k", b"- yes\n" * 100, YAML)) == MOST_FINDINGS
