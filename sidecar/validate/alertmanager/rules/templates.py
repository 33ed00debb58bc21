"""Templates: the files that are loaded, and the text in receivers that is one.

`amtool` parses the files, not the fields: a broken field only shows when the first alert is told,
which is why it is a warning here.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from fnmatch import fnmatchcase

from sidecar.validate.alertmanager.golang.globs import check_glob
from sidecar.validate.alertmanager.golang.template import (
    ALERTMANAGER_FUNCTIONS,
    NEWER_FUNCTIONS,
    check_template,
)
from sidecar.validate.alertmanager.golang.template_tokens import TemplateError
from sidecar.validate.alertmanager.models.base import Block, list_fields
from sidecar.validate.alertmanager.models.chat import Notifier
from sidecar.validate.alertmanager.models.config import Config
from sidecar.validate.alertmanager.rules.registry import Fault, World, checks, checks_all, define
from sidecar.validate.alertmanager.tree import Path
from sidecar.validate.alertmanager.versions import Target

BAD_PATTERN = define(
    "E601",
    "a file pattern under templates is malformed",
    fix="Close the bracket, or write the plain name of the file.",
    anchor="configuration-file",
)
BAD_FILE = define(
    "E602",
    "a template file does not parse",
    fix="Close what is open, and use only functions that Alertmanager has.",
    anchor="configuration-file",
)
NO_FILE = define(
    "W603",
    "a pattern under templates finds no file beside the configuration",
    why="Alertmanager goes on without it, and fails to notify where its templates are used.",
    fix="Add the file to the ConfigMap, or correct the path.",
    anchor="configuration-file",
)
BAD_FIELD = define(
    "W604",
    "the template in a field does not parse",
    why="amtool does not look at it; Alertmanager fails to notify as soon as an alert arrives.",
    fix="Close what is open, and use only functions that Alertmanager has.",
    anchor="configuration-file",
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
            check_glob(pattern)
        except ValueError as error:
            yield Fault(BAD_PATTERN, where, str(error))
            continue
        keys = [key for key in world.files if key != world.main_key and _finds(pattern, key, world)]
        found.update(dict.fromkeys(keys))
        if not keys and not posixpath.isabs(pattern):
            yield Fault(NO_FILE, where, f"no file is named like {pattern!r}")
    for key in found:
        yield from _check_file(key, world)


def _finds(pattern: str, key: str, world: World) -> bool:
    """Whether the pattern means a key: by its name alone where the folder cannot be known."""
    if posixpath.isabs(pattern):
        return fnmatchcase(posixpath.basename(key), posixpath.basename(pattern))
    folder = posixpath.dirname(world.main_key)
    return fnmatchcase(posixpath.normpath(key), posixpath.normpath(posixpath.join(folder, pattern)))


def _check_file(key: str, world: World) -> Iterator[Fault]:
    text = world.files[key].decode("utf-8", "replace")
    try:
        check_template(text, known_functions(world.target))
    except TemplateError as error:
        line = text.count("\n", 0, error.offset) + 1
        column = error.offset - (text.rfind("\n", 0, error.offset) + 1) + 1
        message = f"this template does not parse: {error}"
        yield Fault(BAD_FILE, (), message, file=key, line=line, column=column)


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
