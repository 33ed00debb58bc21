"""Holds files against a JSON Schema. Runs in a child only: jsonschema is heavy.

The schema's own ``$schema`` chooses the dialect (2020-12 without one). Nothing is fetched from the
network. Messages name the rule, never the value: it might be a secret.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, cast

import yaml
from jsonschema.exceptions import SchemaError, ValidationError, best_match
from jsonschema.protocols import Validator
from jsonschema.validators import Draft202012Validator, validator_for
from referencing import Registry
from referencing.exceptions import Unresolvable

from sidecar.core.bridge import Language
from sidecar.core.report import Finding
from sidecar.validate.job import CannotJudgeError, Files, Options
from sidecar.validate.places import Path as YamlPath
from sidecar.validate.places import find_places, read_documents
from sidecar.validate.syntax import check_syntax, language_of
from sidecar.validate.text import clean, quote_line, shorten

CHECK = "schema"
MOST_FINDINGS = 50
"""Per document: beyond that the file is of another kind than the schema."""

_BROKEN = (re.error, ValueError, TypeError, LookupError, ArithmeticError)
"""What jsonschema lets escape of schemas that its own check takes: of patterns, of addresses in
``$id``, ``$ref`` and ``$schema``, of numbers too large to divide."""

_KINDS = {
    "bool": "a boolean",
    "int": "a number",
    "float": "a number",
    "str": "a text",
    "list": "a list",
    "dict": "an object",
    "NoneType": "null",
}


def hold_against_schema(files: Files, options: Options) -> Iterator[Finding]:
    """The job: every file of `files` against the schema file ``{"schema": PATH}``.

    A file that cannot be parsed is one finding; its syntax errors are the syntax check's to tell.

    Raises:
        CannotJudgeError: the schema cannot be read, is none, or refers to something elsewhere.
    """
    path = str(options["schema"])
    validator = _load_schema(path)
    try:
        for key, content in files.items():
            yield from _hold_file(validator, key, content)
    except _BROKEN as error:
        message = f"the schema {path} cannot be followed ({_shorten(error)}): correct it"
        raise CannotJudgeError(message) from error
    except Unresolvable as error:
        message = (
            f"the schema {path} refers to {error.ref!r}, which it does not contain, "
            "and nothing is fetched from the network: bundle it into the file"
        )
        raise CannotJudgeError(message) from error


def _load_schema(path: str) -> Validator:
    try:
        content = Path(path).read_bytes()
    except OSError as error:
        message = f"the schema {path} cannot be read ({error.strerror}): mount it, or fix its path"
        raise CannotJudgeError(message) from error
    broken = check_syntax({path: content}, language_of(path))
    if broken:
        message = f"the schema cannot be parsed: {broken[0]}"
        raise CannotJudgeError(message)
    schema: Any = next((value for _, value in _read_documents(path, content)), {})
    if type(schema) not in {dict, bool}:
        message = f"the schema {path} is no JSON Schema: it is {_kind_of(schema)}, not an object"
        raise CannotJudgeError(message)
    named = schema.get("$schema") if isinstance(schema, dict) else None
    if not isinstance(named, str | None):
        message = f"the schema {path} is no JSON Schema: $schema is {_kind_of(named)}, not a text"
        raise CannotJudgeError(message)
    try:
        dialect = validator_for(schema, default=Draft202012Validator)
        if named is not None and named.rstrip("#") != dialect.META_SCHEMA["$schema"].rstrip("#"):
            message = f"the schema {path} is written in the unknown dialect {named!r}"
            raise CannotJudgeError(message)
        dialect.check_schema(schema)
    except SchemaError as error:
        message = f"the schema {path} is no JSON Schema: {_spell(error.path)}: {error.message}"
        raise CannotJudgeError(shorten(clean(message), 300)) from error
    except (*_BROKEN, RecursionError) as error:
        message = f"the schema {path} is no JSON Schema ({_shorten(error)}): correct it"
        raise CannotJudgeError(message) from error
    return dialect(schema, registry=Registry())


def _read_documents(key: str, content: bytes) -> list[tuple[int, Any]]:
    """Number and value of each document in a file whose syntax is good; YAML may hold several."""
    text = content.decode("utf-8-sig")
    match language_of(key):
        case Language.JSON:
            return [(0, json.loads(text))]
        case Language.TOML:
            return [(0, json.loads(json.dumps(tomllib.loads(text), default=str)))]
        case _:
            return read_documents(content)


def _hold_file(validator: Validator, key: str, content: bytes) -> Iterator[Finding]:
    broken = check_syntax({key: content}, language_of(key))
    if broken:
        first = broken[0]
        message = f"cannot be held against the schema: {first.message}"
        yield Finding(
            check=CHECK,
            code="syntax",
            file=key,
            line=first.line,
            column=first.column,
            message=message,
        )
        return
    breaches = [
        _read_breach(number, error)
        for number, value in _read_documents(key, content)
        for error in islice(_iterate_errors(validator, value), MOST_FINDINGS)
    ]
    places = _find_places(key, content, breaches)
    text = content.decode("utf-8-sig")
    for breach in breaches:
        line, column = places.get(breach.path, (None, None))
        yield Finding(
            check=CHECK,
            code=breach.rule,
            file=key,
            line=line,
            column=column,
            message=breach.message,
            excerpt=quote_line(text, line) if line else "",
        )


@dataclass(frozen=True, slots=True)
class _Breach:
    """A broken rule, freed from the values that jsonschema's errors hold on to."""

    path: YamlPath
    rule: str
    message: str


def _iterate_errors(validator: Validator, value: object) -> Iterator[ValidationError | None]:
    """The errors; None for a value that is too deep to be looked through."""
    try:
        yield from validator.iter_errors(cast("Any", value))
    except RecursionError:
        yield None


def _find_places(
    key: str, content: bytes, breaches: Sequence[_Breach]
) -> Mapping[YamlPath, tuple[int, int]]:
    """Where the broken rules stand; nothing for TOML, and for JSON that is no YAML."""
    if not breaches or language_of(key) is Language.TOML:
        return {}
    try:
        return find_places(content, (breach.path for breach in breaches))
    except yaml.YAMLError:
        return {}


def _read_breach(document: int, error: ValidationError | None) -> _Breach:
    if error is None:
        message = "is nested too deeply to be held against the schema"
        return _Breach((document,), "depth", message)
    if error.context:  # of alternatives, speak of the one that came nearest
        error = best_match([error]) or error
    path = tuple(error.absolute_path)
    extra = _unknown_names(error)
    message = f"{_spell(path)} {shorten(clean(_say(error, extra)), 300)}"
    return _Breach((document, *path, *extra[:1]), str(error.validator), message)


def _kind_of(value: object) -> str:
    return _KINDS.get(type(value).__name__, "a value that JSON does not have")


def _shorten(error: Exception) -> str:
    return shorten(clean(str(error)) or type(error).__name__, 200)


def _spell(path: Iterable[str | int]) -> str:
    """A path as people write it: ``jobs[2].name``."""
    parts = (f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
    return clean("".join(parts)).removeprefix(".") or "the document"


def _unknown_names(error: ValidationError) -> list[str]:
    """The fields that ``additionalProperties: false`` refuses."""
    if error.validator != "additionalProperties" or not isinstance(error.schema, Mapping):
        return []
    known = error.schema.get("properties", {})
    patterns = error.schema.get("patternProperties", {})
    names: list[str] = list(cast("Mapping[str, object]", error.instance))
    return [
        name
        for name in names
        if name not in known and not any(re.search(pattern, name) for pattern in patterns)
    ]


def _say(error: ValidationError, extra: list[str]) -> str:
    """What rule is broken, as the end of a sentence that begins with the place."""
    rule: Any = error.validator_value
    match error.validator:
        case "type":
            kinds = " or ".join([rule] if isinstance(rule, str) else rule)
            return f"must be of type {kinds}, but is {_kind_of(error.instance)}"
        case "required":
            return f"lacks {error.message.removesuffix(' is a required property')}"
        case "additionalProperties" if extra:
            return f"has the unknown field {', '.join(map(repr, extra))}"
        case "enum":
            return f"must be one of {json.dumps(rule)}"
        case "const":
            return f"must be {json.dumps(rule)}"
        case _:
            return f"breaks the schema's rule {error.validator}: {json.dumps(rule, default=str)}"
