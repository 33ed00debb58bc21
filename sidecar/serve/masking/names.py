"""Which names stand for a secret: by what they are called, and by what a preset adds."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

MASK = "<secret>"
"""As Prometheus and Alertmanager write it on their own pages."""

_STRONG = re.compile(
    r"passw|passphrase|secret|credential|token|apikey|accesskey|privatekey|sharedkey|signingkey"
    r"|keydata|authorization|bearer|webhookurl|authpass|mnemonic"
)
_LAST_WORDS = frozenset(
    {
        *("key", "keys", "auth", "pass", "pwd", "psk", "pin", "otp", "totp", "jwt", "pat", "dsn"),
        *("cookie", "cookies", "webhook", "webhooks", "userlist", "sig", "signature"),
    }
)
_LAST_ENDS = ("key", "pass", "pwd")
"""As in `authkey` and `dbpass`; that a `bypass` is masked too does no harm."""

_PLAIN_ENDS = (
    *("_file", "_files", "_path", "_dir", "_file_name", "_filename"),
    "ssl_certificate_key",
)
"""Names that end so say where a secret is kept, which is none itself; the last one is of nginx."""

_WORD_START = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_NO_LETTERS = re.compile(r"[^a-z0-9]+")


def _split(name: str) -> str:
    """In lower case, words joined by underscores: `apiKey`, `X-Api-Key` and `api.key` are alike."""
    return _NO_LETTERS.sub("_", _WORD_START.sub("_", name).lower()).strip("_")


def is_secret(name: str) -> bool:
    """Whether the value of `name` is masked."""
    words = _split(name)
    if words.endswith(_PLAIN_ENDS):
        return False
    last = words.rpartition("_")[2]
    return last in _LAST_WORDS or last.endswith(_LAST_ENDS) or is_unmistakable(name)


def is_unmistakable(name: str) -> bool:
    """Whether `name` means a secret even within a sentence, where `key` may mean anything."""
    words = _split(name)
    if words.endswith(_PLAIN_ENDS):
        return False
    compounds = ("_key", "_pass", "_pwd", "_signature")
    return (
        words.endswith(compounds) or words == "sig" or bool(_STRONG.search(words.replace("_", "")))
    )


@dataclass(frozen=True, slots=True)
class Rules:
    """Names that are masked besides: dotted paths of globs, each matching the end of a path.

    Lists do not count: `slack_configs.api_url` is that field of every entry, wherever it stands.
    """

    paths: tuple[tuple[str, ...], ...] = ()

    @classmethod
    def of(cls, patterns: Iterable[str]) -> Rules:
        """Take dotted paths apart."""
        return cls(tuple(tuple(pattern.lower().split(".")) for pattern in patterns))

    def mask(self, path: Sequence[str]) -> bool:
        """Whether the value at `path`, from the top of a document, is masked."""
        return is_secret(path[-1]) or any(_ends(path, globs) for globs in self.paths)

    def mask_word(self, word: str) -> bool:
        """Whether what follows `word` in plain text is masked: nobody knows the path there."""
        return is_secret(word) or any(fnmatchcase(word.lower(), globs[-1]) for globs in self.paths)


def _ends(path: Sequence[str], globs: Sequence[str]) -> bool:
    if len(path) < len(globs):
        return False
    return all(map(fnmatchcase, (name.lower() for name in path[-len(globs) :]), globs))
