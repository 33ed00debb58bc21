"""Files that the configuration names: rules, service discovery, credentials, certificates."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from sidecar.core.report import Severity
from sidecar.validate.nodes import Mapping, Scalar
from sidecar.validate.prometheus.paths import Folder, is_pattern
from sidecar.validate.prometheus.table import Fault, fault
from sidecar.validate.prometheus.tree import list_mappings, list_texts, walk
from sidecar.validate.text import clean, shorten

TLS_FIELDS = ("ca_file", "cert_file", "key_file")


def list_patterns(root: Mapping) -> Iterator[tuple[str, Scalar]]:
    """Code and pattern of every list of files; each of them is a pattern to Prometheus."""
    for code, field in (("PW101", "rule_files"), ("PW204", "scrape_config_files")):
        for text in list_texts(root.find(field)):
            yield code, text
    for _, mapping in walk(root):
        for discovery in list_mappings(mapping.find("file_sd_configs")):
            for text in list_texts(discovery.find("files")):
                yield "PW203", text


def list_single_files(root: Mapping) -> Iterator[tuple[str, str, Scalar]]:
    """Code, field and path of every single file that is opened."""
    for _, mapping in walk(root):
        for field, value in mapping.values.items():
            if not isinstance(value, Scalar) or not value.text or not field.endswith("_file"):
                continue
            if field in TLS_FIELDS:
                yield "PW202", field, value
            elif field not in {"query_log_file", "scrape_failure_log_file"}:  # it writes these
                yield "PW201", field, value


def check_files(root: Mapping, folder: Folder, main_key: str) -> Iterator[Fault]:
    """What is named and not there."""
    for code, text in list_patterns(root):
        yield from _check_pattern(code, text, folder, main_key)
    for code, field, text in list_single_files(root):
        if folder.find(text.text) == []:
            yield _miss(code, text, f"{field} names {_show(text)}, which is not there", folder)


def _check_pattern(code: str, text: Scalar, folder: Folder, main_key: str) -> Iterator[Fault]:
    if "**" in text.text:
        yield fault("PW102", text, f"{_show(text)} does not look into folders below: ** is * here")
    found = folder.find(text.text)
    if found == []:
        verb = "matches no file" if is_pattern(text.text) else "is not there"
        yield _miss(code, text, f"{_show(text)} {verb}", folder)
    elif found and code == "PW101" and main_key in found:
        yield fault("PW103", text, f"{_show(text)} matches {clean(main_key)!r} itself")


def _miss(code: str, text: Scalar, message: str, folder: Folder) -> Fault:
    """What is missing. The keys of an object lie in one folder: others are of other volumes."""
    if not folder.is_flat or "/" not in (folder.locate(text.text) or ""):
        return fault(code, text, message)
    return replace(
        fault(code, text, f"{message}, unless another volume brings it"), severity=Severity.INFO
    )


def _show(text: Scalar) -> str:
    return repr(shorten(clean(text.text), 100))
