"""What the child does: documents and differences, made of masked files. Pure but for `serve`.

One request and one answer of JSON, so that any content passes; a job never raises for content.
"""

from __future__ import annotations

import difflib
import json
import resource
import sys
from collections.abc import Callable, Mapping
from typing import Any

import yaml

from sidecar.serve.masking.files import Sealed, mask_files, redact, show_name
from sidecar.serve.masking.parse import Tree

MEMORY_BYTES = 512 << 20
CPU_S = 30
"""Whoever waits gives up before; this ends a child whose parent died."""

YAML = "yaml"

Json = Mapping[str, Any]


def make_document(request: Json) -> Json:
    """The masked content of bridges, written as JSON or YAML.

    Request: `bridges` (each what is told of it, and its `content` or null), `format`, `section`.
    Answer: `text`, null where no file has the section, and all `sections` that there are.
    """
    section = request["section"]
    shown, sections = [], set[str]()
    for bridge in request["bridges"]:
        files = {} if bridge["content"] is None else mask_files(_read_content(bridge["content"]))
        sections.update(*(tree for tree in files.values() if isinstance(tree, dict)))
        picked = files if section is None else _pick(files, section)
        if picked or section is None:
            shown.append({**bridge["told"], "files": picked})
    text = _write({"bridges": shown}, request["format"]) if shown or section is None else None
    return {"text": text, "sections": sorted(sections)}


def _pick(files: Mapping[str, Tree], section: str) -> dict[str, Tree]:
    return {
        key: {section: tree[section]}
        for key, tree in files.items()
        if isinstance(tree, dict) and section in tree
    }


def _write(document: object, kind: str) -> str:
    if kind == YAML:
        return yaml.dump(document, Dumper=_Dumper, sort_keys=False, allow_unicode=True)
    return json.dumps(document, indent=2) + "\n"


class _Dumper(yaml.SafeDumper):
    """Writes what occurs twice twice: an alias would make readers look elsewhere."""

    def ignore_aliases(self, data: object) -> bool:  # noqa: ARG002  the base's signature
        return True


def _write_text(self: yaml.SafeDumper, text: str) -> yaml.Node:
    style = "|" if "\n" in text else None
    return self.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _write_text)


def compare(request: Json) -> Json:
    """What differs between the `active` content (or null) and the `mounted` one.

    Answer: `changes`, a word for each file that differs; and `diff`, unified, of the masked files.
    """
    mounted = _read_content(request["mounted"])
    active = mounted if request["active"] is None else _read_content(request["active"])
    before = {} if request["active"] is None else active.files
    old = _write_files(active) if before else {}
    new = _write_files(mounted)
    changes, diff = [], list[str]()
    for key in sorted({*before, *mounted.files}):
        if before.get(key) == mounted.files.get(key):
            continue
        name = show_name(key)
        lines = _diff(name, old.get(name), new.get(name))
        diff += lines
        changes.append(
            {"file": name, "change": _name_change(key, before, mounted.files), "shown": bool(lines)}
        )
    return {"changes": changes, "diff": "\n".join(diff)}


def clean(request: Json) -> Json:
    """The request's `sentences`, which may quote its `content`, without the secrets of that."""
    return {"sentences": redact(request["sentences"], _read_content(request["content"]))}


def _write_files(sealed: Sealed) -> dict[str, list[str]]:
    """As lines: text as it is, all else as YAML, whose keys stay in the order of the file."""
    return {
        key: (tree if isinstance(tree, str) else _write(tree, YAML)).split("\n")
        for key, tree in mask_files(sealed).items()
    }


def _diff(name: str, old: list[str] | None, new: list[str] | None) -> list[str]:
    """Empty where all that differs is masked, or not part of the content."""
    labels = (
        "/dev/null" if old is None else f"active/{name}",
        "/dev/null" if new is None else f"mounted/{name}",
    )
    return list(difflib.unified_diff(old or [], new or [], *labels, lineterm=""))


def _name_change(key: str, before: Mapping[str, str], after: Mapping[str, str]) -> str:
    if key not in before:
        return "added"
    return "changed" if key in after else "removed"


def _read_content(told: Json) -> Sealed:
    return Sealed(files=told["files"], secrets=tuple(told["secrets"]), whole=told["whole"])


JOBS: Mapping[str, Callable[[Json], Json]] = {
    "document": make_document,
    "compare": compare,
    "clean": clean,
}


def serve() -> None:
    """Answer the one request on standard input on standard output."""
    resource.setrlimit(resource.RLIMIT_DATA, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_S, CPU_S))
    request = json.load(sys.stdin)
    json.dump(JOBS[request["job"]](request), sys.stdout)
