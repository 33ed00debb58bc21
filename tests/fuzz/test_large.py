"""Large files that machines write: faults without number, on one line or on many."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from sidecar.core.bridge import Language
from sidecar.core.report import Finding
from sidecar.validate.hygiene import check_hygiene
from sidecar.validate.json_syntax import check_json
from sidecar.validate.prometheus.lint import lint
from sidecar.validate.scratch import turn_references
from sidecar.validate.yaml_syntax import check_yaml

Find = Callable[[bytes], list[Finding]]
MOST_CPU_S = 5.0
"""Each takes less than a tenth of it on its own; what is quadratic takes minutes."""
TWICE = [*range(20_000), *range(20_000)]
OBJECT = b"{%s}" % b",".join(b'"k%d":1' % number for number in TWICE)
JOB = b"- job_name: a\n  static_configs: [{targets: ['h:1']}]\n"


@pytest.mark.parametrize(
    ("find", "content"),
    [
        (lambda content: check_json("a", content), OBJECT),
        (lambda content: check_json("a", content), OBJECT.replace(b",", b",\n")),
        (lambda content: check_yaml("a", content), OBJECT.replace(b":", b": ")),
        (lambda content: check_hygiene("a", content, None), b"<<<<<<< x\n" * 100_000),
        (lambda content: check_hygiene("a", content, Language.YAML), b"- yes\n" * 50_000),
        (
            lambda content: list(lint({"p.yml": content}, {"main_key": "p.yml"})),
            b"scrape_configs:\n" + JOB * 8_000,
        ),
    ],
)
def test_faults_without_number_are_told_in_time(find: Find, content: bytes) -> None:
    before_s = time.thread_time()
    found = find(content)
    assert time.thread_time() - before_s < MOST_CPU_S
    assert 20 <= len(found) <= 500


@pytest.mark.parametrize(
    "content",
    [
        b"/etc/p/rules-1 " * 60_000,
        b"/etc/p/" * 140_000,
        b"".join(b"/etc/p/rules-%d " % number for number in range(60_000)),
        b"/etc/p/*-*-*-*x*x*y " * 40_000,
    ],
)
def test_references_without_number_are_turned_in_time(content: bytes) -> None:
    files = {f"rules-{number}-{'x' * 200}.yml": b"" for number in range(2_000)}
    before_s = time.thread_time()
    turned = turn_references(content, files, mount="/etc/p", folder=Path("/tmp/x"))  # noqa: S108
    assert time.thread_time() - before_s < MOST_CPU_S
    assert turned == content
