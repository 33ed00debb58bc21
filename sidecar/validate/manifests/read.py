"""Picks ConfigMaps and Secrets out of manifests: documents, lists, what kubectl prints as JSON."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

import yaml

from sidecar.core.report import Finding
from sidecar.validate.decode import NotTextError, decode
from sidecar.validate.manifests.origin import Origin, find_origin
from sidecar.validate.nodes import (
    Mapping,
    Node,
    Scalar,
    Sequence,
    TooDeepError,
    read_documents,
)
from sidecar.validate.text import clean, shorten

CHECK = "manifest"
PRESET_ANNOTATION = "surehup.dev/preset"
CONFIG_MAP = "ConfigMap"
SECRET = "Secret"  # noqa: S105 - a kind of object
MOST_DATA_BYTES = 1 << 20
"""The API server refuses more than 1 MiB of data in one object."""

_KEY = re.compile(r"[-._a-zA-Z0-9]{1,253}")
_SURROGATES = re.compile(
    r"(?<!\\)((?:\\\\)*)\\u(d[89ab][0-9a-f]{2})\\u(d[c-f][0-9a-f]{2})", re.IGNORECASE
)
_KINDS = frozenset({CONFIG_MAP, SECRET})


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """One ConfigMap or Secret: its files, where each stands, and what is wrong with the object.

    `line` is where the object begins. The findings' `file` is the key that they are about, and
    their lines are those of the manifest.
    """

    kind: str
    name: str
    namespace: str = ""
    preset: str = ""
    line: int = 1
    files: dict[str, bytes] = field(default_factory=dict)
    origins: dict[str, Origin] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)

    @property
    def title(self) -> str:
        """As people write it: ``ConfigMap monitoring/prometheus``."""
        return f"{self.kind} {self.namespace}/{self.name}".replace(" /", " ")

    @property
    def is_secret(self) -> bool:
        """Whether no line of its content may be shown."""
        return self.kind == SECRET


@dataclass(frozen=True, slots=True)
class Manifests:
    """What a file holds: `others` counts objects of other kinds, which are left alone."""

    objects: list[Manifest]
    others: int

    @property
    def any(self) -> bool:
        """Whether the file is one of manifests at all."""
        return bool(self.objects or self.others)


def read_manifests(content: bytes) -> Manifests:
    """The ConfigMaps and Secrets of a file; of a broken file those before the break.

    The syntax of the file is not judged here. Never raises.
    """
    found = Manifests([], 0)
    try:
        text = _join_surrogates(decode(CHECK, "", content))
    except NotTextError:
        return found
    lines = text.split("\n")
    others = 0
    try:
        for root in read_documents(text):
            for node in _list_objects(root):
                if node.text("kind") in _KINDS:
                    found.objects.append(_read_object(node, lines))
                else:
                    others += 1
    except (yaml.YAMLError, TooDeepError):
        pass
    return Manifests(found.objects, others)


def _join_surrogates(text: str) -> str:
    r"""JSON may spell one character as two ``\u``, which YAML does not know."""
    if "\\u" not in text:
        return text

    def join(match: re.Match[str]) -> str:
        high, low = int(match[2], 16), int(match[3], 16)
        return f"{match[1]}\\U{0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00):08x}"

    return _SURROGATES.sub(join, text)


def _list_objects(root: Node) -> Iterator[Mapping]:
    """The objects of a document: itself, or the items of a list. Lists may hold lists."""
    if not isinstance(root, Mapping) or not root.text("apiVersion") or not root.text("kind"):
        return
    items = root.find("items")
    if not root.text("kind").endswith("List") or not isinstance(items, Sequence):
        yield root
        return
    listed = root.text("kind").removesuffix("List")
    for item in items.items:
        if isinstance(item, Mapping) and listed in _KINDS:
            # The API's typed lists leave out the kind of their items.
            item.values.setdefault("kind", Scalar(listed, item.line, item.column))
            item.values.setdefault("apiVersion", Scalar("v1", item.line, item.column))
        yield from _list_objects(item)


def _read_object(node: Mapping, lines: list[str]) -> Manifest:
    manifest = Manifest(
        kind=node.text("kind"),
        name=node.text("metadata", "name"),
        namespace=node.text("metadata", "namespace"),
        preset=node.text("metadata", "annotations", PRESET_ANNOTATION),
        line=node.line,
    )
    for part in ("data", "binaryData", "stringData"):
        entries = node.find(part)
        encoded = part == "binaryData" or (part == "data" and manifest.is_secret)
        if isinstance(entries, Mapping):
            for key in entries.keys:
                _take_entry(manifest, part, entries, key, encoded=encoded, lines=lines)
        elif entries is not None and not _is_null(entries):
            text = f"{part} must be a mapping of keys to texts"
            manifest.findings.append(_find("data", "", entries, text))
    total = sum(map(len, manifest.files.values()))
    if total > MOST_DATA_BYTES:
        text = f"holds {total:,} bytes, and the API server refuses more than {MOST_DATA_BYTES:,}"
        manifest.findings.append(_find("size", "", node, text))
    return manifest


def _take_entry(
    manifest: Manifest,
    part: str,
    entries: Mapping,
    key: str,
    *,
    encoded: bool,
    lines: list[str],
) -> None:
    value, at = entries.values[key], entries.keys[key]
    shown = shorten(clean(key), 80)
    if not _KEY.fullmatch(key):
        text = f"{shown!r} is no key that Kubernetes takes: letters, digits, '-', '_' and '.' only"
        manifest.findings.append(_find("key", key, at, text))
    if key in manifest.files and part != "stringData":
        text = f"{shown!r} stands in data and in binaryData"
        manifest.findings.append(_find("key", key, at, text))
    if not isinstance(value, Scalar) or not (value.is_text or _is_null(value)):
        text = f"the value of {shown!r} in {part} is no text, and the API server refuses it"
        finding = _find("type", key, value, text, "put it into quotes, or write | before a block")
        manifest.findings.append(finding)
        return
    content = b"" if _is_null(value) else value.text.encode("utf-8", "surrogatepass")
    origin = find_origin(value, lines)
    if encoded:
        try:
            content = base64.b64decode(b"".join(content.split()), validate=True)
        except binascii.Error:
            text = f"the value of {shown!r} in {part} is no base64"
            hint = "put plain text into stringData" if manifest.is_secret else "put text into data"
            manifest.findings.append(_find("base64", key, value, text, hint))
            return
        origin = Origin(line=value.line, column=value.column, first_line=None)
    manifest.files[key] = content
    manifest.origins[key] = origin


def _is_null(node: Node) -> bool:
    return isinstance(node, Scalar) and not node.style and node.text in {"", "~", "null"}


def _find(code: str, key: str, node: Node, message: str, suggestion: str = "") -> Finding:
    return Finding(
        check=CHECK,
        code=code,
        file=key,
        line=node.line,
        column=node.column,
        message=message,
        suggestion=suggestion,
    )
