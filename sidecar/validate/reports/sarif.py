"""The report as SARIF 2.1.0, which code scanning shows beside the lines of a pull request."""

from __future__ import annotations

import hashlib
import json
from pathlib import PurePath
from urllib.parse import quote

from sidecar.core.report import Severity
from sidecar.validate.reports.model import CheckReport, Diagnostic

SCHEMA = (
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
)
VERSION = "2.1.0"
ROOT = "SRCROOT"
_LEVELS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "note"}
_STANDARD_INPUT = "<stdin>"


def write(report: CheckReport, *, version: str, root: str) -> str:
    """The whole document. `root` is the folder that relative paths are of, `version` ours."""
    first = {each.rule: each for each in reversed(report.diagnostics)}
    rules = sorted(first)
    document = {
        "$schema": SCHEMA,
        "version": VERSION,
        "runs": [
            {
                "tool": {
                    "driver": {
                        "name": "surehup",
                        "version": version,
                        "rules": [_write_rule(name, first[name]) for name in rules],
                    }
                },
                "columnKind": "unicodeCodePoints",
                "originalUriBaseIds": {ROOT: {"uri": f"file://{quote(root.rstrip('/'))}/"}},
                "invocations": [_write_invocation(report)],
                "results": [
                    _write_result(each, rules.index(each.rule)) for each in report.diagnostics
                ],
            }
        ],
    }
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def _write_rule(name: str, example: Diagnostic) -> dict[str, object]:
    rule: dict[str, object] = {
        "id": name,
        "shortDescription": {"text": example.title or f"{example.check}: {example.code or name}"},
        "defaultConfiguration": {"level": _LEVELS[example.severity]},
        "properties": {"tags": [example.check]},
    }
    if example.link:
        rule["helpUri"] = example.link
        rule["help"] = {"text": f"{example.suggestion or 'Read on'}: {example.link}"}
    return rule


def _write_invocation(report: CheckReport) -> dict[str, object]:
    notifications = [{"level": "error", "message": {"text": text}} for text in report.unjudged]
    notifications += [{"level": "note", "message": {"text": text}} for text in report.notes]
    return {
        "executionSuccessful": not report.unjudged,
        "toolExecutionNotifications": notifications,
    }


def _write_result(each: Diagnostic, index: int) -> dict[str, object]:
    text = each.sentence + (f" ({each.suggestion})" if each.suggestion else "")
    result: dict[str, object] = {
        "ruleId": each.rule,
        "ruleIndex": index,
        "level": _LEVELS[each.severity],
        "message": {"text": text},
        "locations": [_write_location(each)],
        # Without line numbers: an alert stays the same one when lines above it come or go.
        "partialFingerprints": {"surehup/v1": _fingerprint(each)},
    }
    return result


def _write_location(each: Diagnostic) -> dict[str, object]:
    physical: dict[str, object] = {"artifactLocation": _write_artifact(each.path)}
    if each.line:
        region: dict[str, object] = {"startLine": each.line}
        if each.column:
            region["startColumn"] = each.column
        if each.source and not each.key_line:
            region["snippet"] = {"text": each.source}
        physical["region"] = region
    location: dict[str, object] = {"physicalLocation": physical}
    if each.resource or each.key:
        full = "/".join(part for part in (each.resource, each.key) if part)
        location["logicalLocations"] = [
            {"name": each.key or each.resource, "fullyQualifiedName": full, "kind": "member"}
        ]
    return location


def _write_artifact(path: str) -> dict[str, object]:
    if path == _STANDARD_INPUT:
        return {"uri": "stdin", "uriBaseId": ROOT}
    encoded = quote(path.encode("utf-8", "surrogateescape"))
    if PurePath(path).is_absolute():
        return {"uri": f"file://{encoded}"}
    return {"uri": encoded.removeprefix("./"), "uriBaseId": ROOT}


def _fingerprint(each: Diagnostic) -> str:
    parts = (each.path, each.resource, each.key, each.rule, each.source.strip(), each.message)
    return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogateescape")).hexdigest()[:32]
