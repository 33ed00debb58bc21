"""The way in: one configuration with the files beside it, judged by all rules."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from dataclasses import replace
from enum import StrEnum
from itertools import islice

import yaml

from sidecar.core.report import Finding, Severity
from sidecar.validate.job import Files, Options
from sidecar.validate.nodes import Mapping, TooDeepError, read_documents
from sidecar.validate.prometheus.files import check_files, list_patterns, list_single_files
from sidecar.validate.prometheus.jobs import check_jobs
from sidecar.validate.prometheus.paths import Folder, infer_mount
from sidecar.validate.prometheus.secrets import check_secrets, check_variables
from sidecar.validate.prometheus.table import Fault, Rule, fault
from sidecar.validate.prometheus.tree import list_texts
from sidecar.validate.text import quote_line

CHECK = "prometheus"
MOST_FINDINGS = 500
_IN_CLEAR = frozenset({"PW401", "PW403"})


class Kept(StrEnum):
    """Where the configuration is kept, which decides how grave a secret in it is."""

    CONFIG_MAP = "configmap"
    SECRET = "secret"  # noqa: S105 - a kind of object
    FILE = "file"


def lint(files: Files, options: Options) -> Iterator[Finding]:
    """Judge the file ``options["main_key"]`` of `files`; a job for a child, or called at once.

    ``options["mount"]`` is the folder that Prometheus sees, ``options["kept"]`` one of `Kept`.
    Nothing is said of a file that is missing or no YAML: other checks say that.
    """
    main_key = str(options["main_key"])
    kept = Kept(str(options.get("kept", Kept.FILE)))
    content = files.get(main_key, b"")
    root = read_root(content)
    if root is None:
        return
    text = content.decode("utf-8", "replace")
    folder = make_folder(files, root, main_key, str(options.get("mount", "")))
    folder = replace(folder, is_flat=kept is not Kept.FILE)
    for each in islice(_check(files, root, main_key, folder), MOST_FINDINGS):
        severity = each.severity or _weigh(each.rule, kept)
        if severity is not None:
            yield _find(each, severity, main_key, text)


def read_root(content: bytes) -> Mapping | None:
    """The configuration as a tree; None for what is none."""
    try:
        root = next(read_documents(content.decode("utf-8")), None)
    except (yaml.YAMLError, TooDeepError, UnicodeDecodeError):
        return None
    return root if isinstance(root, Mapping) else None


def make_folder(files: Files, root: Mapping, main_key: str, mount: str) -> Folder:
    """Where the files at hand lie; without `mount` that is told by the paths that name them."""
    named = [text.text for _, text in list_patterns(root)]
    named += [text.text for _, _, text in list_single_files(root)]
    return Folder(files.keys(), posixpath.dirname(main_key), mount or infer_mount(named, files))


def _check(files: Files, root: Mapping, main_key: str, folder: Folder) -> Iterator[Fault]:
    yield from check_files(root, folder, main_key)
    yield from check_jobs(root)
    yield from check_secrets(root)
    yield from check_variables(root)
    yield from _check_practice(root, files, folder)


def _check_practice(root: Mapping, files: Files, folder: Folder) -> Iterator[Fault]:
    if "remote_write" in root.values and not root.find("global", "external_labels"):
        at = root.keys["remote_write"]
        yield fault("PW502", at, "remote_write sends series without external_labels")
    if root.find("alerting", "alertmanagers"):
        return
    for pattern in list_texts(root.find("rule_files")):
        if any(b"alert:" in files[key] for key in folder.find(pattern.text) or ()):
            yield fault("PW501", pattern, "these rules hold alerts, and no Alertmanager is named")
            return


def _weigh(rule: Rule, kept: Kept) -> Severity | None:
    """How grave it is here; None if it is fine: a Secret is where secrets belong."""
    if rule.code not in _IN_CLEAR or kept is Kept.CONFIG_MAP:
        return rule.severity
    return Severity.WARNING if kept is Kept.FILE else None


def _find(each: Fault, severity: Severity, main_key: str, text: str) -> Finding:
    return Finding(
        check=CHECK,
        code=each.rule.code,
        file=main_key,
        line=each.at.line,
        column=each.at.column,
        severity=severity,
        message=each.message,
        suggestion=each.rule.fix,
        link=each.rule.link,
        excerpt=quote_line(text, each.at.line),
    )
