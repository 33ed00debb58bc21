"""Checks the syntax of files: small ones here, larger ones in a child."""

from __future__ import annotations

from collections.abc import Callable

from sidecar.core.bridge import Language
from sidecar.core.report import Finding
from sidecar.validate.job import Files, Options
from sidecar.validate.json_syntax import check_json
from sidecar.validate.toml_syntax import check_toml
from sidecar.validate.yaml_syntax import check_yaml

SMALL_BYTES = 64 << 10
"""Up to this size a file is parsed here: its parser's memory is then a few hundred KiB."""

PARSERS: dict[Language, Callable[[str, bytes], list[Finding]]] = {
    Language.YAML: check_yaml,
    Language.JSON: check_json,
    Language.TOML: check_toml,
}


def check_syntax(files: Files, language: Language) -> list[Finding]:
    """All that is wrong with `files` as `language`, in their order."""
    parse = PARSERS[language]
    return [finding for key, content in files.items() for finding in parse(key, content)]


def check_syntax_job(files: Files, options: Options) -> list[Finding]:
    """`check_syntax` as a job for a child: ``{"language": "yaml"}``."""
    return check_syntax(files, Language(str(options["language"])))


def language_of(key: str) -> Language:
    """The language that a file's name tells; YAML, which includes JSON, where it tells none."""
    ending = key.rpartition(".")[2].lower()
    return Language(ending) if ending in {"json", "toml"} else Language.YAML
