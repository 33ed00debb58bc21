"""JSON schemas for kubeconform, from what an API server publishes of the kinds that it serves."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

Schema = dict[str, Any]
LOCATION = "{{ .ResourceKind }}-{{ .Group }}-{{ .ResourceAPIVersion }}.json"
"""Where kubeconform looks in the folder; of the core group, it takes the version for the group."""
PREFIX = "#/definitions/"
KINDS = "x-kubernetes-group-version-kind"
OPEN = ("additionalProperties", "x-kubernetes-preserve-unknown-fields")
NUMBER_OR_STRING = {"oneOf": [{"type": "string"}, {"type": "number"}]}
QUANTITY = "io.k8s.apimachinery.pkg.api.resource.Quantity"


def write_schemas(document: Mapping[str, Any], folder: Path) -> None:
    """Write a schema for each kind of an OpenAPI 2 document (`/openapi/v2`) to `folder`.

    Each holds all that it refers to, and refuses fields that the document does not name.
    """
    definitions: Mapping[str, Schema] = {
        name: _close(content) for name, content in document["definitions"].items()
    }
    definitions = {**definitions, QUANTITY: NUMBER_OR_STRING}
    for name, content in definitions.items():
        for kind in content.get(KINDS, []):
            used = {one: definitions[one] for one in _reach(definitions, name)}
            schema = {"$ref": PREFIX + name, "definitions": used}
            path = folder / _name_file(kind["kind"], kind["group"], kind["version"])
            path.write_text(json.dumps(schema))


def _name_file(kind: str, group: str, version: str) -> str:
    return f"{kind.lower()}-{group or version}-{version}.json"


def _close(content: Any) -> Any:  # noqa: ANN401  any part of a document
    """The same part, in JSON schema's own terms."""
    if isinstance(content, list):
        return [_close(one) for one in content]
    if not isinstance(content, dict):
        return content
    if content.get("format") == "int-or-string" or content.get("x-kubernetes-int-or-string"):
        return NUMBER_OR_STRING
    closed = {key: _close(value) for key, value in content.items()}
    if isinstance(content.get("properties"), dict) and not any(key in content for key in OPEN):
        closed["additionalProperties"] = False
    return closed


def _reach(definitions: Mapping[str, Schema], name: str) -> set[str]:
    """The names of all definitions that one needs, its own among them."""
    found, todo = set[str](), [name]
    while todo:
        if (here := todo.pop()) not in found:
            found.add(here)
            todo.extend(_refer(definitions[here]))
    return found


def _refer(content: Any) -> Iterator[str]:  # noqa: ANN401  any part of a document
    if isinstance(content, list):
        for one in content:
            yield from _refer(one)
    elif isinstance(content, dict):
        if isinstance(reference := content.get("$ref"), str):
            yield reference.removeprefix(PREFIX)
        for one in content.values():
            yield from _refer(one)
