"""Takes files apart, by the language that their names tell, into what JSON can say."""

from __future__ import annotations

import json
import math
import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import yaml

Tree = dict[str, "Tree"] | list["Tree"] | str | int | float | bool | None

MOST_NODES = 200_000
"""Aliases can make a small document endless; a ConfigMap of 1 MiB has fewer nodes."""
MOST_DEPTH = 100


class UnreadableError(Exception):
    """The file is not what its name says, or is too large to be taken apart."""


def parse(key: str, text: str) -> Tree:
    """The content of the file `key`; as it is, where its name tells no language.

    Raises `UnreadableError`.
    """
    name, dot, ending = key.lower().rpartition(".")
    try:
        if ending in _PARSERS and dot:
            return _PARSERS[ending](text)
        return text if name else _guess(text)
    except RecursionError as error:
        raise UnreadableError from error


def _guess(text: str) -> Tree:
    """A name without an ending may hide YAML; a mapping of names is one, all else is text.

    A line such as ``key = value:`` is a mapping for YAML, too, whose key would show the value.
    """
    try:
        tree = _parse_yaml(text)
    except UnreadableError:
        return text
    return tree if isinstance(tree, dict) and _holds_names(tree) else text


def _holds_names(tree: Tree) -> bool:
    match tree:
        case dict():
            return all(_NAME.fullmatch(key) and _holds_names(tree[key]) for key in tree)
        case list():
            return all(map(_holds_names, tree))
    return True


def _parse_json(text: str) -> Tree:
    try:
        return Budget().copy(json.loads(text))
    except ValueError as error:
        raise UnreadableError from error


def _parse_toml(text: str) -> Tree:
    try:
        return Budget().copy(tomllib.loads(text))
    except ValueError as error:
        raise UnreadableError from error


def _parse_yaml(text: str) -> Tree:
    """Several documents make a list. Tags, anchors and merge keys stay what they are: text."""
    budget = Budget()
    try:
        roots = list(yaml.compose_all(text, _LOADER))
    except (yaml.YAMLError, ValueError) as error:
        raise UnreadableError from error
    trees = [_read_node(root, budget, 0) for root in roots]
    return trees[0] if len(trees) == 1 else list(trees) if trees else None


_LOADER: type[yaml.BaseLoader] = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
_PARSERS: Mapping[str, Callable[[str], Tree]] = {
    "json": _parse_json,
    "toml": _parse_toml,
    "yaml": _parse_yaml,
    "yml": _parse_yaml,
}

_NAME = re.compile(r"[^\s=]+")
_INT = re.compile(r"[-+]?(?:0|[1-9][0-9]{0,15})")
_FLOAT = re.compile(r"[-+]?[0-9]{1,15}\.[0-9]{1,15}")
_WORDS: Mapping[str, Tree] = {
    "true": True,
    "false": False,
    "True": True,
    "False": False,
    "null": None,
    "~": None,
    "": None,
}


@dataclass(slots=True)
class Budget:
    """How much more may be taken apart."""

    left: int = MOST_NODES

    def spend(self, depth: int) -> None:
        """One node more. Raises `UnreadableError`."""
        self.left -= 1
        if self.left < 0 or depth > MOST_DEPTH:
            raise UnreadableError

    def copy(self, value: object, depth: int = 0) -> Tree:
        """What a parser gave, dates and odd numbers as text. Raises `UnreadableError`."""
        self.spend(depth)
        match value:
            case dict():
                return {str(key): self.copy(item, depth + 1) for key, item in value.items()}
            case list():
                return [self.copy(item, depth + 1) for item in value]
            case float() if not math.isfinite(value):
                return str(value)
            case None | str() | bool() | int() | float():
                return value
        return str(value)


def _read_node(node: yaml.Node, budget: Budget, depth: int) -> Tree:
    budget.spend(depth)
    match node:
        case yaml.MappingNode():
            return {
                _read_key(key): _read_node(value, budget, depth + 1) for key, value in node.value
            }
        case yaml.SequenceNode():
            return [_read_node(item, budget, depth + 1) for item in node.value]
    return _read_scalar(str(node.value), is_plain=not getattr(node, "style", None))


def _read_key(node: yaml.Node) -> str:
    if not isinstance(node, yaml.ScalarNode):
        raise UnreadableError
    return str(node.value)


def _read_scalar(text: str, *, is_plain: bool) -> Tree:
    """Numbers only where nobody could write them otherwise: versions and times stay as written."""
    if not is_plain:
        return text
    if text in _WORDS:
        return _WORDS[text]
    if _INT.fullmatch(text):
        return int(text)
    return float(text) if _FLOAT.fullmatch(text) else text
