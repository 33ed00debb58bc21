"""Reads the settings file as YAML 1.2 has it: `on` is a word, and no key stands twice.

PyYAML follows YAML 1.1, where the key `on` of a webhook is the boolean true, and silently keeps the
last of two equal keys.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

from sidecar.core.errors import SettingsError

MAX_BYTES = 1 << 20
_BROKEN = (
    yaml.YAMLError,
    RecursionError,
    *(ValueError, TypeError, LookupError, AttributeError, OverflowError),
)
"""What PyYAML raises; the last ones escape from its constructors, as for ``!!int x``."""

_BOOL = "tag:yaml.org,2002:bool"
_TIME = "tag:yaml.org,2002:timestamp"
_INT = "tag:yaml.org,2002:int"


class _Loader(yaml.SafeLoader):
    """SafeLoader with the words of YAML 1.2 and without double keys."""

    yaml_implicit_resolvers = {  # noqa: RUF012  PyYAML's own way to set it
        first: [rule for rule in rules if rule[0] not in {_BOOL, _TIME, _INT}]
        for first, rules in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:  # noqa: ANN401, FBT001, FBT002  PyYAML's signature
        seen = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                continue  # refused by the call below
            if key.value in seen:
                where = key.start_mark
                msg = f"line {where.line + 1}: {key.value} stands there twice"
                raise SettingsError(msg)
            seen.add(key.value)
        return super().construct_mapping(node, deep)


_Loader.add_implicit_resolver(_BOOL, re.compile(r"true|True|TRUE|false|False|FALSE"), list("tTfF"))
_Loader.add_implicit_resolver(_INT, re.compile(r"[-+]?(?:0|[1-9][0-9]*)\Z"), list("-+0123456789"))


def read_document(path: str) -> dict[str, object]:
    """The mapping that the file at `path` holds. Raises `SettingsError`."""
    try:
        with Path(path).open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except OSError as error:
        msg = f"{path}: cannot be read ({error.strerror}): check --config and its mount"
        raise SettingsError(msg) from error
    if len(content) > MAX_BYTES:
        msg = f"{path}: is larger than {MAX_BYTES >> 20} MiB: is it the settings file?"
        raise SettingsError(msg)
    try:
        document = yaml.load(content, Loader=_Loader)  # noqa: S506  a SafeLoader
    except SettingsError as error:
        msg = f"{path}: {error}"
        raise SettingsError(msg) from None
    except _BROKEN as error:
        msg = f"{path}: {_say_syntax(error)}"
        raise SettingsError(msg) from error
    if document is None:
        return {}
    if not isinstance(document, dict):
        msg = f"{path}: must be a mapping that begins with 'bridges:'"
        raise SettingsError(msg)
    return {str(key): value for key, value in document.items()}


def _say_syntax(error: Exception) -> str:
    if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark is not None:
        mark = error.problem_mark
        return f"line {mark.line + 1}, column {mark.column + 1}: is no YAML ({error.problem})"
    return "is no YAML"
