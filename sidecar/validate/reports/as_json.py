"""The report as JSON; its shape is docs/check-report.schema.json, and only ever grows."""

from __future__ import annotations

import json

from sidecar.core.report import Severity
from sidecar.validate.reports.model import CheckReport, Diagnostic

FORMAT = "surehup.dev/check-report/v1"


def write(report: CheckReport) -> str:
    """The whole document. Fields that say nothing are left out of findings."""
    document = {
        "format": FORMAT,
        "mode": report.mode,
        "good": report.is_good,
        "summary": {
            "files": report.files,
            "errors": report.counts[Severity.ERROR],
            "warnings": report.counts[Severity.WARNING],
            "infos": report.counts[Severity.INFO],
        },
        "subjects": [
            _keep_told(
                {
                    "path": subject.path,
                    "resource": subject.resource,
                    "preset": subject.preset,
                    "keys": subject.keys,
                }
            )
            for subject in report.subjects
        ],
        "findings": [_write_finding(each) for each in report.diagnostics],
        "notes": list(report.notes),
        "unjudged": list(report.unjudged),
    }
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def _write_finding(each: Diagnostic) -> dict[str, object]:
    return _keep_told(
        {
            "path": each.path,
            "line": each.line,
            "column": each.column,
            "severity": each.severity.value,
            "rule": each.rule,
            "check": each.check,
            "message": each.message,
            "resource": each.resource,
            "key": each.key,
            "keyLine": each.key_line,
            "keyColumn": each.key_column,
            "suggestion": each.suggestion,
            "link": each.link,
            "source": each.source,
            "output": each.output,
        }
    )


def _keep_told(fields: dict[str, object]) -> dict[str, object]:
    return {name: value for name, value in fields.items() if value not in {"", None}}
