"""Masks secrets in a document that was taken apart: there, names and their values are known."""

from __future__ import annotations

from collections.abc import Sequence

from sidecar.serve.masking.names import MASK, Rules, is_secret
from sidecar.serve.masking.parse import Tree
from sidecar.serve.masking.text import mask_scalar

_NAMES = frozenset({"name", "key", "header"})
_VALUES = frozenset({"value", "values"})


def mask_tree(tree: Tree, rules: Rules, path: Sequence[str] = ()) -> Tree:
    """`tree` with its secrets masked: the whole value of each name that means one.

    Also the value beside such a name (``{name: password, value: …}``), the word after such a flag
    (``[--password, …]``), and within any other text what `text` recognises.
    """
    match tree:
        case dict():
            beside = _is_beside_secret(tree, rules)
            return {
                mask_scalar(name, rules): _hide(value)
                if rules.mask([*path, name]) or (beside and name.lower() in _VALUES)
                else mask_tree(value, rules, [*path, name])
                for name, value in tree.items()
            }
        case list():
            flags = [None, *tree]
            return [
                _hide(item) if _is_secret_flag(flag) else mask_tree(item, rules, path)
                for flag, item in zip(flags, tree, strict=False)
            ]
        case str():
            return mask_scalar(tree, rules)
    return tree


def _hide(value: Tree) -> Tree:
    """Nothing, and a switch, are no secrets, and worth seeing."""
    return value if value is None or isinstance(value, bool) or value == "" else MASK


def _is_beside_secret(tree: dict[str, Tree], rules: Rules) -> bool:
    names = [value for name, value in tree.items() if name.lower() in _NAMES]
    return any(isinstance(name, str) and name and rules.mask([name]) for name in names)


def _is_secret_flag(word: Tree) -> bool:
    return isinstance(word, str) and word.startswith("-") and "=" not in word and is_secret(word)
