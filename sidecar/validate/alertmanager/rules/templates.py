"""Templates: the files that are loaded, and the text in receivers that is one.

`amtool` parses the files, not the fields: a broken field only shows when the first alert is told,
which is why it is a warning here.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator

from sidecar.validate.alertmanager.golang.globs import check_glob, check_whole, match_glob
from sidecar.validate.alertmanager.golang.template import (
    ALERTMANAGER_FUNCTIONS,
    NEWER_FUNCTIONS,
    check_template,
)
from sidecar.validate.alertmanager.golang.template_tokens import TemplateError
from sidecar.validate.alertmanager.models.base import Block, list_fields
from sidecar.validate.alertmanager.models.chat import Notifier
from sidecar.validate.alertmanager.models.config import Config
from sidecar.validate.alertmanager.rules.registry import (
    Fault,
    Rule,
    World,
    checks,
    checks_all,
    define,
)
from sidecar.validate.alertmanager.tree import Path
from sidecar.validate.alertmanager.versions import Target

BAD_PATTERN = define(
    "E601",
    "a file pattern under templates is malformed",
    fix="Close the bracket, or write the plain name of the file.",
    anchor="configuration-file-introduction",
)
BAD_FILE = define(
    "E602",
    "a template file does not parse",
    fix="Close what is open, and use only functions that Alertmanager has.",
    anchor="configuration-file-introduction",
)
LATE_PATTERN = define(
    "W605",
    "a file pattern under templates is malformed behind a star",
    why="Alertmanager refuses the file as soon as a name fits what stands before.",
    fix="Close the bracket, or write the plain name of the file.",
    anchor="configuration-file-introduction",
)
NEWER_FUNCTION = define(
    "I606",
    "a template file uses a function that not every Alertmanager since 0.25 has",
    why="Older releases refuse the file.",
    fix="Nothing, if your Alertmanager is new enough; set its version to have this checked.",
    anchor="configuration-file-introduction",
)
NO_FILE = define(
    "W603",
    "a pattern under templates finds no file beside the configuration",
    why="Alertmanager goes on without it, and fails to notify where its templates are used.",
    fix="Add the file to the ConfigMap, or correct the path.",
    anchor="configuration-file-introduction",
)
BAD_FIELD = define(
    "W604",
    "the template in a field does not parse",
    why="amtool does not look at it; Alertmanager fails to notify as soon as an alert arrives.",
    fix="Close what is open, and use only functions that Alertmanager has.",
    anchor="configuration-file-introduction",
)


def known_functions(target: Target) -> frozenset[str]:
    """The functions that the target adds to Go's own."""
    newer = {name for name, version in NEWER_FUNCTIONS.items() if target.knows(version)}
    return ALERTMANAGER_FUNCTIONS | newer


@checks(Config)
def check_files(config: Config, _: Path, world: World) -> Iterator[Fault]:
    """Each pattern, and each file of the snapshot that one of them finds."""
    found: dict[str, None] = {}
    for position, pattern in enumerate(config.templates):
        where = ("templates", position)
        try:
            check_glob(posixpath.normpath(posixpath.join("/folder", pattern)) if pattern else "")
            keys = _find_keys(pattern, world)
        except ValueError as error:
            yield Fault(BAD_PATTERN, where, str(error))
            continue
        found.update(dict.fromkeys(keys))
        try:
            check_whole(pattern)
        except ValueError as error:
            yield Fault(LATE_PATTERN, where, str(error))
        if not keys and not posixpath.isabs(pattern):
            yield Fault(NO_FILE, where, f"no file is named like {pattern!r}")
    for key in found:
        if key != world.main_key:
            yield from _check_file(key, world)


def _find_keys(pattern: str, world: World) -> list[str]:
    """The keys that a pattern means: by their name alone where the folder cannot be known.

    Raises:
        ValueError: Go refuses the pattern on the way, or it finds a folder.
    """
    if not pattern:
        return []
    if posixpath.isabs(pattern):
        name = posixpath.basename(pattern)
        return [key for key in world.files if match_glob(name, posixpath.basename(key))]
    folder = posixpath.dirname(world.main_key)
    steps = posixpath.normpath(posixpath.join(folder, pattern)).split("/")
    return [key for key in world.files if _fits(steps, posixpath.normpath(key).split("/"))]


def _fits(steps: list[str], parts: list[str]) -> bool:
    if not all(map(match_glob, steps, parts)) or len(steps) > len(parts):
        return False
    if len(steps) < len(parts):
        message = f"{'/'.join(steps)!r} finds a folder: name files"
        raise ValueError(message)
    return True


def _check_file(key: str, world: World) -> Iterator[Fault]:
    text = world.files[key].decode("utf-8", "replace")
    error = _find_error(text, known_functions(world.target))
    if error is not None:
        yield _place(BAD_FILE, key, text, error, f"this template does not parse: {error}")
    elif world.target.version is None:
        newer = _find_error(text, ALERTMANAGER_FUNCTIONS)
        if newer is not None:
            message = "this function is not known to every Alertmanager since 0.25"
            yield _place(NEWER_FUNCTION, key, text, newer, message)


def _find_error(text: str, functions: frozenset[str]) -> TemplateError | None:
    try:
        check_template(text, functions)
    except TemplateError as error:
        return error
    return None


def _place(rule: Rule, key: str, text: str, error: TemplateError, message: str) -> Fault:
    line = text.count("\n", 0, error.offset) + 1
    column = error.offset - (text.rfind("\n", 0, error.offset) + 1) + 1
    return Fault(rule, (), message, file=key, line=line, column=column)


@checks_all
def check_fields(block: Block, path: Path, world: World) -> Iterator[Fault]:
    """Every text of a receiver with braces in it."""
    if not isinstance(block, Notifier):
        return
    facts = list_fields(type(block))
    functions = known_functions(world.target)
    for name in block.model_fields_set:
        value = getattr(block, name)
        if isinstance(value, str) and "{{" in value and not facts[name].is_secret:
            try:
                check_template(value, functions)
            except TemplateError as error:
                message = f"the template in {facts[name].key} does not parse: {error}"
                yield Fault(BAD_FIELD, (*path, facts[name].key), message)
