"""Masks all files of one source, each as well as its format is known."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from sidecar.serve.masking.names import MASK, Rules, is_secret
from sidecar.serve.masking.parse import Tree, UnreadableError, parse
from sidecar.serve.masking.text import mask_text
from sidecar.serve.masking.tree import mask_tree

_KEY_ENDINGS = frozenset({"key", "pem", "p12", "pfx", "jks", "htpasswd", "keytab", "env", "pgpass"})
_WORD = re.compile(r"[^\s\"'`,;<>()\[\]{}:/@?&=]+")
LEAST_CHARS = 4
_CUT = re.compile(r"([^\n]{4,80}?)(\.\.\.|…)")
_GONE = "\ue000"
"""Stands for `MASK`, in which a secret may be found again, as that word."""
_STRUCTURED = frozenset({"json", "toml", "yaml", "yml"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Sealed:
    """What must be masked: files as text (surrogate-escaped), and what is known of them.

    `whole`: they come from a Secret, of which only the names of the files are shown.
    """

    files: Mapping[str, str]
    secrets: tuple[str, ...] = ()
    whole: bool = False


def mask_files(sealed: Sealed) -> dict[str, Tree]:
    """Each file, taken apart where its language is known, and without secrets."""
    rules = Rules.of(sealed.secrets)
    return {
        show_name(key): MASK if sealed.whole else _mask_file(key, text, rules)
        for key, text in sorted(sealed.files.items())
    }


def show_name(key: str) -> str:
    """The name of a file, which may be no UTF-8 on a plain folder."""
    return key.encode("utf-8", "backslashreplace").decode()


def _mask_file(key: str, text: str, rules: Rules) -> Tree:
    if not _is_text(text):
        return f"<{len(text.encode('utf-8', 'surrogateescape'))} bytes that are no text>"
    if _is_secret_file(key):
        return MASK
    try:
        tree = parse(key, text)
    except UnreadableError:
        return "<masked as a whole: it cannot be parsed>"
    return mask_text(text, rules) if tree is text else mask_tree(tree, rules)


def _is_text(text: str) -> bool:
    return "\0" not in text and text.encode("utf-8", "replace").decode() == text


def _is_secret_file(key: str) -> bool:
    name, _, ending = key.rpartition(".")
    ending = ending.lower()
    return ending in _KEY_ENDINGS or (ending not in _STRUCTURED and is_secret(name or key))


def redact(sentences: Iterable[str], sealed: Sealed) -> list[str]:
    """The `sentences` without the secrets of `sealed`, of which a validator may quote some."""
    hidden = sorted(set(_list_hidden(sealed)), key=len, reverse=True)
    return [_redact(sentence, hidden) for sentence in sentences]


def _redact(sentence: str, hidden: Sequence[str]) -> str:
    sentence = _CUT.sub(lambda cut: _redact_cut(cut[1], hidden) + cut[2], sentence)
    for word in hidden:
        sentence = sentence.replace(word, _GONE)
    return sentence.replace(_GONE, MASK)


def _redact_cut(before: str, hidden: Sequence[str]) -> str:
    """Go's YAML quotes but the first seven bytes of a long value: what ends like its beginning."""
    for start in range(len(before) - LEAST_CHARS + 1):
        if any(word.startswith(before[start:]) for word in hidden):
            return before[:start] + _GONE
    return before


def _list_hidden(sealed: Sealed) -> Iterator[str]:
    rules = Rules.of(sealed.secrets)
    for key, text in sealed.files.items():
        try:
            tree = parse(key, text)
        except UnreadableError:
            tree = text
        if sealed.whole or _is_secret_file(key):
            yield from _list_words(tree)
        else:
            masked = mask_text(text, rules) if tree is text else mask_tree(tree, rules)
            yield from _compare(tree, masked)


def _compare(tree: Tree, masked: Tree) -> Iterator[str]:
    """The words that stand in `tree` and no more in `masked`."""
    match tree, masked:
        case dict(), dict():
            for value, shown in zip(tree.values(), masked.values(), strict=False):
                yield from _compare(value, shown)
        case list(), list():
            for value, shown in zip(tree, masked, strict=False):
                yield from _compare(value, shown)
        case str(), str():
            shown_words = set(_list_words(masked))
            yield from (word for word in _list_words(tree) if word not in shown_words)
        case _ if masked == MASK:
            yield from _list_words(tree)


def _list_words(tree: Tree) -> Iterator[str]:
    """Every text in `tree`, whole and by words; short ones would be found everywhere."""
    match tree:
        case dict():
            for value in tree.values():
                yield from _list_words(value)
        case list():
            for value in tree:
                yield from _list_words(value)
        case _:
            text = str(tree).strip()
            words = (text, *text.split(), *_WORD.findall(text))
            yield from (word for word in words if len(word) >= LEAST_CHARS)
