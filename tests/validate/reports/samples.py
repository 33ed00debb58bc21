"""A report with all that formats have to cope with."""

from __future__ import annotations

from dataclasses import replace

from sidecar.core.report import Severity
from sidecar.validate.reports.model import CheckReport, Diagnostic, Subject

IN_MANIFEST = Diagnostic(
    path="deploy/cm.yaml",
    line=12,
    column=7,
    message="the key 'a' stands twice in one mapping, first on line 10",
    severity=Severity.ERROR,
    check="yaml",
    code="duplicate-key",
    resource="ConfigMap mon/app",
    key="app.yaml",
    suggestion="remove one of them",
    link="https://yaml.org/spec/1.2.2/",
    source="      a: 2",
)
WIDE = Diagnostic(
    path="a b/é.yml",
    line=2,
    column=5,
    message='<odd> & \x07 "strange"',
    severity=Severity.WARNING,
    check="generic",
    code="GC003",
    source="\t日a\u0301b",
)
PROGRAM = Diagnostic(
    path="/etc/x.conf",
    message="checker: refused",
    severity=Severity.ERROR,
    check="checker",
    code="exit-1",
    output="one\ntwo\nthree\nfour",
)
QUOTED = Diagnostic(
    path="<stdin>",
    line=1,
    column=9,
    message="'r' matches no file",
    severity=Severity.INFO,
    check="prometheus",
    code="PW101",
    resource="ConfigMap x",
    key="prometheus.yml",
    key_line=4,
    key_column=3,
    source="- r",
)
SUBJECTS = (
    Subject(path="deploy/cm.yaml"),
    Subject(path="deploy/cm.yaml", resource="ConfigMap mon/app", preset="nginx", keys=2),
    Subject(path="a b/é.yml"),
    Subject(path="<stdin>", resource="ConfigMap x", keys=1),
    Subject(path="good.json"),
)
FULL = CheckReport(
    mode="lenient",
    diagnostics=[QUOTED, PROGRAM, WIDE, IN_MANIFEST, WIDE],
    subjects=SUBJECTS,
    notes=["b was skipped: it is binary", "a was skipped: it is binary"],
    unjudged=["mytool is not installed", "mytool is not installed"],
)
GOOD = CheckReport(mode="strict", subjects=[Subject(path="a.yml")])
NOTHING = CheckReport(mode="permissive")
BOTH = CheckReport(
    mode="lenient",
    diagnostics=[IN_MANIFEST, replace(IN_MANIFEST, line=14), replace(IN_MANIFEST, line=15),
                 replace(IN_MANIFEST, line=13, severity=Severity.WARNING)],
    subjects=SUBJECTS,
)  # fmt: skip
EVERY = (FULL, GOOD, NOTHING, BOTH)
